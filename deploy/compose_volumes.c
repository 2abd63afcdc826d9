/*
 * Volumes of a compose file: named ones, which the engine makes on each node as STACK_name with
 * what the top-level map says of them, binds, and memory. A later entry for the same place in the
 * container counts.
 */
#include "base/mem.h"
#include "deploy/compose_part.h"

#define MOUNTS_MAX 1000

/* -- the top-level map ----------------------------------------------------------------- */

static struct compose_volume *find_volume(struct compose *c, const char *key)
{
	for (size_t i = 0; i < c->nr_volumes; i++)
		if (strcmp(c->volumes[i].key, key) == 0)
			return &c->volumes[i];
	return NULL;
}

static int read_volume_external(struct compose *c, void *arg, const struct yaml_value *v,
				const char *path, struct err *e)
{
	struct compose_volume *vol = arg;

	return compose_external(&vol->is_external, &vol->name, c, v, path, e);
}

static const struct compose_key volume_keys[] = {
	KEY_TEXT("name", struct compose_volume, name),
	KEY_TEXT("driver", struct compose_volume, driver),
	KEY_MAP("driver_opts", struct compose_volume, driver_options),
	KEY_MAP("labels", struct compose_volume, labels),
	KEY_READ("external", read_volume_external),
};

int compose_top_volumes(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	(void)arg;
	if (reader_want(&c->r, v, YAML_MAP, path, "name: {}", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text);
		struct compose_volume *vol = find_volume(c, p->key->text);

		if (!vol) {
			MEM_GROW(c->volumes, c->nr_volumes, c->cap_volumes);
			vol = &c->volumes[c->nr_volumes++];
			*vol = (struct compose_volume){ .key = mem_strdup(p->key->text) };
		}
		if (!yaml_is_null(p->value) &&
		    compose_keys(c, vol, p->value, at, volume_keys, ARRAY_LEN(volume_keys), e) < 0)
			return -1;
	}
	return 0;
}

/* -- one mount ------------------------------------------------------------------------- */

static void mount_release(struct deploy_mount *m)
{
	free(m->source);
	free(m->target);
	free(m->driver);
	strv_release(&m->driver_options);
	strv_release(&m->volume_labels);
	*m = (struct deploy_mount){ 0 };
}
#define auto_mount CLEANUP(mount_release)

/* m->source is a key of the top-level map; afterwards what the swarm calls the volume. */
static int resolve_volume(struct compose *c, struct deploy_mount *m, const struct yaml_value *at,
			  const char *path, struct err *e)
{
	const struct compose_volume *vol;

	if (!m->source || !*m->source) {
		free(m->source);
		m->source = NULL;
		return 0;
	}
	vol = find_volume(c, m->source);
	if (!vol)
		return reader_fail(&c->r, at, path, e,
				   "no volume '%s' in the top-level volumes; a folder of the node "
				   "begins with '/'",
				   m->source);
	free(m->source);
	m->source = vol->name	       ? mem_strdup(vol->name)
		    : vol->is_external ? mem_strdup(vol->key)
				       : compose_scoped(c, vol->key);
	if (vol->is_external)
		return 0;
	m->driver = mem_strdup(vol->driver);
	strv_copy(&m->driver_options, &vol->driver_options);
	strv_copy(&m->volume_labels, &vol->labels);
	strv_env_set(&m->volume_labels, DEPLOY_LABEL_NAMESPACE, c->stack.name);
	return 0;
}

static int check_mount(struct compose *c, struct deploy_mount *m, const struct yaml_value *at,
		       const char *path, struct err *e)
{
	if (!m->target || *m->target != '/')
		return reader_fail(&c->r, at, path, e,
				   "the place in the container must be given and begin with '/'");
	if (m->type == DEPLOY_MOUNT_BIND && (!m->source || *m->source != '/'))
		return reader_fail(
			&c->r, at, path, e,
			"the folder must begin with '/': the nodes of a swarm do not have "
			"the folder of this file");
	if (m->type == DEPLOY_MOUNT_TMPFS && m->source)
		return reader_fail(&c->r, at, path, e, "memory has no source");
	return m->type == DEPLOY_MOUNT_VOLUME ? resolve_volume(c, m, at, path, e) : 0;
}

/* *m moves into the service. */
static int put_mount(struct compose *c, struct deploy_service *s, struct deploy_mount *m,
		     const struct yaml_value *at, const char *path, struct err *e)
{
	if (check_mount(c, m, at, path, e) < 0)
		return -1;
	for (size_t i = 0; i < s->nr_mounts; i++) {
		struct deploy_mount old = s->mounts[i];

		if (strcmp(old.target, m->target) != 0)
			continue;
		s->mounts[i] = *m;
		*m = old;
		return 0;
	}
	if (s->nr_mounts == MOUNTS_MAX)
		return reader_fail(&c->r, at, path, e, "more than %d volumes", MOUNTS_MAX);
	MEM_GROW(s->mounts, s->nr_mounts, s->cap_mounts);
	s->mounts[s->nr_mounts++] = *m;
	*m = (struct deploy_mount){ 0 };
	return 0;
}

/* -- SOURCE:TARGET:MODE ------------------------------------------------------------------ */

static const char *const propagations[] = { "rprivate", "private", "rshared", "shared",
					    "rslave",	"slave",   NULL };
static const char *const consistencies[] = { "consistent", "cached", "delegated", NULL };

static const char *find_word(const char *const *words, struct span text)
{
	for (; *words; words++)
		if (span_eq_str(text, *words))
			return *words;
	return NULL;
}

static int short_mode(struct compose *c, struct deploy_mount *m, struct span mode,
		      const struct yaml_value *at, const char *path, struct err *e)
{
	const char *propagation = find_word(propagations, mode);
	const char *consistency = find_word(consistencies, mode);

	if (span_eq_str(mode, "ro"))
		m->read_only = true;
	else if (span_eq_str(mode, "nocopy") && m->type == DEPLOY_MOUNT_VOLUME)
		m->no_copy = true;
	else if (propagation && m->type == DEPLOY_MOUNT_BIND)
		m->propagation = propagation;
	else if (consistency)
		m->consistency = consistency;
	else if (span_eq_str(mode, "z") || span_eq_str(mode, "Z"))
		reader_warn(&c->r, at, path, "ignored: a service cannot relabel for SELinux");
	else if (!span_eq_str(mode, "rw"))
		return reader_fail(&c->r, at, path, e,
				   "the third part is not ro, rw, nocopy or a kind of "
				   "propagation");
	return 0;
}

static int short_mount(struct deploy_mount *m, struct compose *c, const struct yaml_value *v,
		       const char *path, struct err *e)
{
	auto_free char *text = NULL;
	struct span source, target, modes, mode;

	if (compose_text(&text, c, v, path, e) < 0)
		return -1;
	if (!span_cut(span_of_str(text), ':', &source, &target)) {
		m->type = DEPLOY_MOUNT_VOLUME;
		m->target = mem_strdup(text);
		return 0;
	}
	span_cut(target, ':', &target, &modes);
	m->source = span_dup(source);
	m->target = span_dup(target);
	m->type = strchr("/.~", *m->source) ? DEPLOY_MOUNT_BIND : DEPLOY_MOUNT_VOLUME;
	if (!source.n)
		return reader_fail(&c->r, v, path, e, "nothing stands before the ':'");
	while (span_split(&modes, ',', &mode))
		if (short_mode(c, m, mode, v, path, e) < 0)
			return -1;
	return 0;
}

/* -- {type, source, target} --------------------------------------------------------------- */

static int read_type(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	static const char *const words[] = { "bind", "volume", "tmpfs", NULL };
	struct deploy_mount *m = arg;
	const char *word;

	if (reader_choice(&word, &c->r, v, path, words, e) < 0)
		return -1;
	m->type = word == words[0]   ? DEPLOY_MOUNT_BIND
		  : word == words[1] ? DEPLOY_MOUNT_VOLUME
				     : DEPLOY_MOUNT_TMPFS;
	return 0;
}

static int read_consistency(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	return reader_choice(&((struct deploy_mount *)arg)->consistency, &c->r, v, path,
			     consistencies, e);
}

static int read_propagation(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	return reader_choice(&((struct deploy_mount *)arg)->propagation, &c->r, v, path,
			     propagations, e);
}

static int read_bind(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("propagation", read_propagation),
		KEY_REFUSED("create_host_path", "an engine of API 1.41 never makes the folder"),
		KEY_IGNORED("selinux", "a service cannot relabel for SELinux"),
		KEY_REFUSED("recursive", "needs an engine of API 1.44"),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_volume_options(struct compose *c, void *arg, const struct yaml_value *v,
			       const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_BOOL("nocopy", struct deploy_mount, no_copy),
		KEY_MAP("labels", struct deploy_mount, volume_labels),
		KEY_REFUSED("subpath", "needs an engine of API 1.45"),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_mode_bits(uint32_t *out, struct compose *c, const struct yaml_value *v,
			  const char *path, struct err *e)
{
	auto_free char *text = NULL;

	if (compose_text(&text, c, v, path, e) < 0)
		return -1;
	if (span_to_octal(out, span_of_str(text)) < 0)
		return reader_fail(&c->r, v, path, e, "must be a mode such as 1777");
	return 0;
}

static int read_tmpfs_mode(struct compose *c, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	return read_mode_bits(&((struct deploy_mount *)arg)->tmpfs_mode, c, v, path, e);
}

static int read_tmpfs_size(struct compose *c, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	int64_t n;

	if (reader_bytes(&n, &c->r, v, path, e) < 0)
		return -1;
	((struct deploy_mount *)arg)->tmpfs_bytes = (uint64_t)n;
	return 0;
}

static int read_tmpfs(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("size", read_tmpfs_size),
		KEY_READ("mode", read_tmpfs_mode),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static const struct compose_key mount_keys[] = {
	KEY_READ("type", read_type),
	KEY_TEXT("source", struct deploy_mount, source),
	KEY_TEXT("target", struct deploy_mount, target),
	KEY_BOOL("read_only", struct deploy_mount, read_only),
	KEY_READ("consistency", read_consistency),
	KEY_READ("bind", read_bind),
	KEY_READ("volume", read_volume_options),
	KEY_READ("tmpfs", read_tmpfs),
};

/* Options of another kind of mount than it is would be lost without a word. */
static int check_kind(struct compose *c, const struct deploy_mount *m, const struct yaml_value *v,
		      const char *path, struct err *e)
{
	static const char *const kinds[] = { [DEPLOY_MOUNT_BIND] = "bind",
					     [DEPLOY_MOUNT_VOLUME] = "volume",
					     [DEPLOY_MOUNT_TMPFS] = "tmpfs" };

	if (!yaml_map_get(v, "type"))
		return reader_fail(&c->r, v, path, e, "has no type: bind, volume or tmpfs");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (i != m->type && yaml_map_get(v, kinds[i]))
			return reader_fail(&c->r, yaml_map_get(v, kinds[i]), path, e,
					   "options of type %s for one of type %s", kinds[i],
					   kinds[m->type]);
	return 0;
}

int compose_service_volumes(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	if (reader_want(&c->r, v, YAML_LIST, path, "write - NAME:/place", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_mount struct deploy_mount m = { 0 };
		auto_free char *at = reader_item_path(path, i);
		const struct yaml_value *item = v->items[i];
		int r;

		if (item->kind == YAML_MAP) {
			r = compose_keys(c, &m, item, at, mount_keys, ARRAY_LEN(mount_keys), e);
			r = r < 0 ? -1 : check_kind(c, &m, item, at, e);
		} else {
			r = short_mount(&m, c, item, at, e);
		}
		if (r < 0 || put_mount(c, arg, &m, item, at, e) < 0)
			return -1;
	}
	return 0;
}

/* -- tmpfs: /place[:size=…,mode=…] ----------------------------------------------------------- */

static int tmpfs_option(struct compose *c, struct deploy_mount *m, struct span option,
			const struct yaml_value *at, const char *path, struct err *e)
{
	if (span_take(&option, "size=")) {
		if (span_to_size(&m->tmpfs_bytes, option) == 0 && m->tmpfs_bytes <= INT64_MAX)
			return 0;
	} else if (span_take(&option, "mode=")) {
		if (span_to_octal(&m->tmpfs_mode, option) == 0)
			return 0;
	} else if (span_eq_str(option, "ro")) {
		m->read_only = true;
		return 0;
	} else if (span_eq_str(option, "rw")) {
		return 0;
	}
	return reader_fail(&c->r, at, path, e, "a service knows size=64m, mode=1777, ro and rw");
}

int compose_service_tmpfs(struct compose *c, void *arg, const struct yaml_value *v,
			  const char *path, struct err *e)
{
	auto_strv struct strv all = STRV_INIT;

	if (compose_list(&all, c, v, path, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		auto_mount struct deploy_mount m = { .type = DEPLOY_MOUNT_TMPFS };
		struct span target, options, option;

		span_cut(span_of_str(all.v[i]), ':', &target, &options);
		m.target = span_dup(target);
		while (span_split(&options, ',', &option))
			if (tmpfs_option(c, &m, option, v, path, e) < 0)
				return -1;
		if (put_mount(c, arg, &m, v, path, e) < 0)
			return -1;
	}
	return 0;
}

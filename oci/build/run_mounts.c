/*
 * One function for each type, found by table. Mounts are made in the order of their targets, so
 * that one below another comes after it, as BuildKit does.
 */
#include "oci/build/run_mounts.h"
#include "oci/build/run_check.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/secret.h"
#include "oci/dockerfile/mount.h"
#include "oci/run/hide.h"
#include "oci/run/relay.h"

struct adding {
	struct run_mounts *held;
	struct run_spec *spec;
	struct step *s;
	const struct dockerfile_mount *m; /* expanded */
	const struct plan_source *from;
	char *name; /* a directory for it in the workspace, if it needs one */
};

/* dockerfile_mount_expand has seen that they are numbers. */
static uint32_t number(const char *text, uint32_t dflt)
{
	uint64_t v;

	return text && span_to_u64(&v, span_of_str(text)) == 0 ? (uint32_t)v : dflt;
}

static uint32_t mode_of(const struct dockerfile_mount *m, uint32_t dflt)
{
	uint32_t v;

	return m->mode && span_to_octal(&v, span_of_str(m->mode)) == 0 ? v : dflt;
}

/* Below the working directory when it is relative. */
static int target_of(char **out, const struct adding *a, const char *dflt, struct err *e)
{
	const char *given = a->m->target ? a->m->target : dflt;

	*out = state_path(&a->s->stage->state, given ? given : "");
	if (strcmp(*out, "/") != 0)
		return 0;
	free(STEAL(out));
	return err_set(e, ERR_INPUT, "invalid mount target \"%s\"", given ? given : "");
}

static bool is_bare(const struct step *s)
{
	return s->job->env->sandbox->bare != NULL;
}

/* -- bind, cache, tmpfs ------------------------------------------------------------ */

static int add_bind(struct adding *a, struct err *e)
{
	bool read_only = a->m->has_readonly ? a->m->readonly : true;
	char *target;
	struct run_mount *m;

	if (target_of(&target, a, NULL, e) < 0)
		return -1;
	m = run_spec_add_mount(a->spec, RUN_MOUNT_BIND, target);
	m->read_only = read_only;
	m->is_ours = is_bare(a->s);
	m->fd = run_bind_open(a->held, a->s, a->from, a->m->source, !read_only, a->name, e);
	return m->fd < 0 ? -1 : 0;
}

static int cache_fill(void *arg, const char *dir, struct err *e)
{
	const struct adding *a = arg;

	return run_bind_copy(dir, a->s, a->from, a->m->source, e);
}

/* What else makes it another cache: as in BuildKit, who has it and where it comes from. */
static char *cache_kind(const struct dockerfile_mount *m)
{
	auto_buf struct buf kind = BUF_INIT(BUF_SMALL);

	if (m->mode || m->uid || m->gid)
		buf_addf(&kind, "mode=%o,uid=%u,gid=%u", mode_of(m, 0755), number(m->uid, 0),
			 number(m->gid, 0));
	if (m->from)
		buf_addf(&kind, "\nfrom=%s\nsource=%s", m->from, m->source ? m->source : "");
	return mem_strdup(buf_str(&kind));
}

static enum run_cache_sharing sharing_of(const struct dockerfile_mount *m)
{
	if (m->sharing && strcmp(m->sharing, "private") == 0)
		return RUN_CACHE_PRIVATE;
	return m->sharing && strcmp(m->sharing, "locked") == 0 ? RUN_CACHE_LOCKED
							       : RUN_CACHE_SHARED;
}

static char *cache_id(const struct dockerfile_mount *m)
{
	return m->id ? mem_strdup(m->id) : fs_path_clean(m->target ? m->target : "");
}

/* All but how it is filled. id, kind: borrowed. */
static struct run_cache cache_of(const struct step *s, const struct dockerfile_mount *m,
				 const char *id, const char *kind)
{
	return (struct run_cache){
		.id = id,
		.ns = strv_env_get(&s->job->opt->build_args, "BUILDKIT_CACHE_MOUNT_NS"),
		.kind = kind,
		.sharing = sharing_of(m),
		.mode = mode_of(m, 0755),
		.uid = number(m->uid, 0),
		.gid = number(m->gid, 0),
	};
}

/* source= of a cache that comes from nothing is a directory in it. */
static int cache_inside(int *fd, const struct dockerfile_mount *m, struct err *e)
{
	int inside;

	if (m->from || !m->source)
		return 0;
	inside = fs_open_beneath(*fd, m->source, O_PATH | O_DIRECTORY, 0, FS_IN_ROOT, e);
	if (inside < 0)
		return err_wrap(e, "source=%s in the cache", m->source);
	close(*fd);
	*fd = inside;
	return 0;
}

static const struct run_cache_hold *find_hold(const struct run_mounts *held,
					      const struct run_cache *c)
{
	char key[HASH_SHA256_HEX + 1];
	size_t i = 0;

	run_cache_key(key, c);
	while (strcmp(held->caches[i].key, key) != 0)
		i++; /* hold_caches has them all */
	return &held->caches[i];
}

static int add_cache(struct adding *a, struct err *e)
{
	const struct dockerfile_mount *m = a->m;
	auto_free char *kind = cache_kind(m);
	auto_free char *id = cache_id(m);
	struct run_cache c = cache_of(a->s, m, id, kind);
	struct run_mount *to;
	char *target;

	c.fill = m->from ? cache_fill : NULL;
	c.arg = a;
	if (target_of(&target, a, NULL, e) < 0)
		return -1;
	to = run_spec_add_mount(a->spec, RUN_MOUNT_BIND, target);
	to->read_only = m->has_readonly && m->readonly;
	to->is_kept = !to->read_only;
	to->fd = run_cache_open(find_hold(a->held, &c), a->s->job->op, &a->s->job->ws, a->name, &c,
				e);
	return to->fd < 0 ? -1 : cache_inside(&to->fd, m, e);
}

static int add_tmpfs(struct adding *a, struct err *e)
{
	struct run_mount *m;
	char *target;

	if (target_of(&target, a, NULL, e) < 0)
		return -1;
	m = run_spec_add_mount(a->spec, RUN_MOUNT_TMPFS, target);
	m->mode = 01777;
	m->read_only = a->m->has_readonly && a->m->readonly;
	if (a->m->size && span_to_size(&m->size_bytes, span_of_str(a->m->size)) < 0)
		return err_set(e, ERR_INPUT, "invalid size '%s'", a->m->size);
	return 0;
}

/* -- secret, ssh ------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

static int secret_to_env(struct adding *a, const struct run_secret *secret, struct err *e)
{
	auto_secret char *value = span_dup(buf_span(&secret->value));

	if (span_has_nul(buf_span(&secret->value)))
		return err_set(e, ERR_INPUT,
			       "secret %s has NUL bytes, which a variable cannot have", secret->id);
	strv_env_set(&a->spec->env, a->m->env, value);
	return 0;
}

static int secret_to_file(struct adding *a, const struct run_secret *secret, struct err *e)
{
	auto_free char *dflt = mem_printf("/run/secrets/%s", base_name(secret->id));
	struct run_mount *m;
	char *target;

	if (target_of(&target, a, dflt, e) < 0)
		return -1;
	m = run_spec_add_mount(a->spec, RUN_MOUNT_FILE, target);
	m->read_only = true;
	buf_add_span(&m->bytes, buf_span(&secret->value));
	m->mode = mode_of(a->m, 0400);
	m->uid = number(a->m->uid, 0);
	m->gid = number(a->m->gid, 0);
	return 0;
}

static int add_secret(struct adding *a, struct err *e)
{
	const char *id = a->m->id ? a->m->id : base_name(a->m->target);
	const struct run_secret *secret =
		id ? run_options_find_secret(&a->s->job->opt->run, id) : NULL;

	if (!secret)
		return a->m->required ? run_secret_missing(e, id) : 0;
	hide_add(&a->spec->hidden, buf_span(&secret->value));
	if (a->m->env && secret_to_env(a, secret, e) < 0)
		return -1;
	return a->m->env && !a->m->target ? 0 : secret_to_file(a, secret, e);
}

/* One directory for the sockets of all agents of this RUN. */
static int agents_dir(struct adding *a, struct err *e)
{
	auto_free char *path = NULL;

	if (a->held->agents_fd >= 0)
		return 0;
	path = workspace_dir(&a->s->job->ws, a->name, e);
	a->held->agents_fd = path ? fs_open_dir(path, e) : -1;
	return a->held->agents_fd < 0 ? -1 : 0;
}

static int agent_mount(struct adding *a, const struct run_ssh *ssh, char *target, struct err *e)
{
	struct run_mount *m = run_spec_add_mount(a->spec, RUN_MOUNT_BIND, target);
	auto_free char *socket = mem_printf("%zu", a->held->nr_agents);
	int listen_fd;

	if (agents_dir(a, e) < 0 ||
	    relay_listen(&listen_fd, &m->fd, a->held->agents_fd, socket, mode_of(a->m, 0600),
			 number(a->m->uid, 0), number(a->m->gid, 0), e) < 0)
		return -1;
	MEM_GROW(a->spec->agents, a->spec->nr_agents, a->spec->cap_agents);
	a->spec->agents[a->spec->nr_agents++] =
		(struct run_agent){ .listen_fd = listen_fd, .path = mem_strdup(ssh->socket) };
	return 0;
}

static int add_ssh(struct adding *a, struct err *e)
{
	const char *id = a->m->id ? a->m->id : "default";
	const struct run_ssh *ssh = run_options_find_ssh(&a->s->job->opt->run, id);
	auto_free char *dflt = mem_printf("/run/buildkit/ssh_agent.%zu", a->held->nr_agents);
	char *target;
	int r = 0;

	if (!ssh && a->m->required)
		return err_set(e, ERR_INPUT, "no ssh agent '%s' was given (--ssh %s)", id, id);
	if (target_of(&target, a, dflt, e) < 0)
		return -1;
	if (!strv_env_get(&a->spec->env, "SSH_AUTH_SOCK"))
		strv_env_set(&a->spec->env, "SSH_AUTH_SOCK", target);
	if (ssh)
		r = agent_mount(a, ssh, target, e);
	else
		free(target);
	a->held->nr_agents++;
	return r;
}

/* -- all --------------------------------------------------------------------------- */

static int (*const adders[])(struct adding *a, struct err *e) = {
	[DOCKERFILE_MOUNT_BIND] = add_bind,   [DOCKERFILE_MOUNT_CACHE] = add_cache,
	[DOCKERFILE_MOUNT_TMPFS] = add_tmpfs, [DOCKERFILE_MOUNT_SECRET] = add_secret,
	[DOCKERFILE_MOUNT_SSH] = add_ssh,
};

/* A RUN's mounts with their variables expanded. */
struct expanded {
	struct dockerfile_mount *v;
	size_t nr;
};

static void expanded_release(struct expanded *x)
{
	for (size_t i = 0; i < x->nr; i++)
		dockerfile_mount_release(&x->v[i]);
	free(x->v);
}

static int mount_fail(size_t i, struct err *e)
{
	return err_wrap(e, "--mount %zu", i + 1);
}

static int expand_all(struct expanded *x, const struct step *s, struct err *e)
{
	const struct state *st = &s->stage->state;

	x->v = mem_zalloc((s->instr->nr_mounts + 1) * sizeof(*x->v));
	for (; x->nr < s->instr->nr_mounts; x->nr++)
		if (dockerfile_mount_expand(&x->v[x->nr], &s->instr->mounts[x->nr], &st->env,
					    st->opt->escape, e) < 0)
			return mount_fail(x->nr, e);
	return 0;
}

struct wanted_cache {
	char key[HASH_SHA256_HEX + 1];
	enum run_cache_sharing sharing;
	size_t mount;
};

static int by_key(const void *a, const void *b)
{
	const struct wanted_cache *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* By key; one for each mount. */
static size_t wanted_caches(struct wanted_cache *out, const struct step *s,
			    const struct expanded *x)
{
	size_t nr = 0;

	for (size_t i = 0; i < x->nr; i++) {
		if (x->v[i].type != DOCKERFILE_MOUNT_CACHE)
			continue;

		auto_free char *kind = cache_kind(&x->v[i]);
		auto_free char *id = cache_id(&x->v[i]);
		const struct run_cache c = cache_of(s, &x->v[i], id, kind);

		run_cache_key(out[nr].key, &c);
		out[nr].sharing = c.sharing;
		out[nr++].mount = i;
	}
	qsort(out, nr, sizeof(*out), by_key);
	return nr;
}

static int hold_cache(struct run_mounts *held, const struct step *s, const struct expanded *x,
		      const struct wanted_cache *w, struct err *e)
{
	const struct dockerfile_mount *m = &x->v[w->mount];
	auto_free char *kind = cache_kind(m);
	auto_free char *id = cache_id(m);
	struct run_cache c = cache_of(s, m, id, kind);

	c.sharing = w->sharing;
	/* without mounts a directory is in one place at a time */
	if (c.sharing == RUN_CACHE_SHARED && is_bare(s))
		c.sharing = RUN_CACHE_LOCKED;
	if (run_cache_hold(&held->caches[held->nr_caches], s->job->op, &s->job->ws, &c, e) < 0)
		return mount_fail(w->mount, e);
	held->nr_caches++;
	return 0;
}

/* Of several words on the sharing of one cache the strictest counts. */
static int hold_caches(struct run_mounts *held, const struct step *s, const struct expanded *x,
		       struct err *e)
{
	auto_free struct wanted_cache *all = mem_zalloc((x->nr + 1) * sizeof(*all));
	size_t nr = wanted_caches(all, s, x);

	held->caches = mem_zalloc((nr + 1) * sizeof(*held->caches));
	for (size_t i = 0; i < nr; i++) {
		if (i + 1 < nr && by_key(&all[i], &all[i + 1]) == 0) {
			if (all[i].sharing > all[i + 1].sharing)
				all[i + 1].sharing = all[i].sharing;
		} else if (hold_cache(held, s, x, &all[i], e) < 0) {
			return -1;
		}
	}
	return 0;
}

static int add_one(struct run_mounts *held, struct run_spec *spec, struct step *s, size_t i,
		   const struct dockerfile_mount *m, struct err *e)
{
	auto_free char *name = mem_printf("%s-mount-%zu", s->id, i);
	struct adding a = { .held = held,
			    .spec = spec,
			    .s = s,
			    .m = m,
			    .from = &s->plan->mounts[i],
			    .name = name };

	return adders[m->type](&a, e) < 0 ? mount_fail(i, e) : 0;
}

/* Stable: of two on one target the later one is seen. */
static void sort_by_target(struct run_spec *spec)
{
	for (size_t i = 1; i < spec->nr_mounts; i++) {
		struct run_mount m = spec->mounts[i];
		size_t k = i;

		for (; k > 0 && strcmp(spec->mounts[k - 1].target, m.target) > 0; k--)
			spec->mounts[k] = spec->mounts[k - 1];
		spec->mounts[k] = m;
	}
}

int run_mounts_add(struct run_mounts *held, struct run_spec *spec, struct step *s, struct err *e)
{
	CLEANUP(expanded_release) struct expanded x = { .nr = 0 };

	if (s->instr->nr_mounts > RUN_MOUNTS_MAX)
		return err_set(e, ERR_INPUT, "%zu mounts; a RUN may have %d", s->instr->nr_mounts,
			       RUN_MOUNTS_MAX);
	if (expand_all(&x, s, e) < 0 || hold_caches(held, s, &x, e) < 0)
		return -1;
	for (size_t i = 0; i < x.nr; i++)
		if (add_one(held, spec, s, i, &x.v[i], e) < 0)
			return -1;
	sort_by_target(spec);
	return 0;
}

void run_mounts_release(struct run_mounts *m)
{
	for (size_t i = 0; i < m->nr_views; i++)
		sandbox_tree_close(m->sandbox, &m->views[i]);
	free(m->views);
	for (size_t i = 0; i < m->nr_caches; i++)
		run_cache_release(&m->caches[i]);
	free(m->caches);
	fd_auto_close_(&m->agents_fd);
	*m = (struct run_mounts)RUN_MOUNTS_INIT;
}

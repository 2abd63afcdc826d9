/*
 * Secrets and configs of a compose file. Their data never changes in a swarm, so the name carries
 * a hash of it: other data is another object, which the services are moved to, and what is no
 * longer used can go when they have moved. A name that the file gives is taken as it is.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "deploy/compose_part.h"

/* What a swarm takes (swarmkit, manager/controlapi and api/validation). */
#define SECRET_MAX   (500u * 1024 - 1)
#define CONFIG_MAX   (1000u * 1024 - 1)
#define NAME_LEN_MAX 64
#define HASH_SHOWN   12
#define MODE_DEFAULT 0444
#define FILES_MAX    1000

static const char *kind_name(bool is_secret)
{
	return is_secret ? "secret" : "config";
}

static struct compose_object *find_object(struct compose *c, bool is_secret, const char *key)
{
	for (size_t i = 0; i < c->nr_objects; i++)
		if (c->objects[i].is_secret == is_secret && strcmp(c->objects[i].key, key) == 0)
			return &c->objects[i];
	return NULL;
}

/* -- the top-level maps ------------------------------------------------------------------ */

static int read_object_external(struct compose *c, void *arg, const struct yaml_value *v,
				const char *path, struct err *e)
{
	struct compose_object *o = arg;

	return compose_external(&o->is_external, &o->name, c, v, path, e);
}

static const struct compose_key object_keys[] = {
	KEY_TEXT("name", struct compose_object, name),
	KEY_TEXT("file", struct compose_object, file),
	KEY_TEXT("environment", struct compose_object, variable),
	KEY_TEXT("content", struct compose_object, content),
	KEY_MAP("labels", struct compose_object, labels),
	KEY_TEXT("template_driver", struct compose_object, template_driver),
	KEY_READ("external", read_object_external),
	KEY_REFUSED("driver", "secrets of a driver are not supported"),
	KEY_REFUSED("driver_opts", "secrets of a driver are not supported"),
};

static int check_object(struct compose *c, const struct compose_object *o,
			const struct yaml_pair *p, const char *path, struct err *e)
{
	int sources = !!o->file + !!o->variable + !!o->content;

	if (o->is_secret && o->content)
		return reader_fail(&c->r, p->key, path, e,
				   "a secret does not stand in the file; use file or environment");
	if (o->is_external && (sources || o->labels.n || o->template_driver))
		return reader_fail(&c->r, p->key, path, e, "is external: only a name can be given");
	if (!o->is_external && sources != 1)
		return reader_fail(&c->r, p->key, path, e, "needs one of file, environment%s",
				   o->is_secret ? "" : ", content");
	return 0;
}

static int read_objects(struct compose *c, bool is_secret, const struct yaml_value *v,
			const char *path, struct err *e)
{
	if (reader_want(&c->r, v, YAML_MAP, path, "name: {file: ./name.txt}", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text);
		struct compose_object *o = find_object(c, is_secret, p->key->text);

		if (!o) {
			MEM_GROW(c->objects, c->nr_objects, c->cap_objects);
			o = &c->objects[c->nr_objects++];
			*o = (struct compose_object){ .key = mem_strdup(p->key->text),
						      .is_secret = is_secret };
		}
		if (compose_keys(c, o, p->value, at, object_keys, ARRAY_LEN(object_keys), e) < 0 ||
		    check_object(c, o, p, at, e) < 0)
			return -1;
	}
	return 0;
}

int compose_top_secrets(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	(void)arg;
	return read_objects(c, true, v, path, e);
}

int compose_top_configs(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	(void)arg;
	return read_objects(c, false, v, path, e);
}

/* -- into the stack, when a service uses it ------------------------------------------------ */

static int read_data(struct buf *data, struct compose *c, const struct compose_object *o,
		     struct err *e)
{
	const char *value;

	if (o->file)
		return c->in->read_file(c->in->read_arg, data, o->file, e);
	if (o->content) {
		buf_add_str(data, o->content);
		return 0;
	}
	value = c->r.in->env ? strv_env_get(c->r.in->env, o->variable) : NULL;
	if (!value)
		return err_set(e, ERR_INPUT, "variable '%s' is not set", o->variable);
	buf_add_str(data, value);
	return 0;
}

/* Of all that an object is made of: labels and driver cannot be changed by an update either. */
static void object_hash(char hex[HASH_SHA256_HEX + 1], const struct compose_object *o,
			struct span data)
{
	auto_buf struct buf all = BUF_INIT(4u << 20);
	unsigned char raw[HASH_SHA256_LEN];

	buf_addf(&all, "%s\n%s\n", kind_name(o->is_secret),
		 o->template_driver ? o->template_driver : "");
	for (size_t i = 0; i < o->labels.n; i++)
		buf_addf(&all, "%s\n", o->labels.v[i]);
	buf_add_char(&all, '\n');
	buf_add_span(&all, data);
	hash_sha256(raw, buf_str(&all), all.len);
	hash_hex(hex, raw);
	explicit_bzero(all.data, all.len);
}

static char *object_name(struct compose *c, const struct compose_object *o, const char *hex)
{
	auto_free char *scoped = NULL;

	if (o->name || o->is_external)
		return mem_strdup(o->name ? o->name : o->key);
	scoped = compose_scoped(c, o->key);
	return mem_printf("%.*s-%.*s", NAME_LEN_MAX - HASH_SHOWN - 1, scoped, HASH_SHOWN, hex);
}

static bool is_object_name(const char *name)
{
	size_t n = strlen(name);

	return n && n <= NAME_LEN_MAX && name[0] != '-' && name[0] != '.' && name[0] != '_' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") ==
		       n;
}

static int make_object(struct deploy_object *out, struct compose *c, const struct compose_object *o,
		       struct err *e)
{
	size_t max = o->is_secret ? SECRET_MAX : CONFIG_MAX;
	auto_buf struct buf data = BUF_INIT(CONFIG_MAX + 1);
	char hex[HASH_SHA256_HEX + 1] = "";

	if (!o->is_external) {
		if (read_data(&data, c, o, e) < 0)
			return -1;
		if (data.over || data.len > max)
			return err_set(e, ERR_INPUT, "larger than the %zu bytes that a swarm takes",
				       max);
		if (!data.len)
			return err_set(e, ERR_INPUT, "empty");
		object_hash(hex, o, buf_span(&data));
	}
	out->is_secret = o->is_secret;
	out->is_external = o->is_external;
	out->is_named = o->name != NULL;
	out->name = object_name(c, o, hex);
	out->logical = mem_strdup(o->key);
	out->template_driver = mem_strdup(o->template_driver);
	strv_copy(&out->labels, &o->labels);
	if (!o->is_external) {
		strv_env_set(&out->labels, DEPLOY_LABEL_NAMESPACE, c->stack.name);
		strv_env_set(&out->labels, DEPLOY_LABEL_OBJECT_HASH, hex);
	}
	out->size = data.len;
	out->data = data.len ? buf_steal(&data) : NULL;
	if (!is_object_name(out->name))
		return err_set(
			e, ERR_INPUT,
			"'%s' cannot be its name: letters, digits, '-', '_' and '.', at most "
			"%d",
			out->name, NAME_LEN_MAX);
	return 0;
}

/* The object's name in the swarm, or NULL and *e. Borrowed. */
static const char *use_object(struct compose *c, struct compose_object *o, struct err *e)
{
	struct deploy_stack *stack = &c->stack;

	if (!o->in_stack) {
		MEM_GROW(stack->objects, stack->nr_objects, stack->cap_objects);
		stack->objects[stack->nr_objects] = (struct deploy_object){ 0 };
		o->in_stack = ++stack->nr_objects;
		if (make_object(&stack->objects[o->in_stack - 1], c, o, e) < 0) {
			err_wrap(e, "%s '%s'", kind_name(o->is_secret), o->key);
			return NULL;
		}
	}
	return stack->objects[o->in_stack - 1].name;
}

/* -- of a service --------------------------------------------------------------------------- */

static void file_release(struct deploy_file *f)
{
	free(f->object);
	free(f->target);
	free(f->uid);
	free(f->gid);
	*f = (struct deploy_file){ 0 };
}
#define auto_file CLEANUP(file_release)

/* 0440 and 0o440 are octal, as they are to those who write them; 288 is a number. */
static int read_file_mode(struct compose *c, void *arg, const struct yaml_value *v,
			  const char *path, struct err *e)
{
	struct deploy_file *f = arg;
	auto_free char *text = NULL;
	struct span digits;
	uint64_t n;
	int r;

	if (compose_text(&text, c, v, path, e) < 0)
		return -1;
	digits = span_of_str(text);
	if (span_take(&digits, "0o") || (digits.n > 1 && digits.p[0] == '0')) {
		r = span_to_octal(&f->mode, digits);
	} else {
		r = span_to_u64(&n, digits) < 0 || n > 07777 ? -1 : 0;
		if (r == 0)
			f->mode = (uint32_t)n;
	}
	return r < 0 ? reader_fail(&c->r, v, path, e, "must be a mode such as 0440") : 0;
}

static const struct compose_key file_keys[] = {
	KEY_TEXT("source", struct deploy_file, object),
	KEY_TEXT("target", struct deploy_file, target),
	KEY_TEXT("uid", struct deploy_file, uid),
	KEY_TEXT("gid", struct deploy_file, gid),
	KEY_READ("mode", read_file_mode),
};

static int resolve_file(struct deploy_file *f, struct compose *c, bool is_secret,
			const struct yaml_value *at, const char *path, struct err *e)
{
	struct compose_object *o = f->object ? find_object(c, is_secret, f->object) : NULL;
	const char *name;

	if (!f->object)
		return reader_fail(&c->r, at, path, e, "has no source");
	if (!o)
		return reader_fail(&c->r, at, path, e, "no %s '%s' in the top-level %ss",
				   kind_name(is_secret), f->object, kind_name(is_secret));
	if (f->target && !*f->target)
		return reader_fail(&c->r, at, path, e, "has an empty target");
	name = use_object(c, o, e);
	if (!name)
		return reader_wrap(&c->r, at, path, e);
	if (!f->target)
		f->target = mem_strdup(o->key);
	free(f->object);
	f->object = mem_strdup(name);
	return 0;
}

static int read_file(struct deploy_file *f, struct compose *c, bool is_secret,
		     const struct yaml_value *v, const char *path, struct err *e)
{
	int r = v->kind == YAML_MAP
			? compose_keys(c, f, v, path, file_keys, ARRAY_LEN(file_keys), e)
			: compose_text(&f->object, c, v, path, e);

	return r < 0 ? -1 : resolve_file(f, c, is_secret, v, path, e);
}

/* *f moves into the list; what had its target before does not stay. */
static void put_file(struct deploy_file **list, size_t *nr, size_t *cap, struct deploy_file *f)
{
	for (size_t i = 0; i < *nr; i++) {
		struct deploy_file old = (*list)[i];

		if (strcmp(old.target, f->target) != 0)
			continue;
		(*list)[i] = *f;
		*f = old;
		return;
	}
	MEM_GROW(*list, *nr, *cap);
	(*list)[(*nr)++] = *f;
	*f = (struct deploy_file){ 0 };
}

static int read_files(struct compose *c, struct deploy_service *s, bool is_secret,
		      const struct yaml_value *v, const char *path, struct err *e)
{
	if (reader_want(&c->r, v, YAML_LIST, path, "write - NAME", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_file struct deploy_file f = { .mode = MODE_DEFAULT };
		auto_free char *at = reader_item_path(path, i);

		if (i == FILES_MAX)
			return reader_fail(&c->r, v->items[i], at, e, "more than %d", FILES_MAX);
		if (read_file(&f, c, is_secret, v->items[i], at, e) < 0)
			return -1;
		if (is_secret)
			put_file(&s->secrets, &s->nr_secrets, &s->cap_secrets, &f);
		else
			put_file(&s->configs, &s->nr_configs, &s->cap_configs, &f);
	}
	return 0;
}

int compose_service_secrets(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	return read_files(c, arg, true, v, path, e);
}

int compose_service_configs(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	return read_files(c, arg, false, v, path, e);
}

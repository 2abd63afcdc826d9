/*
 * The environment of a service: files first, whatever the order of the keys, then
 * `environment`, which counts more.
 */
#include <ctype.h>

#include "base/mem.h"
#include "deploy/compose_part.h"
#include "deploy/envfile.h"

/* -- environment -------------------------------------------------------------------- */

/* A name alone takes the deploying environment's value; nobody's stays a name, which unsets the image's. */
static void set_bare(struct deploy_service *s, struct compose *c, const char *name)
{
	const char *ours = c->r.in->env ? strv_env_get(c->r.in->env, name) : NULL;
	size_t i;

	if (ours) {
		strv_env_set(&s->env, name, ours);
		return;
	}
	for (i = 0; i < s->env.n; i++)
		if (strcmp(s->env.v[i], name) == 0)
			return;
	strv_env_unset(&s->env, name);
	strv_add(&s->env, name);
}

static int set_variable(struct deploy_service *s, struct compose *c, const char *name,
			const char *value, const struct yaml_value *at, const char *path,
			struct err *e)
{
	if (!*name)
		return reader_fail(&c->r, at, path, e, "has no name; write KEY=value");
	for (const char *p = name; *p; p++)
		if (isspace((unsigned char)*p) || *p == '=')
			return reader_fail(&c->r, at, path, e, "has a blank or a '=' in its name");
	if (!value) {
		set_bare(s, c, name);
		return 0;
	}
	for (size_t i = 0; i < s->env.n; i++)
		if (strcmp(s->env.v[i], name) == 0) {
			strv_remove(&s->env, i);
			break;
		}
	strv_env_set(&s->env, name, value);
	return 0;
}

static int list_item(struct deploy_service *s, struct compose *c, const struct yaml_value *v,
		     const char *path, struct err *e)
{
	auto_free char *text = NULL, *name = NULL;
	struct span key, value;
	bool has_value;

	if (reader_want(&c->r, v, YAML_SCALAR, path, "write - KEY=value", e) < 0 ||
	    compose_text(&text, c, v, path, e) < 0)
		return -1;
	has_value = span_cut(span_of_str(text), '=', &key, &value);
	name = span_dup(key);
	return set_variable(s, c, name, has_value ? value.p : NULL, v, path, e);
}

int compose_service_environment(struct compose *c, void *arg, const struct yaml_value *v,
				const char *path, struct err *e)
{
	struct deploy_service *s = arg;

	if (v->kind != YAML_LIST &&
	    reader_want(&c->r, v, YAML_MAP, path, "write KEY: value", e) < 0)
		return -1;
	for (size_t i = 0; v->kind == YAML_LIST && i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i);

		if (list_item(s, c, v->items[i], at, e) < 0)
			return -1;
	}
	for (size_t i = 0; v->kind == YAML_MAP && i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text), *text = NULL;

		if (!yaml_is_null(p->value) && compose_text(&text, c, p->value, at, e) < 0)
			return -1;
		if (set_variable(s, c, p->key->text, text, p->key, at, e) < 0)
			return -1;
	}
	return 0;
}

/* -- env_file ------------------------------------------------------------------------ */

static int read_env_file(struct deploy_service *s, struct compose *c, const struct yaml_value *v,
			 const char *file, bool required, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(DEPLOY_ENVFILE_MAX);
	auto_strv struct strv said = STRV_INIT;

	if (c->in->read_file(c->in->read_arg, &text, file, e) < 0) {
		if (e->kind != ERR_ABSENT || required)
			return reader_wrap(&c->r, v, path, e);
		err_clear(e);
		return 0;
	}
	if (deploy_envfile_read(&said, file, buf_span(&text), c->r.in->env, c->r.warnings, e) < 0)
		return -1;
	for (size_t i = 0; i < said.n; i++) {
		struct span key, value;
		auto_free char *name = NULL;

		span_cut(span_of_str(said.v[i]), '=', &key, &value);
		name = span_dup(key);
		if (set_variable(s, c, name, value.p, v, path, e) < 0)
			return -1;
	}
	return 0;
}

struct env_file {
	char *path;
	bool required;
};

static int one_env_file(struct deploy_service *s, struct compose *c, const struct yaml_value *v,
			const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_TEXT("path", struct env_file, path),
		KEY_BOOL("required", struct env_file, required),
	};
	struct env_file f = { .required = true };
	int r;

	if (v->kind == YAML_MAP)
		r = compose_keys(c, &f, v, path, keys, ARRAY_LEN(keys), e);
	else
		r = compose_text(&f.path, c, v, path, e);
	if (r == 0 && !f.path)
		r = reader_fail(&c->r, v, path, e, "has no path");
	if (r == 0)
		r = read_env_file(s, c, v, f.path, f.required, path, e);
	free(f.path);
	return r;
}

int compose_service_env_file(struct compose *c, void *arg, const struct yaml_value *v,
			     const char *path, struct err *e)
{
	if (v->kind != YAML_LIST)
		return one_env_file(arg, c, v, path, e);
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i);

		if (one_env_file(arg, c, v->items[i], at, e) < 0)
			return -1;
	}
	return 0;
}

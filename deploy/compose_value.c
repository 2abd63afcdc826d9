/*
 * Values of a compose file, strictly: each kind has one reader, and a table says which key
 * is read by which. Numbers and yes/no are taken by their text, so that ${REPLICAS} serves as well as 3.
 */
#include "base/mem.h"
#include "deploy/compose_part.h"

/* -- scalars ------------------------------------------------------------------------ */

int compose_text(char **out, struct compose *c, const struct yaml_value *v, const char *path,
		 struct err *e)
{
	char *text;

	if (reader_text(&text, &c->r, v, path, e) < 0)
		return -1;
	free(*out);
	*out = text;
	return 0;
}

/* -- lists and maps ------------------------------------------------------------------ */

static int add_item(struct strv *out, struct compose *c, const struct yaml_value *v,
		    const char *path, bool once, struct err *e)
{
	auto_free char *text = NULL;

	if (compose_text(&text, c, v, path, e) < 0)
		return -1;
	if (!once || !strv_has(out, text))
		strv_add(out, text);
	return 0;
}

static int add_items(struct strv *out, struct compose *c, const struct yaml_value *v,
		     const char *path, bool once, struct err *e)
{
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i);

		if (add_item(out, c, v->items[i], at, once, e) < 0)
			return -1;
	}
	return 0;
}

int compose_list(struct strv *out, struct compose *c, const struct yaml_value *v, const char *path,
		 struct err *e)
{
	if (v->kind == YAML_SCALAR)
		return add_item(out, c, v, path, true, e);
	if (reader_want(&c->r, v, YAML_LIST, path, NULL, e) < 0)
		return -1;
	return add_items(out, c, v, path, true, e);
}

int compose_words(struct strv *out, struct compose *c, const struct yaml_value *v, const char *path,
		  struct err *e)
{
	auto_expand struct expand quotes = { .grammar = EXPAND_QUOTES };
	auto_free char *text = NULL;

	strv_release(out);
	if (v->kind == YAML_LIST)
		return add_items(out, c, v, path, false, e);
	if (compose_text(&text, c, v, path, e) < 0)
		return -1;
	return expand_words(out, &quotes, text, e) < 0 ? reader_wrap(&c->r, v, path, e) : 0;
}

int compose_external(bool *out, char **name, struct compose *c, const struct yaml_value *v,
		     const char *path, struct err *e)
{
	const struct yaml_value *old = yaml_map_get(v, "name");
	auto_free char *at = reader_path(path, "name");

	if (v->kind != YAML_MAP)
		return reader_bool(out, &c->r, v, path, e);
	if (!old || v->nr != 1)
		return reader_fail(&c->r, v, path, e, "must be true, or {name: …}");
	*out = true;
	return compose_text(name, c, old, at, e);
}

/* -- keys ---------------------------------------------------------------------------- */

static int read_known(struct compose *c, void *arg, const struct compose_key *k,
		      const struct yaml_value *v, const char *path, struct err *e)
{
	void *field = (char *)arg + k->offset;

	switch (k->kind) {
	case COMPOSE_READ:
		return k->read(c, arg, v, path, e);
	case COMPOSE_TEXT:
		return compose_text(field, c, v, path, e);
	case COMPOSE_BOOL:
		return reader_bool(field, &c->r, v, path, e);
	case COMPOSE_NUMBER:
		return reader_number(field, &c->r, v, path, e);
	case COMPOSE_LENGTH:
		return reader_length(field, &c->r, v, path, e);
	case COMPOSE_LIST:
		return compose_list(field, c, v, path, e);
	case COMPOSE_MAP:
		return reader_map(field, &c->r, v, path, e);
	case COMPOSE_REFUSED:
		return reader_fail(&c->r, v, path, e, "%s", k->why);
	case COMPOSE_IGNORED:
		reader_warn(&c->r, v, path, "ignored: %s", k->why);
		return 0;
	}
	return 0;
}

static int unknown_key(struct compose *c, const struct yaml_value *key, const char *path,
		       const struct compose_key *keys, size_t nr, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	const char *near;

	for (size_t i = 0; i < nr; i++)
		strv_add(&names, keys[i].name);
	near = reader_near(key->text, &names);
	if (near)
		return reader_fail(&c->r, key, path, e, "unknown key; did you mean '%s'?", near);
	return reader_fail(&c->r, key, path, e, "unknown key");
}

int compose_keys(struct compose *c, void *arg, const struct yaml_value *map, const char *path,
		 const struct compose_key *keys, size_t nr, struct err *e)
{
	if (reader_want(&c->r, map, YAML_MAP, path, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < map->nr; i++) {
		const struct yaml_pair *p = &map->pairs[i];
		auto_free char *at = reader_path(path, p->key->text);
		const struct compose_key *found = NULL;

		for (size_t j = 0; j < nr && !found; j++)
			if (strcmp(keys[j].name, p->key->text) == 0)
				found = &keys[j];
		if (!found && strncmp(p->key->text, "x-", 2) == 0)
			continue;
		if (!found)
			return unknown_key(c, p->key, at, keys, nr, e);
		if (!yaml_is_null(p->value) && read_known(c, arg, found, p->value, at, e) < 0)
			return -1;
	}
	return 0;
}

char *compose_scoped(const struct compose *c, const char *key)
{
	return mem_printf("%s_%s", c->stack.name, key);
}

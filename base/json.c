/*
 * jansson does the parsing; this file adds the bounds it lacks (size, depth) and
 * the words. Depth is counted before parsing, because jansson recurses up to
 * 2048 deep and a worker's stack is not ours to spend on a hostile document.
 */
#include "base/json.h"

#include <assert.h>

#define JSON_DEPTH_MAX 128

/* The greatest nesting of brackets outside strings; the text may be any bytes. */
static size_t json_depth(struct span text)
{
	size_t depth = 0, greatest = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > greatest)
				greatest = depth;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return greatest;
}

json_t *json_load_span(struct span text, size_t max, const char *what, struct err *e)
{
	json_error_t why;
	json_t *v;

	if (text.n > max) {
		err_set(e, ERR_INPUT, "%s: %zu bytes, more than the %zu allowed", what, text.n,
			max);
		return NULL;
	}
	if (json_depth(text) > JSON_DEPTH_MAX) {
		err_set(e, ERR_CORRUPT, "%s: nested more than %d deep", what, JSON_DEPTH_MAX);
		return NULL;
	}
	v = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &why);
	if (!v)
		err_set(e, ERR_CORRUPT, "%s: not valid JSON: line %d, column %d: %s", what,
			why.line, why.column, why.text);
	return v;
}

/* "path.key: " and what is wrong with it. */
static int json_wrong(struct err *e, const char *path, const char *key, const char *why)
{
	return err_set(e, ERR_CORRUPT, "%s%s%s: %s", path, *path ? "." : "", key, why);
}

/*
 * The member, NULL when missing or null; -1 when `o` is no object. Without the
 * type check a list where an object belongs would look like an empty object.
 */
static int json_member(json_t **out, const json_t *o, const char *key, const char *path,
		       struct err *e)
{
	json_t *v;

	if (!json_is_object(o))
		return err_set(e, ERR_CORRUPT, "%s: not an object", *path ? path : "document");
	v = json_object_get(o, key);
	*out = json_is_null(v) ? NULL : v;
	return 0;
}

static const char *json_type_wrong(json_type type)
{
	switch (type) {
	case JSON_STRING:
		return "not a string";
	case JSON_INTEGER:
		return "not a whole number";
	case JSON_OBJECT:
		return "not an object";
	case JSON_ARRAY:
		return "not a list";
	default:
		return "not of the expected type";
	}
}

/* The member when it is of that type; NULL when missing or null and not required. */
static int json_typed(json_t **out, const json_t *o, const char *key, const char *path,
		      json_type type, bool required, struct err *e)
{
	json_t *v;

	if (json_member(&v, o, key, path, e) < 0)
		return -1;
	if (!v && required)
		return json_wrong(e, path, key, "missing");
	if (v && json_typeof(v) != type)
		return json_wrong(e, path, key, json_type_wrong(type));
	*out = v;
	return 0;
}

int json_get_str(const char **out, const json_t *o, const char *key, const char *path,
		 struct err *e)
{
	json_t *v;

	if (json_typed(&v, o, key, path, JSON_STRING, true, e) < 0)
		return -1;
	*out = json_string_value(v);
	return 0;
}

static int json_to_u64(uint64_t *out, const json_t *v, const char *key, const char *path,
		       struct err *e)
{
	json_int_t n = json_integer_value(v);

	if (n < 0)
		return json_wrong(e, path, key, "negative");
	*out = (uint64_t)n;
	return 0;
}

int json_get_u64(uint64_t *out, const json_t *o, const char *key, const char *path, struct err *e)
{
	json_t *v;

	if (json_typed(&v, o, key, path, JSON_INTEGER, true, e) < 0)
		return -1;
	return json_to_u64(out, v, key, path, e);
}

int json_get_obj(json_t **out, const json_t *o, const char *key, const char *path, struct err *e)
{
	return json_typed(out, o, key, path, JSON_OBJECT, true, e);
}

int json_get_arr(json_t **out, const json_t *o, const char *key, const char *path, struct err *e)
{
	return json_typed(out, o, key, path, JSON_ARRAY, true, e);
}

int json_opt_str(const char **out, const json_t *o, const char *key, const char *path,
		 const char *dflt, struct err *e)
{
	json_t *v;

	if (json_typed(&v, o, key, path, JSON_STRING, false, e) < 0)
		return -1;
	*out = v ? json_string_value(v) : dflt;
	return 0;
}

int json_opt_u64(uint64_t *out, const json_t *o, const char *key, const char *path, uint64_t dflt,
		 struct err *e)
{
	json_t *v;

	if (json_typed(&v, o, key, path, JSON_INTEGER, false, e) < 0)
		return -1;
	if (v)
		return json_to_u64(out, v, key, path, e);
	*out = dflt;
	return 0;
}

int json_opt_bool(bool *out, const json_t *o, const char *key, const char *path, bool dflt,
		  struct err *e)
{
	json_t *v;

	if (json_member(&v, o, key, path, e) < 0)
		return -1;
	if (v && !json_is_boolean(v))
		return json_wrong(e, path, key, "not true or false");
	*out = v ? json_is_true(v) : dflt;
	return 0;
}

int json_opt_obj(json_t **out, const json_t *o, const char *key, const char *path, struct err *e)
{
	return json_typed(out, o, key, path, JSON_OBJECT, false, e);
}

int json_opt_arr(json_t **out, const json_t *o, const char *key, const char *path, struct err *e)
{
	return json_typed(out, o, key, path, JSON_ARRAY, false, e);
}

int json_opt_strv(struct strv *out, const json_t *o, const char *key, const char *path,
		  struct err *e)
{
	json_t *list, *v;
	size_t i;

	if (json_opt_arr(&list, o, key, path, e) < 0)
		return -1;
	/* all are looked at before any is added: a failure leaves out as it was */
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v))
			return err_set(e, ERR_CORRUPT, "%s%s%s[%zu]: not a string", path,
				       *path ? "." : "", key, i);
	}
	json_array_foreach(list, i, v) strv_add(out, json_string_value(v));
	return 0;
}

int json_opt_map(struct strv *out, const json_t *o, const char *key, const char *path,
		 struct err *e)
{
	json_t *map, *v;
	const char *name;

	if (json_opt_obj(&map, o, key, path, e) < 0)
		return -1;
	json_object_foreach(map, name, v)
	{
		const char *why = !json_is_string(v)  ? "not a string"
				  : strchr(name, '=') ? "a key may not hold '='"
						      : NULL;

		if (why)
			return err_set(e, ERR_CORRUPT, "%s%s%s.'%s': %s", path, *path ? "." : "",
				       key, name, why);
	}
	json_object_foreach(map, name, v) strv_addf(out, "%s=%s", name, json_string_value(v));
	return 0;
}

static int json_to_buf(const char *p, size_t n, void *to)
{
	buf_add(to, p, n);
	return 0;
}

void json_write(struct buf *out, const json_t *v, bool sorted)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | (sorted ? JSON_SORT_KEYS : 0);
	int failed = json_dump_callback(v, json_to_buf, out, flags);

	/* it refuses only documents with a loop or broken strings, which we never build */
	assert(!failed);
	(void)failed;
}

json_t *json_str(const char *s)
{
	json_t *v = json_string(s);

	if (!v) { /* not UTF-8: the writer that replaces, read back */
		auto_buf struct buf b = BUF_INIT(6 * strlen(s) + 3);

		buf_add_json(&b, s);
		v = json_loadb(buf_str(&b), b.len, JSON_DECODE_ANY, NULL);
		assert(v);
	}
	return v;
}

json_t *json_from_strv(const struct strv *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, json_str(s->v[i]));
	return list;
}

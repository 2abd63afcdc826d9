/*
 * JSON as the engine's own client writes it: what says nothing is left out. Text may be any
 * bytes; json_str makes UTF-8 of it.
 */
#include "deploy/spec_part.h"

#include "base/json.h"

void spec_set(json_t *o, const char *key, json_t *v)
{
	if (json_object_set_new(o, key, v) < 0)
		abort(); /* only for want of memory: keys are ours or came through json_str */
}

void spec_append(json_t *a, json_t *v)
{
	if (json_array_append_new(a, v) < 0)
		abort();
}

void spec_set_text(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		spec_set(o, key, json_str(text));
}

void spec_set_number(json_t *o, const char *key, int64_t n)
{
	if (n)
		spec_set(o, key, json_integer(n));
}

void spec_set_true(json_t *o, const char *key, bool yes)
{
	if (yes)
		spec_set(o, key, json_true());
}

void spec_set_list(json_t *o, const char *key, const struct strv *list)
{
	if (list->n)
		spec_set(o, key, json_from_strv(list));
}

void spec_set_map(json_t *o, const char *key, const struct strv *map)
{
	if (map->n)
		spec_set(o, key, spec_map(map));
}

json_t *spec_map(const struct strv *map)
{
	auto_strv struct strv sorted = STRV_INIT;
	json_t *o = json_object();

	strv_copy(&sorted, map);
	strv_sort(&sorted);
	for (size_t i = 0; i < sorted.n; i++) {
		struct span key, value;
		auto_free char *k = NULL, *v = NULL;
		auto_json json_t *name = NULL;

		span_cut(span_of_str(sorted.v[i]), '=', &key, &value);
		k = span_dup(key);
		v = span_dup(value);
		name = json_str(k); /* the same text, surely UTF-8 */
		spec_set(o, json_string_value(name), json_str(v));
	}
	return o;
}

/*
 * Kinds of values, one reader for each. Numbers and yes/no are taken by their text, so that
 * ${REPLICAS} serves as well as 3. What is wrong is not repeated in the words: the excerpt
 * shows it.
 */
#include "base/mem.h"
#include "deploy/reader.h"

#define CPU_DIGITS  9 /* the engine counts in 1e-9 */
#define DECIMAL_MAX 1000000
#define NANO	    1000000000

/* -- scalars ---------------------------------------------------------------------- */

static int replace_text(char **out, struct reader *r, const struct yaml_value *v, const char *path,
			struct err *e)
{
	char *text;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	free(*out);
	*out = text;
	return 0;
}

/* YAML 1.1 has more words for them, and docker's client still reads files so: `read_only: yes`. */
int reader_bool(bool *out, struct reader *r, const struct yaml_value *v, const char *path,
		struct err *e)
{
	static const char *const words[][4] = { { "false", "no", "off", "n" },
						{ "true", "yes", "on", "y" } };
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		for (size_t j = 0; j < ARRAY_LEN(words[i]); j++) {
			if (!span_eq_nocase(span_of_str(text), words[i][j]))
				continue;
			*out = i == 1;
			return 0;
		}
	}
	return reader_fail(r, v, path, e, "must be true or false");
}

int reader_number(uint64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		  struct err *e)
{
	auto_free char *text = NULL;
	uint64_t n;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (span_to_u64(&n, span_of_str(text)) < 0 || n > INT64_MAX)
		return reader_fail(r, v, path, e, "must be a whole number, 0 or more");
	*out = n;
	return 0;
}

int reader_length(int64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		  struct err *e)
{
	auto_free char *text = NULL;
	uint64_t n;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (span_to_duration_ns(out, span_of_str(text)) == 0)
		return 0;
	if (span_to_u64(&n, span_of_str(text)) == 0)
		return reader_fail(r, v, path, e, "has no unit; write %ss for seconds", text);
	return reader_fail(r, v, path, e, "must be a length of time such as 10s, 500ms or 1m30s");
}

int reader_bytes(int64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e)
{
	auto_free char *text = NULL;
	uint64_t n;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (span_to_size(&n, span_trim(span_of_str(text))) < 0 || n > INT64_MAX)
		return reader_fail(r, v, path, e, "'%s' is not a size such as 512m or 1g", text);
	*out = (int64_t)n;
	return 0;
}

/* "2", "0.5", ".25": at most nine digits behind the point, as docker takes it. */
static int to_nano(int64_t *out, struct span text)
{
	struct span whole, part;
	uint64_t w = 0, f = 0;

	span_cut(text, '.', &whole, &part);
	if ((!whole.n && !part.n) || part.n > CPU_DIGITS ||
	    (whole.n && (span_to_u64(&w, whole) < 0 || w > DECIMAL_MAX)) ||
	    (part.n && span_to_u64(&f, part) < 0))
		return -1;
	for (size_t i = part.n; i < CPU_DIGITS; i++)
		f *= 10;
	*out = (int64_t)(w * NANO + f);
	return 0;
}

int reader_nano(int64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		const char *what, struct err *e)
{
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (to_nano(out, span_trim(span_of_str(text))) < 0)
		return reader_fail(r, v, path, e, "'%s' is not %s", text, what);
	return 0;
}

int reader_choice(const char **out, struct reader *r, const struct yaml_value *v, const char *path,
		  const char *const *words, struct err *e)
{
	auto_free char *text = NULL, *list = NULL;
	auto_strv struct strv known = STRV_INIT;
	const char *near;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	for (; *words; words++) {
		if (strcmp(*words, text) == 0) {
			*out = *words;
			return 0;
		}
		strv_add(&known, *words);
	}
	near = reader_near(text, &known);
	if (near)
		return reader_fail(r, v, path, e, "'%s' is not known; did you mean '%s'?", text,
				   near);
	list = strv_join(&known, ", ");
	return reader_fail(r, v, path, e, "'%s' is not one of %s", text, list);
}

/* -- lists and maps ------------------------------------------------------------------ */

int reader_each(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		const char *hint, reader_call *read, struct err *e)
{
	if (reader_want(r, v, YAML_LIST, path, hint, e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i);

		if (read(r, arg, v->items[i], at, e) < 0)
			return -1;
	}
	return 0;
}

static int add_text(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		    struct err *e)
{
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	strv_add(arg, text);
	return 0;
}

int reader_list(struct strv *out, struct reader *r, const struct yaml_value *v, const char *path,
		struct err *e)
{
	if (v->kind == YAML_SCALAR)
		return add_text(r, out, v, path, e);
	return reader_each(r, out, v, path, NULL, add_text, e);
}

static int add_line(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		    struct err *e)
{
	auto_free char *text = NULL;
	char *equals;

	if (reader_want(r, v, YAML_SCALAR, path, "write - key=value", e) < 0 ||
	    reader_text(&text, r, v, path, e) < 0)
		return -1;
	equals = strchr(text, '=');
	if (!equals || equals == text)
		return reader_fail(r, v, path, e, "must be key=value");
	*equals = '\0';
	strv_env_set(arg, text, equals + 1);
	return 0;
}

int reader_map(struct strv *out, struct reader *r, const struct yaml_value *v, const char *path,
	       struct err *e)
{
	if (v->kind == YAML_LIST)
		return reader_each(r, out, v, path, NULL, add_line, e);
	if (reader_want(r, v, YAML_MAP, path, "write key: value", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text), *value = NULL;

		if (!*p->key->text || strchr(p->key->text, '='))
			return reader_fail(r, p->key, at, e, "cannot be a name here");
		if (!yaml_is_null(p->value) && reader_text(&value, r, p->value, at, e) < 0)
			return -1;
		strv_env_set(out, p->key->text, value ? value : "");
	}
	return 0;
}

/* -- by table ------------------------------------------------------------------------ */

int reader_field(struct reader *r, void *arg, const struct reader_key *k,
		 const struct yaml_value *v, const char *path, struct err *e)
{
	void *field = (char *)arg + k->offset;

	switch (k->kind) {
	case READER_CALL:
		return k->read(r, arg, v, path, e);
	case READER_TEXT:
		return replace_text(field, r, v, path, e);
	case READER_BOOL:
		return reader_bool(field, r, v, path, e);
	case READER_NUMBER:
		return reader_number(field, r, v, path, e);
	case READER_LENGTH:
		return reader_length(field, r, v, path, e);
	case READER_LIST:
		return reader_list(field, r, v, path, e);
	case READER_MAP:
		return reader_map(field, r, v, path, e);
	case READER_IGNORED:
		reader_warn(r, v, path, "ignored: %s", k->why);
		return 0;
	}
	return 0;
}

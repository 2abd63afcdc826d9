/* Quoting is encoding/csv's: around a whole field, a quote in it is doubled. */
#include "oci/build/csv.h"

#include "base/buf.h"
#include "base/mem.h"
#include "oci/build/annotation.h"

void csv_fields_release(struct csv_fields *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		free(f->key[i]);
		free(f->value[i]);
	}
	f->nr = 0;
}

/* One quoted field, its first quote taken off already. */
static int quoted_field(struct buf *out, struct span *rest, struct err *e)
{
	for (;;) {
		ptrdiff_t at = span_find(*rest, '"');

		if (at < 0)
			return err_set(e, ERR_INPUT, "a quote is not closed");
		buf_add_span(out, span_head(*rest, (size_t)at));
		*rest = span_sub(*rest, (size_t)at + 1);
		if (!span_take(rest, "\""))
			break;
		buf_add_char(out, '"');
	}
	if (rest->n && !span_take(rest, ","))
		return err_set(e, ERR_INPUT, "expected ',' behind a quoted field");
	return 0;
}

static int next_field(struct buf *out, struct span *rest, struct err *e)
{
	struct span field;

	buf_reset(out);
	if (span_take(rest, "\""))
		return quoted_field(out, rest, e);
	span_split(rest, ',', &field);
	if (span_find(field, '"') >= 0)
		return err_set(e, ERR_INPUT, "quotes go around a whole field, as in \"name=a,b\"");
	buf_add_span(out, field);
	return 0;
}

static char *key_dup(struct span key)
{
	char *k = span_dup(span_trim(key));

	if (!build_annotations_is_field(span_of_str(k)))
		for (char *p = k; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	return k;
}

int csv_fields_read(struct csv_fields *out, const char *text, const char *example, struct err *e)
{
	auto_buf struct buf field = BUF_INIT(BUF_SMALL);
	struct span rest = span_of_str(text), key, value;

	while (rest.n) {
		if (next_field(&field, &rest, e) < 0)
			return -1;
		if (!span_cut(buf_span(&field), '=', &key, &value))
			return err_set(e, ERR_INPUT, "'%s' is not KEY=VALUE, as in %s",
				       buf_str(&field), example);
		if (out->nr == CSV_FIELDS_MAX)
			return err_set(e, ERR_INPUT, "more than %d fields", CSV_FIELDS_MAX);
		out->key[out->nr] = key_dup(key);
		out->value[out->nr++] = span_dup(value);
	}
	return 0;
}

const char *csv_fields_get(const struct csv_fields *f, const char *key)
{
	for (size_t i = f->nr; i-- > 0;)
		if (strcmp(f->key[i], key) == 0)
			return f->value[i];
	return NULL;
}

int csv_bool(bool *out, const char *key, const char *value, struct err *e)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*out = strcmp(value, yes[i]) == 0;
			return 0;
		}
	return err_set(e, ERR_INPUT, "%s is true or false, not '%s'", key, value);
}

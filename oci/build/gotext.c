/*
 * strconv.Quote: short escapes for the seven that have one, \x for other control bytes and for
 * bytes that are no UTF-8, all other text as it is.
 */
#include "oci/build/gotext.h"

static void quote_byte(struct buf *out, unsigned char c)
{
	static const char named[] = "\aa\bb\ff\nn\rr\tt\vv\\\\\"\"";

	for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
		if (named[i] != (char)c)
			continue;
		buf_add_char(out, '\\');
		buf_add_char(out, named[i + 1]);
		return;
	}
	if (c < 0x20 || c >= 0x7f)
		buf_addf(out, "\\x%02x", c);
	else
		buf_add_char(out, (char)c);
}

static void quote(struct buf *out, struct span text)
{
	buf_add_char(out, '"');
	while (text.n) {
		size_t len = utf8_len(text);

		if (len > 1) {
			buf_add(out, text.p, len);
			text = span_sub(text, len);
			continue;
		}
		quote_byte(out, (unsigned char)text.p[0]);
		text = span_sub(text, 1);
	}
	buf_add_char(out, '"');
}

void gotext_quoted_list(struct buf *out, const struct strv *list)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			buf_add_char(out, ' ');
		quote(out, span_of_str(list->v[i]));
	}
	buf_add_char(out, ']');
}

void gotext_list(struct buf *out, const struct strv *list)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < list->n; i++)
		buf_addf(out, "%s%s", i ? " " : "", list->v[i]);
	buf_add_char(out, ']');
}

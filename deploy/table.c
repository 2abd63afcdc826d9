/*
 * Widths are counted in characters of UTF-8. The last column is not filled up.
 */
#include "deploy/table.h"

#include "base/mem.h"

#define GAP 3

struct table table_begin(size_t columns, const char *const *headings)
{
	struct table t = { .columns = columns };

	table_row_(&t, headings);
	return t;
}

void table_release(struct table *t)
{
	strv_release(&t->cells);
}

void table_cell(struct table *t, const char *text)
{
	char *copy = mem_strdup(text ? text : "");

	utf8_make_plain(copy);
	strv_take(&t->cells, copy);
}

void table_row_(struct table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->columns; i++)
		table_cell(t, cells[i]);
}

static size_t width_of(const char *text)
{
	struct span rest = span_of_str(text);
	size_t n = 0;

	for (; rest.n; n++) {
		size_t len = utf8_len(rest);

		rest = span_sub(rest, len ? len : 1);
	}
	return n;
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t most = 0;

	for (size_t i = column; i < t->cells.n; i += t->columns) {
		size_t n = width_of(t->cells.v[i]);

		most = n > most ? n : most;
	}
	return most;
}

void table_print(const struct table *t, struct buf *out)
{
	auto_free size_t *widths = mem_zalloc(t->columns * sizeof(*widths));

	for (size_t i = 0; i < t->columns; i++)
		widths[i] = column_width(t, i);
	for (size_t i = 0; i < t->cells.n; i++) {
		const char *text = t->cells.v[i];
		size_t column = i % t->columns;
		bool last = true;

		/* no blanks at the end of a line */
		for (size_t k = i + 1; k < i - column + t->columns; k++)
			last &= !*t->cells.v[k];
		if (i && !column)
			buf_add_char(out, '\n');
		buf_add_str(out, text);
		if (!last)
			buf_addf(out, "%*s", (int)(widths[column] - width_of(text) + GAP), "");
	}
}

/*
 * The last column is not filled up. Widths count bytes: names are ASCII, and only the last column
 * holds free text.
 */
#include "oci/dockerfile/report_table.h"

#define WIDTH_MAX 60

void report_table_row(struct report_table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->nr_columns; i++)
		strv_add(&t->cells, cells[i] ? cells[i] : "");
}

static void add_cell(struct buf *out, const char *cell, size_t width)
{
	size_t n = strlen(cell);

	for (size_t i = 0; i < n; i++)
		buf_add_char(out, (unsigned char)cell[i] < 0x20 || cell[i] == 0x7f ? '?' : cell[i]);
	for (; n < width; n++)
		buf_add_char(out, ' ');
}

void report_table_print(struct buf *out, const struct report_table *t)
{
	size_t width[REPORT_COLUMNS_MAX] = { 0 };

	if (t->cells.n <= t->nr_columns)
		return;
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t n = strlen(t->cells.v[i]), *w = &width[i % t->nr_columns];

		*w = n > *w ? n > WIDTH_MAX ? WIDTH_MAX : n : *w;
	}
	for (size_t i = 0; i < t->cells.n; i++) {
		bool last = (i + 1) % t->nr_columns == 0;

		add_cell(out, t->cells.v[i], last ? 0 : width[i % t->nr_columns] + 3);
		if (!last)
			continue;
		while (out->len && out->data[out->len - 1] == ' ')
			out->data[--out->len] = '\0';
		buf_add_char(out, '\n');
	}
}

void report_table_release(struct report_table *t)
{
	strv_release(&t->cells);
}

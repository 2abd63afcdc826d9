/*
 * Rows of text under headings, as docker prints them: columns three blanks apart, no lines. Pure.
 *
 *	auto_table struct table t = TABLE_INIT("NAME", "MODE");
 *	table_row(&t, name, mode);	// as many cells as headings
 *	table_print(&t, &buf);
 */
#ifndef DEPLOY_TABLE_H
#define DEPLOY_TABLE_H

#include "base/buf.h"
#include "base/strv.h"

struct table {
	size_t columns;
	struct strv cells; /* the headings first */
};

#define TABLE_INIT(...)                                                                            \
	table_begin(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *),                \
		    (const char *[]){ __VA_ARGS__ })
struct table table_begin(size_t columns, const char *const *headings);
/* Control bytes in a cell become '?': it stays one line. NULL: empty. */
void table_cell(struct table *t, const char *text);
void table_row_(struct table *t, const char *const *cells);
#define table_row(t, ...) table_row_(t, (const char *[]){ __VA_ARGS__ })
/* Lines, the last without its end. */
void table_print(const struct table *t, struct buf *out);
void table_release(struct table *t);
#define auto_table CLEANUP(table_release)

#endif

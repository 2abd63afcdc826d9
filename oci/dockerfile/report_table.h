/* Columns of text, for report.c and report_outline.c. */
#ifndef OCI_DOCKERFILE_REPORT_TABLE_H
#define OCI_DOCKERFILE_REPORT_TABLE_H

#include "base/buf.h"
#include "base/strv.h"
#include "oci/dockerfile/ast.h"

#define REPORT_COLUMNS_MAX 3

struct report_table {
	size_t nr_columns;
	struct strv cells; /* row after row */
};

void report_table_row(struct report_table *t, const char *const *cells);
/* Nothing below the first row: prints nothing. Control bytes become '?'. */
void report_table_print(struct buf *out, const struct report_table *t);
void report_table_release(struct report_table *t);

/* The comment above an instruction, without the name that it begins with; "": none. Borrowed. */
const char *report_description(const struct dockerfile_instr *in, const char *name);

#endif

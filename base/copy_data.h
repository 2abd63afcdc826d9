/* One regular file's bytes, by the kernel where it can, holes left out. */
#ifndef BASE_COPY_DATA_H
#define BASE_COPY_DATA_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/op.h"

/* to is empty; st: of from. *copied: how many bytes from had. name: for messages. */
int copy_data(uint64_t *copied, const struct op *op, int to, int from, const struct stat *st,
	      const char *name, struct err *e) MUST_CHECK;

/* Extended attributes, without those that belong to the file system. Best effort: what the target
 * does not take is left out. */
void copy_xattrs(int to, int from);

#endif

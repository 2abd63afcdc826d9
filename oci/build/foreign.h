/*
 * Whether this machine runs programs made for another: by nature (386 on amd64), or by an emulator
 * that somebody has registered with the kernel (binfmt_misc).
 */
#ifndef OCI_BUILD_FOREIGN_H
#define OCI_BUILD_FOREIGN_H

#include "base/op.h"
#include "oci/image/platform.h"

/* dir: an existing directory on a file system that allows programs; a file is made and removed in
 * it. ERR_IMPOSSIBLE: it does not, and how to get there. */
int foreign_check(const struct op *op, const struct oci_platform *p, const char *dir, struct err *e)
	MUST_CHECK;

/* A program for this architecture that ends at once with status 0; false: none is known. */
struct buf;
bool foreign_program(struct buf *out, const char *arch);

#endif

/*
 * Files with names inside a directory and outside of it, after a RUN for which that directory was no
 * mount: it could link across (uv and pnpm do), and who changed the one later would change the other.
 */
#ifndef OCI_RUN_PART_LINKS_H
#define OCI_RUN_PART_LINKS_H

#include "base/err.h"

/* Those below dir_fd (readable) become files of their own, with the same bytes and attributes. */
int part_links(int dir_fd, struct err *e) MUST_CHECK;

#endif

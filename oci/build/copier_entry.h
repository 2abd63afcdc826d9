/* One entry copied from a directory to a directory; between copier.c and copier_entry.c. */
#ifndef OCI_BUILD_COPIER_ENTRY_H
#define OCI_BUILD_COPIER_ENTRY_H

#include "oci/build/copier.h"

struct copier_place {
	int dirfd; /* borrowed */
	const char *name;
	const char *path; /* from the tree's root, for messages and hard links; no links in it */
};

/* Anything but a directory. What is there and is no directory is replaced. */
int copier_entry(struct copier *c, const struct copier_place *to, int from_dirfd,
		 const char *from_name, const struct stat *st, struct err *e) MUST_CHECK;

/* The owner and mode that an entry like st gets. */
void copier_attrs(const struct copier *c, const struct stat *st, uint32_t *uid, uint32_t *gid,
		  mode_t *mode);

#endif

/*
 * Where in a tar file its members lie, so that they can be read in place. What an image archive is made
 * of is understood: ustar, pax and GNU's long names and sizes, hard links. The file may be a stranger's:
 * bounded, and what two readers could take differently is refused (one name twice, names that leave
 * the archive, links with content, hard links to what does not stand before them).
 */
#ifndef OCI_IMAGE_TAR_INDEX_H
#define OCI_IMAGE_TAR_INDEX_H

#include "base/cc.h"
#include "base/err.h"

#define TAR_INDEX_MEMBERS_MAX 65536
#define TAR_INDEX_NAME_MAX    512

struct tar_member {
	char *name;		 /* without "./" before it */
	char *link;		 /* a symbolic link's target; NULL: a regular file */
	uint64_t at, size_bytes; /* of its bytes in the file; a hard link's are the target's */
	bool is_hard;
};
struct tar_index {
	struct tar_member *v; /* sorted by name; directories and devices are left out */
	size_t nr, cap;
};

/* fd: only pread. ERR_INPUT: not a tar file. ERR_CORRUPT: a broken or hostile one. */
int tar_index_read(struct tar_index *out, int fd, struct err *e) MUST_CHECK;
void tar_index_release(struct tar_index *x);
/* NULL: no such member. */
const struct tar_member *tar_index_find(const struct tar_index *x, const char *name);
/* The same, through one symbolic link that stays inside: docker save makes those of equal layers. */
const struct tar_member *tar_index_follow(const struct tar_index *x, const char *name);

#define auto_tar_index CLEANUP(tar_index_release)

#endif

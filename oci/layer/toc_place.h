/*
 * Layers put over each other in memory, by the rules of place.h: every parent is resolved inside the
 * tree, every last name is acted on without following it, and a layer's whiteouts spare what the
 * layer itself has set.
 */
#ifndef OCI_LAYER_TOC_PLACE_H
#define OCI_LAYER_TOC_PLACE_H

#include "oci/layer/names.h"
#include "oci/layer/tar.h"
#include "oci/layer/toc.h"

struct toc_inode;
struct toc_name;

struct toc_place {
	struct names names;
	struct toc_name *at; /* by the numbers of names */
	uint32_t cap_at;
	struct toc_inode *inodes;
	uint32_t nr_inodes, cap_inodes, free_inode;
	uint64_t bytes;		/* of all paths and links that are there */
	uint64_t text_bytes;	/* of files that are kept whole */
	struct toc_where where; /* of the next entry */
	char *dir; /* path of the last entry's directory; NULL: none, or it may lead elsewhere */
	uint32_t dir_at;
	struct buf path, target; /* clean */
};

void toc_place_init(struct toc_place *p);
void toc_place_release(struct toc_place *p);
/* Between two layers. */
void toc_place_next_layer(struct toc_place *p);
int toc_place_entry(struct toc_place *p, const struct tar_entry *ent, struct tar_reader *from,
		    struct err *e) MUST_CHECK;
/* p is used up. */
void toc_place_finish(struct toc *out, struct toc_place *p);

/* -- between toc_place.c and toc_finish.c -- */

struct toc_inode {
	uint32_t mode, uid, gid;
	uint32_t names; /* how many it has; 0: free */
	uint64_t size;
	dev_t rdev;
	struct timespec mtime;
	struct toc_where where;
	char *link; /* a symbolic link's text */
	unsigned char *capability;
	uint32_t capability_len;
	uint32_t next_free;
	char *text; /* the bytes of a file that is kept whole */
	size_t text_len;
};
struct toc_name {
	uint32_t inode;
	uint32_t path_len;
	uint32_t touched; /* the layer that set it last, counted from 1 */
};

#endif

/*
 * A list of changes as bytes: some 30 for an entry, where struct layer_change needs 300, so that a layer may
 * have a million files. It is read from its beginning only.
 *
 *	listing_add(&l, &directory); listing_add(&l, &file_in_it); listing_leave(&l);
 *
 *	listing_begin(&at, &l);
 *	while ((c = listing_next(&at)))
 *		...
 *	listing_end(&at);
 *
 * Of a file's stat it keeps type and mode, owner, device, size, time and the number of names.
 */
#ifndef OCI_LAYER_LISTING_H
#define OCI_LAYER_LISTING_H

#include "base/buf.h"
#include "oci/layer/changes.h"

/* Begins as LISTING_INIT: zeroes would hold nothing. */
struct layer_listing {
	struct buf bytes;
	size_t nr;	     /* entries */
	uint64_t file_bytes; /* of regular files */
	/* where the bytes of the file before are, while it is being made */
	bool has_origin;
	int origin_fd;
	struct buf origin_dir;
};
#define LISTING_INIT                                                                               \
	((struct layer_listing){ .bytes = BUF_INIT(SIZE_MAX), .origin_dir = BUF_INIT(SIZE_MAX) })

void listing_release(struct layer_listing *l);
#define auto_listing CLEANUP(listing_release)

/*
 * c's path counts by its last part only, in the order of changes.h: what is added after a directory that is
 * there (no deletion) is in it, until that is left. Regular files have an origin_path, relative to a directory's
 * descriptor.
 */
void listing_add(struct layer_listing *l, const struct layer_change *c);
/* A directory that is no entry, but has some in it. */
void listing_enter(struct layer_listing *l, const char *name);
void listing_leave(struct layer_listing *l);
/* All of from, as what is in the directory that was added last. */
void listing_join(struct layer_listing *l, const struct layer_listing *from);
/* Nothing more is added: no room for it is kept. */
void listing_settle(struct layer_listing *l);

/* listing_back: l is what it was when the mark was made. No directory that was open then may have been left. */
struct listing_mark {
	size_t len, nr;
	uint64_t file_bytes;
};
struct listing_mark listing_mark(const struct layer_listing *l);
void listing_back(struct layer_listing *l, const struct listing_mark *m);

struct listing_cursor {
	struct layer_change_reader reader;
	struct span rest;
	struct buf path, origin;
	size_t dir_len, origin_dir_len;
	int origin_fd;
	size_t nr;
	struct layer_change now;
};
/* l must outlive it, unchanged. */
void listing_begin(struct listing_cursor *at, const struct layer_listing *l);
/* NULL: that was all. Borrowed until the next call. Each entry has an inode number of its own. */
const struct layer_change *listing_next(struct listing_cursor *at);
void listing_end(struct listing_cursor *at);
#define auto_listing_cursor CLEANUP(listing_end)

/* As an array; names of one file share an inode. */
void listing_expand(struct layer_changes *out, const struct layer_listing *l);

#endif

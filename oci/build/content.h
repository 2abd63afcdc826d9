/*
 * What files are in a list, as a digest: path, kind, mode, owner, link, capability, size and bytes of
 * each; no times, since a fresh checkout has fresh ones. Thread-safe.
 */
#ifndef OCI_BUILD_CONTENT_H
#define OCI_BUILD_CONTENT_H

#include "base/op.h"
#include "oci/build/cache_key.h"
#include "oci/layer/listing.h"

/*
 * Adds to t a field for each entry, named by its path. parallel: the bytes
 * are read on op->pool (so not from one of its workers).
 */
int content_add(struct cache_text *t, const struct op *op, const struct layer_listing *l,
		bool parallel, struct err *e) MUST_CHECK;

/*
 * Files are read more than once, for the digest and for the layer, while people go on editing: what both
 * have read is the same if no file has changed since a look before the first (by inode, size and times).
 */
struct content_seen {
	uint64_t *v; /* how each file was, in a number */
	size_t nr, cap;
	struct buf names;		/* of all, each terminated */
	struct content_origin *origins; /* where runs of them are */
	size_t nr_origins, cap_origins;
};
/* Adds the files of l; their origins must stay as long as it is asked. */
void content_see(struct content_seen *s, const struct layer_listing *l);
/* The first that is not as it was seen, owned by the caller; NULL: none. */
char *content_changed(const struct content_seen *s) MUST_CHECK;
void content_seen_release(struct content_seen *s);

#endif

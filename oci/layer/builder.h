/*
 * A layer in the making, without touching a file system: entries are put over what lies below, as
 * a program would do it in a stage's root, and come out as a change list. No privileges needed:
 * owners, devices and capabilities are only noted.
 *
 *	b = layer_builder_new(below, &now);
 *	layer_builder_put(b, "srv", &dir, e); layer_builder_put(b, "srv/a", &file, e); …
 *	layer_builder_list(&listing, b, e);
 *
 * Adding, replacing or removing a name gives its directory the time `now`, as it would on a disk;
 * putting a directory that is there only sets what it is. Directories that lead to an entry are in
 * the layer with what they are below. Entries equal to what lies below are not (compare.h).
 */
#ifndef OCI_LAYER_BUILDER_H
#define OCI_LAYER_BUILDER_H

#include "oci/layer/listing.h"
#include "oci/layer/tree.h"

struct layer_builder;

struct layer_file {
	struct stat st;	  /* type and mode, owner, device, size, mtime; the rest is not looked at */
	const char *link; /* a symbolic link's text */
	struct span capability;
	struct tree_origin
		origin; /* a regular file's bytes; path copied, dirfd must outlive the changes */
	uint64_t same;	/* not 0: all names with this value are one file (hard links) */
};

/* below: borrowed; NULL: nothing lies below. */
struct layer_builder *layer_builder_new(struct tree *below, const struct timespec *now);
/* What is put is not younger than this (SOURCE_DATE_EPOCH), as if it came out of a layer that was
 * written so: whether it is equal to what lies below must not depend on that. */
void layer_builder_limit(struct layer_builder *b, int64_t epoch);
void layer_builder_free(struct layer_builder *b); /* NULL is fine */
DEFINE_AUTO(layer_builder, layer_builder_free)
#define auto_layer_builder CLEANUP(layer_builder_auto_)

/* What is there by now: below, with the entries over it. Borrowed, as long as b. */
struct tree *layer_builder_tree(struct layer_builder *b);

/*
 * path: clean, without links on its way (tree_resolve gave it); its directory must be there.
 * ERR_INPUT: a directory cannot replace something else, nor the reverse (remove it first).
 */
int layer_builder_put(struct layer_builder *b, const char *path, const struct layer_file *f,
		      struct err *e) MUST_CHECK;
/* The missing directories of path and itself, like `dir` but with the time `now`. */
int layer_builder_make_dirs(struct layer_builder *b, const char *path, const struct layer_file *dir,
			    struct err *e) MUST_CHECK;
/* path and all below it; missing is fine. */
int layer_builder_remove(struct layer_builder *b, const char *path, struct err *e) MUST_CHECK;

/*
 * Nothing will be put into dir, removed from it or looked at in it any more: what is in it is kept in fewer
 * bytes, where that is possible. Nothing happens when it is no directory. How a tree of a million files is put,
 * directory by directory.
 * The texts of their names stay until b is freed: 200 MB for a million of 200 bytes.
 */
void layer_builder_close(struct layer_builder *b, const char *dir);

/* Sorted as changes.h says. b is used up. */
int layer_builder_list(struct layer_listing *out, struct layer_builder *b, struct err *e)
	MUST_CHECK;
#endif

/*
 * A file tree that can be looked at, whatever it is made of: a directory, a list of changes, the
 * table of contents of a layer that nobody unpacked, or several of these over each other. An
 * interface; tree_dir.h, tree_list.h and tree_stack.h carry it out.
 *
 * Paths are clean and relative to the root: "a/b"; "" is the root. No link is ever followed here:
 * a path through one is absent (tree_resolve follows them, inside the tree).
 * One thread at a time; but the origin of a file may be read by any thread as long as the tree is there.
 */
#ifndef OCI_LAYER_TREE_H
#define OCI_LAYER_TREE_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/span.h"
#include "base/strv.h"

struct tree;

struct tree_node {
	struct stat
		st; /* as lstat; st_dev and st_ino tell the names of one file where st_nlink > 1 */
	const char *link; /* a symbolic link's text, else NULL; borrowed until the next look */
	struct span capability; /* security.capability, raw, n 0: none; borrowed likewise */
};

/* Where a regular file's bytes are: a path below a directory, to be opened without following links. */
struct tree_origin {
	int dirfd;  /* the tree's; good as long as the tree */
	char *path; /* owned by the caller */
};

struct tree_ops {
	/* 1: there, 0: not there, -1. */
	int (*look)(struct tree *t, const char *path, struct tree_node *out, struct err *e);
	/* Names in a directory, sorted by bytes, added to names. */
	int (*list)(struct tree *t, const char *dir, struct strv *names, struct err *e);
	/* path is a regular file that look has shown. */
	int (*origin)(struct tree *t, const char *path, struct tree_origin *out, struct err *e);
	void (*free)(struct tree *t);
};
struct tree {
	const struct tree_ops *ops;
};

int tree_look(struct tree *t, const char *path, struct tree_node *out, struct err *e) MUST_CHECK;
int tree_list(struct tree *t, const char *dir, struct strv *names, struct err *e) MUST_CHECK;
int tree_origin(struct tree *t, const char *path, struct tree_origin *out, struct err *e)
	MUST_CHECK;
void tree_origin_release(struct tree_origin *o);
/* A regular file's bytes, to read from their beginning; the caller closes it. */
int tree_open_file(struct tree *t, const char *path, struct err *e) MUST_CHECK;
void tree_free(struct tree *t); /* NULL is fine */

/*
 * Where a path leads inside the tree: links followed as if the tree were "/", so that nothing
 * leads out of it. Parts that are missing are kept as they are written.
 */
struct tree_place {
	char *path; /* without links; "": the root. Owned by the caller */
	bool exists;
	struct stat st; /* when it exists; never a link */
};
/* ERR_INPUT: more links than TREE_LINKS_MAX, or a path through something that is no directory. */
#define TREE_LINKS_MAX 255
int tree_resolve(struct tree_place *out, struct tree *t, const char *path, struct err *e)
	MUST_CHECK;
void tree_place_release(struct tree_place *p);

DEFINE_AUTO(tree, tree_free)
#define auto_tree	 CLEANUP(tree_auto_)
#define auto_tree_origin CLEANUP(tree_origin_release)
#define auto_tree_place	 CLEANUP(tree_place_release)

#endif

/*
 * A file tree that can be looked at, whatever it is made of: a directory, a list of changes, the
 * table of contents of a layer that nobody unpacked, or several of these over each other. An
 * interface; tree_dir.h, tree_list.h, tree_stack.h, toc.h and builder.h carry it out.
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

/* What a tree that is made to lie over others says of what is below it; tree_stack.h heeds it. */
enum tree_mark {
	TREE_NO_MARK,
	TREE_DELETED, /* the name is not there, and what is below has it no more */
	TREE_OPAQUE,  /* a directory of which nothing from below is seen */
};

struct tree_node {
	struct stat
		st; /* as lstat; st_dev and st_ino tell the names of one file where st_nlink > 1 */
	const char *link; /* a symbolic link's text, else NULL; borrowed until the next look */
	struct span capability; /* security.capability, raw, n 0: none; borrowed likewise */
	enum tree_mark mark;	/* also when the path is not there */
};

/* Where a regular file's bytes are: a path below a directory, to be opened without following links. */
struct tree_origin {
	int dirfd;  /* the tree's; good as long as the tree */
	char *path; /* owned by the caller */
};

struct tree_ops {
	/* 1: there, 0: not there, -1. out is zeroed before. */
	int (*look)(struct tree *t, const char *path, struct tree_node *out, struct err *e);
	/* Names in a directory that is there, in any order, added to names; those it deletes from what is
	 * below added to deleted (which may be NULL). */
	int (*list)(struct tree *t, const char *dir, struct strv *names, struct strv *deleted,
		    struct err *e);
	/* path is a regular file that look has shown. */
	int (*origin)(struct tree *t, const char *path, struct tree_origin *out, struct err *e);
	void (*free)(struct tree *t);
};
struct tree {
	const struct tree_ops *ops;
};

/* 1: there, 0: not there, -1. */
int tree_look(struct tree *t, const char *path, struct tree_node *out, struct err *e) MUST_CHECK;
/* Names in a directory, sorted by bytes; what was in names is gone. ERR_ABSENT: there is no such
 * directory. */
int tree_list(struct tree *t, const char *dir, struct strv *names, struct err *e) MUST_CHECK;
/* For trees of trees: as tree_list, with the names that are deleted from what is below, in any order. */
int tree_list_marks(struct tree *t, const char *dir, struct strv *names, struct strv *deleted,
		    struct err *e) MUST_CHECK;
/* path is a regular file that is there. */
int tree_origin(struct tree *t, const char *path, struct tree_origin *out, struct err *e)
	MUST_CHECK;
void tree_origin_release(struct tree_origin *o);
/* A regular file's bytes, to read from their beginning; the caller closes it. */
int tree_open_file(struct tree *t, const char *path, struct err *e) MUST_CHECK;
int tree_origin_open(const struct tree_origin *o, struct err *e) MUST_CHECK;
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
/* ERR_INPUT: more links than TREE_LINKS_MAX, or (e->sys ENOTDIR) a path through something that is no
 * directory. */
#define TREE_LINKS_MAX 255
int tree_resolve(struct tree_place *out, struct tree *t, const char *path, struct err *e)
	MUST_CHECK;
void tree_place_release(struct tree_place *p);

DEFINE_AUTO(tree, tree_free)
#define auto_tree	 CLEANUP(tree_auto_)
#define auto_tree_origin CLEANUP(tree_origin_release)
#define auto_tree_place	 CLEANUP(tree_place_release)

#endif

/*
 * Temporary trees for tests: made in a line each, and told as text. Failing to make
 * something ends the test program.
 */
#ifndef TESTS_FAKES_LAYER_TREE_H
#define TESTS_FAKES_LAYER_TREE_H

#include "base/buf.h"

struct tree {
	char path[32];
	int fd;
};

void tree_open(struct tree *t);
void tree_close(struct tree *t); /* removes it */
#define auto_tree CLEANUP(tree_close)

/* All times become TREE_TIME, so that only what a test changes is different. */
#define TREE_TIME 1000000000
void tree_dir(struct tree *t, const char *path);		       /* 0755 */
void tree_file(struct tree *t, const char *path, const char *content); /* 0644 */
void tree_symlink(struct tree *t, const char *path, const char *target);
void tree_hard_link(struct tree *t, const char *path, const char *target);
void tree_node(struct tree *t, const char *path, mode_t mode, unsigned major, unsigned minor);
void tree_whiteout(struct tree *t, const char *path); /* as overlayfs makes it */
/* trusted.overlay.<key>, or user. where the first is not permitted */
void tree_mark(struct tree *t, const char *path, const char *key, const char *value);
void tree_set_time(struct tree *t, const char *path, int64_t sec, long nsec);
/* The times of all directories, after filling them. */
void tree_settle(struct tree *t);

/*
 * One line per entry, in path order: "f 0644 0:0 5 a/b = hello", "d 0755 0:0 a", "l a/l -> x",
 * "c 0600 0:0 1:3 null", "p 0600 0:0 fifo", "h a/c == a/b" for a further name of a file. With
 * `times`, " @sec" (".nsec" when not 0) behind the owner. Owned by the caller.
 */
char *tree_text(const struct tree *t, bool times) MUST_CHECK;

#endif

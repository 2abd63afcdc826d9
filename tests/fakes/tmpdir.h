/*
 * A directory of the test's own, and short ways to put things into it and to
 * read them back. What cannot be made fails the test.
 *
 *	struct tmpdir t;
 *	tmpdir_init(&t);
 *	tmpdir_file(&t, "a/b", "text");		// makes a/ as well
 *	…
 *	tmpdir_release(&t);
 */
#ifndef TESTS_FAKES_TMPDIR_H
#define TESTS_FAKES_TMPDIR_H

#include "base/cc.h"

struct tmpdir {
	char path[64]; /* absolute */
	int fd;
};

void tmpdir_init(struct tmpdir *t);
void tmpdir_release(struct tmpdir *t); /* removes all of it */
void tmpdir_dir(struct tmpdir *t, const char *name);
void tmpdir_file(struct tmpdir *t, const char *name, const char *text); /* mode 0644 */
void tmpdir_link(struct tmpdir *t, const char *name, const char *target);
bool tmpdir_has(const struct tmpdir *t, const char *name);		/* a dangling link counts */
char *tmpdir_read(const struct tmpdir *t, const char *name) MUST_CHECK; /* NULL: cannot */
size_t tmpdir_count(const struct tmpdir *t);				/* entries directly in it */

/* In a child: enters a mount namespace of its own, with t as the current directory. False: not
 * allowed here. What is mounted then ends with the child. */
bool tmpdir_own_mounts(struct tmpdir *t) MUST_CHECK;

#define auto_tmpdir CLEANUP(tmpdir_release)

#endif

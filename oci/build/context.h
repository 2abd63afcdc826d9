/*
 * Where COPY takes things from: the build context with its .dockerignore, a named context's
 * directory, or the file system of a stage or an image. And which entries of it a COPY's source
 * words mean.
 *
 * Nothing outside the directory is ever reached: links are followed as if the directory were "/".
 */
#ifndef OCI_BUILD_CONTEXT_H
#define OCI_BUILD_CONTEXT_H

#include <sys/stat.h>

#include "oci/dockerfile/ignore.h"

struct source_tree {
	int fd;		       /* -1: none */
	char *where;	       /* for messages: "the context 'DIR'", "stage 'build'" */
	struct ignore *ignore; /* NULL: nothing is ignored */
	char *ignore_file;     /* where its patterns are */
	bool is_context;       /* files become root's */
	dev_t skip_dev;	       /* a directory that is never part of it (our own state) */
	ino_t skip_ino;	       /* 0: none */
};
#define SOURCE_TREE_INIT                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * A context. dockerfile: the Dockerfile's path, whose own <dockerfile>.dockerignore goes before
 * .dockerignore; NULL: only the latter is looked for. ERR_ABSENT: no such directory.
 */
int context_open(struct source_tree *out, const char *dir, const char *dockerfile, struct err *e)
	MUST_CHECK;
void source_tree_release(struct source_tree *t);
#define auto_source_tree CLEANUP(source_tree_release)

struct source_match {
	char *path;	/* as it was asked for: its last part is the copy's name */
	char *real;	/* where that is, without links; "" is the tree itself */
	struct stat st; /* of real */
};
struct source_matches {
	struct source_match *v;
	size_t nr, cap;
};

/*
 * Adds what word (expanded, may have wildcards) means, in sorted order. A word with wildcards may
 * match nothing. ERR_INPUT: no such entry, or it is ignored (names the rule), or a bad pattern.
 */
int source_match_word(struct source_matches *out, const struct source_tree *t, const char *word,
		      struct err *e) MUST_CHECK;
void source_matches_release(struct source_matches *m);
#define auto_matches CLEANUP(source_matches_release)

#endif

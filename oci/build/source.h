/*
 * Where COPY takes things from: the build context with its .dockerignore, a named context, or the
 * files of a stage or an image. And which entries of it a COPY's source words mean.
 *
 * Nothing outside the tree is ever reached: links are followed as if the tree were "/". One thread
 * at a time.
 */
#ifndef OCI_BUILD_SOURCE_H
#define OCI_BUILD_SOURCE_H

#include <sys/stat.h>

#include "oci/build/context.h"
#include "oci/layer/tree.h"

struct source_tree {
	struct tree *tree; /* NULL: none */
	bool owned;	   /* tree goes with it */
	char *where;	   /* for messages: "the context 'DIR'", "stage 'build'" */
	/* borrowed from a context; NULL: nothing is ignored */
	const struct ignore *ignore;
	const char *ignore_file;
};

/* c must outlive it. */
int source_tree_of_context(struct source_tree *out, const struct context *c, struct err *e)
	MUST_CHECK;
void source_tree_release(struct source_tree *t);
#define auto_source_tree CLEANUP(source_tree_release)

/* Excluded by .dockerignore, and when it is a directory nothing below it is brought back. path:
 * without links. 1, 0, -1. */
int source_is_hidden(const struct source_tree *t, const char *path, mode_t mode, struct err *e)
	MUST_CHECK;

struct source_match {
	char *path;	/* as it was asked for: its last part is the copy's name */
	char *real;	/* where that is, without links; "" is the tree itself */
	struct stat st; /* of real */
	/* --parents: only what this lets through below real, a directory; else NULL. Owned */
	struct ignore *only;
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
/*
 * The same for --parents: the match is the directory that "/./" is behind (else the root), and `only`
 * says what in it is copied, with the directories that lead there. "**" is any number of them.
 */
int source_match_parents(struct source_matches *out, const struct source_tree *t, const char *word,
			 struct err *e) MUST_CHECK;
void source_matches_release(struct source_matches *m);
#define auto_matches CLEANUP(source_matches_release)

#endif

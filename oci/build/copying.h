/*
 * One COPY or ADD on its way, in three steps: its words are expanded, what they mean is found, the
 * layer is made. Nothing of the stage changes before all is found.
 *
 *	struct copying c = { .step = s };
 *	copying_begin(&c, e) … copying_find(&c, tree, word, e) … copying_commit(&c, e)
 *	copying_release(&c);
 */
#ifndef OCI_BUILD_COPYING_H
#define OCI_BUILD_COPYING_H

#include "oci/build/cache_look.h"
#include "oci/build/chmod.h"
#include "oci/build/copier.h"
#include "oci/build/step.h"

/* What one source word means. */
struct copy_item {
	const struct source_tree *from; /* borrowed */
	struct source_matches matches;
	bool may_unpack; /* ADD: regular files that are archives */
};

struct copying {
	struct step *step;
	struct strv words; /* sources, expanded; here-documents are not among them */
	char *dest_word;   /* as it is told */
	char *dest;	   /* absolute, clean */
	bool as_dir;
	char *chown, *chmod; /* expanded; NULL: not given, or empty */
	struct chmod_rule mode;
	struct ignore *exclude;
	struct copy_item *items;
	size_t nr, cap;
	struct cache_look look;
	unsigned char listed[HASH_SHA256_LEN]; /* what was seen when the key was made */
};

int copying_begin(struct copying *c, struct err *e) MUST_CHECK;
/*
 * Looks for its layer without looking at files: 1: found, and the line of history is there; 0: go on.
 * tree: where all that it copies comes from; NULL: from a context. checksum: what it fetches is
 * this; NULL: nothing is known of it.
 */
int copying_look(struct copying *c, const struct cache_ref *tree, const char *checksum,
		 struct err *e) MUST_CHECK;
/* word: one of c->words, in `from`. */
int copying_find(struct copying *c, const struct source_tree *from, const char *word,
		 bool may_unpack, struct err *e) MUST_CHECK;
/* Something that is found already; m is the copying's then. */
void copying_take(struct copying *c, const struct source_tree *from, struct source_match *m,
		  bool may_unpack);
/* The instruction's here-documents, as files (copying_docs.c). */
int copying_find_docs(struct copying *c, struct err *e) MUST_CHECK;
/* Finds the layer by the content, or makes it; and the line of history. */
int copying_commit(struct copying *c, struct err *e) MUST_CHECK;
void copying_release(struct copying *c);
#define auto_copying CLEANUP(copying_release)

#endif

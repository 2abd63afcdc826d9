/*
 * What one COPY does to a tree: entries of a source tree put below a destination, with docker's
 * rules for where they go, whose they are and what they replace.
 *
 *	struct copier c = { .op = op, .from = &source, .root_fd = tree->root_fd, … };
 *	copier_put(&c, &match, "/app/", true, e) …
 *	copier_release(&c);
 *
 * Two names of one file stay one file within a copier, as long as no later source replaces
 * anything. Not thread-safe.
 */
#ifndef OCI_BUILD_COPIER_H
#define OCI_BUILD_COPIER_H

#include "base/op.h"
#include "oci/build/context.h"

struct link_slot;

struct copier {
	const struct op *op;
	const struct source_tree *from;
	int root_fd;	/* the tree that is changed; borrowed */
	bool has_owner; /* else as in the source; 0:0 from a context */
	uint32_t uid, gid;
	bool has_mode; /* else as in the source */
	uint32_t mode;
	const char *progress_id; /* ticks; NULL: none */
	uint64_t bytes;		 /* copied so far */
	struct link_slot *links; /* files with several names that were copied */
	size_t nr_links, cap_links;
	size_t nr_puts;
};

/*
 * dest: absolute, clean. as_dir: it is written with a '/' at the end. only_one: nothing else is
 * copied to dest, so a file may become dest itself. ERR_INPUT: the kinds do not fit.
 */
int copier_put(struct copier *c, const struct source_match *m, const char *dest, bool as_dir,
	       bool only_one, struct err *e) MUST_CHECK;
void copier_release(struct copier *c);

#define auto_copier CLEANUP(copier_release)

#endif

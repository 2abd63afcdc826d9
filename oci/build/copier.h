/*
 * What one COPY does: entries of a source tree put below a destination, with docker's rules for
 * where they go, whose they are and what they replace.
 *
 *	struct copier c = { .op = op, .from = &source, .to = builder, … };
 *	copier_put(&c, &match, "/app/", true, e) …
 *	copier_release(&c);
 *
 * Two names of one file stay one file within one source. No bytes are moved: the builder learns
 * where they are, so from's tree must outlive the changes that come of it. Not thread-safe.
 */
#ifndef OCI_BUILD_COPIER_H
#define OCI_BUILD_COPIER_H

#include "base/op.h"
#include "oci/build/chmod.h"
#include "oci/build/source.h"
#include "oci/layer/builder.h"

struct link_slot;

struct copier {
	const struct op *op;
	const struct source_tree *from;
	struct layer_builder *to;
	bool has_owner; /* else as in the source */
	uint32_t uid, gid;
	const struct chmod_rule *mode; /* NULL: as in the source */
	const struct ignore *exclude;  /* --exclude: paths below each source; NULL: none */
	bool is_alone; /* nothing else is put where one source is: its directories can be closed */
	uint64_t nr_files;	 /* with several names: the builder's numbers for them */
	struct link_slot *links; /* those of the source that is put now */
	size_t nr_links, cap_links;
	struct hash
		*seen; /* gets all that was looked at, but for bytes, in order; NULL: nobody asks */
};

/*
 * dest: absolute, clean. as_dir: it is written with a '/' at the end. only_one: nothing else is
 * copied to dest, so a file may become dest itself. ERR_INPUT: the kinds do not fit.
 */
int copier_put(struct copier *c, const struct source_match *m, const char *dest, bool as_dir,
	       bool only_one, struct err *e) MUST_CHECK;
/* As it would be put, but only for c->seen. */
int copier_see(struct copier *c, const struct source_match *m, struct err *e) MUST_CHECK;
void copier_release(struct copier *c);

/* The directory dest, and those that lead to it, made where they are missing, whatever --chmod says.
 * *real: where that is, without links; owned by the caller. ERR_INPUT: something else is there. */
int copier_make_dest(char **real, struct copier *c, const char *dest, struct err *e) MUST_CHECK;

#define auto_copier CLEANUP(copier_release)

#endif

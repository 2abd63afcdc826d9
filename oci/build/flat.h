/*
 * A stage's tree as one directory that is changed in place, for sandboxes that cannot show directories
 * over each other (sandbox.h, is_flat).
 *
 * The image's layers are unpacked into it when the first RUN comes, what COPY, ADD and WORKDIR have made
 * since is put in before each RUN, and what a RUN has changed is found by one walk (layer/record.h). It
 * becomes a listed layer like any other. Bytes of changed files are copied aside, since the next RUN
 * may change them again while they are packed; after a stage's last RUN they stay where they are, and
 * the directory must not change any more (is_final).
 *
 * Layers are what they are in an overlay, but for one thing: who changes a file that came with
 * several names from an earlier layer changes it under all of them here, there under one.
 *
 * One thread at a time: the stage's, later whoever holds its lock.
 */
#ifndef OCI_BUILD_FLAT_H
#define OCI_BUILD_FLAT_H

#include "oci/build/job.h"

struct record;

struct flat {
	char *path; /* absolute; NULL: not made */
	int fd;
	struct record *record; /* NULL: final */
	size_t nr_in;	       /* so many of the stage's layers are in it */
	int aside;	       /* where bytes are copied to; -1: nothing was yet */
	size_t nr_runs;
	unsigned nr_tries; /* of making it */
	bool is_final;
};
#define FLAT_INIT ((struct flat){ .fd = -1, .aside = -1 })

/* Where such directories are, when the sandbox wants them elsewhere than in the workspace. */
int flat_open_place(struct job *j, struct err *e) MUST_CHECK;

/* All that st has by now is in f->path afterwards, to be changed by a RUN, unless f is final. what: part
 * of the directory's name. After an error f is as it was before it was made, but for what is
 * aside. */
int flat_bring(struct flat *f, struct job *j, const struct stage *st, const char *what,
	       struct err *e) MUST_CHECK;
/* What a RUN has changed since; belongs into st as the next layer, and is in f already. */
int flat_changes(struct layer_changes *out, struct flat *f, struct job *j, const struct stage *st,
		 struct err *e) MUST_CHECK;
/* A directory of its own with all that st has, that nobody else looks at; the caller closes it. It goes
 * with the workspace. */
int flat_copy(struct job *j, const struct stage *st, const char *name, struct err *e) MUST_CHECK;
void flat_release(struct flat *f);

#endif

/*
 * "Put this image under these names": declared here, so that the build does not know registries.
 * Implemented by registry/sink.c; handed over by cmd/cbuild.c.
 */
#ifndef OCI_IMAGE_SINK_H
#define OCI_IMAGE_SINK_H

#include "base/op.h"
#include "oci/image/store.h"

struct image_sink_job { /* all borrowed */
	/* Opening a blob may take long: it may have to be fetched. Only what is needed is opened. */
	struct oci_store *from;
	const struct oci_descriptor *image; /* manifest or index */
	const struct strv *names;	    /* full references; HOST/PATH@DIGEST: no tag */
	const struct strv *origins;	    /* DIGEST=HOST/PATH: a repository that has this blob */
};

struct image_sink {
	/* ERR_DENIED, ERR_UNAVAILABLE, ERR_CORRUPT. A name is set when all behind it is there. */
	int (*put)(struct image_sink *sink, struct op *op, const struct image_sink_job *job,
		   struct err *e);
	/* What follows has functions of its own below. NULL: nothing is sent before `put`. */
	void (*expect)(struct image_sink *sink, struct op *op, const struct strv *names);
	void (*send)(struct image_sink *sink, struct oci_store *from,
		     const struct oci_descriptor *blob);
	void (*settle)(struct image_sink *sink, bool wanted);
	void (*free)(struct image_sink *sink);
};

/*
 * Before the image is finished: its names (full references; op is borrowed until settled), then each blob
 * as soon as it is in a store (borrowed likewise). Sending returns at once, from any thread, and
 * tells of no failure: `put` sends what is missing then. Settling ends it, waits for what is under way,
 * and comes after the last put; unless it is wanted, what has not begun yet is not.
 */
void image_sink_expect(struct image_sink *sink, struct op *op, const struct strv *names);
void image_sink_send(struct image_sink *sink, struct oci_store *from,
		     const struct oci_descriptor *blob);
void image_sink_settle(struct image_sink *sink, bool wanted);

void image_sink_free(struct image_sink *sink); /* NULL is fine */

#endif

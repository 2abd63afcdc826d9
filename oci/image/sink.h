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
	void (*free)(struct image_sink *sink);
};

void image_sink_free(struct image_sink *sink); /* NULL is fine */

#endif

/*
 * A layer on its way from a step's upper directory into a store. It is compared, written,
 * compressed and hashed on the pool while the next steps go on: the directory is a read-only
 * lower one by then.
 */
#ifndef OCI_BUILD_LAYER_H
#define OCI_BUILD_LAYER_H

#include "base/pool.h"
#include "oci/layer/pack.h"

struct layer {
	char *upper;	    /* absolute path */
	struct strv lowers; /* what it lies on, topmost first */
	char *what;	    /* for messages: "Dockerfile:3: RUN make" */
	/* for packing; borrowed */
	const struct op *op;
	struct oci_store *into;
	const struct layer_pack_options *opt;
	/* afterwards */
	struct oci_descriptor blob;
	struct oci_digest diff_id;
	int r;
	struct err err;
};

/* Begins packing on the batch's pool; l must stay until the batch was waited for. */
void layer_pack_begin(struct layer *l, struct pool_batch *batch);
void layer_free(struct layer *l);

#endif

/*
 * A layer on its way into a store. It is either listed (COPY, ADD, WORKDIR: changes whose bytes still
 * lie where they came from) or an upper directory (RUN). It is compared, written, compressed and
 * hashed on the pool while the next steps go on: nothing of it changes any more.
 *
 * A listed layer has no directory until a RUN needs one below it; then it is laid down, once.
 * Stages that are built side by side may share layers: all functions here are thread-safe.
 */
#ifndef OCI_BUILD_LAYER_H
#define OCI_BUILD_LAYER_H

#include <pthread.h>

#include "base/pool.h"
#include "oci/layer/pack.h"
#include "oci/layer/tree.h"

struct layer {
	bool is_listed;
	struct layer_changes changes; /* listed */
	pthread_mutex_t lock;	      /* of laying down */
	char *dir;	    /* absolute path; of a listed one: where it will be laid down */
	bool is_laid;	    /* dir is there; guarded by lock */
	struct strv lowers; /* upper: what it lies on, topmost first */
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

/* changes are the layer's from here on; their origins must be there until it is packed. */
struct layer *layer_new_listed(struct layer_changes *changes, const char *dir, const char *what);
/* dir: the upper directory. lowers: taken over. */
struct layer *layer_new_upper(const char *dir, struct strv *lowers, const char *what);
void layer_free(struct layer *l); /* NULL is fine */

/* Begins packing on the batch's pool; l must stay until the batch was waited for. */
void layer_pack_begin(struct layer *l, struct pool_batch *batch);

/* Whether overlayfs keeps its marks in attributes of the user's in this directory's file system. */
bool layer_wants_user_marks(int fd);

/* Its directory is there afterwards. */
int layer_make_dir(struct layer *l, const struct op *op, struct err *e) MUST_CHECK;

/* What it changes, to be seen over others (tree_stack.h). l must outlive it; one for each thread. */
int layer_tree(struct tree **out, const struct layer *l, struct err *e) MUST_CHECK;

#endif

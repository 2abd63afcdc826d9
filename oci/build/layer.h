/*
 * A layer on its way into a store. It is either listed (COPY, ADD, WORKDIR: changes whose bytes still
 * lie where they came from) or an upper directory (RUN). It is compared, written, compressed and
 * hashed on the pool while the next steps go on: nothing of it changes any more.
 *
 * Or it was found in the step cache: then it is a listed one whose list and bytes are read from its blob
 * when somebody asks for them, and not before. A blob that is not what it should be is spoiled
 * (cache_book.h), and the error is ERR_CORRUPT.
 *
 * A listed layer has no directory until a RUN needs one below it; then it is laid down, once.
 * Stages that are built side by side may share layers: all functions here are thread-safe.
 */
#ifndef OCI_BUILD_LAYER_H
#define OCI_BUILD_LAYER_H

#include <pthread.h>

#include "base/pool.h"
#include "oci/build/cache_book.h"
#include "oci/image/sink.h"
#include "oci/layer/listing.h"
#include "oci/layer/pack.h"
#include "oci/layer/tree.h"

struct layer {
	bool is_listed, is_array;     /* from the beginning */
	struct layer_listing listing; /* listed, in bytes, … */
	/* … or as an array (is_array), or both when somebody has asked (is_read): then guarded by lock, and the
	 * packer, which does not take it, keeps to the bytes */
	struct layer_changes changes;
	pthread_mutex_t lock; /* of laying down and reading */
	char *dir;	      /* absolute path; of a listed one: where it will be laid down */
	bool is_laid;	      /* dir is there; guarded by lock */
	bool is_read;	      /* changes are there */
	struct strv lowers;   /* upper: what it lies on, topmost first */
	char *what;	      /* for messages: "Dockerfile:3: RUN make" */
	char *created;	      /* of its line of history */
	/* in the step cache; borrowed */
	struct cache_book *book; /* NULL: not, or not yet */
	struct cache_note *note;
	/* found there */
	bool is_found, is_fetched; /* its blob is there; guarded by lock, as is_read */
	struct cache_result result;
	struct cache_source *from; /* borrowed */
	int spool_fd;
	/* for packing; borrowed */
	const struct op *op, *pack_op; /* job.h's */
	struct oci_store *into;
	const struct layer_pack_options *opt;
	struct image_sink *sink; /* gets it as soon as it is packed; NULL: nobody does */
	/* afterwards */
	struct oci_descriptor blob;
	struct oci_digest diff_id;
	int r;
	struct err err;
};

/* What is listed is the layer's from here on; its origins must be there until it is packed. */
struct layer *layer_new_listed(struct layer_listing *listing, const char *dir, const char *what);
struct layer *layer_new_array(struct layer_changes *changes, const char *dir, const char *what);
/* Of an upper directory that is mounted no more, before it becomes a layer (layer_rejoin_names). */
int layer_upper_rejoin(const struct op *op, const char *dir, const struct strv *lowers,
		       struct err *e) MUST_CHECK;
/* dir: the upper directory. lowers: taken over. */
struct layer *layer_new_upper(const char *dir, struct strv *lowers, const char *what);
/* dir: as of a listed one; its bytes go beside. It has blob and diff_id already. */
struct layer *layer_new_found(const struct cache_result *r, struct cache_source *from,
			      struct cache_book *book, const char *dir, const char *what);
void layer_free(struct layer *l); /* NULL is fine */

/* Begins packing on the batch's pool; l must stay until the batch was waited for. */
void layer_pack_begin(struct layer *l, struct pool_batch *batch);

/* Whether overlayfs keeps its marks in attributes of the user's in this directory's file system. */
bool layer_wants_user_marks(int fd);

/* How blobs are made of tars with these options, in a word or two. */
#define LAYER_PACKING_MAX 32
void layer_packing(char out[LAYER_PACKING_MAX], const struct layer_pack_options *opt);

/* A found one has its blob in cache/blobs afterwards. */
int layer_fetch(struct layer *l, const struct op *op, struct err *e) MUST_CHECK;
/* A listed or found one has its changes afterwards. */
int layer_read(struct layer *l, const struct op *op, struct err *e) MUST_CHECK;
/* Its directory is there afterwards. */
int layer_make_dir(struct layer *l, const struct op *op, struct err *e) MUST_CHECK;

/* What it changes, to be seen over others (tree_stack.h). l must outlive it; one for each thread. */
int layer_tree(struct tree **out, struct layer *l, struct err *e) MUST_CHECK;

#endif

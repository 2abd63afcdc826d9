/*
 * One build under way: what all files of this room share.
 */
#ifndef OCI_BUILD_JOB_H
#define OCI_BUILD_JOB_H

#include <pthread.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/op.h"
#include "oci/build/build.h"
#include "oci/build/cache_book.h"
#include "oci/build/context.h"
#include "oci/build/image.h"
#include "oci/build/layer.h"
#include "oci/build/state.h"
#include "oci/build/workspace.h"

struct stage;

struct base; /* prepare.h's */
struct bases {
	struct base *v;
	size_t nr, cap;
};

struct job {
	struct op *op;
	const struct build_env *env;
	const struct build_options *opt;
	/* where opt points to: the caller's, and what arguments say, and … */
	struct build_options own_opt;
	struct strv named;	 /* … its contexts */
	struct strv named_shown; /* those that were fetched: NAME=WORD, for messages */
	struct oci_platform host;
	bool has_platforms; /* the caller has said for what is built */
	char *name;	    /* of the Dockerfile, for messages */
	struct buf text;    /* of it */
	struct dockerfile *file;
	bool all_stages; /* the plan has them, whatever the target needs (for checks) */
	struct dockerfile_plan *plan;
	struct bases bases; /* what its stages are FROM */
	struct context context;
	struct workspace ws;
	struct workspace flat_ws; /* flat.h's, where it cannot be in ws */
	struct images images;
	struct oci_store *work;		  /* new blobs, until all is done */
	struct state_options *state_opts; /* one for each of the plan's targets */
	struct cache_book book;
	int cache_lock; /* on cache/, shared: nobody prunes it meanwhile. -1: not held */
	struct layer_pack_options pack_opt;
	struct layer_pack_options side_opt; /* of layers that only the cache will have */
	struct pool_batch packs;
	struct op own_op;  /* where op points to: the caller's, but ended when a part has failed */
	struct op pack_op; /* the caller's: what was made before that is packed, and found again */
	struct cancel cancel;
	struct stage *stages;  /* as many as the plan has */
	bool has_begun_stdout; /* a tar is on its way there: it cannot be written again */
	pthread_mutex_t sandbox_lock;
	bool sandbox_tried, sandbox_told; /* guarded by it, with what came of it */
	int sandbox_r;
	struct err sandbox_err;
};

#define JOB_INIT                                                                                   \
	{                                                                                          \
		.context = CONTEXT_INIT, .ws = WORKSPACE_INIT, .cache_lock = -1,                   \
		.flat_ws = WORKSPACE_INIT, .cancel = CANCEL_INIT,                                  \
		.sandbox_lock = PTHREAD_MUTEX_INITIALIZER                                          \
	}

/*
 * The order: init, read (context and Dockerfile), then prepare.h's plan, then open_places (the
 * first that writes below --root, unless something had to be fetched). A job that was begun (JOB_INIT)
 * is released whatever went wrong.
 */
int job_init(struct job *j, const struct op *op, const struct build_env *env,
	     const struct build_options *opt, struct err *e) MUST_CHECK;
int job_read(struct job *j, struct err *e) MUST_CHECK;
int job_open_places(struct job *j, struct err *e) MUST_CHECK;
void job_release(struct job *j);
/* All that was done for stages is gone, as before the first of them began. */
int job_begin_again(struct job *j, struct err *e) MUST_CHECK;

/*
 * What RUNs things. What it can do is found out when that matters for the first time, so a build that
 * RUNs nothing, or has all of it in the cache, neither tries nor says anything. ERR_IMPOSSIBLE: there is
 * none here, says why. Both are thread-safe.
 */
int job_sandbox(struct sandbox **out, struct job *j, struct err *e) MUST_CHECK;
/* Stages are directories that are changed in place (flat.h). */
bool job_is_flat(struct job *j);

/* The time that goes into documents: SOURCE_DATE_EPOCH, else now. */
void job_time(const struct job *j, char out[CLOCK_TEXT_MAX]);

/* The same for what is made in a layer. */
void job_now(const struct job *j, struct timespec *out);

/* An image that cannot be had may be the name of a stage before that FROM, with a slip of the
 * fingers in it. Always -1. */
int job_hint_stage(const struct job *j, const char *image, const struct dockerfile_instr *before,
		   struct err *e);

/* A disk that is full is named. Always -1. */
int job_fail(const struct job *j, struct err *e);

#endif

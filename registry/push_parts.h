/*
 * What the files of a push share: push.c (the way from look to tags), push_look.c (what the repository
 * has), push_put.c (manifests). Private to them.
 */
#ifndef REGISTRY_PUSH_PARTS_H
#define REGISTRY_PUSH_PARTS_H

#include <pthread.h>

#include "base/progress.h"
#include "registry/api.h"
#include "registry/push.h"
#include "registry/push_plan.h"

/* A blob on its way: what it tells goes on as it is, and into the whole. */
struct push_sending {
	struct progress base;
	struct push *push;
	struct op op;	     /* which it tells */
	uint64_t done;	     /* of this blob; a new try begins at 0 again */
	struct strv sources; /* repositories to mount it from */
};

struct push {
	struct op *op;
	struct registry_repo repo;
	struct oci_store *from;
	const struct oci_descriptor *image;
	const struct registry_push_options *opt;
	struct push_plan plan;
	enum registry_upload *outcomes; /* one per blob of the plan … */
	bool *have;			/* … once it is there */
	struct strv tags;		/* to be set */
	struct strv sources;		/* repositories to mount from */

	bool whole; /* the image is in the repository already */

	/* The config when it was asked for before the others; its bytes go beside them. */
	struct push_sending config;
	struct upload *config_open; /* NULL: there is nothing to send (any more) */
	size_t first;		    /* which blob's turn comes before the others' */

	pthread_mutex_t lock; /* of what follows, while blobs go */
	struct strv there;    /* digests that an image under one of our tags holds */
	bool asked;	      /* that image was asked for */
	size_t left;	      /* blobs that nobody has begun */
	uint64_t done_bytes;  /* of what is sent, so far */

	char *id;	      /* of the push as a whole, in progress */
	uint64_t total_bytes; /* of all its blobs */
};

/* Drops the tags that are right already, finds out whether the image is there, or what of it. */
int push_look(struct push *p, struct err *e) MUST_CHECK;
/* A blob was there, unsaid: so an image before this one may tell of others, in one request. */
void push_look_again(struct push *p);
bool push_is_there(struct push *p, const struct oci_digest *d);

/* The config, unless it is known to be there; when the registry waits for its bytes, they are left for later. */
int push_config_begin(struct push *p, size_t i, struct err *e) MUST_CHECK;
/* One blob, unless it is known to be there. certain: then, too. */
int push_blob(struct push *p, size_t i, bool certain, struct err *e) MUST_CHECK;

/* A document under a tag or its digest, with whatever the registry misses for it. */
int push_put(struct push *p, const struct oci_descriptor *d, const char *name, struct err *e)
	MUST_CHECK;

#endif

/*
 * What one registry host has taught us during a run, so that it is not learnt anew for every blob:
 * one struct, kept by the session. Thread-safe: each field is read and set alone, and a lane
 * that still goes by what held a moment ago only takes one step more.
 */
#ifndef REGISTRY_HOST_H
#define REGISTRY_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/http_retry.h"
#include "base/strv.h"
#include "oci/image/digest.h"

enum registry_mount {			      /* about asking for blobs */
		      REGISTRY_MOUNT_UNKNOWN, /* nothing yet */
		      REGISTRY_MOUNT_TELLS,   /* a mount of a blob that exists was answered so */
		      REGISTRY_MOUNT_USELESS, /* refused, or blind to blobs that exist: HEAD first */
};

enum registry_body { /* how the bytes of a blob go, each for hosts that do not take the one before */
		     REGISTRY_BODY_PUT,	   /* POST, one PUT with all of them */
		     REGISTRY_BODY_PATCH,  /* POST, one PATCH with all of them, an empty PUT */
		     REGISTRY_BODY_CHUNKS, /* POST, PATCH for each piece, an empty PUT */
};

struct registry_host {
	struct http_pause pause; /* it has told us to wait */
	_Atomic enum registry_mount mount;
	_Atomic enum registry_body body;
	_Atomic bool body_proved;     /* a blob was taken that way */
	_Atomic bool no_chunks;	      /* they were refused */
	_Atomic uint64_t chunk_bytes; /* size of a piece, once one was found */

	pthread_mutex_t asking;	   /* about `mount`: one asks for all */
	pthread_mutex_t lock;	   /* of what follows */
	struct strv failed_mounts; /* a path for each failure */
	struct strv warnings;	   /* that were told */
	struct strv sent; /* PATH=DIGEST: a blob that is there for certain, of each repository */
	unsigned open;	  /* uploads that are certain to be ended … */
	pthread_cond_t ended; /* … by somebody else */
};

void registry_host_init(struct registry_host *h);
void registry_host_release(struct registry_host *h);

/* A mount from this repository of the host failed; after two it is not worth another try. */
void registry_host_mount_failed(struct registry_host *h, const char *from);
bool registry_host_may_mount(struct registry_host *h, const char *from);

/* A blob that we have sent to this repository; false: none so far, nor is the end of one waited for. */
void registry_host_note_sent(struct registry_host *h, const char *path,
			     const struct oci_digest *blob);
bool registry_host_sent(struct oci_digest *blob, struct registry_host *h, const char *path);
/* An upload begins whose end is worth waiting for; or this is it. */
void registry_host_opened(struct registry_host *h);
void registry_host_ended(struct registry_host *h);

/*
 * Tells what the registry has to say to users (Warning: 299 - "text", distribution-spec, "Warnings"):
 * each text once in a run, a few of them.
 */
void registry_host_warn(struct registry_host *h, struct op *op, const char *name,
			const struct http_response *rs);

#endif

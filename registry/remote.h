/*
 * What lies in registries, as a store to read from, behind another store that is asked first. Documents
 * are fetched when they are read, kept, and tell what else is there; a blob streams from where it lies
 * when it is opened, and touches no disk. With it an image goes from registry to registry, and one whose
 * base was never downloaded (a thin layout) is whole.
 *
 * Thread-safe. As with every store, who reads a blob verifies it.
 */
#ifndef REGISTRY_REMOTE_H
#define REGISTRY_REMOTE_H

#include "base/http.h"
#include "oci/image/manifest.h"
#include "oci/image/reference.h"
#include "oci/image/store.h"
#include "registry/session.h"

struct registry_remote_options { /* borrowed, but near */
	struct op *op;
	struct http *http;
	const struct registry_options *registry;
	struct registry_session *session; /* of a host that is talked with already; NULL: none */
	const char *session_host;
	const struct oci_reference *to; /* asked with a token that may push, too; NULL: none */
	struct oci_store *near;		/* owned from here on; NULL: none */
	unsigned streams;		/* blobs that are read at a time */
};

int registry_remote_new(struct oci_store **out, const struct registry_remote_options *opt,
			struct err *e) MUST_CHECK;

/* The image that ref names, a tag or a digest, is now in s with all that belongs to it: one request.
 * *image: its descriptor. */
int registry_remote_find(struct oci_store *s, const struct oci_reference *ref,
			 struct oci_descriptor *image, struct err *e) MUST_CHECK;

/* Somebody says that the blob can be had at where's repository; several may be said, the first that
 * has it counts. */
void registry_remote_add(struct oci_store *s, const struct oci_descriptor *blob,
			 const struct oci_reference *where);

/* DIGEST=PATH for what to's host has in another repository than to's. */
void registry_remote_mounts(struct strv *out, struct oci_store *s, const struct oci_reference *to);

#endif

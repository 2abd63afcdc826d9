/*
 * What belongs to an image in a store: its blobs, each once, and its manifests in the
 * order in which a registry can take them. Owns all: _init, _release.
 */
#ifndef REGISTRY_PUSH_PLAN_H
#define REGISTRY_PUSH_PLAN_H

#include "oci/image/manifest.h"
#include "oci/image/store.h"

#define PUSH_PLAN_BLOBS_MAX 16384

struct push_plan {
	struct oci_descriptor *blobs; /* configs and layers, largest first */
	size_t nr_blobs, cap_blobs;
	struct oci_descriptor *documents; /* children before parents; the image is the last */
	size_t nr_documents, cap_documents;
	struct oci_digest config; /* of the image; not set when that is an index */
};

/* Reads the documents (verified). ERR_ABSENT, ERR_CORRUPT: one is missing or not sound. */
int push_plan_init(struct push_plan *out, struct oci_store *from,
		   const struct oci_descriptor *image, struct err *e) MUST_CHECK;
/* Only the image's own document: for one that is where it goes to already. */
void push_plan_init_alone(struct push_plan *out, const struct oci_descriptor *image);
/* Where this blob is in the plan; -1: it is none of it. */
ptrdiff_t push_plan_find(const struct push_plan *p, const struct oci_digest *d);
void push_plan_release(struct push_plan *p);

#define auto_push_plan CLEANUP(push_plan_release)

#endif

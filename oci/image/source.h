/*
 * "Give me this image in my store": declared here, so that the build does not
 * know registries. Implemented by registry/pull.c (a registry) and by
 * oci/image/source_layout.c (an OCI layout); handed over by cmd/cbuild.c.
 */
#ifndef OCI_IMAGE_SOURCE_H
#define OCI_IMAGE_SOURCE_H

#include "base/op.h"
#include "oci/image/arrival.h"
#include "oci/image/manifest.h"
#include "oci/image/platform.h"
#include "oci/image/store.h"

struct image_source {
	/*
	 * Finds the image for `want` and has manifest and config (verified) in `into`.
	 * Layers only when fetch_layers is called. ref: a full reference, or for a
	 * layout the part behind it. *out: the manifest's descriptor (of the chosen platform).
	 * ERR_ABSENT, ERR_DENIED, ERR_UNAVAILABLE.
	 */
	int (*resolve)(struct image_source *src, struct op *op, const char *ref,
		       const struct oci_platform *want, struct oci_store *into,
		       struct oci_descriptor *out, struct err *e);
	/*
	 * The document of that name as it is, manifest or index, and nothing behind it: one request.
	 * text: emptied first; its ceiling holds. *out: with what it is. Errors as resolve's, and ERR_CORRUPT.
	 */
	int (*document)(struct image_source *src, struct op *op, const char *ref, struct buf *text,
			struct oci_descriptor *out, struct err *e);
	/*
	 * Has the layer's blob (verified) in `into`; nothing to do when it is there. Thread-safe.
	 * coming: who reads it meanwhile, and is told all but the end (arrival.h); NULL: nobody.
	 */
	int (*fetch_layer)(struct image_source *src, struct op *op, const char *ref,
			   const struct oci_descriptor *layer, struct oci_store *into,
			   struct arrival *coming, struct err *e);
	void (*free)(struct image_source *src);
};

void image_source_free(struct image_source *src); /* NULL is fine */

/* An OCI layout folder as a source; its ref is a tag, a digest or "" (the only image). */
int image_source_layout_open(struct image_source **out, const char *path, struct err *e) MUST_CHECK;

DEFINE_AUTO(image_source, image_source_free)
#define auto_image_source CLEANUP(image_source_auto_)

#endif

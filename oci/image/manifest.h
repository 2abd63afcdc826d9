/*
 * Image manifests and indexes, OCI and docker schema 2 (image-spec,
 * manifest.md and image-index.md). Schema 1 is refused.
 *
 * Bytes that came with a digest are kept as they came by the stores; parsing
 * here is only for reading. What we write ourselves is always the same bytes.
 */
#ifndef OCI_IMAGE_MANIFEST_H
#define OCI_IMAGE_MANIFEST_H

#include "oci/image/descriptor.h"
#include "oci/image/platform.h"

struct oci_manifest {
	char *media_type; /* OCI_MEDIA_MANIFEST or DOCKER_MEDIA_MANIFEST */
	struct oci_descriptor config;
	struct oci_descriptor *layers;
	size_t nr_layers, cap_layers;
	struct strv annotations;
};

struct oci_index_entry {
	struct oci_descriptor desc;
	bool has_platform;
	struct oci_platform platform;
};
struct oci_index {
	char *media_type;
	struct oci_index_entry *entries;
	size_t nr, cap;
	struct strv annotations;
};

/*
 * media_type: what the transport said it is, or NULL: the document's own
 * mediaType, else guessed from its fields. A document with both "layers" and
 * "manifests" is refused (ERR_CORRUPT).
 */
int oci_manifest_parse(struct oci_manifest *out, struct span text, const char *media_type,
		       struct err *e) MUST_CHECK;
void oci_manifest_write(struct buf *out, const struct oci_manifest *m);
void oci_manifest_add_layer(struct oci_manifest *m, const struct oci_descriptor *layer);
void oci_manifest_release(struct oci_manifest *m);

int oci_index_parse(struct oci_index *out, struct span text, const char *media_type, struct err *e)
	MUST_CHECK;
void oci_index_write(struct buf *out, const struct oci_index *x);
void oci_index_add(struct oci_index *x, const struct oci_descriptor *d,
		   const struct oci_platform *p);
void oci_index_release(struct oci_index *x);
/* The best entry for want; NULL: none (attestation entries "unknown/unknown" never match). */
const struct oci_index_entry *oci_index_pick(const struct oci_index *x,
					     const struct oci_platform *want);

/* "index", "manifest" or ERR_CORRUPT; looks at media_type first, then at the fields. */
enum oci_document { OCI_DOCUMENT_MANIFEST, OCI_DOCUMENT_INDEX };
int oci_document_kind(enum oci_document *out, struct span text, const char *media_type,
		      struct err *e) MUST_CHECK;

#define auto_manifest CLEANUP(oci_manifest_release)
#define auto_index    CLEANUP(oci_index_release)

#endif

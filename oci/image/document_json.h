/*
 * What the readers and writers of documents in this room share: which document
 * it is, and the pieces that several of them write. Private to oci/image.
 */
#ifndef OCI_IMAGE_DOCUMENT_JSON_H
#define OCI_IMAGE_DOCUMENT_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/strv.h"
#include "oci/image/manifest.h"

/*
 * Loads a manifest or index and says which. *media: its media type, one of the four we
 * know (a constant). media_type: what the transport said, or NULL; parameters behind ';' are
 * ignored, and so is a type that says nothing ("application/json").
 * NULL and ERR_CORRUPT: not such a document, or one that can be read in two ways.
 */
json_t *oci_document_load(struct span text, const char *media_type, enum oci_document *kind,
			  const char **media, struct err *e) MUST_CHECK;

/* KEY=VALUE entries as an object of strings; bytes that are not UTF-8 are replaced. */
json_t *oci_json_from_map(const struct strv *s) MUST_CHECK;

/* ,"annotations":{…} with sorted keys; nothing when there are none. */
void oci_annotations_write(struct buf *out, const struct strv *annotations);
/* A descriptor's members without the braces, for writers that add more. */
void oci_descriptor_write_members(struct buf *out, const struct oci_descriptor *d);
void oci_index_entry_write(struct buf *out, const struct oci_index_entry *ent);

#endif

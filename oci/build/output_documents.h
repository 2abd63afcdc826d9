/*
 * The documents of one output: the images' manifests in the media types and with the
 * annotations that it wants, and over several of them an index.
 */
#ifndef OCI_BUILD_OUTPUT_DOCUMENTS_H
#define OCI_BUILD_OUTPUT_DOCUMENTS_H

#include "oci/build/output.h"

struct output_documents {
	struct oci_descriptor root;	/* of the only manifest, or of the index */
	struct oci_manifest *manifests; /* one per image, in their order */
	struct oci_descriptor *descs;	/* of them */
	size_t nr;
	bool is_index;
};

/* All are in j->work afterwards. o NULL: as the store has them. */
int output_documents_make(struct output_documents *out, struct job *j,
			  const struct output_images *all, const struct build_output *o,
			  struct err *e) MUST_CHECK;
void output_documents_release(struct output_documents *d);
#define auto_output_documents CLEANUP(output_documents_release)

/* Annotations that have no place in what is built. */
int output_documents_check(const struct build_options *opt, const struct build_output *o,
			   struct err *e) MUST_CHECK;

/* docker's name of a media type, or OCI's; unknown ones stay. Static, or media itself. */
const char *output_media_type(const char *media, bool docker);
/* what: for messages. */
int output_document_write(struct oci_descriptor *out, struct job *j, const struct buf *text,
			  const char *media, const char *what, struct err *e) MUST_CHECK;

#endif

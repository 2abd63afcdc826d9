/*
 * The end of a build: config and manifest, and where they and their layers go. Nothing outside
 * the workspace is touched before all is there, and an index is always the last thing written.
 */
#ifndef OCI_BUILD_OUTPUT_H
#define OCI_BUILD_OUTPUT_H

#include "oci/build/stage.h"

struct output_image {
	struct oci_manifest manifest;
	struct oci_descriptor desc; /* of the manifest */
	struct oci_platform platform;
	size_t nr_base; /* so many layers are the base's, in j->images.blobs */
};

/* Of a stage whose layers are packed: writes config and manifest to j->work. */
int output_image_make(struct output_image *out, struct job *j, struct stage *st, struct err *e)
	MUST_CHECK;
void output_image_release(struct output_image *img);
#define auto_output_image CLEANUP(output_image_release)

/* To all that the options name, in order; names: full references, may be empty. */
int output_write(struct job *j, const struct output_image *img, const struct strv *names,
		 struct err *e) MUST_CHECK;

/* Before any work: what can be seen to be impossible already. */
int output_check(const struct build_options *opt, struct err *e) MUST_CHECK;

/* Where a tar file of this path lies. Owned by the caller. */
char *output_tar_dir(const char *path) MUST_CHECK;
/* A layout directory as a tar file, the same bytes for the same content. path: replaced at once. */
int output_tar(const struct op *op, const char *layout, const char *path, struct err *e) MUST_CHECK;

#endif

/*
 * The end of a build: config and manifest of each image, and where they and their layers go.
 * Nothing outside the workspace is touched before all is there, and an index is always the last
 * thing written.
 */
#ifndef OCI_BUILD_OUTPUT_H
#define OCI_BUILD_OUTPUT_H

#include "oci/build/stage.h"

/* One platform's image. Its manifest has OCI's media types and no annotations: what an output
 * makes of it is output_documents.h's. */
struct output_image {
	struct oci_manifest manifest;
	struct oci_platform platform;
	struct stage *stage;
	const struct oci_descriptor
		*given; /* its manifest's; NULL: that is still to be made. Borrowed */
	size_t nr_base; /* so many layers are the base's: stage->image says where they come from */
};
struct output_images {
	struct output_image *v; /* several: they are one index */
	size_t nr, cap;
	struct oci_descriptor root; /* of all, when the images are given */
};

/* An image that somebody else has made: st's base, whose documents are in j->work and stay as they are. */
void output_images_add_given(struct output_images *all, struct stage *st);
/* Of a stage whose layers are packed: its config is in j->work afterwards. */
int output_images_add(struct output_images *all, struct job *j, struct stage *st, struct err *e)
	MUST_CHECK;
void output_images_release(struct output_images *all);
#define auto_output_images CLEANUP(output_images_release)

/* Tells the sink of registries what it will get. */
void output_expect(struct job *j);

/* To all that the options name, in order. *out: of the first output that is an image. */
int output_write(struct build_result *out, struct job *j, const struct output_images *all,
		 struct err *e) MUST_CHECK;

/* Before any work: what can be seen to be impossible already. opt->platforms: all that are built. */
int output_check(const struct build_options *opt, struct err *e) MUST_CHECK;

/* Where a tar file of this path lies. Owned by the caller. */
char *output_tar_dir(const char *path) MUST_CHECK;
/* A layout directory as a tar, the same bytes for the same content. path: replaced at once; "-":
 * standard output. */
int output_tar(const struct op *op, const char *layout, const char *path, struct err *e) MUST_CHECK;

#endif

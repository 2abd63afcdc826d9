/* The files of the images themselves, without layers: a tar, or a directory. */
#ifndef OCI_BUILD_OUTPUT_FILES_H
#define OCI_BUILD_OUTPUT_FILES_H

#include "oci/build/output.h"

/*
 * To o->dest. Of several platforms each is in a folder of its own, "linux_arm64". With
 * SOURCE_DATE_EPOCH all times are it. The same files give the same tar.
 */
int output_files_write(struct job *j, const struct output_images *all, const struct build_output *o,
		       struct err *e) MUST_CHECK;

#endif

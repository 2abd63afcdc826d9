/*
 * Images in a tar file, as a store to read from. Nothing is unpacked: a blob is read where it lies. Two
 * kinds are known, an OCI layout as a tar (docker 25 and later save one), and the older form of
 * `docker save`.
 *
 * That older form has no manifest and no compressed layers. Its image here is an OCI manifest whose
 * layers are its tars as they are: the bytes stay the same, so their digests are the ones that the
 * configuration names already, and the manifest is the same for everybody who reads the archive.
 * Layers that a writer has compressed stay compressed.
 */
#ifndef OCI_IMAGE_ARCHIVE_H
#define OCI_IMAGE_ARCHIVE_H

#include "base/op.h"
#include "oci/image/manifest.h"
#include "oci/image/store.h"

/* Takes fd, a regular file. path is kept for messages. ERR_INPUT: not an archive of images. op: for
 * compressed layers of docker's older form, which are hashed. */
int oci_archive_open(struct oci_store **out, const struct op *op, int fd, const char *path,
		     struct err *e) MUST_CHECK;

/* What index.json says of its images, or would say: see layout.h, oci_layout_find_in. */
const struct oci_index *oci_archive_index(struct oci_store *s);

#endif

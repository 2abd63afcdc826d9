/*
 * An OCI image layout directory (image-spec, image-layout.md) as a store:
 * oci-layout, index.json, blobs/sha256/<hex>. index.json is layout.h's.
 */
#ifndef OCI_IMAGE_STORE_LAYOUT_H
#define OCI_IMAGE_STORE_LAYOUT_H

#include "oci/image/store.h"

enum oci_layout_mode {
	OCI_LAYOUT_READ,	/* must be a layout: ERR_ABSENT no such folder, ERR_INPUT not a layout */
	OCI_LAYOUT_CREATE,	/* made when missing; a folder with other things in it is ERR_INPUT */
};

/* path is kept for messages. Left-over temporary files of killed writers (".tmp-*" in blobs/sha256, not
 * locked by a living one) are removed when it is opened for CREATE. */
int oci_store_layout_open(struct oci_store **out, const char *path, enum oci_layout_mode mode,
			  struct err *e) MUST_CHECK;

/* The layout's directory (borrowed), for layout.h. -1 when s is not a layout store. */
int oci_store_layout_fd(struct oci_store *s);
const char *oci_store_layout_path(struct oci_store *s);

#endif

/*
 * index.json of a layout: which names point to which manifests.
 *
 * A name is kept as the annotations "org.opencontainers.image.ref.name" (the tag, or for
 * the tools' own store the whole reference) and "io.containerd.image.name" (the whole
 * reference), so that skopeo, podman, ctr and docker read them.
 * Changes are read-modify-rename under an flock; a reader sees the old or the new list.
 */
#ifndef OCI_IMAGE_LAYOUT_H
#define OCI_IMAGE_LAYOUT_H

#include "oci/image/manifest.h"
#include "oci/image/store.h"

/*
 * Finds a manifest in a layout. name: a full reference (host/path:tag), a bare tag, a
 * digest "sha256:…", or NULL: the only one there is.
 * ERR_ABSENT lists what is there; ERR_INPUT: NULL and several.
 */
int oci_layout_find(struct oci_store *s, const char *name, struct oci_descriptor *out,
		    struct err *e) MUST_CHECK;

/* Points name (NULL: none, just listed) to desc, taking the name from whatever had it. platform may be NULL.
 * Last step of every build: blobs first. */
int oci_layout_set(struct oci_store *s, const char *name, const struct oci_descriptor *desc,
		   const struct oci_platform *platform, struct err *e) MUST_CHECK;

int oci_layout_read(struct oci_store *s, struct oci_index *out, struct err *e) MUST_CHECK;

#endif

/*
 * index.json of a layout: which names point to which manifests.
 *
 * A name is kept as two annotations. "io.containerd.image.name" is always the whole
 * reference (ctr, docker). "org.opencontainers.image.ref.name" is what skopeo and podman
 * search, letter by letter: in a store of many images (oci_layout_set) the whole reference
 * too, so that two repositories may both have a "latest" ("skopeo inspect
 * oci:STORE:docker.io/library/a:1"); in a layout that is handed on (oci_layout_export) only the
 * tag, as BuildKit writes it ("skopeo inspect oci:DIR:1").
 *
 * Changes are read-modify-rename under an flock; a reader sees the old or the new list.
 * What we do not understand of other entries is kept as it is.
 */
#ifndef OCI_IMAGE_LAYOUT_H
#define OCI_IMAGE_LAYOUT_H

#include "oci/image/manifest.h"
#include "oci/image/store.h"

/*
 * Finds a manifest in a layout. name: a reference (host/path:tag; "python:3" is completed), a
 * bare tag (a word like "python" is one: give what oci_reference_format writes), a digest
 * "sha256:…", or NULL: the only one there is. By digest (also in a reference) a manifest is
 * found that is in the store without being listed.
 * ERR_ABSENT lists what is there; ERR_INPUT: NULL or a tag, and several images answer to it.
 */
int oci_layout_find(struct oci_store *s, const char *name, struct oci_descriptor *out,
		    struct err *e) MUST_CHECK;
/* The same in an index.json that was read already; s: the store it is about. */
int oci_layout_find_in(struct oci_store *s, const struct oci_index *x, const char *name,
		       struct oci_descriptor *out, struct err *e) MUST_CHECK;

/*
 * Points name to desc, taking the name from whatever had it (which is no longer listed unless
 * it has another name; its blobs stay). name: a reference, or a bare tag, which becomes only
 * ref.name; NULL: none, just listed. platform may be NULL. Writes nothing when nothing
 * changes. Last step of every build: blobs first. ERR_INPUT: not a name.
 */
int oci_layout_set(struct oci_store *s, const char *name, const struct oci_descriptor *desc,
		   const struct oci_platform *platform, struct err *e) MUST_CHECK;

/*
 * The same for a layout made to be handed on (-o type=oci): ref.name is the tag alone, and
 * NULL takes the place of an unnamed image, so that building twice into one folder leaves one.
 */
int oci_layout_export(struct oci_store *s, const char *name, const struct oci_descriptor *desc,
		      const struct oci_platform *platform, struct err *e) MUST_CHECK;

int oci_layout_read(struct oci_store *s, struct oci_index *out, struct err *e) MUST_CHECK;

#endif

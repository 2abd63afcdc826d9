/*
 * Where else blobs can be had: containerd's annotation "containerd.io/distribution.source.HOST" whose
 * value is paths with commas between. A layout that leaves blobs out (thin) carries it at its images in
 * index.json, never in a manifest, whose digest must not depend on what was left out.
 */
#ifndef OCI_IMAGE_ORIGINS_H
#define OCI_IMAGE_ORIGINS_H

#include "base/strv.h"
#include "oci/image/reference.h"

#define OCI_ORIGINS_MAX 64

/* Says in annotations (KEY=VALUE) that what they are about, or parts of it, is at where's repository. */
void oci_origins_add(struct strv *annotations, const struct oci_reference *where);

/* The repositories that annotations name, as HOST/PATH, each once, no more than OCI_ORIGINS_MAX. What is no
 * such name is left out. */
void oci_origins_read(struct strv *out, const struct strv *annotations);

#endif

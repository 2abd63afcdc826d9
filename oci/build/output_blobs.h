/*
 * All blobs of the images of a build as one store to read from: new ones out of j->work, a base's
 * out of the cache, where they are fetched when somebody opens them and not before. Thread-safe.
 */
#ifndef OCI_BUILD_OUTPUT_BLOBS_H
#define OCI_BUILD_OUTPUT_BLOBS_H

#include "oci/build/output.h"

/* Borrows both. */
struct oci_store *output_blobs_open(struct job *j, const struct output_images *all) MUST_CHECK;

/* Where a base's layers can be had by others: DIGEST=HOST/PATH, for those that came out of a
 * registry. */
void output_blobs_origins(struct strv *out, const struct job *j, const struct output_images *all);

#endif

/*
 * What nobody refers to in a layout that is written again and again (a cache in a directory): removed.
 *
 * Whoever writes such a layout holds the lock from before its first blob until after the sweep, so that
 * no sweep sees blobs that are not referred to yet.
 */
#ifndef OCI_IMAGE_LAYOUT_SWEEP_H
#define OCI_IMAGE_LAYOUT_SWEEP_H

#include "oci/image/store.h"

/* Waits for other writers. A descriptor: closing it ends the lock. */
int oci_layout_sweep_lock(struct oci_store *s, struct err *e) MUST_CHECK;

/*
 * Removes the blobs that index.json does not lead to. Nothing at all when something in it cannot be
 * followed: a document that is missing or that we cannot read.
 */
int oci_layout_sweep(struct oci_store *s, struct err *e) MUST_CHECK;

#endif

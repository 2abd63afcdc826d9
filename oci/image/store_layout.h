/*
 * An OCI image layout directory (image-spec, image-layout.md) as a store:
 * oci-layout, index.json, blobs/sha256/<hex>. index.json is layout.h's.
 *
 * What survives what:
 * - kill -9 at any moment: every blob under its name is whole, index.json is the old or the
 *   new one. Left over is at most a temporary file, removed by the next opening for CREATE.
 * - power loss: index.json is fsynced, blobs are not (a build writes many, and would wait for
 *   the disk at each). A blob may then be shorter than promised or hold zeros. Its size tells
 *   the first, its digest the second: it is reported as corrupt and never used.
 *   oci_store_has gives the size, so that whoever knows how large the blob must be fetches a
 *   short one again; commit replaces it.
 * - disk full: ERR_IMPOSSIBLE that names the folder; nothing half-written stays.
 */
#ifndef OCI_IMAGE_STORE_LAYOUT_H
#define OCI_IMAGE_STORE_LAYOUT_H

#include "oci/image/store.h"

enum oci_layout_mode {
	/* must be a layout: ERR_ABSENT no such folder, ERR_INPUT not a layout */
	OCI_LAYOUT_READ,
	/* made when missing; a folder with other things in it is ERR_INPUT */
	OCI_LAYOUT_CREATE,
	/* the same for one that goes with the process: nothing waits for the disk */
	OCI_LAYOUT_SCRATCH,
};

/*
 * path is kept for messages. Left-over temporary files of killed writers (".tmp-*" in
 * blobs/sha256, not locked by a living one) are removed by the next one, before its first blob.
 */
int oci_store_layout_open(struct oci_store **out, const char *path, enum oci_layout_mode mode,
			  struct err *e) MUST_CHECK;

/*
 * The same blob under the same name in both, as one file; for store.c. 1: done; 0: cannot be
 * linked (not two layouts, one open only for reading, a file that others may change, …), copy it;
 * -1: ERR_CORRUPT, its size is wrong.
 */
int oci_store_layout_link(struct oci_store *to, struct oci_store *from,
			  const struct oci_descriptor *d, struct err *e) MUST_CHECK;

/* The blob's name is gone; who has it open or linked keeps it. Missing is fine. */
void oci_store_layout_remove(struct oci_store *s, const struct oci_digest *d);

/* The layout's directory (borrowed), for layout.h. -1 when s is not a layout store. */
int oci_store_layout_fd(struct oci_store *s);

#endif

/* One blob out of a repository, size and digest verified while it streams. */
#ifndef REGISTRY_DOWNLOAD_H
#define REGISTRY_DOWNLOAD_H

#include "oci/image/arrival.h"
#include "oci/image/store.h"
#include "registry/api.h"

/*
 * All retries included; after a break only the bytes that are missing are asked for, where the registry
 * can do that. A blob that is shorter there, or has other bytes, is fetched once more, then it is
 * ERR_CORRUPT. Nothing to do when `into` has it in its size. ERR_ABSENT: not there.
 * coming: who reads it meanwhile (oci/image/arrival.h), told all but the end; NULL: nobody. Thread-safe.
 */
int registry_download(struct op *op, const struct registry_repo *r,
		      const struct oci_descriptor *blob, struct oci_store *into,
		      struct arrival *coming, struct err *e) MUST_CHECK;

/* The same for a small one, into memory: no more than out->max. */
int registry_download_bytes(struct buf *out, struct op *op, const struct registry_repo *r,
			    const struct oci_descriptor *blob, struct err *e) MUST_CHECK;

#endif

/*
 * A file by its address: fetched whole, or not at all. Redirects are followed, but not from https to
 * http and not from the outside to a private address; what may pass is tried again.
 */
#ifndef OCI_BUILD_REMOTE_URL_H
#define OCI_BUILD_REMOTE_URL_H

#include "base/http.h"
#include "oci/build/remote.h"
#include "oci/image/digest.h"

struct remote_got {
	struct oci_digest digest;
	uint64_t size_bytes;
	int64_t mtime; /* Last-Modified; 0: it was not said */
};

/*
 * Into dirfd/name, which is made (0600) and must not be there. want: NULL, or the digest it must have.
 * ERR_ABSENT: not there. ERR_DENIED: refused. ERR_UNAVAILABLE: no answer after all retries.
 * ERR_CORRUPT: another digest.
 */
int remote_url_fetch(struct remote_got *out, struct op *op, struct http *h,
		     const struct remote_file *what, const struct oci_digest *want, int dirfd,
		     const char *name, struct err *e) MUST_CHECK;

#endif

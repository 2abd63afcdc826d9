/* One blob from a store into a repository, unless it is there already. */
#ifndef REGISTRY_UPLOAD_H
#define REGISTRY_UPLOAD_H

#include "oci/image/store.h"
#include "registry/api.h"

enum registry_upload {
	REGISTRY_UPLOAD_SENT,
	REGISTRY_UPLOAD_EXISTS,	 /* no byte was sent */
	REGISTRY_UPLOAD_MOUNTED, /* nor here: it came from another repository */
};

/*
 * Asks, begins, sends; all retries included. The bytes are hashed while they are read, and
 * the last piece leaves only when digest and size are right: ERR_CORRUPT otherwise, and the
 * registry cannot have taken it. Thread-safe.
 */
int registry_upload(enum registry_upload *out, struct op *op, const struct registry_repo *r,
		    struct oci_store *from, const struct oci_descriptor *blob, struct err *e)
	MUST_CHECK;

/* The same for a blob that other repositories of this host may have: mounted from the first of `mounts`
 * (their paths) that has it. They should be among r->mounts, too. NULL: none is known. */
int registry_upload_or_mount(enum registry_upload *out, struct op *op,
			     const struct registry_repo *r, struct oci_store *from,
			     const struct oci_descriptor *blob, const struct strv *mounts,
			     struct err *e) MUST_CHECK;

/*
 * The same in two steps, for who has something else to do while the bytes go. *open: the registry does not
 * have it and waits for them; it must come to an end, which those who send other blobs there wait for (also when that
 * is a failure: then each finds out by itself). NULL: it is there, and *out says how.
 */
struct upload;

int registry_upload_begin(struct upload **open, enum registry_upload *out, struct op *op,
			  const struct registry_repo *r, struct oci_store *from,
			  const struct oci_descriptor *blob, const struct strv *mounts,
			  struct err *e) MUST_CHECK;
int registry_upload_end(enum registry_upload *out, struct upload *open, struct err *e) MUST_CHECK;
/* It does, without: nothing will be sent. NULL is fine. */
void registry_upload_drop(struct upload *open, const struct err *why);

#endif

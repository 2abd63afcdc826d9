/*
 * Where blobs lie: an interface. Implemented by store_layout.h (an OCI image
 * layout on disk) and by tests/fakes/mem_store.h; one contract test runs over both.
 *
 * A blob is in the store or it is not: put writes beside, checks size and
 * digest, and only then makes it visible. Thread-safe.
 */
#ifndef OCI_IMAGE_STORE_H
#define OCI_IMAGE_STORE_H

#include "base/io.h"
#include "oci/image/descriptor.h"

struct oci_store;

/* An opened blob; source is good until _close. */
struct oci_blob {
	struct source *source;
	uint64_t size_bytes;
	void *state; /* the store's */
	struct oci_store *store;
};

/* A blob being written whose digest is not known yet. */
struct oci_blob_writer {
	struct sink *sink; /* write here; the store hashes and counts what passes */
	/* What was written so far can be read there (pread), until commit or abort, after them by a copy of it; -1:
	 * it cannot. */
	int fd;
	void *state;
	struct oci_store *store;
};

struct oci_store_ops {
	bool (*has)(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes);
	int (*open)(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		    struct err *e);
	void (*close)(struct oci_blob *b);
	int (*begin)(struct oci_store *s, struct oci_blob_writer *out, struct err *e);
	int (*commit)(struct oci_blob_writer *w, const struct oci_descriptor *want,
		      struct oci_digest *digest, uint64_t *size_bytes, struct err *e);
	void (*abort)(struct oci_blob_writer *w);
	void (*free)(struct oci_store *s);
};
struct oci_store {
	const struct oci_store_ops *ops;
	const char *name; /* for messages: a layout's path; the store's */
};

/* size_bytes may be NULL. True only says that it is there, not that its bytes are sound. */
bool oci_store_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes);

/* ERR_ABSENT: not here. The reader must verify what it reads (oci_store_read does). */
int oci_store_open(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		   struct err *e) MUST_CHECK;
void oci_blob_close(struct oci_blob *b); /* twice is fine */
#define auto_blob CLEANUP(oci_blob_close)

/*
 *	oci_store_begin() -> sink_write(w.sink)* -> oci_store_commit() | oci_store_abort()
 * commit checks size and digest against `want` when that is given (ERR_CORRUPT names the digest)
 * and says what was written. After commit (also a failed one) or abort the writer is empty.
 */
int oci_store_begin(struct oci_store *s, struct oci_blob_writer *w, struct err *e) MUST_CHECK;
int oci_store_commit(struct oci_blob_writer *w, const struct oci_descriptor *want,
		     struct oci_digest *digest, uint64_t *size_bytes, struct err *e) MUST_CHECK;
void oci_store_abort(struct oci_blob_writer *w); /* twice is fine */

/* A whole small document (manifest, config), verified. More than max or another size than the
 * descriptor says: ERR_CORRUPT, as is a wrong digest; the text names the blob. */
int oci_store_read(struct oci_store *s, const struct oci_descriptor *d, size_t max, struct buf *out,
		   struct err *e) MUST_CHECK;
int oci_store_write(struct oci_store *s, struct span bytes, struct oci_digest *digest,
		    struct err *e) MUST_CHECK;

/*
 * Copies one blob, verifying it on the way; nothing to do when `to` has it (a blob there whose
 * size is wrong is replaced). Between two layouts on one file system, both open for CREATE, it
 * is a hard link when the source file is ours alone: no byte is read, and so none verified.
 * ERR_ABSENT: `from` does not have it. ERR_CORRUPT: its bytes are not what d says.
 */
int oci_store_copy_blob(const struct op *op, struct oci_store *to, struct oci_store *from,
			const struct oci_descriptor *d, struct err *e) MUST_CHECK;

/* For stores: are these bytes what was wanted? ERR_CORRUPT names the blob. want NULL: yes. */
int oci_blob_check(const struct oci_descriptor *want, const struct oci_digest *digest,
		   uint64_t size_bytes, struct err *e) MUST_CHECK;

void oci_store_free(struct oci_store *s); /* NULL is fine */

DEFINE_AUTO(oci_store, oci_store_free)
#define auto_store CLEANUP(oci_store_auto_)

#endif

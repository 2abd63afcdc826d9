/*
 * The bytes of one blob on their way out, whole or in pieces. They are hashed while they are read,
 * once, and the last of them is given only when digest and size are proved right. One thread's.
 */
#ifndef REGISTRY_UPLOAD_BODY_H
#define REGISTRY_UPLOAD_BODY_H

#include "base/http.h"
#include "oci/image/store.h"

struct upload_body {
	struct http_body base; /* the piece that is to be sent */
	struct op *op;
	struct oci_store *from;
	const struct oci_descriptor *blob;
	const char *id; /* of its progress */

	uint64_t begins; /* where the piece does */
	/* The reader stays open from piece to piece. */
	struct source out;
	struct oci_blob opened;
	struct progress_source progress;
	struct source *in; /* NULL: closed */
	uint64_t at;	   /* the next byte that it gives */
	struct hash hash;
	bool is_hashing;
	uint64_t hashed;
};

void upload_body_init(struct upload_body *b, struct op *op, struct oci_store *from,
		      const struct oci_descriptor *blob, const char *id);
void upload_body_release(struct upload_body *b);
/* From here on base is this piece of the blob. */
struct http_body *upload_body_piece(struct upload_body *b, uint64_t begins, uint64_t size_bytes);
/* How much of the piece has been asked for. */
uint64_t upload_body_taken(const struct upload_body *b);

#endif

/*
 * SHA-256, the only door to OpenSSL's digests. A hash lives on the stack:
 * hash_init, hash_update*, hash_final (which also frees it). hash_release frees
 * one that is not finished; both leave it harmless for a second hash_release.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/cc.h"
#include "base/span.h"

#define HASH_SHA256_LEN 32
#define HASH_SHA256_HEX 64

struct buf;

struct hash {
	void *ctx;
};

void hash_init(struct hash *h);
void hash_update(struct hash *h, const void *p, size_t n);
void hash_final(struct hash *h, unsigned char out[HASH_SHA256_LEN]);
void hash_release(struct hash *h);

/* In one go. */
void hash_sha256(unsigned char out[HASH_SHA256_LEN], const void *p, size_t n);
/* Lower-case hex, terminated. */
void hash_hex(char out[HASH_SHA256_HEX + 1], const unsigned char raw[HASH_SHA256_LEN]);

/* Base64 with padding (RFC 4648, 4); url: the alphabet of section 5. Owned by the caller. */
char *base64_encode(struct span in, bool url) MUST_CHECK;
/* Either alphabet, padding optional. -1: not base64. The buffer gets the bytes appended,
 * or none when they would pass its ceiling (-1, too). */
int base64_decode(struct buf *out, struct span in) MUST_CHECK;

#endif

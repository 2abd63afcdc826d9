/*
 * SHA-256 through OpenSSL's EVP (which takes the CPU's own instructions), and
 * base64. OpenSSL can only refuse here when it has no memory or was built
 * without SHA-256; there is no going on then.
 */
#include "base/hash.h"

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/mem.h"

static void must(int ok)
{
	if (ok != 1)
		abort();
}

void hash_init(struct hash *h)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx != NULL);
	must(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL));
	h->ctx = ctx;
}

void hash_update(struct hash *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n));
}

void hash_final(struct hash *h, unsigned char out[HASH_SHA256_LEN])
{
	must(EVP_DigestFinal_ex(h->ctx, out, NULL));
	hash_release(h);
}

void hash_release(struct hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

void hash_sha256(unsigned char out[HASH_SHA256_LEN], const void *p, size_t n)
{
	struct hash h;

	hash_init(&h);
	hash_update(&h, p, n);
	hash_final(&h, out);
}

void hash_hex(char out[HASH_SHA256_HEX + 1], const unsigned char raw[HASH_SHA256_LEN])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < HASH_SHA256_LEN; i++) {
		out[2 * i] = digits[raw[i] >> 4];
		out[2 * i + 1] = digits[raw[i] & 15];
	}
	out[HASH_SHA256_HEX] = '\0';
}

char *base64_encode(struct span in, bool url)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)in.p;
	char *out = mem_resize(NULL, in.n / 3 + 2, 4);
	char *to = out;

	for (size_t i = 0; i < in.n; i += 3) {
		size_t left = in.n - i;
		uint32_t v = (uint32_t)p[i] << 16;

		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		to[0] = plain[v >> 18];
		to[1] = plain[v >> 12 & 63];
		to[2] = left > 1 ? plain[v >> 6 & 63] : '=';
		to[3] = left > 2 ? plain[v & 63] : '=';
		for (int k = 0; url && k < 4; k++)
			to[k] = to[k] == '+' ? '-' : to[k] == '/' ? '_' : to[k];
		to += 4;
	}
	*to = '\0';
	return out;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

/* Takes the padding off; false when it is not what the length asks for. */
static bool take_padding(struct span *in)
{
	size_t n = in->n, pad = 0;

	while (pad < 2 && pad < n && in->p[n - 1 - pad] == '=')
		pad++;
	in->n -= pad;
	return in->n % 4 != 1 && (!pad || n % 4 == 0);
}

int base64_decode(struct buf *out, struct span in)
{
	uint32_t v = 0;

	if (!take_padding(&in))
		return -1;
	for (size_t i = 0; i < in.n; i++)
		if (base64_value(in.p[i]) < 0)
			return -1;
	if (in.n / 4 * 3 + (in.n % 4 ? in.n % 4 - 1 : 0) > out->max - out->len) {
		out->over = true;
		return -1;
	}
	for (size_t i = 0; i < in.n; i++) {
		v = v << 6 | (uint32_t)base64_value(in.p[i]);
		/* bits complete a byte with every second, third and fourth character */
		if (i % 4)
			buf_add_char(out, (char)(v >> (6 - 2 * (i % 4))));
	}
	return out->over ? -1 : 0;
}

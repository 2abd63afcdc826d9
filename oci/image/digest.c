/*
 * Digests as text. They are compared and used as file names as they are, so
 * parsing lets only one spelling through: lower case, sha256.
 */
#include "oci/image/digest.h"

#define PREFIX "sha256:"

static bool is_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

int oci_digest_parse(struct oci_digest *out, struct span text, struct err *e)
{
	struct span hex = text;

	if (!span_take(&hex, PREFIX))
		return err_set(e, ERR_CORRUPT,
			       "'" SPAN_FMT "' is not a digest: only 'sha256:…' is supported",
			       SPAN_ARG(text));
	if (hex.n != HASH_SHA256_HEX || !is_hex(hex))
		return err_set(e, ERR_CORRUPT,
			       "'" SPAN_FMT "' is not a digest: 64 lower-case hex digits must "
			       "follow 'sha256:'",
			       SPAN_ARG(text));
	memcpy(out->text, text.p, text.n);
	out->text[text.n] = '\0';
	return 0;
}

void oci_digest_of_raw(struct oci_digest *out, const unsigned char raw[HASH_SHA256_LEN])
{
	memcpy(out->text, PREFIX, sizeof(PREFIX) - 1);
	hash_hex(out->text + sizeof(PREFIX) - 1, raw);
}

void oci_digest_of_bytes(struct oci_digest *out, struct span bytes)
{
	unsigned char raw[HASH_SHA256_LEN];

	hash_sha256(raw, bytes.n ? bytes.p : "", bytes.n);
	oci_digest_of_raw(out, raw);
}

bool oci_digest_eq(const struct oci_digest *a, const struct oci_digest *b)
{
	return strcmp(a->text, b->text) == 0;
}

bool oci_digest_is_set(const struct oci_digest *d)
{
	return d->text[0] != '\0';
}

const char *oci_digest_hex(const struct oci_digest *d)
{
	return oci_digest_is_set(d) ? d->text + sizeof(PREFIX) - 1 : d->text;
}

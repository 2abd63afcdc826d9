/* What a signature says, and files that should be keys: 'P' a signed text, 'k' a private key, else a public one. */
#include "base/sign.h"
#include "registry/signature_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_payload(struct span text)
{
	auto_payload struct signature_payload p = { 0 };
	struct err e = ERR_INIT;

	if (signature_payload_read(&p, text, &e) < 0) {
		if (e.kind != ERR_CORRUPT || p.name)
			abort();
		return;
	}
	if (!p.name || !oci_digest_is_set(&p.image))
		abort();
}

static void read_key(struct span text, bool private)
{
	auto_sign_key struct sign_key *k = NULL;
	struct err e = ERR_INIT;
	int r = private ? sign_key_private(&k, text, NULL, &e) : sign_key_public(&k, text, &e);

	if ((r < 0) != (k == NULL) || (r < 0 && e.kind != ERR_INPUT && e.kind != ERR_DENIED))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);

	if (!size)
		return 0;
	if (data[0] == 'P')
		read_payload(span_sub(text, 1));
	else
		read_key(span_sub(text, 1), data[0] == 'k');
	return 0;
}

#include "base/sealed_key.h"

#include <sodium.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"

#define SEALED_JSON_MAX (64u << 10)
#define KEY_LEN		crypto_secretbox_KEYBYTES

struct sealed {
	uint64_t n, r, p; /* costs of scrypt */
	struct buf salt, nonce, box;
};

static void sealed_release(struct sealed *s)
{
	buf_release(&s->salt);
	buf_release(&s->nonce);
	buf_release(&s->box);
}
#define auto_sealed CLEANUP(sealed_release)

static int get_bytes(struct buf *out, const json_t *o, const char *key, const char *path,
		     struct err *e)
{
	const char *text;

	*out = BUF_INIT(SEALED_JSON_MAX);
	if (json_get_str(&text, o, key, path, e) < 0)
		return -1;
	if (base64_decode(out, span_of_str(text)) < 0)
		return err_set(e, ERR_INPUT, "%s.%s: not base64", path, key);
	return 0;
}

static int want_name(const json_t *o, const char *path, const char *want, struct err *e)
{
	const char *name;

	if (json_get_str(&name, o, "name", path, e) < 0)
		return -1;
	if (strcmp(name, want) != 0)
		return err_set(e, ERR_INPUT, "%s.name: '%s', expected '%s'", path, name, want);
	return 0;
}

/* cosign has written these costs and no others; they are up to 128 MiB of memory. */
static bool costs_are_usual(const struct sealed *s)
{
	return (s->n == 32768 || s->n == 65536 || s->n == 131072) && s->r == 8 && s->p == 1;
}

static int sealed_parse(struct sealed *s, const json_t *o, struct err *e)
{
	json_t *kdf, *params, *cipher;

	if (json_get_obj(&kdf, o, "kdf", "", e) < 0 || want_name(kdf, "kdf", "scrypt", e) < 0 ||
	    json_get_obj(&params, kdf, "params", "kdf", e) < 0 ||
	    json_get_u64(&s->n, params, "N", "kdf.params", e) < 0 ||
	    json_get_u64(&s->r, params, "r", "kdf.params", e) < 0 ||
	    json_get_u64(&s->p, params, "p", "kdf.params", e) < 0 ||
	    get_bytes(&s->salt, kdf, "salt", "kdf", e) < 0 ||
	    json_get_obj(&cipher, o, "cipher", "", e) < 0 ||
	    want_name(cipher, "cipher", "nacl/secretbox", e) < 0 ||
	    get_bytes(&s->nonce, cipher, "nonce", "cipher", e) < 0 ||
	    get_bytes(&s->box, o, "ciphertext", "", e) < 0)
		return -1;
	if (!costs_are_usual(s))
		return err_set(e, ERR_INPUT, "kdf.params: not the costs that cosign uses");
	if (s->nonce.len != crypto_secretbox_NONCEBYTES)
		return err_set(e, ERR_INPUT, "cipher.nonce: %zu bytes, expected %u", s->nonce.len,
			       crypto_secretbox_NONCEBYTES);
	if (s->box.len <= crypto_secretbox_MACBYTES)
		return err_set(e, ERR_INPUT, "ciphertext: too short");
	return 0;
}

static int sealed_decrypt(struct buf *der, const struct sealed *s, const char *passphrase,
			  struct err *e)
{
	unsigned char key[KEY_LEN];
	size_t n = s->box.len - crypto_secretbox_MACBYTES;
	unsigned char *plain;
	int r;

	if (crypto_pwhash_scryptsalsa208sha256_ll(
		    (const uint8_t *)passphrase, strlen(passphrase), (const uint8_t *)s->salt.data,
		    s->salt.len, s->n, (uint32_t)s->r, (uint32_t)s->p, key, sizeof(key)) != 0)
		return err_set(e, ERR_FAILED, "scrypt: no memory");
	plain = mem_alloc(n);
	r = crypto_secretbox_open_easy(plain, (const unsigned char *)s->box.data, s->box.len,
				       (const unsigned char *)s->nonce.data, key);
	explicit_bzero(key, sizeof(key));
	if (r == 0)
		buf_add(der, plain, n);
	explicit_bzero(plain, n);
	free(plain);
	return r == 0 ? 0 : err_set(e, ERR_DENIED, "the passphrase is not this key's");
}

int sealed_key_open(struct buf *der, struct span json, const char *passphrase, struct err *e)
{
	auto_json json_t *o = json_load_span(json, SEALED_JSON_MAX, "encrypted key", e);
	auto_sealed struct sealed s = { 0 };

	if (!o) {
		secret_unquote_err(e);
		e->kind = ERR_INPUT;
		return -1;
	}
	if (sealed_parse(&s, o, e) < 0) {
		e->kind = ERR_INPUT; /* it is a file of the user's */
		return -1;
	}
	return sealed_decrypt(der, &s, passphrase, e);
}

/* Signatures put into a registry and checked there; the registry is a list of texts by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/hash.h"
#include "base/mem.h"
#include "oci/image/manifest.h"
#include "registry/signature.h"
#include "registry/signature_payload.h"
#include "tests/fakes/fake_clock.h"

#define IMAGE	  "sha256:3333333333333333333333333333333333333333333333333333333333333333"
#define OTHER	  "sha256:4444444444444444444444444444444444444444444444444444444444444444"
#define TAG	  "sha256-3333333333333333333333333333333333333333333333333333333333333333.sig"
#define MANIFESTS "https://r.example/v2/a/b/manifests/"
#define PAYLOAD	  "application/vnd.dev.cosign.simplesigning.v1+json"

struct fixture {
	struct http base;
	struct strv keys, values; /* what the registry has: address, body */
	size_t puts;		  /* of the list */
	size_t lose;		  /* so many of them are overwritten at once by somebody else */
	struct fake_clock clock;
	struct op op;
	struct registry_options opt;
	struct registry_session *session;
	struct registry_repo repo;
	struct oci_digest image;
	struct oci_reference ref;
	struct sign_key *key, *other;
	struct err e;
};

/* -- the registry ------------------------------------------------------------------ */

static void keep(struct fixture *f, const char *key, const char *value)
{
	for (size_t i = 0; i < f->keys.n; i++)
		if (strcmp(f->keys.v[i], key) == 0) {
			strv_remove(&f->keys, i);
			strv_remove(&f->values, i);
		}
	strv_add(&f->keys, key);
	strv_add(&f->values, value);
}

static const char *find(const struct fixture *f, const char *key)
{
	for (size_t i = 0; i < f->keys.n; i++)
		if (strcmp(f->keys.v[i], key) == 0)
			return f->values.v[i];
	return NULL;
}

static int answer(struct http_response *rs, const struct http_request *rq, const char *header,
		  const char *body, struct err *e)
{
	size_t seen = 0;

	rs->body.max = HTTP_BODY_MAX;
	if (http_response_add_header(rs, &seen, span_of_str(header), e) < 0)
		return -1;
	if (header[9] == '2' && rq->method[0] == 'P' && rq->method[1] == 'O' &&
	    http_response_add_header(rs, &seen, SPAN_LIT("Location: /v2/a/b/blobs/"), e) < 0)
		return -1;
	return body ? http_response_add_body(rs, rq, body, strlen(body), e) : 0;
}

static int take_put(struct fixture *f, const struct http_request *rq, struct err *e)
{
	auto_buf struct buf body = BUF_INIT(BUF_SMALL);
	struct http_send send = { 0 };
	char piece[512];
	ssize_t n;

	assert_int_equal(0, http_send_open(&send, rq, e));
	while ((n = http_send_read(&send, piece, sizeof(piece), e)) > 0)
		buf_add(&body, piece, (size_t)n);
	http_send_close(&send);
	if (strstr(rq->url, "/manifests/")) {
		f->puts++;
		keep(f, rq->url,
		     f->lose && f->lose--
			     ? "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"size\":2,"
			       "\"digest\":\"" IMAGE "\"},\"layers\":[]}"
			     : buf_str(&body));
	} else {
		struct oci_digest d;
		auto_free char *key = NULL;

		oci_digest_of_bytes(&d, buf_span(&body));
		key = mem_printf("https://r.example/v2/a/b/blobs/%s", d.text);
		keep(f, key, buf_str(&body));
	}
	return n < 0 ? -1 : 0;
}

static int registry_perform(struct http *h, struct op *op, const struct http_request *rq,
			    struct http_response *rs, struct err *e)
{
	struct fixture *f = CONTAINER_OF(h, struct fixture, base);
	const char *have = find(f, rq->url);

	(void)op;
	*rs = (struct http_response){ 0 };
	if (strcmp(rq->method, "POST") == 0)
		return answer(rs, rq, "HTTP/1.1 202 Accepted\r\n", NULL, e);
	if (strcmp(rq->method, "PUT") == 0)
		return take_put(f, rq, e) < 0 ? -1
					      : answer(rs, rq, "HTTP/1.1 201 Created\r\n", NULL, e);
	if (strcmp(rq->method, "HEAD") == 0)
		have = NULL;
	return answer(rs, rq, have ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 404 Not Found\r\n", have, e);
}

/* -- the fixture ------------------------------------------------------------------- */

static struct sign_key *make_key(void)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	struct err e = ERR_INIT;
	struct sign_key *key;
	char *p;
	long n;

	assert_int_equal(1, PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL));
	n = BIO_get_mem_data(bio, &p);
	assert_int_equal(0, sign_key_private(&key, span_of(p, (size_t)n), NULL, &e));
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return key;
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	f->base.perform = registry_perform;
	f->op = (struct op){ .clock = fake_clock_init(&f->clock) };
	f->opt = (struct registry_options){ .jobs = 1 };
	f->session = registry_session_new(&f->base, "r.example", &f->opt);
	f->repo = (struct registry_repo){ .session = f->session, .path = "a/b", .push = true };
	f->key = make_key();
	f->other = make_key();
	assert_int_equal(0, oci_digest_parse(&f->image, SPAN_LIT(IMAGE), &f->e));
	assert_int_equal(0, oci_reference_parse(&f->ref, "r.example/a/b:latest", &f->e));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_session_free(f->session);
	sign_key_free(f->key);
	sign_key_free(f->other);
	oci_reference_release(&f->ref);
	strv_release(&f->keys);
	strv_release(&f->values);
	free(f);
	return 0;
}

static int sign_as(struct fixture *f, const char *name, const struct sign_key *key)
{
	auto_strv struct strv names = STRV_INIT;

	err_clear(&f->e);
	strv_add(&names, name);
	return registry_sign(&f->op, &f->repo, &f->image, &names, key, &f->e);
}

static int verify(struct fixture *f, const struct sign_key *key)
{
	err_clear(&f->e);
	return registry_verify(&f->op, &f->repo, &f->image, &f->ref, key, &f->e);
}

static void assert_denied(struct fixture *f, const struct sign_key *key, const char *part)
{
	assert_int_equal(-1, verify(f, key));
	assert_int_equal(ERR_DENIED, f->e.kind);
	if (!strstr(f->e.text, part))
		fail_msg("'%s' should hold '%s'", f->e.text, part);
}

static size_t nr_layers(const struct fixture *f)
{
	const char *text = find(f, MANIFESTS TAG);
	auto_manifest struct oci_manifest m = { 0 };
	struct err e = ERR_INIT;

	assert_non_null(text);
	assert_int_equal(0, oci_manifest_parse(&m, span_of_str(text), NULL, &e));
	return m.nr_layers;
}

/* -- tests ------------------------------------------------------------------------- */

static void what_is_signed_verifies_and_nothing_else_does(void **state)
{
	struct fixture *f = *state;

	assert_denied(f, f->key, "it is not signed");
	assert_int_equal(0, sign_as(f, "r.example/a/b:latest", f->key));
	assert_int_equal(0, verify(f, f->key));
	assert_denied(f, f->other, "none of its signatures was made with this key");
	/* the tag moves, the digest that was signed is the same */
	free(f->ref.tag);
	f->ref.tag = mem_strdup("1.0");
	assert_int_equal(0, verify(f, f->key));
}

static void another_repository_is_named(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(0, sign_as(f, "r.example/other:latest", f->key));
	assert_denied(f, f->key, "this key has signed it as 'r.example/other:latest' only");
}

/* A signature copied to the tag of another digest. */
static void a_signature_of_another_digest_is_none(void **state)
{
	struct fixture *f = *state;
	auto_free char *list = NULL;

	assert_int_equal(0, sign_as(f, "r.example/a/b:latest", f->key));
	list = mem_strdup(find(f, MANIFESTS TAG));
	keep(f,
	     MANIFESTS
	     "sha256-4444444444444444444444444444444444444444444444444444444444444444.sig",
	     list);
	assert_int_equal(0, oci_digest_parse(&f->image, SPAN_LIT(OTHER), &f->e));
	assert_denied(f, f->key, "none of its signatures");
}

static void signing_again_adds_nothing_and_others_stay(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(0, sign_as(f, "r.example/a/b:latest", f->key));
	assert_int_equal(0, sign_as(f, "r.example/a/b:latest", f->key));
	assert_int_equal(1, f->puts);
	assert_int_equal(0, sign_as(f, "r.example/a/b:latest", f->other));
	assert_int_equal(0, sign_as(f, "r.example/a/b:1.0", f->key));
	assert_int_equal(3, nr_layers(f));
	assert_int_equal(0, verify(f, f->key));
	assert_int_equal(0, verify(f, f->other));
}

static void what_somebody_else_overwrites_is_signed_again(void **state)
{
	struct fixture *f = *state;

	f->lose = 2;
	assert_int_equal(0, sign_as(f, "r.example/a/b:latest", f->key));
	assert_int_equal(3, f->puts);
	assert_int_equal(0, verify(f, f->key));

	f->lose = 9;
	assert_int_equal(-1, sign_as(f, "r.example/a/b:2", f->key));
	assert_non_null(strstr(f->e.text, "somebody else changes"));
	assert_int_equal(6, f->puts);
}

/* Somebody else's text is not there any more; ours is sound. */
static void anothers_signature_that_cannot_be_fetched_spoils_nothing(void **state)
{
	struct fixture *f = *state;
	auto_manifest struct oci_manifest m = { 0 };
	auto_free char *url = NULL, *other = NULL;

	assert_int_equal(0, sign_as(f, "r.example/a/b:old", f->other));
	assert_int_equal(0, sign_as(f, "r.example/a/b:latest", f->key));
	assert_int_equal(0,
			 oci_manifest_parse(&m, span_of_str(find(f, MANIFESTS TAG)), NULL, &f->e));
	url = mem_printf("https://r.example/v2/a/b/blobs/%s", m.layers[0].digest.text);
	other = mem_strdup(find(f, url));
	other[0] = '[';
	keep(f, url, other);
	if (verify(f, f->key) < 0)
		fail_msg("%s", f->e.text);
	assert_denied(f, f->other, "none of its signatures");
}

/* More would not be looked at by who checks. */
static void there_is_a_limit_to_signatures(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf list = BUF_INIT(BUF_SMALL);

	buf_add_str(&list, "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"size\":2,"
			   "\"digest\":\"" IMAGE "\"},\"layers\":[");
	for (int i = 0; i < SIGNATURE_LAYERS_MAX; i++)
		buf_addf(&list, "%s{\"mediaType\":\"x\",\"size\":2,\"digest\":\"" OTHER "\"}",
			 i ? "," : "");
	buf_add_str(&list, "]}");
	keep(f, MANIFESTS TAG, buf_str(&list));
	assert_int_equal(-1, sign_as(f, "r.example/a/b:latest", f->key));
	assert_non_null(strstr(f->e.text, "256 signatures already"));
	assert_int_equal(0, f->puts);
}

/* The form that cosign and containers/image read: types, annotation, config, one text. */
static void the_list_has_the_form_that_others_read(void **state)
{
	struct fixture *f = *state;
	static const char text[] =
		"{\"critical\":{\"identity\":{\"docker-reference\":\"r.example/a/b:latest\"},"
		"\"image\":{\"docker-manifest-digest\":\"" IMAGE "\"},"
		"\"type\":\"cosign container image signature\"},\"optional\":null}";
	auto_manifest struct oci_manifest m = { 0 };
	auto_free char *config = NULL, *config_url = NULL;
	struct oci_digest d;

	assert_int_equal(0, sign_as(f, "r.example/a/b:latest", f->key));
	assert_int_equal(0,
			 oci_manifest_parse(&m, span_of_str(find(f, MANIFESTS TAG)), NULL, &f->e));
	oci_digest_of_bytes(&d, span_of_str(text));
	assert_int_equal(1, m.nr_layers);
	assert_string_equal(d.text, m.layers[0].digest.text);
	assert_string_equal(PAYLOAD, m.layers[0].media_type);
	assert_non_null(
		strv_env_get(&m.layers[0].annotations, "dev.cosignproject.cosign/signature"));
	config = mem_printf(
		"{\"architecture\":\"\",\"os\":\"\",\"created\":\"0001-01-01T00:00:00Z\","
		"\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
		d.text);
	config_url = mem_printf("https://r.example/v2/a/b/blobs/%s", m.config.digest.text);
	assert_string_equal(config, find(f, config_url));
	assert_string_equal(OCI_MEDIA_CONFIG, m.config.media_type);
}

/* A text with a sound signature whose content is not what it should be. */
static void put_signed(struct fixture *f, const char *text)
{
	auto_buf struct buf sig = BUF_INIT(SIGN_SIGNATURE_MAX);
	auto_free char *encoded = NULL, *list = NULL, *key = NULL;
	struct oci_digest d;

	assert_int_equal(0, sign_make(&sig, f->key, span_of_str(text), &f->e));
	encoded = base64_encode(buf_span(&sig), false);
	oci_digest_of_bytes(&d, span_of_str(text));
	key = mem_printf("https://r.example/v2/a/b/blobs/%s", d.text);
	keep(f, key, text);
	list = mem_printf(
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"config\":"
		"{\"mediaType\":\"" OCI_MEDIA_CONFIG "\",\"size\":2,\"digest\":\"" IMAGE "\"},"
		"\"layers\":[{\"mediaType\":\"" PAYLOAD "\",\"size\":%zu,\"digest\":\"%s\","
		"\"annotations\":{\"dev.cosignproject.cosign/signature\":\"%s\"}}]}",
		strlen(text), d.text, encoded);
	keep(f, MANIFESTS TAG, list);
}

#define CRITICAL(more)                                                                             \
	"\"critical\":{\"identity\":{\"docker-reference\":\"r.example/a/b\"},\"image\":"           \
	"{\"docker-manifest-digest\":\"" IMAGE "\"},\"type\":\"cosign container image "            \
	"signature\"" more "}"

static void only_the_exact_form_of_the_text_counts(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {
		"{" CRITICAL(",\"more\":1") ",\"optional\":null}",
		"{" CRITICAL("") ",\"optional\":null,\"more\":1}",
		"{" CRITICAL("") ",\"optional\":1}",
		"{" CRITICAL("") "," CRITICAL("") "}",
		"{\"optional\":null}",
		"{\"critical\":{\"identity\":{\"docker-reference\":\"r.example/a/b\"},\"image\":"
		"{\"docker-manifest-digest\":\"" IMAGE
		"\"},\"type\":\"atomic container signature\"}}",
		"text",
	};

	put_signed(f, "{" CRITICAL("") ",\"optional\":{\"creator\":\"x\"}}");
	assert_int_equal(0, verify(f, f->key));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put_signed(f, bad[i]);
		assert_denied(f, f->key, "none of its signatures");
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_signed_verifies_and_nothing_else_does),
		CASE(another_repository_is_named),
		CASE(a_signature_of_another_digest_is_none),
		CASE(signing_again_adds_nothing_and_others_stay),
		CASE(what_somebody_else_overwrites_is_signed_again),
		CASE(anothers_signature_that_cannot_be_fetched_spoils_nothing),
		CASE(there_is_a_limit_to_signatures),
		CASE(the_list_has_the_form_that_others_read),
		CASE(only_the_exact_form_of_the_text_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

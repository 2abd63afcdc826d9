#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/resolve.h"
#include "tests/fakes/registry_world.h"

#define R "https://r.example/v2/a/b"

struct fixture {
	struct registry_world w;
	struct oci_descriptor image, got;
	char *text, *digest_header, *length_header;
	struct oci_reference ref;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	registry_world_image(&f->w, &f->image, "layer");
	f->text = registry_world_text(&f->w, &f->image);
	f->digest_header = mem_printf("Docker-Content-Digest: %s", f->image.digest.text);
	f->length_header = mem_printf("Content-Length: %zu", strlen(f->text));
	assert_int_equal(0, oci_reference_parse(&f->ref, "r.example/a/b:1", &f->w.e));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_world_release(&f->w);
	oci_descriptor_release(&f->image);
	oci_descriptor_release(&f->got);
	oci_reference_release(&f->ref);
	free(f->text);
	free(f->digest_header);
	free(f->length_header);
	free(f);
	return 0;
}

static int resolve(struct fixture *f)
{
	return registry_resolve(&f->got, &f->w.op, f->w.session, &f->ref, &f->w.e);
}

static void assert_resolved(struct fixture *f)
{
	if (resolve(f) < 0)
		fail_msg("%s", f->w.e.text);
	assert_string_equal(f->image.digest.text, f->got.digest.text);
	assert_string_equal(OCI_MEDIA_MANIFEST, f->got.media_type);
	assert_int_equal(f->image.size_bytes, f->got.size_bytes);
}

static void expect_get(struct fixture *f, const char *type, const char *text)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 200,
		    .headers = { type }, .answer = text);
}

static void a_head_tells_it_all(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .status = 200,
		    .has = { "Accept: " OCI_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST
			     ", " DOCKER_MEDIA_LIST ", " DOCKER_MEDIA_MANIFEST },
		    .headers = { f->digest_header, f->length_header,
				 "Content-Type: " OCI_MEDIA_MANIFEST "; charset=utf-8" });
	assert_resolved(f);
}

static void what_head_does_not_tell_a_get_does(void **state)
{
	static const long statuses[] = { 200, 403, 405 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1",
			    .status = statuses[i],
			    .headers = { "Content-Type: " OCI_MEDIA_MANIFEST });
		expect_get(f, "Content-Type: " OCI_MEDIA_MANIFEST, f->text);
		assert_resolved(f);
		oci_descriptor_release(&f->got);
		f->got = (struct oci_descriptor){ 0 };
	}
}

static void a_head_without_a_length_is_not_believed(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .status = 200,
		    .headers = { "Content-Type: " OCI_MEDIA_MANIFEST, f->digest_header,
				 "Content-Length: 0" });
	expect_get(f, "Content-Type: " OCI_MEDIA_MANIFEST, f->text);
	assert_resolved(f);
}

static void without_a_content_type_the_document_says_what_it_is(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .status = 405);
	expect_get(f, "Content-Type: text/plain", f->text);
	assert_resolved(f);
}

static void a_type_at_odds_with_the_document_is_refused(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .status = 405);
	expect_get(f, "Content-Type: " OCI_MEDIA_INDEX, f->text);
	assert_int_equal(-1, resolve(f));
	assert_err(&f->w, ERR_CORRUPT, "");
}

static void an_absent_tag_is_absent_and_named(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .status = 404);
	assert_int_equal(-1, resolve(f));
	assert_err(&f->w, ERR_ABSENT, "image r.example/a/b:1: 404 not found");
}

static void a_refusal_is_denied(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	assert_int_equal(-1, resolve(f));
	assert_err(&f->w, ERR_DENIED, "no credentials for r.example found");
}

static void a_digest_wins_over_the_tag_and_must_be_answered(void **state)
{
	struct fixture *f = *state;
	auto_free char *wrong = registry_world_digest("wrong");
	auto_free char *url = mem_printf(R "/manifests/%s", wrong);

	assert_int_equal(0, oci_digest_parse(&f->ref.digest, span_of_str(wrong), &f->w.e));
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = url, .status = 200,
		    .headers = { f->digest_header, f->length_header,
				 "Content-Type: " OCI_MEDIA_MANIFEST });
	assert_int_equal(-1, resolve(f));
	assert_err(&f->w, ERR_CORRUPT, f->image.digest.text);
	/* the same with GET: it is the bytes that count */
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = url, .status = 405);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = url, .status = 200, .answer = f->text);
	assert_int_equal(-1, resolve(f));
	assert_err(&f->w, ERR_CORRUPT, "other bytes came");
}

static void the_platform_of_a_manifest_is_in_its_config(void **state)
{
	struct fixture *f = *state;
	auto_free struct oci_platform *list = NULL;
	auto_free char *url = mem_printf(R "/manifests/%s", f->image.digest.text);
	auto_manifest struct oci_manifest m = { 0 };
	auto_free char *config = NULL, *config_url = NULL;
	size_t n;

	assert_int_equal(0, oci_manifest_parse(&m, span_of_str(f->text), NULL, &f->w.e));
	config = registry_world_text(&f->w, &m.config);
	config_url = mem_printf(R "/blobs/%s", m.config.digest.text);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = url, .status = 200, .answer = f->text);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = config_url, .status = 200,
		    .answer = config);
	if (registry_platforms(&list, &n, &f->w.op, f->w.session, &f->ref, &f->image, &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	assert_int_equal(1, n);
	assert_string_equal("linux", list[0].os);
	assert_string_equal("amd64", list[0].arch);
}

static void the_platforms_of_an_index_are_in_itself(void **state)
{
	struct fixture *f = *state;
	auto_free struct oci_platform *list = NULL;
	auto_index struct oci_index x = { .media_type = mem_strdup(OCI_MEDIA_INDEX) };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_descriptor struct oci_descriptor index = { 0 };
	auto_free char *url = NULL;
	struct oci_platform p;
	size_t n;

	assert_int_equal(0, oci_platform_set(&p, "linux", "arm64", "", &f->w.e));
	oci_index_add(&x, &f->image, &p);
	assert_int_equal(0, oci_platform_set(&p, "unknown", "unknown", "", &f->w.e));
	oci_index_add(&x, &f->image, &p);
	oci_index_write(&text, &x);
	registry_world_blob(&f->w, &index, OCI_MEDIA_INDEX, buf_str(&text));
	url = mem_printf(R "/manifests/%s", index.digest.text);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = url, .status = 200,
		    .answer = buf_str(&text));
	if (registry_platforms(&list, &n, &f->w.op, f->w.session, &f->ref, &index, &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	assert_int_equal(1, n);
	assert_string_equal("arm64", list[0].arch);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_head_tells_it_all),
		T(what_head_does_not_tell_a_get_does),
		T(a_head_without_a_length_is_not_believed),
		T(without_a_content_type_the_document_says_what_it_is),
		T(a_type_at_odds_with_the_document_is_refused),
		T(an_absent_tag_is_absent_and_named),
		T(a_refusal_is_denied),
		T(a_digest_wins_over_the_tag_and_must_be_answered),
		T(the_platform_of_a_manifest_is_in_its_config),
		T(the_platforms_of_an_index_are_in_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

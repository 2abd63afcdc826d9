#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/pool.h"
#include "registry/push.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

#define R "https://r.example/v2/a/b"

struct fixture {
	struct registry_world w;
	struct oci_descriptor image;
	char *digest_header, *text;
	struct oci_digest layer, config;
	struct oci_reference to;
	struct registry_push_options opt;
	struct registry_push_report report;
};

static void manifest_digests(struct fixture *f)
{
	auto_manifest struct oci_manifest m = { 0 };

	assert_int_equal(0, oci_manifest_parse(&m, span_of_str(f->text), NULL, &f->w.e));
	f->config = m.config.digest;
	f->layer = m.layers[0].digest;
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	registry_world_image(&f->w, &f->image, "the bytes of the layer");
	f->text = registry_world_text(&f->w, &f->image);
	f->digest_header = mem_printf("Docker-Content-Digest: %s", f->image.digest.text);
	manifest_digests(f);
	assert_int_equal(0, oci_reference_parse(&f->to, "r.example/a/b:1.0", &f->w.e));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_world_release(&f->w);
	oci_descriptor_release(&f->image);
	oci_reference_release(&f->to);
	free(f->digest_header);
	free(f->text);
	free(f);
	return 0;
}

static void expect_tag(struct fixture *f, const char *tag, bool equal)
{
	auto_free char *url = mem_printf(R "/manifests/%s", tag);

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = url,
		    .has = { "Accept: " OCI_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST ", " },
		    .status = equal ? 200 : 404, .headers = { equal ? f->digest_header : NULL });
}

static void expect_blob(struct fixture *f, const struct oci_digest *d, bool there)
{
	auto_free char *begin =
		mem_printf(R "/blobs/uploads/?mount=sha256%%3A%s&from=a%%2Fb", oci_digest_hex(d));
	auto_free char *location = mem_printf("Location: /u/%s", oci_digest_hex(d));
	auto_free char *put = mem_printf("https://r.example/u/%s?digest=sha256%%3A%s",
					 oci_digest_hex(d), oci_digest_hex(d));

	HTTP_EXPECT(f->w.script, .method = "POST", .url = begin, .status = there ? 201 : 202,
		    .headers = { location });
	if (!there)
		HTTP_EXPECT(f->w.script, .method = "PUT", .url = put, .status = 201);
}

static void expect_manifest(struct fixture *f, const char *ref)
{
	auto_free char *url = mem_printf(R "/manifests/%s", ref);

	HTTP_EXPECT(f->w.script, .method = "PUT", .url = url,
		    .has = { "Content-Type: " OCI_MEDIA_MANIFEST }, .body = f->text, .status = 201,
		    .headers = { f->digest_header });
}

static int push(struct fixture *f)
{
	return registry_push(&f->report, &f->w.op, f->w.session, f->w.store, &f->image, &f->to,
			     &f->opt, &f->w.e);
}

static void assert_pushed(struct fixture *f)
{
	if (push(f) < 0)
		fail_msg("%s", f->w.e.text);
}

static void blobs_go_first_then_the_manifest(void **state)
{
	struct fixture *f = *state;

	expect_tag(f, "1.0", false);
	expect_blob(f, &f->config, false); /* the larger one */
	expect_blob(f, &f->layer, true);
	expect_manifest(f, "1.0");
	assert_pushed(f);
	assert_int_equal(1, f->report.sent);
	assert_int_equal(1, f->report.existing);
	assert_true(f->report.sent_bytes > 22);
	assert_false(f->report.unchanged);
}

static void an_equal_tag_costs_one_request(void **state)
{
	struct fixture *f = *state;

	expect_tag(f, "1.0", true);
	assert_pushed(f);
	assert_true(f->report.unchanged);
	assert_int_equal(0, f->report.sent);
	assert_int_equal(2, f->report.existing);
}

static void force_does_the_work_anyway(void **state)
{
	struct fixture *f = *state;

	f->opt.force = true;
	expect_blob(f, &f->config, true);
	expect_blob(f, &f->layer, true);
	expect_manifest(f, "1.0");
	assert_pushed(f);
	assert_false(f->report.unchanged);
}

static void further_tags_send_no_blob_again(void **state)
{
	struct fixture *f = *state;
	auto_strv struct strv tags = STRV_INIT;

	strv_add(&tags, "latest");
	strv_add(&tags, "1.0"); /* twice is once */
	f->opt.tags = &tags;
	expect_tag(f, "1.0", false);
	expect_tag(f, "latest", false);
	expect_blob(f, &f->config, false);
	expect_blob(f, &f->layer, false);
	expect_manifest(f, "1.0");
	expect_manifest(f, "latest");
	assert_pushed(f);
}

static void when_one_tag_is_equal_only_the_others_are_set(void **state)
{
	struct fixture *f = *state;
	auto_strv struct strv tags = STRV_INIT;

	strv_add(&tags, "latest");
	f->opt.tags = &tags;
	expect_tag(f, "1.0", true);
	expect_tag(f, "latest", false);
	expect_manifest(f, "latest");
	assert_pushed(f);
	assert_false(f->report.unchanged);
}

static void a_reference_by_digest_is_pushed_without_a_tag(void **state)
{
	struct fixture *f = *state;

	free(f->to.tag);
	f->to.tag = NULL;
	f->to.digest = f->image.digest;
	expect_tag(f, f->image.digest.text, false);
	expect_blob(f, &f->config, false);
	expect_blob(f, &f->layer, false);
	expect_manifest(f, f->image.digest.text);
	assert_pushed(f);
}

static void another_digest_than_asked_for_is_refused(void **state)
{
	struct fixture *f = *state;

	f->to.digest = f->layer;
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_INPUT, f->image.digest.text);
}

static void what_is_no_tag_is_refused_before_anything_is_asked(void **state)
{
	struct fixture *f = *state;
	auto_strv struct strv tags = STRV_INIT;

	strv_add(&tags, "a/../b");
	f->opt.tags = &tags;
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_INPUT, "not a tag: 'a/../b'");
}

static void refused_credentials_end_it_at_the_first_request(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1.0", .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_DENIED,
		   "push r.example/a/b:1.0: login to r.example: 401 unauthorized (no credentials");
}

static void a_head_that_is_forbidden_is_no_answer(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1.0", .status = 403);
	expect_blob(f, &f->config, true);
	expect_blob(f, &f->layer, true);
	expect_manifest(f, "1.0");
	assert_pushed(f);
}

static void a_corrupt_blob_leaves_the_manifest_unsent(void **state)
{
	struct fixture *f = *state;

	mem_store_damage(f->w.store, &f->config, false);
	expect_tag(f, "1.0", false);
	expect_blob(f, &f->config, false);
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_CORRUPT, f->config.text);
	assert_err(&f->w, ERR_CORRUPT, "push r.example/a/b:1.0: blob sha256:");
}

static void a_registry_that_stores_something_else_is_caught(void **state)
{
	struct fixture *f = *state;
	auto_free char *other = mem_printf("Docker-Content-Digest: %s", f->layer.text);

	expect_tag(f, "1.0", false);
	expect_blob(f, &f->config, true);
	expect_blob(f, &f->layer, true);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = R "/manifests/1.0", .status = 201,
		    .headers = { other });
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_CORRUPT, "the registry has taken it as");
}

static void a_refused_manifest_is_told_in_the_registrys_words(void **state)
{
	struct fixture *f = *state;

	expect_tag(f, "1.0", false);
	expect_blob(f, &f->config, true);
	expect_blob(f, &f->layer, true);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = R "/manifests/1.0", .status = 400,
		    .answer = "{\"errors\":[{\"code\":\"MANIFEST_INVALID\",\"message\":\"x\"}]}");
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_FAILED, "400 bad request: MANIFEST_INVALID: x");
}

static void an_index_goes_up_after_its_children(void **state)
{
	struct fixture *f = *state;
	auto_index struct oci_index x = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	struct oci_descriptor index;

	x.media_type = mem_strdup(OCI_MEDIA_INDEX);
	oci_index_add(&x, &f->image, NULL);
	oci_index_write(&text, &x);
	registry_world_blob(&f->w, &index, OCI_MEDIA_INDEX, buf_str(&text));
	expect_tag(f, "1.0", false);
	expect_blob(f, &f->config, true);
	expect_blob(f, &f->layer, true);
	expect_manifest(f, f->image.digest.text);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = R "/manifests/1.0",
		    .has = { "Content-Type: " OCI_MEDIA_INDEX }, .body = buf_str(&text),
		    .status = 201);
	oci_descriptor_release(&f->image);
	f->image = index;
	assert_pushed(f);
}

static void blobs_go_up_side_by_side_with_one_token(void **state)
{
	struct fixture *f = *state;
	auto_pool struct pool *pool = NULL;

	assert_int_equal(0, pool_new(&pool, 4, &f->w.e));
	f->w.op.pool = pool;
	f->opt.jobs = 2;
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1.0", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"https://t.example/\"" });
	HTTP_EXPECT(f->w.script, .method = "GET",
		    .url = "https://t.example/?scope=repository%3Aa%2Fb%3Apull%2Cpush",
		    .status = 200, .answer = "{\"token\":\"t\",\"expires_in\":300}");
	http_script_unordered(f->w.script);
	expect_tag(f, "1.0", false);
	expect_blob(f, &f->config, false);
	expect_blob(f, &f->layer, false);
	expect_manifest(f, "1.0");
	assert_pushed(f);
	assert_int_equal(2, f->report.sent);
}

static void expect_other(struct fixture *f, const char *tag)
{
	auto_free char *url = mem_printf(R "/manifests/%s", tag);
	auto_free char *header = mem_printf("Docker-Content-Digest: %s", f->layer.text);

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = url, .status = 200,
		    .headers = { header });
}

static void immutable_refuses_before_anything_is_sent(void **state)
{
	struct fixture *f = *state;

	f->opt.immutable = true;
	expect_other(f, "1.0");
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_FAILED, "tag 1.0");
	assert_err(&f->w, ERR_FAILED, f->layer.text);
}

static void immutable_refuses_a_tag_that_was_set_meanwhile(void **state)
{
	struct fixture *f = *state;

	f->opt.immutable = f->opt.force = true;
	expect_tag(f, "1.0", false);
	expect_blob(f, &f->config, false);
	expect_blob(f, &f->layer, false);
	expect_other(f, "1.0");
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_FAILED, "tag 1.0");
}

static void immutable_takes_what_cannot_be_told_for_taken(void **state)
{
	struct fixture *f = *state;

	f->opt.immutable = true;
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1.0", .status = 200);
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_FAILED, "unknown digest");
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1.0", .status = 403);
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_DENIED, "403");
}

static void names_alone_are_one_request_each(void **state)
{
	struct fixture *f = *state;
	auto_strv struct strv tags = STRV_INIT;

	strv_add(&tags, "latest");
	f->opt.tags = &tags;
	f->opt.names_only = true;
	expect_manifest(f, "1.0");
	expect_manifest(f, "latest");
	assert_pushed(f);
	f->opt.immutable = true;
	expect_tag(f, "1.0", true);
	expect_tag(f, "latest", true);
	assert_pushed(f);
	assert_true(f->report.unchanged);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(blobs_go_first_then_the_manifest),
		T(an_equal_tag_costs_one_request),
		T(force_does_the_work_anyway),
		T(further_tags_send_no_blob_again),
		T(when_one_tag_is_equal_only_the_others_are_set),
		T(a_reference_by_digest_is_pushed_without_a_tag),
		T(another_digest_than_asked_for_is_refused),
		T(what_is_no_tag_is_refused_before_anything_is_asked),
		T(refused_credentials_end_it_at_the_first_request),
		T(a_head_that_is_forbidden_is_no_answer),
		T(a_corrupt_blob_leaves_the_manifest_unsent),
		T(a_registry_that_stores_something_else_is_caught),
		T(a_refused_manifest_is_told_in_the_registrys_words),
		T(an_index_goes_up_after_its_children),
		T(immutable_refuses_before_anything_is_sent),
		T(immutable_refuses_a_tag_that_was_set_meanwhile),
		T(immutable_takes_what_cannot_be_told_for_taken),
		T(names_alone_are_one_request_each),
		T(blobs_go_up_side_by_side_with_one_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

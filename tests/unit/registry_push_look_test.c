#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/push.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

#define R      "https://r.example/v2/a/b"
#define LAYERS 3

/* An image of three layers, and the one before it, which had two of them. */
struct fixture {
	struct registry_world w;
	struct oci_descriptor image, config, layers[LAYERS];
	char *text, *previous;
	struct oci_reference to;
	struct strv seen, mount_from;
	struct registry_push_options opt;
	struct registry_push_report report;
};

static void make_manifest(struct fixture *f, struct buf *text, const struct oci_descriptor *config,
			  size_t nr)
{
	auto_manifest struct oci_manifest m = { 0 };

	m.media_type = mem_strdup(OCI_MEDIA_MANIFEST);
	oci_descriptor_copy(&m.config, config);
	for (size_t i = 0; i < nr; i++)
		oci_manifest_add_layer(&m, &f->layers[i]);
	oci_manifest_write(text, &m);
}

static void make_images(struct fixture *f)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX), old = BUF_INIT(OCI_MANIFEST_MAX);
	auto_descriptor struct oci_descriptor config = { 0 };

	registry_world_blob(&f->w, &config, OCI_MEDIA_CONFIG, "{\"os\":\"before\"}");
	make_manifest(f, &old, &config, LAYERS - 1);
	f->previous = mem_strdup(buf_str(&old));
	make_manifest(f, &text, &f->config, LAYERS);
	f->text = mem_strdup(buf_str(&text));
	oci_descriptor_release(&f->image);
	registry_world_blob(&f->w, &f->image, OCI_MEDIA_MANIFEST, f->text);
}

static int setup(void **state)
{
	static const char *const bytes[] = { "layer one, the largest", "layer two, large",
					     "layer three" };
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	for (size_t i = 0; i < LAYERS; i++)
		registry_world_blob(&f->w, &f->layers[i], OCI_MEDIA_LAYER_GZIP, bytes[i]);
	registry_world_blob(&f->w, &f->config, OCI_MEDIA_CONFIG, "{}");
	make_images(f);
	assert_int_equal(0, oci_reference_parse(&f->to, "r.example/a/b:1", &f->w.e));
	f->opt = (struct registry_push_options){ .seen = &f->seen, .mount_from = &f->mount_from };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_world_release(&f->w);
	oci_descriptor_release(&f->image);
	oci_descriptor_release(&f->config);
	for (size_t i = 0; i < LAYERS; i++)
		oci_descriptor_release(&f->layers[i]);
	oci_reference_release(&f->to);
	strv_release(&f->seen);
	strv_release(&f->mount_from);
	free(f->text);
	free(f->previous);
	free(f);
	return 0;
}

/* -- what comes -------------------------------------------------------------------------- */

static void expect_ask(struct fixture *f, const struct oci_descriptor *d, const char *from,
		       long status)
{
	auto_free char *url = mem_printf(R "/blobs/uploads/?mount=sha256%%3A%s&from=%s",
					 oci_digest_hex(&d->digest), from);

	HTTP_EXPECT(f->w.script, .method = "POST", .url = url, .status = status,
		    .headers = { status == 202 ? "Location: /u" : NULL });
}

static void expect_put(struct fixture *f, const struct oci_descriptor *d)
{
	auto_free char *url =
		mem_printf("https://r.example/u?digest=sha256%%3A%s", oci_digest_hex(&d->digest));

	HTTP_EXPECT(f->w.script, .method = "PUT", .url = url, .status = 201);
}

static void expect_there(struct fixture *f, const struct oci_descriptor *d)
{
	expect_ask(f, d, "a%2Fb", 201);
}

static void expect_sent(struct fixture *f, const struct oci_descriptor *d)
{
	expect_ask(f, d, "a%2Fb", 202);
	expect_put(f, d);
}

static void expect_head(struct fixture *f, const char *what, long status, const char *digest)
{
	auto_free char *url = mem_printf(R "/%s", what);
	auto_free char *line = digest ? mem_printf("Docker-Content-Digest: %s", digest) : NULL;

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = url, .status = status,
		    .headers = { line });
}

/* Without a word about mounts: something that the registry has called missing. */
static void expect_sent_plainly(struct fixture *f, const struct oci_descriptor *d)
{
	auto_free char *what = mem_printf("blobs/%s", d->digest.text);

	expect_head(f, what, 404, NULL);
	HTTP_EXPECT(f->w.script, .method = "POST", .url = R "/blobs/uploads/", .status = 202,
		    .headers = { "Location: /u" });
	expect_put(f, d);
}

static void expect_blob_head(struct fixture *f, const struct oci_descriptor *d, long status)
{
	auto_free char *what = mem_printf("blobs/%s", d->digest.text);

	expect_head(f, what, status, NULL);
}

static void expect_digest_head(struct fixture *f, bool there)
{
	auto_free char *what = mem_printf("manifests/%s", f->image.digest.text);

	expect_head(f, what, there ? 200 : 404, there ? f->image.digest.text : NULL);
}

static void expect_previous(struct fixture *f)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 200,
		    .headers = { "Content-Type: " OCI_MEDIA_MANIFEST }, .answer = f->previous);
}

static void expect_tag(struct fixture *f, const char *tag, long status, const char *answer)
{
	auto_free char *url = mem_printf(R "/manifests/%s", tag);

	HTTP_EXPECT(f->w.script, .method = "PUT", .url = url, .body = f->text, .status = status,
		    .has = { "Content-Type: " OCI_MEDIA_MANIFEST }, .answer = answer);
}

static int push(struct fixture *f)
{
	return registry_push(&f->report, &f->w.op, f->w.session, f->w.store, &f->image, &f->to,
			     &f->opt, &f->w.e);
}

/* existing: mounted ones among them */
static void assert_pushed(struct fixture *f, size_t sent, size_t existing)
{
	if (push(f) < 0)
		fail_msg("%s", f->w.e.text);
	assert_int_equal(sent, f->report.sent);
	assert_int_equal(existing, f->report.existing + f->report.mounted);
}

/* -- looking ----------------------------------------------------------------------------- */

static void a_first_push_asks_for_nothing_but_its_blobs(void **state)
{
	struct fixture *f = *state;

	expect_sent(f, &f->config);
	for (size_t i = 0; i < LAYERS; i++)
		expect_sent(f, &f->layers[i]);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 4, 0);
}

static void an_image_that_was_pushed_before_costs_one_request(void **state)
{
	struct fixture *f = *state;

	strv_env_set(&f->seen, "1", f->image.digest.text);
	expect_head(f, "manifests/1", 200, f->image.digest.text);
	assert_pushed(f, 0, 4);
	assert_true(f->report.unchanged);
}

static void the_image_before_tells_what_is_there(void **state)
{
	struct fixture *f = *state;

	strv_env_set(&f->seen, "1", f->layers[0].digest.text);
	expect_previous(f);
	expect_sent(f, &f->layers[2]);
	expect_sent(f, &f->config);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 2, 2);
}

/* It may be replaced by who may not read it, or because nobody may: a scanner blocks it. */
static void an_image_before_that_may_not_be_read_costs_a_request(void **state)
{
	struct fixture *f = *state;

	strv_env_set(&f->seen, "1", f->layers[0].digest.text);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 403);
	http_script_unordered(f->w.script);
	expect_sent(f, &f->config);
	for (size_t i = 0; i < LAYERS; i++)
		expect_sent(f, &f->layers[i]);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 4, 0);
}

/* Who cleans up manifests without a tag takes the children of an index away and leaves the index. */
static void a_child_that_an_index_has_lost_is_put_again(void **state)
{
	struct fixture *f = *state;
	auto_index struct oci_index x = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX), before = BUF_INIT(OCI_MANIFEST_MAX);
	auto_free char *child = mem_printf(R "/manifests/%s", f->image.digest.text);

	x.media_type = mem_strdup(OCI_MEDIA_INDEX);
	oci_index_add(&x, &f->image, NULL);
	oci_index_write(&before, &x);
	strv_env_set(&x.annotations, "version", "2");
	oci_index_write(&text, &x);
	oci_descriptor_release(&f->image);
	registry_world_blob(&f->w, &f->image, OCI_MEDIA_INDEX, buf_str(&text));
	strv_env_set(&f->seen, "1", f->layers[0].digest.text);

	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 200,
		    .headers = { "Content-Type: " OCI_MEDIA_INDEX }, .answer = buf_str(&before));
	HTTP_EXPECT(f->w.script, .method = "GET", .url = child, .status = 404);
	http_script_unordered(f->w.script);
	expect_there(f, &f->config);
	for (size_t i = 0; i < LAYERS; i++)
		expect_there(f, &f->layers[i]);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = child, .body = f->text, .status = 201);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = R "/manifests/1", .body = buf_str(&text),
		    .status = 201);
	assert_pushed(f, 0, 4);
}

static void the_image_before_is_found_by_a_head_too(void **state)
{
	struct fixture *f = *state;

	f->opt.seen = NULL;
	expect_head(f, "manifests/1", 200, f->layers[0].digest.text);
	expect_previous(f);
	expect_sent(f, &f->layers[2]);
	expect_sent(f, &f->config);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 2, 2);
}

static void a_tag_that_is_gone_is_no_failure(void **state)
{
	struct fixture *f = *state;

	strv_env_set(&f->seen, "1", f->layers[0].digest.text);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 404);
	expect_sent(f, &f->config);
	for (size_t i = 0; i < LAYERS; i++)
		expect_sent(f, &f->layers[i]);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 4, 0);
}

static void nonsense_under_the_tag_tells_nothing(void **state)
{
	struct fixture *f = *state;

	strv_env_set(&f->seen, "1", f->layers[0].digest.text);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 200,
		    .answer = "{}");
	expect_sent(f, &f->config);
	for (size_t i = 0; i < LAYERS; i++)
		expect_there(f, &f->layers[i]);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 1, 3);
}

static void another_tag_for_an_image_that_is_there(void **state)
{
	struct fixture *f = *state;

	expect_there(f, &f->config);
	expect_head(f, "manifests/1", 404, NULL);
	expect_digest_head(f, true);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 0, 4);
	assert_false(f->report.unchanged);
}

static void an_image_that_others_pushed_is_found(void **state)
{
	struct fixture *f = *state;

	expect_there(f, &f->config);
	expect_head(f, "manifests/1", 200, f->image.digest.text);
	assert_pushed(f, 0, 4);
	assert_true(f->report.unchanged);
}

static void a_config_that_is_there_may_be_all_there_is(void **state)
{
	struct fixture *f = *state;

	expect_there(f, &f->config);
	expect_head(f, "manifests/1", 404, NULL);
	expect_digest_head(f, false);
	for (size_t i = 0; i < LAYERS; i++)
		expect_sent(f, &f->layers[i]);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 3, 1);
}

static void a_blob_that_is_there_leads_to_the_image_before(void **state)
{
	struct fixture *f = *state;

	expect_sent(f, &f->config);
	expect_there(f, &f->layers[0]);
	expect_previous(f);
	expect_sent(f, &f->layers[2]);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 2, 2);
}

/* One line for the whole, whose bytes grew to all of the image's. */
static void assert_tells_all(struct fixture *f, const char *what)
{
	uint64_t all = f->config.size_bytes;
	auto_free char *end = NULL, *tick = NULL;

	for (size_t i = 0; i < ARRAY_LEN(f->layers); i++)
		all += f->layers[i].size_bytes;
	tick = mem_printf("tick push r.example/a/b:1 %ju/%ju\n", (uintmax_t)all, (uintmax_t)all);
	end = mem_printf("end push r.example/a/b:1 %ju: %s\n", (uintmax_t)f->report.sent_bytes,
			 what);
	assert_true(recorder_has(&f->w.rec, tick));
	assert_true(recorder_has(&f->w.rec, end));
}

/* -- mounts -------------------------------------------------------------------------------- */

static void layers_are_mounted_from_where_they_may_be(void **state)
{
	struct fixture *f = *state;

	strv_add(&f->mount_from, "base/x");
	expect_sent(f, &f->config);
	expect_ask(f, &f->layers[0], "base%2Fx", 201);
	expect_ask(f, &f->layers[1], "base%2Fx", 201);
	expect_ask(f, &f->layers[2], "base%2Fx", 202);
	expect_put(f, &f->layers[2]);
	expect_tag(f, "1", 201, NULL);
	f->w.rec.ticks = true;
	assert_pushed(f, 2, 2);
	assert_tells_all(f, "2 blobs sent, 2 mounted, 0 there already");
}

/* As containerd notes it; what is no repository is not one, and ours is not asked for itself. */
static void a_manifest_may_say_where_a_layer_came_from(void **state)
{
	struct fixture *f = *state;

	free(f->text);
	free(f->previous);
	strv_env_set(&f->layers[0].annotations, "containerd.io/distribution.source.r.example",
		     "a/b,../x,base/y");
	strv_env_set(&f->layers[1].annotations, "containerd.io/distribution.source.s.example",
		     "base/y");
	make_images(f);
	expect_sent(f, &f->config);
	expect_ask(f, &f->layers[0], "base%2Fy", 201);
	expect_there(f, &f->layers[1]);
	expect_there(f, &f->layers[2]);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 1, 3);
}

/* Else whoever made it could have blobs of ours, whose digests are known, put where all can read them. */
static void a_strangers_manifest_does_not_choose_where_we_mount_from(void **state)
{
	struct fixture *f = *state;

	f->opt.foreign = true;
	free(f->text);
	free(f->previous);
	strv_env_set(&f->layers[0].annotations, "containerd.io/distribution.source.r.example",
		     "secret/y");
	make_images(f);
	expect_sent(f, &f->config);
	for (size_t i = 0; i < LAYERS; i++)
		expect_sent(f, &f->layers[i]);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 4, 0);
}

/* -- the manifest ---------------------------------------------------------------------------- */

#define MISSING "{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"detail\":{\"digest\":\"%s\"}}]}"

static void what_the_registry_misses_is_sent_and_the_manifest_again(void **state)
{
	struct fixture *f = *state;
	auto_free char *missing = mem_printf(MISSING, f->layers[1].digest.text);

	strv_env_set(&f->seen, "1", f->layers[0].digest.text);
	expect_previous(f);
	expect_sent(f, &f->layers[2]);
	expect_sent(f, &f->config);
	expect_tag(f, "1", 404, missing);
	expect_blob_head(f, &f->layers[1], 404);
	expect_sent_plainly(f, &f->layers[1]);
	/* and one that had only not been noticed */
	expect_tag(f, "1", 400, missing);
	expect_blob_head(f, &f->layers[1], 200);
	expect_tag(f, "1", 201, NULL);
	assert_pushed(f, 3, 1);
	assert_int_equal(3000, fake_clock_slept(&f->w.clock));
}

static void where_it_does_not_say_what_all_are_looked_for(void **state)
{
	struct fixture *f = *state;

	expect_sent(f, &f->config);
	expect_there(f, &f->layers[0]);
	/* something of it was there, so the tag may have an image that tells of the rest */
	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 404);
	expect_there(f, &f->layers[1]);
	expect_there(f, &f->layers[2]);
	for (int round = 0; round < 3; round++) {
		expect_tag(f, "1", 400, "{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\"}]}");
		for (size_t i = 0; i < LAYERS; i++)
			expect_blob_head(f, &f->layers[i], 200);
		expect_blob_head(f, &f->config, 200);
	}
	expect_tag(f, "1", 404, "{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\"}]}");
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_FAILED, "MANIFEST_BLOB_UNKNOWN");
	assert_int_equal(7000, fake_clock_slept(&f->w.clock));
}

static void expect_all_there(struct fixture *f)
{
	expect_there(f, &f->config);
	expect_head(f, "manifests/1", 404, NULL);
	expect_digest_head(f, true);
}

static void a_tag_that_may_not_move_and_is_right_is_no_failure(void **state)
{
	static const struct {
		long status;
		const char *answer;
	} cases[] = {
		{ 409, NULL },
		{ 403, NULL },
		{ 400, "{\"errors\":[{\"code\":\"ImageTagAlreadyExistsException\"}]}" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		expect_all_there(f);
		expect_tag(f, "1", cases[i].status, cases[i].answer);
		expect_head(f, "manifests/1", 200, f->image.digest.text);
		assert_pushed(f, 0, 4);
	}
	expect_all_there(f);
	expect_tag(f, "1", 409,
		   "{\"errors\":[{\"code\":\"TAG_INVALID\",\"message\":\"immutable\"}]}");
	expect_head(f, "manifests/1", 200, f->layers[0].digest.text);
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_FAILED, "409 conflict: TAG_INVALID: immutable");
}

static void a_quota_is_told_in_the_servers_words(void **state)
{
	struct fixture *f = *state;

	expect_all_there(f);
	expect_tag(f, "1", 412,
		   "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"project quota exceeded\"}]}");
	expect_head(f, "manifests/1", 404, NULL);
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_FAILED, "DENIED: project quota exceeded");
}

static void a_repository_that_must_be_made_first_is_hinted_at(void **state)
{
	struct fixture *f = *state;

	registry_session_host(f->w.session)->mount = REGISTRY_MOUNT_USELESS;
	expect_blob_head(f, &f->config, 404);
	HTTP_EXPECT(f->w.script, .method = "POST", .url = R "/blobs/uploads/", .status = 404,
		    .answer = "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"no\"}]}");
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_ABSENT, "NAME_UNKNOWN: no (does the repository have to be created");
}

static void a_manifest_of_more_than_4_mib_is_not_sent(void **state)
{
	struct fixture *f = *state;

	f->image.size_bytes = OCI_MANIFEST_MAX + 1;
	assert_int_equal(-1, push(f));
	assert_err(&f->w, ERR_FAILED, "4194305 bytes, and registries take no more than 4194304");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_first_push_asks_for_nothing_but_its_blobs),
		T(an_image_that_was_pushed_before_costs_one_request),
		T(the_image_before_tells_what_is_there),
		T(an_image_before_that_may_not_be_read_costs_a_request),
		T(a_child_that_an_index_has_lost_is_put_again),
		T(the_image_before_is_found_by_a_head_too),
		T(a_tag_that_is_gone_is_no_failure),
		T(nonsense_under_the_tag_tells_nothing),
		T(another_tag_for_an_image_that_is_there),
		T(an_image_that_others_pushed_is_found),
		T(a_config_that_is_there_may_be_all_there_is),
		T(a_blob_that_is_there_leads_to_the_image_before),
		T(layers_are_mounted_from_where_they_may_be),
		T(a_manifest_may_say_where_a_layer_came_from),
		T(a_strangers_manifest_does_not_choose_where_we_mount_from),
		T(what_the_registry_misses_is_sent_and_the_manifest_again),
		T(where_it_does_not_say_what_all_are_looked_for),
		T(a_tag_that_may_not_move_and_is_right_is_no_failure),
		T(a_quota_is_told_in_the_servers_words),
		T(a_repository_that_must_be_made_first_is_hinted_at),
		T(a_manifest_of_more_than_4_mib_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

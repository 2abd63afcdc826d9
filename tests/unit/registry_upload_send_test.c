#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/pool.h"
#include "registry/upload.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

#define R     "https://r.example/v2/a/b"
#define PLACE "https://r.example/up/1?_state=x%2B"
#define MANY  (300u << 10)
#define LARGE (1100u << 10)
#define TEN   "some bytes"

struct fixture {
	struct registry_world w;
	struct oci_descriptor blob;
	char *text, *mount_url, *head_url, *put_url;
};

static void fixture_drop(struct fixture *f)
{
	oci_descriptor_release(&f->blob);
	free(f->text);
	free(f->mount_url);
	free(f->head_url);
	free(f->put_url);
}

static void fixture_use(struct fixture *f, char *text)
{
	const char *hex;

	fixture_drop(f);
	f->text = text;
	registry_world_blob(&f->w, &f->blob, OCI_MEDIA_LAYER, text);
	hex = oci_digest_hex(&f->blob.digest);
	f->mount_url = mem_printf(R "/blobs/uploads/?mount=sha256%%3A%s&from=a%%2Fb", hex);
	f->head_url = mem_printf(R "/blobs/sha256:%s", hex);
	f->put_url = mem_printf("%s&digest=sha256%%3A%s", PLACE, hex);
}

/* n bytes that tell where they are. */
static void fixture_use_many(struct fixture *f, size_t n)
{
	char *text = mem_alloc(n + 1);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + (i / 1000 + i) % 26);
	text[n] = '\0';
	fixture_use(f, text);
}

static void fixture_renew(struct fixture *f, const char *host)
{

	registry_session_free(f->w.session);

	f->w.session = registry_session_new(http_script_http(f->w.script), host, &f->w.opt);
	f->w.repo.session = f->w.session;
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	fixture_use(f, mem_strdup(TEN));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_world_release(&f->w);
	fixture_drop(f);
	free(f);
	return 0;
}

static void expect_begin_with(struct fixture *f, const char *header)
{
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 202,
		    .headers = { "Location: " PLACE, header });
}

static void expect_begin(struct fixture *f)
{
	expect_begin_with(f, NULL);
}

static void expect_put(struct fixture *f, long status)
{
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .body = f->text,
		    .status = status);
}

static void expect_patch(struct fixture *f, long status)
{
	HTTP_EXPECT(f->w.script, .method = "PATCH", .url = PLACE, .body = f->text,
		    .has = { "Content-Type: application/octet-stream" },
		    .lacks = { "Content-Range" }, .status = status);
}

/* Bytes from..to (the last one). */
static void expect_piece(struct fixture *f, size_t from, size_t to, long status, const char *header)
{
	auto_free char *range = mem_printf("Content-Range: %zu-%zu", from, to);

	HTTP_EXPECT(f->w.script, .method = "PATCH", .url = PLACE, .body = f->text + from,
		    .body_len = to - from + 1,
		    .has = { "Content-Type: application/octet-stream", range }, .status = status,
		    .headers = { header });
}

static void expect_status(struct fixture *f, long status, const char *range)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = PLACE, .status = status,
		    .headers = { range });
}

static void expect_close(struct fixture *f, long status)
{
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = status);
}

static int upload(struct fixture *f, enum registry_upload *got)
{
	return registry_upload(got, &f->w.op, &f->w.repo, f->w.store, &f->blob, &f->w.e);
}

static void assert_sent(struct fixture *f)
{
	enum registry_upload got;

	if (upload(f, &got) < 0)
		fail_msg("%s", f->w.e.text);
	assert_int_equal(REGISTRY_UPLOAD_SENT, got);
}

static void assert_refused(struct fixture *f, enum err_kind kind, const char *part)
{
	enum registry_upload got;

	assert_int_equal(-1, upload(f, &got));
	assert_err(&f->w, kind, part);
}

/* -- a PATCH instead of a PUT ----------------------------------------------------------- */

/* Artifactory; ECR and old Nexus behind proxies. */
static void a_host_that_takes_no_body_by_put_gets_it_by_patch(void **state)
{
	static const long refusals[] = { 400, 404, 405, 411, 500 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		fixture_renew(f, "r.example");
		expect_begin(f);
		expect_put(f, refusals[i]);
		expect_begin(f);
		expect_patch(f, i % 2 ? 202 : 201);
		expect_close(f, 201);
		assert_sent(f);
		/* and so do all that follow */
		expect_begin(f);
		expect_patch(f, 202);
		expect_close(f, 201);
		assert_sent(f);
	}
	assert_int_equal(0, f->w.clock.sleeps);
}

static void a_second_bad_gateway_after_a_whole_body_is_no_accident(void **state)
{
	struct fixture *f = *state;

	expect_begin(f);
	expect_put(f, 502);
	expect_begin(f);
	expect_put(f, 502);
	expect_begin(f);
	expect_patch(f, 202);
	expect_close(f, 201);
	assert_sent(f);
	assert_int_equal(1, f->w.clock.sleeps);
}

static void the_place_may_move_with_each_answer(void **state)
{
	struct fixture *f = *state;
	auto_free char *end = mem_printf("https://s.example/up/2?digest=sha256%%3A%s",
					 oci_digest_hex(&f->blob.digest));

	registry_session_host(f->w.session)->body = REGISTRY_BODY_PATCH;
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "PATCH", .url = PLACE, .status = 202,
		    .headers = { "Location: https://s.example/up/2" });
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = end, .status = 201);
	assert_sent(f);
}

static void a_patch_that_the_registry_forgot_begins_anew_but_not_forever(void **state)
{
	struct fixture *f = *state;

	registry_session_host(f->w.session)->body = REGISTRY_BODY_PATCH;
	for (int i = 0; i < 4; i++) {
		expect_begin(f);
		expect_patch(f, 202);
		HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 400,
			    .answer = "{\"errors\":[{\"code\":\"BLOB_UPLOAD_INVALID\"}]}");
	}
	assert_refused(f, ERR_FAILED, "BLOB_UPLOAD_INVALID");
	assert_int_equal(0, f->w.clock.sleeps);
}

static void an_empty_blob_needs_no_patch(void **state)
{
	struct fixture *f = *state;

	fixture_use(f, mem_strdup(""));
	registry_session_host(f->w.session)->body = REGISTRY_BODY_PATCH;
	expect_begin(f);
	expect_put(f, 201);
	assert_sent(f);
}

/* -- pieces ------------------------------------------------------------------------------ */

static void what_is_too_large_for_a_proxy_goes_in_pieces(void **state)
{
	struct fixture *f = *state;

	fixture_use_many(f, MANY);
	expect_begin(f);
	expect_put(f, 413);
	expect_begin(f);
	/* ECR: 201, and a Range that stays where it was */
	expect_piece(f, 0, 153599, 201, "Range: 0-153599");
	expect_piece(f, 153600, 307199, 201, "Range: 0-153599");
	expect_close(f, 201);
	assert_sent(f);
	/* the next one goes so at once, and a small one whole */
	expect_begin(f);
	expect_piece(f, 0, 153599, 202, NULL);
	expect_piece(f, 153600, 307199, 202, NULL);
	expect_close(f, 201);
	assert_sent(f);
	fixture_use(f, mem_strdup(TEN));
	expect_begin(f);
	expect_put(f, 201);
	assert_sent(f);
}

static void pieces_get_smaller_until_they_pass(void **state)
{
	struct fixture *f = *state;

	f->w.opt.chunk_bytes = 256u << 10;
	fixture_renew(f, "r.example");
	fixture_use_many(f, MANY);
	expect_begin(f);
	expect_piece(f, 0, 262143, 413, NULL);
	expect_begin(f);
	expect_piece(f, 0, 65535, 413, NULL);
	assert_refused(f, ERR_FAILED, "413");
}

static void the_registry_may_want_larger_pieces(void **state)
{
	struct fixture *f = *state;

	f->w.opt.chunk_bytes = 100000;
	fixture_renew(f, "r.example");
	fixture_use_many(f, MANY);
	expect_begin_with(f, "OCI-Chunk-Min-Length: 200000");
	expect_piece(f, 0, 199999, 202, NULL);
	expect_piece(f, 200000, 307199, 202, NULL);
	expect_close(f, 201);
	assert_sent(f);
	/* within reason */
	expect_begin_with(f, "OCI-Chunk-Min-Length: 18446744073709551615");
	expect_piece(f, 0, 307199, 202, NULL);
	expect_close(f, 201);
	assert_sent(f);
}

static void after_a_failure_the_registry_says_where_to_go_on(void **state)
{
	struct fixture *f = *state;

	f->w.opt.chunk_bytes = 200000;
	fixture_renew(f, "r.example");
	fixture_use_many(f, MANY);
	expect_begin(f);
	expect_piece(f, 0, 199999, 202, NULL);
	expect_piece(f, 200000, 307199, 503, NULL);
	expect_status(f, 204, "Range: 0-249999");
	expect_piece(f, 250000, 307199, 202, NULL);
	expect_close(f, 201);
	assert_sent(f);
	assert_int_equal(1, f->w.clock.sleeps);
}

static void where_it_does_not_say_all_begins_anew(void **state)
{
	static const char *const ranges[] = { "Range: 0-307200", "Range: 5-10", NULL };
	struct fixture *f = *state;

	f->w.opt.chunk_bytes = 200000;
	fixture_renew(f, "r.example");
	fixture_use_many(f, MANY);
	for (size_t i = 0; i <= ARRAY_LEN(ranges); i++) {
		expect_begin(f);
		expect_piece(f, 0, 199999, 202, NULL);
		HTTP_EXPECT(f->w.script, .method = "PATCH", .url = PLACE, .fail = ERR_UNAVAILABLE);
		if (i < ARRAY_LEN(ranges))
			expect_status(f, 204, ranges[i]);
		else
			expect_status(f, 404, NULL);
		expect_begin(f);
		expect_piece(f, 0, 199999, 202, NULL);
		expect_piece(f, 200000, 307199, 202, NULL);
		expect_close(f, 201);
		assert_sent(f);
		assert_int_equal(i + 1, f->w.clock.sleeps);
	}
}

/* It took less than was sent and said so; the next one says what it said before, as some always do. */
static void a_range_within_the_piece_is_believed(void **state)
{
	struct fixture *f = *state;

	f->w.opt.chunk_bytes = 200000;
	fixture_renew(f, "r.example");
	fixture_use_many(f, MANY);
	expect_begin(f);
	expect_piece(f, 0, 199999, 202, "Range: 0-99999");
	expect_piece(f, 100000, 299999, 202, "Range: 0-99999");
	expect_piece(f, 300000, 307199, 202, "Range: 0-307199");
	expect_close(f, 201);
	assert_sent(f);
}

static void a_registry_that_counts_otherwise_is_believed(void **state)
{
	struct fixture *f = *state;

	f->w.opt.chunk_bytes = 200000;
	fixture_renew(f, "r.example");
	fixture_use_many(f, MANY);
	expect_begin(f);
	expect_piece(f, 0, 199999, 202, NULL);
	expect_piece(f, 200000, 307199, 416, "Range: 0-99999");
	expect_piece(f, 100000, 299999, 202, NULL);
	expect_piece(f, 300000, 307199, 202, NULL);
	expect_close(f, 201);
	assert_sent(f);
	assert_int_equal(0, f->w.clock.sleeps);
}

/* GHCR takes 4 MiB at once. */
static void a_piece_that_is_too_long_is_answered_416(void **state)
{
	struct fixture *f = *state;

	f->w.opt.chunk_bytes = 5u << 20;
	fixture_renew(f, "r.example");
	fixture_use_many(f, (5u << 20) + 1);
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = f->head_url, .status = 404);
	expect_piece(f, 0, (5u << 20) - 1, 416, "Range: 0-0");
	expect_piece(f, 0, (4u << 20) - 1, 202, NULL);
	expect_piece(f, 4u << 20, 5u << 20, 202, NULL);
	expect_close(f, 201);
	assert_sent(f);
}

static void a_host_without_pieces_gets_all_at_once_again(void **state)
{
	struct fixture *f = *state;

	registry_session_host(f->w.session)->chunk_bytes = 200000;
	fixture_use_many(f, MANY);
	expect_begin(f);
	expect_piece(f, 0, 199999, 405, NULL);
	expect_begin(f);
	expect_patch(f, 202);
	expect_close(f, 201);
	assert_sent(f);
}

/* -- on the way ---------------------------------------------------------------------------- */

static void a_body_may_be_sent_elsewhere_and_is_looked_for_afterwards(void **state)
{
	struct fixture *f = *state;

	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 307,
		    .headers = { "Location: https://s.example/x" });
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = "https://s.example/x", .body = TEN,
		    .status = 201);
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = f->head_url, .status = 200);
	assert_sent(f);
}

#define TOKEN	  "https://r.example/token?service=s&scope=repository%3Aa%2Fb%3Apull%2Cpush"
#define CHALLENGE "WWW-Authenticate: Bearer realm=\"https://r.example/token\",service=\"s\""

static void expect_token(struct fixture *f, const char *token)
{
	auto_free char *answer = mem_printf("{\"token\":\"%s\",\"expires_in\":300}", token);

	HTTP_EXPECT(f->w.script, .method = "GET", .url = TOKEN, .status = 200, .answer = answer);
}

static void a_token_that_ends_while_a_body_goes_costs_one_more(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 401,
		    .headers = { CHALLENGE });
	expect_token(f, "one");
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 401,
		    .has = { "Bearer one" }, .headers = { CHALLENGE });
	expect_token(f, "two");
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 401,
		    .has = { "Bearer two" }, .headers = { CHALLENGE });
	assert_refused(f, ERR_DENIED, "401");
	assert_int_equal(0, f->w.clock.sleeps);
}

/* The right is missing, or the password is what it is: the same bytes again would be refused again. */
static void a_body_is_not_sent_again_to_who_refuses_us_for_good(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 401,
		    .headers = { CHALLENGE });
	expect_token(f, "one");
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 401,
		    .has = { "Bearer one" },
		    .headers = { CHALLENGE ",error=\"insufficient_scope\"" });
	assert_refused(f, ERR_DENIED, "");
}

static void nor_is_it_for_the_same_password(void **state)
{
	struct fixture *f = *state;

	f->w.env.docker_auth_config = WORLD_AUTHS;
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 401,
		    .has = { WORLD_BASIC }, .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	assert_refused(f, ERR_DENIED, "login to r.example: 401");
}

static void the_closing_put_has_a_token_that_lives(void **state)
{
	struct fixture *f = *state;

	registry_session_host(f->w.session)->body = REGISTRY_BODY_PATCH;
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 401,
		    .headers = { CHALLENGE });
	expect_token(f, "one");
	expect_begin(f);
	expect_patch(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 401,
		    .has = { "Bearer one" }, .headers = { CHALLENGE });
	expect_token(f, "two");
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 201,
		    .has = { "Bearer two" });
	assert_sent(f);
}

static void cancel_it(void *arg)
{
	cancel_set(arg, SIGTERM);
}

static void a_cancelled_upload_is_given_up_at_the_registry(void **state)
{
	struct fixture *f = *state;
	struct cancel cn;

	assert_int_equal(0, cancel_init(&cn, &f->w.e));
	f->w.op.cancel = &cn;
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 502,
		    .then = cancel_it, .arg = &cn);
	HTTP_EXPECT(f->w.script, .method = "DELETE", .url = PLACE, .status = 401,
		    .headers = { CHALLENGE });
	assert_refused(f, ERR_CANCELLED, "");
	cancel_release(&cn);
	f->w.op.cancel = NULL;
}

static void cancel_much_later(void *arg)
{
	struct fixture *f = arg;

	fake_clock_advance(&f->w.clock, 3600000);
	cancel_set(f->w.op.cancel, SIGTERM);
}

/* What we hold must do: a token server that hangs would hold the end up. */
static void giving_up_fetches_no_token(void **state)
{
	struct fixture *f = *state;
	struct cancel cn;

	assert_int_equal(0, cancel_init(&cn, &f->w.e));
	f->w.op.cancel = &cn;
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 401,
		    .headers = { CHALLENGE });
	expect_token(f, "one");
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 502,
		    .then = cancel_much_later, .arg = f);
	HTTP_EXPECT(f->w.script, .method = "DELETE", .url = PLACE, .has = { "Bearer one" },
		    .status = 401, .headers = { CHALLENGE });
	assert_refused(f, ERR_CANCELLED, "");
	cancel_release(&cn);
	f->w.op.cancel = NULL;
}

/* -- in two steps ------------------------------------------------------------------------- */

static struct upload *begin(struct fixture *f)
{
	struct upload *open;
	enum registry_upload got;

	if (registry_upload_begin(&open, &got, &f->w.op, &f->w.repo, f->w.store, &f->blob, NULL,
				  &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	return open;
}

static void what_is_begun_is_sent_when_it_is_ended(void **state)
{
	struct fixture *f = *state;
	enum registry_upload got;
	struct upload *open;

	expect_begin(f);
	open = begin(f);
	assert_non_null(open);
	http_script_done(f->w.script);
	/* all that belongs to an upload, also that a new one is begun */
	expect_put(f, 503);
	expect_begin(f);
	expect_put(f, 201);
	assert_int_equal(0, registry_upload_end(&got, open, &f->w.e));
	assert_int_equal(REGISTRY_UPLOAD_SENT, got);
}

static void what_is_there_is_not_open(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 201);
	assert_null(begin(f));
}

static void what_is_dropped_is_given_up_at_the_registry(void **state)
{
	struct fixture *f = *state;
	struct err why = ERR_INIT;

	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "DELETE", .url = PLACE, .status = 204);
	err_set(&why, ERR_CANCELLED, "cancelled");
	registry_upload_drop(begin(f), &why);
	assert_true(recorder_has(&f->w.rec, "cancelled"));
	err_clear(&why);
}

struct beside {
	struct fixture *f;
	struct oci_descriptor blob;
	enum registry_upload got;
	int r;
};

static void send_beside(void *item)
{
	struct beside *b = item;
	struct err e = ERR_INIT;

	b->r = registry_upload(&b->got, &b->f->w.op, &b->f->w.repo, b->f->w.store, &b->blob, &e);
}

/* Large ones, before it is known what a mount's answer means: the end of the first is to tell the second. */
static void who_is_waited_for_waits_for_nobody(void **state)
{
	struct fixture *f = *state;
	struct beside b = { .f = f };
	auto_pool struct pool *pool = NULL;
	auto_free char *text = mem_zalloc(LARGE + 1), *post = NULL, *put = NULL;
	struct pool_batch batch;
	enum registry_upload got;
	struct upload *open;

	fixture_use_many(f, LARGE);
	registry_world_blob(&f->w, &b.blob, OCI_MEDIA_LAYER, memset(text, 'z', LARGE));
	post = mem_printf(R "/blobs/uploads/?mount=sha256%%3A%s&from=a%%2Fb",
			  oci_digest_hex(&b.blob.digest));
	put = mem_printf("https://r.example/up/2?digest=sha256%%3A%s",
			 oci_digest_hex(&b.blob.digest));
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = f->head_url, .status = 404);
	open = begin(f);
	http_script_unordered(f->w.script);
	HTTP_EXPECT(f->w.script, .method = "POST", .url = post, .status = 202,
		    .headers = { "Location: /up/2" });
	expect_put(f, 503);
	expect_begin(f);
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = f->head_url, .status = 404);
	expect_put(f, 201);
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 201);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = put, .status = 201);
	assert_int_equal(0, pool_new(&pool, 1, &f->w.e));
	pool_batch_init(&batch, pool);
	pool_submit(&batch, send_beside, &b);
	while (http_script_count(f->w.script) < 3)
		usleep(100);
	usleep(2000);
	assert_int_equal(0, registry_upload_end(&got, open, &f->w.e));
	pool_batch_wait(&batch);
	assert_int_equal(0, b.r);
	assert_int_equal(REGISTRY_UPLOAD_SENT, b.got);
	oci_descriptor_release(&b.blob);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_host_that_takes_no_body_by_put_gets_it_by_patch),
		T(a_second_bad_gateway_after_a_whole_body_is_no_accident),
		T(the_place_may_move_with_each_answer),
		T(a_patch_that_the_registry_forgot_begins_anew_but_not_forever),
		T(an_empty_blob_needs_no_patch),
		T(what_is_too_large_for_a_proxy_goes_in_pieces),
		T(pieces_get_smaller_until_they_pass),
		T(the_registry_may_want_larger_pieces),
		T(after_a_failure_the_registry_says_where_to_go_on),
		T(where_it_does_not_say_all_begins_anew),
		T(a_range_within_the_piece_is_believed),
		T(a_registry_that_counts_otherwise_is_believed),
		T(a_piece_that_is_too_long_is_answered_416),
		T(a_host_without_pieces_gets_all_at_once_again),
		T(a_body_may_be_sent_elsewhere_and_is_looked_for_afterwards),
		T(a_token_that_ends_while_a_body_goes_costs_one_more),
		T(a_body_is_not_sent_again_to_who_refuses_us_for_good),
		T(nor_is_it_for_the_same_password),
		T(the_closing_put_has_a_token_that_lives),
		T(a_cancelled_upload_is_given_up_at_the_registry),
		T(giving_up_fetches_no_token),
		T(what_is_begun_is_sent_when_it_is_ended),
		T(what_is_there_is_not_open),
		T(what_is_dropped_is_given_up_at_the_registry),
		T(who_is_waited_for_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

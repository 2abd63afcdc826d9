/* A file fetched by its address, against a server that plays a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/mem.h"
#include "oci/build/remote_url.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/http_script.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

struct world {
	struct tmpdir t;
	struct recorder rec;
	struct fake_clock clock;
	struct op op;
	struct http_script *script;
	struct remote_got got;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	tmpdir_init(&w->t);
	w->op = (struct op){ .progress = recorder_init(&w->rec),
			     .clock = fake_clock_init(&w->clock) };
	w->script = http_script_new();
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	http_script_free(w->script);
	recorder_release(&w->rec);
	tmpdir_release(&w->t);
	free(w);
	return 0;
}

static int fetch(struct world *w, const char *word, const char *digest)
{
	auto_remote_file struct remote_file what = { .user = NULL };
	struct oci_digest want;
	int r;

	err_clear(&w->e);
	if (digest)
		assert_int_equal(0, oci_digest_parse(&want, span_of_str(digest), &w->e));
	assert_int_equal(0, remote_file_parse(&what, word, &w->e));
	r = remote_url_fetch(&w->got, &w->op, http_script_http(w->script), &what,
			     digest ? &want : NULL, w->t.fd, "f", &w->e);
	http_script_done(w->script);
	return r;
}

static void assert_fetched(struct world *w, const char *word, const char *text)
{
	auto_free char *got = NULL;

	if (fetch(w, word, NULL) < 0)
		fail_msg("%s", w->e.text);
	got = tmpdir_read(&w->t, "f");
	assert_string_equal(text, got);
	assert_int_equal(strlen(text), w->got.size_bytes);
}

static void assert_refused(struct world *w, const char *word, enum err_kind kind, const char *part)
{
	assert_int_equal(-1, fetch(w, word, NULL));
	if (w->e.kind != kind || !strstr(w->e.text, part))
		fail_msg("kind %d: %s", (int)w->e.kind, w->e.text);
	assert_false(tmpdir_has(&w->t, "f"));
}

#define HELLO_DIGEST "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define OTHER_DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static void a_file_comes_with_its_time_and_digest(void **state)
{
	struct world *w = *state;
	struct stat st;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a/b?c=d", .status = 200,
		    .headers = { "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT" },
		    .answer = "hello");
	assert_fetched(w, "http://h/a/b?c=d#e", "hello");
	assert_int_equal(1445412480, w->got.mtime);
	assert_string_equal(HELLO_DIGEST, w->got.digest.text);
	assert_int_equal(0, fstatat(w->t.fd, "f", &st, 0));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_string_equal("begin fetch http://h/a/b?c=d#e: fetch http://h/a/b?c=d#e\n"
			    "end fetch http://h/a/b?c=d#e 5\n",
			    recorder_text(&w->rec));
}

static void a_time_that_was_not_said_is_zero(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a", .status = 200,
		    .headers = { "Last-Modified: yesterday" }, .answer = "");
	assert_fetched(w, "http://h/a", "");
	assert_int_equal(0, w->got.mtime);
}

static void another_digest_is_corrupt_and_both_are_named(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a", .status = 200,
		    .answer = "hello");
	assert_int_equal(-1, fetch(w, "http://h/a", OTHER_DIGEST));
	assert_int_equal(ERR_CORRUPT, w->e.kind);
	assert_non_null(strstr(w->e.text, OTHER_DIGEST));
	assert_non_null(strstr(w->e.text, HELLO_DIGEST));
	assert_false(tmpdir_has(&w->t, "f"));
	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a", .status = 200,
		    .answer = "hello");
	assert_int_equal(0, fetch(w, "http://h/a", HELLO_DIGEST));
}

static void redirects_are_followed_and_learn_no_password(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a",
		    .has = { "Authorization: Basic dTpw" }, .status = 302,
		    .headers = { "Location: b" }, .answer = "see there");
	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/b",
		    .has = { "Authorization: Basic dTpw" }, .status = 307,
		    .headers = { "Location: https://other/c" });
	HTTP_EXPECT(w->script, .method = "GET", .url = "https://other/c",
		    .lacks = { "Authorization" }, .status = 200, .answer = "hello");
	assert_fetched(w, "http://u:p@h/a", "hello");
	assert_false(recorder_has(&w->rec, "u:p"));
}

static void redirects_may_not_lead_everywhere(void **state)
{
	static const struct {
		const char *from, *to, *why;
		enum err_kind kind;
	} cases[] = {
		{ "https://h/", "http://h/", "from https to http", ERR_DENIED },
		{ "http://h/", "http://169.254.169.254/x", "private address", ERR_DENIED },
		{ "http://h/", "http://localhost/", "private address", ERR_DENIED },
		{ "http://h/", "file:///etc/passwd", "redirect", ERR_FAILED },
		{ "http://h/", "http://u:p@i/", "redirect", ERR_FAILED },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *w = *state;
		auto_free char *location = mem_printf("Location: %s", cases[i].to);

		HTTP_EXPECT(w->script, .method = "GET", .url = cases[i].from, .status = 301,
			    .headers = { location });
		assert_refused(w, cases[i].from, cases[i].kind, cases[i].why);
	}
}

static void a_private_address_may_lead_to_another(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://127.0.0.1:1/a", .status = 302,
		    .headers = { "Location: http://127.0.0.1:2/b" });
	HTTP_EXPECT(w->script, .method = "GET", .url = "http://127.0.0.1:2/b", .status = 200,
		    .answer = "x");
	assert_fetched(w, "http://127.0.0.1:1/a", "x");
}

static void redirects_in_a_circle_end(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a", .status = 302,
		    .headers = { "Location: /a" }, .times = 11);
	assert_refused(w, "http://h/a", ERR_FAILED, "more than 10 times");
}

static void a_broken_transfer_begins_anew(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a", .status = 200,
		    .answer = "half of it and more", .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a", .status = 503);
	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a", .status = 200,
		    .answer = "all");
	assert_fetched(w, "http://h/a", "all");
	assert_int_equal(2, w->clock.sleeps);
}

static void answers_that_are_no_file_say_why(void **state)
{
	static const struct {
		long status;
		enum err_kind kind;
	} cases[] = {
		{ 404, ERR_ABSENT }, { 403, ERR_DENIED }, { 418, ERR_FAILED }, { 204, ERR_FAILED }
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *w = *state;
		auto_free char *why =
			mem_printf("fetch 'http://h/a': the server answered %ld", cases[i].status);

		HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a",
			    .status = cases[i].status);
		assert_refused(w, "http://u:p@h/a", cases[i].kind, why);
		assert_true(recorder_has(&w->rec, "fail fetch http://h/a: "));
	}
}

static void a_server_that_does_not_come_back_is_unavailable(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/a", .status = 502, .times = 6);
	assert_refused(w, "http://h/a", ERR_UNAVAILABLE, "502");
}

int main(void)
{
#define WITH_WORLD(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_file_comes_with_its_time_and_digest),
		WITH_WORLD(a_time_that_was_not_said_is_zero),
		WITH_WORLD(another_digest_is_corrupt_and_both_are_named),
		WITH_WORLD(redirects_are_followed_and_learn_no_password),
		WITH_WORLD(redirects_may_not_lead_everywhere),
		WITH_WORLD(a_private_address_may_lead_to_another),
		WITH_WORLD(redirects_in_a_circle_end),
		WITH_WORLD(a_broken_transfer_begins_anew),
		WITH_WORLD(answers_that_are_no_file_say_why),
		WITH_WORLD(a_server_that_does_not_come_back_is_unavailable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

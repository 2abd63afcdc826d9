#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/http_retry.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/http_script.h"
#include "tests/fakes/recorder.h"

/* A clock that only notes how long it was asked to sleep. */
struct still_clock {
	struct clock base;
	int64_t slept[16], wall_ns;
	size_t n;
	struct cancel *cancels; /* set while asleep */
};

static int64_t still_mono(struct clock *c)
{
	(void)c;
	return 0;
}

static int64_t still_wall(struct clock *c)
{
	return ((struct still_clock *)c)->wall_ns;
}

static void still_sleep(struct clock *c, int64_t ms, const struct cancel *cn)
{
	struct still_clock *s = (struct still_clock *)c;

	(void)cn;
	assert_true(s->n < ARRAY_LEN(s->slept));
	s->slept[s->n++] = ms;
	if (s->cancels)
		cancel_set(s->cancels, SIGTERM);
}

struct world {
	struct still_clock clock;
	struct op op;
	struct http_retry retry;
	struct http_response rs;
	struct err e;
};

static void world_init(struct world *w)
{
	*w = (struct world){ .retry = { .left = HTTP_RETRIES_DEFAULT } };
	w->clock.base = (struct clock){ still_mono, still_wall, still_sleep };
	w->op.clock = &w->clock.base;
}

/* The loop of the header's example. */
static int get(struct world *w, struct http_script *s)
{
	struct http_request rq = { .method = "GET", .url = "http://r/" };
	int n;

	do {
		http_response_release(&w->rs);
		n = http_perform(http_script_http(s), &w->op, &rq, &w->rs, &w->e);
	} while (http_retry_again(&w->retry, &w->op, &n, &w->rs, &w->e));
	return n;
}

/* One answer, then 200: how long was the pause? -1: it was not tried again. */
static int64_t pause_after(struct world *w, long status, const char *header)
{
	struct http_script *s = http_script_new();
	struct http_exchange x = { .method = "GET", .url = "http://r/", .status = status };

	x.headers[0] = header;
	http_script_expect(s, &x);
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/", .status = 200);
	assert_int_equal(0, get(w, s));
	assert_int_equal(w->clock.n ? 200 : status, w->rs.status);
	assert_int_equal(w->clock.n + 1, http_script_count(s));
	http_response_release(&w->rs);
	http_script_free(s);
	return w->clock.n ? w->clock.slept[0] : -1;
}

static void passing_troubles_are_tried_again_and_others_are_not(void **state)
{
	static const long again[] = { 408, 425, 429, 499, 500, 502, 503, 504, 520, 524 };
	static const long stands[] = { 200, 202, 301, 400, 401, 403, 404, 409, 416, 501, 519, 525 };
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(again); i++) {
		world_init(&w);
		assert_int_equal(500, pause_after(&w, again[i], NULL));
	}
	for (size_t i = 0; i < ARRAY_LEN(stands); i++) {
		world_init(&w);
		assert_int_equal(-1, pause_after(&w, stands[i], NULL));
	}
}

static void pauses_double_and_the_budget_ends_in_unavailable(void **state)
{
	static const int64_t want[] = { 500, 1000, 2000, 4000, 8000 };
	struct http_script *s = http_script_new();
	struct world w;

	(void)state;
	world_init(&w);
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/", .status = 503, .times = 6,
		    .answer = "  over capacity\nmore");
	assert_int_equal(-1, get(&w, s));
	assert_int_equal(ERR_UNAVAILABLE, w.e.kind);
	assert_string_equal("the server answered 503 Service Unavailable (6 tries): over capacity",
			    w.e.text);
	assert_int_equal(5, w.clock.n);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(want[i], w.clock.slept[i]);
	http_script_done(s);
	http_response_release(&w.rs);
	http_script_free(s);
}

static void the_longest_pause_is_sixteen_seconds(void **state)
{
	struct http_response rs = { .status = 500 };
	struct world w;
	int n = 0;

	(void)state;
	world_init(&w);
	w.retry = (struct http_retry){ .left = 3, .done = 40 };
	assert_true(http_retry_again(&w.retry, &w.op, &n, &rs, &w.e));
	assert_int_equal(16000, w.clock.slept[0]);
	assert_int_equal(2, w.retry.left);
}

static void the_spread_is_at_most_a_fifth(void **state)
{
	struct http_response rs = { .status = 500 };
	int64_t least = 500, most = 500;
	struct world w;

	(void)state;
	for (int64_t t = 1; t < 2000; t++) {
		int n = 0;

		world_init(&w);
		w.clock.wall_ns = t * 1000003;
		assert_true(http_retry_again(&w.retry, &w.op, &n, &rs, &w.e));
		least = w.clock.slept[0] < least ? w.clock.slept[0] : least;
		most = w.clock.slept[0] > most ? w.clock.slept[0] : most;
	}
	assert_in_range(least, 400, 420);
	assert_in_range(most, 580, 600);
}

static void the_server_may_name_the_pause(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(7000, pause_after(&w, 429, "Retry-After: 7"));
	world_init(&w);
	assert_int_equal(120000, pause_after(&w, 503, "Retry-After: 120"));
	world_init(&w);
	assert_int_equal(500, pause_after(&w, 503, "Retry-After: 0"));
	world_init(&w);
	assert_int_equal(500, pause_after(&w, 503, "Retry-After: soon"));
	world_init(&w);
	w.clock.wall_ns = INT64_C(784111740) * 1000000000; /* 08:49:00 */
	assert_int_equal(37000, pause_after(&w, 503, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"));
}

static void who_must_wait_longer_than_two_minutes_is_told_until_when(void **state)
{
	static const char *const after[] = { "retry-after: 121",
					     "retry-after: Sun, 06 Nov 1994 08:51:01 GMT" };
	struct world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(after); i++) {
		struct http_response rs = { .status = 429 };
		int n = 0;

		world_init(&w);
		w.clock.wall_ns = INT64_C(784111740) * 1000000000 + 5; /* 08:49:00 */
		strv_add(&rs.headers, after[i]);
		assert_false(http_retry_again(&w.retry, &w.op, &n, &rs, &w.e));
		assert_int_equal(-1, n);
		assert_int_equal(ERR_UNAVAILABLE, w.e.kind);
		assert_string_equal("the server answered 429 Too Many Requests (1 try); it asks to "
				    "wait 121 s, until 1994-11-06T08:51:01Z",
				    w.e.text);
		assert_int_equal(0, w.clock.n);
		http_response_release(&rs);
	}
}

static void every_pause_is_told_in_one_line(void **state)
{
	struct http_response rs = { .status = 503 };
	struct recorder rec;
	struct world w;
	int n = 0;

	(void)state;
	world_init(&w);
	w.op.progress = recorder_init(&rec);
	w.retry.what = "r.example";
	assert_true(http_retry_again(&w.retry, &w.op, &n, &rs, &w.e));
	n = err_set(&w.e, ERR_UNAVAILABLE, "GET http://r/: connection reset");
	assert_true(http_retry_again(&w.retry, &w.op, &n, &rs, &w.e));
	assert_string_equal(
		"note: r.example: retrying in 0.5 s (1 of 5): 503 Service Unavailable\n"
		"note: r.example: retrying in 1 s (2 of 5): GET http://r/: connection reset\n",
		recorder_text(&rec));
	recorder_release(&rec);
}

/* 9 x 120 s would fit the number of tries, but not ten minutes. */
static void all_pauses_together_are_ten_minutes_at_most(void **state)
{
	struct http_response rs = { .status = 503 };
	struct world w;
	unsigned tries = 1;
	int n = 0;

	(void)state;
	world_init(&w);
	w.retry.left = 9;
	strv_add(&rs.headers, "retry-after: 120");
	while (http_retry_again(&w.retry, &w.op, &n, &rs, &w.e))
		tries++;
	assert_int_equal(6, tries);
	assert_int_equal(-1, n);
	http_response_release(&rs);
}

static void after_429_and_503_everybody_waits(void **state)
{
	static const struct {
		long status;
		int64_t others_ms;
	} cases[] = { { 429, 3000 }, { 503, 3000 }, { 500, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_response rs = { .status = cases[i].status };
		struct http_pause pause = { 0 };
		struct http_retry retry = { .left = 1, .pause = &pause };
		struct fake_clock clock;
		struct op op = { .clock = fake_clock_init(&clock) };
		struct err e = ERR_INIT;
		int n = 0;

		strv_add(&rs.headers, "retry-after: 3");
		assert_true(http_retry_again(&retry, &op, &n, &rs, &e));
		/* another lane, at the time of the answer */
		fake_clock_advance(&clock, -3000);
		assert_int_equal(0, http_pause_wait(&pause, &op, &e));
		assert_int_equal(3000 + cases[i].others_ms, fake_clock_slept(&clock));
		assert_int_equal(0, http_pause_wait(&pause, &op, &e));
		assert_int_equal(3000 + cases[i].others_ms, fake_clock_slept(&clock));
		http_response_release(&rs);
	}
}

static void no_answer_at_all_is_tried_again(void **state)
{
	struct http_script *s = http_script_new();
	struct world w;

	(void)state;
	world_init(&w);
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/", .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/", .status = 204);
	assert_int_equal(0, get(&w, s));
	assert_int_equal(204, w.rs.status);
	assert_int_equal(ERR_NONE, w.e.kind);
	http_script_done(s);
	http_response_release(&w.rs);
	http_script_free(s);
}

static void the_last_error_stands_when_the_budget_is_used_up(void **state)
{
	struct http_script *s = http_script_new();
	struct world w;

	(void)state;
	world_init(&w);
	w.retry.left = 1;
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/", .fail = ERR_UNAVAILABLE, .times = 2);
	assert_int_equal(-1, get(&w, s));
	assert_int_equal(ERR_UNAVAILABLE, w.e.kind);
	assert_string_equal("GET http://r/: connection reset (2 tries)", w.e.text);
	http_script_done(s);
	http_script_free(s);
}

static void errors_that_will_not_pass_are_not_tried_again(void **state)
{
	static const enum err_kind kinds[] = { ERR_DENIED, ERR_CORRUPT, ERR_TIMEOUT };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct http_script *s = http_script_new();
		struct world w;

		world_init(&w);
		HTTP_EXPECT(s, .method = "GET", .url = "http://r/", .fail = kinds[i]);
		assert_int_equal(-1, get(&w, s));
		assert_int_equal(kinds[i], w.e.kind);
		assert_int_equal(0, w.clock.n);
		http_script_done(s);
		http_script_free(s);
	}
}

static void a_cancel_while_waiting_ends_the_tries(void **state)
{
	struct http_script *s = http_script_new();
	struct cancel cn;
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(0, cancel_init(&cn, &w.e));
	w.op.cancel = w.clock.cancels = &cn;
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/", .status = 503);
	assert_int_equal(-1, get(&w, s));
	assert_int_equal(ERR_CANCELLED, w.e.kind);
	assert_int_equal(1, w.clock.n);
	cancel_release(&cn);
	http_response_release(&w.rs);
	http_script_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passing_troubles_are_tried_again_and_others_are_not),
		cmocka_unit_test(pauses_double_and_the_budget_ends_in_unavailable),
		cmocka_unit_test(the_longest_pause_is_sixteen_seconds),
		cmocka_unit_test(the_spread_is_at_most_a_fifth),
		cmocka_unit_test(the_server_may_name_the_pause),
		cmocka_unit_test(who_must_wait_longer_than_two_minutes_is_told_until_when),
		cmocka_unit_test(every_pause_is_told_in_one_line),
		cmocka_unit_test(all_pauses_together_are_ten_minutes_at_most),
		cmocka_unit_test(after_429_and_503_everybody_waits),
		cmocka_unit_test(no_answer_at_all_is_tried_again),
		cmocka_unit_test(the_last_error_stands_when_the_budget_is_used_up),
		cmocka_unit_test(errors_that_will_not_pass_are_not_tried_again),
		cmocka_unit_test(a_cancel_while_waiting_ends_the_tries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

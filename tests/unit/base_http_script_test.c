#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"
#include "tests/fakes/http_script.h"

static struct source *body_source(struct span_source *s, const char *text)
{
	return span_source_init(s, span_of_str(text));
}

struct text_body {
	struct http_body base;
	struct span_source in;
	const char *text;
	int opened, closed;
};

static int text_body_open(struct http_body *b, struct source **out, struct err *e)
{
	struct text_body *t = (struct text_body *)b;

	(void)e;
	t->opened++;
	*out = body_source(&t->in, t->text);
	return 0;
}

static void text_body_close(struct http_body *b, struct source *s)
{
	(void)s;
	((struct text_body *)b)->closed++;
}

static void text_body_init(struct text_body *t, const char *text)
{
	*t = (struct text_body){ .text = text };
	t->base = (struct http_body){ text_body_open, text_body_close, strlen(text) };
}

static void an_exchange_plays_as_written(void **state)
{
	struct http_script *s = http_script_new();
	auto_http_response struct http_response rs = { 0 };
	auto_strv struct strv headers = STRV_INIT;
	struct err e = ERR_INIT;
	struct text_body body;

	(void)state;
	text_body_init(&body, "the body");
	strv_add(&headers, "Authorization: Bearer t");
	HTTP_EXPECT(s, .method = "PUT", .url = "http://r/x?y", .has = { "Bearer t" },
		    .lacks = { "Cookie" }, .body = "the body", .status = 201,
		    .headers = { "Location: /z" }, .answer = "made");
	assert_int_equal(0, http_perform(http_script_http(s), NULL,
					 &(struct http_request){ .method = "PUT",
								 .url = "http://r/x?y",
								 .headers = &headers,
								 .body = &body.base },
					 &rs, &e));
	assert_int_equal(201, rs.status);
	assert_string_equal("/z", http_header(&rs, "location"));
	assert_string_equal("made", buf_str(&rs.body));
	assert_int_equal(4, rs.body_bytes);
	assert_int_equal(1, body.opened);
	assert_int_equal(1, body.closed);
	assert_string_equal("the body", buf_str(&http_script_seen(s, 0)->body));
	http_script_done(s);
	http_script_free(s);
}

static void a_transfer_can_break_in_the_middle(void **state)
{
	struct http_script *s = http_script_new();
	auto_buf struct buf got = BUF_INIT(100);
	struct buf_sink bs;
	auto_http_response struct http_response rs = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/?secret", .status = 200, .answer = "half",
		    .fail = ERR_UNAVAILABLE, .why = "connection lost");
	assert_int_equal(-1, http_perform(http_script_http(s), NULL,
					  &(struct http_request){ .method = "GET",
								  .url = "http://r/?secret",
								  .out = buf_sink_init(&bs, &got) },
					  &rs, &e));
	assert_string_equal("GET http://r/: connection lost", e.text);
	assert_string_equal("half", buf_str(&got));
	http_script_free(s);
}

struct visit {
	struct http_script *s;
	struct http_request rq;
	struct err e;
	int result;
};

static void visit_run(void *item)
{
	struct visit *v = item;
	auto_http_response struct http_response rs = { 0 };

	v->e = (struct err)ERR_INIT;
	v->result = http_perform(http_script_http(v->s), NULL, &v->rq, &rs, &v->e);
}

/* On another thread a deviation is an error, not a jump: that is how it is looked at here. */
static void visit_elsewhere(struct visit *v)
{
	struct err e = ERR_INIT;
	auto_pool struct pool *p = NULL;
	struct pool_batch b;

	assert_int_equal(0, pool_new(&p, 1, &e));
	pool_batch_init(&b, p);
	pool_submit(&b, visit_run, v);
	pool_batch_wait(&b);
}

static void assert_deviates(const struct http_exchange *want, const struct http_request *rq,
			    const char *part)
{
	struct visit v = { .s = http_script_new(), .rq = *rq };

	if (want)
		http_script_expect(v.s, want);
	visit_elsewhere(&v);
	assert_int_equal(-1, v.result);
	assert_int_equal(ERR_CORRUPT, v.e.kind);
	assert_non_null(http_script_problem(v.s));
	if (!strstr(http_script_problem(v.s), part))
		fail_msg("'%s' is not in '%s'", part, http_script_problem(v.s));
	http_script_free(v.s);
}

static void every_deviation_is_seen(void **state)
{
	struct http_exchange want = { .method = "GET", .url = "http://r/", .status = 200 };
	struct http_request rq = { .method = "GET", .url = "http://r/" };
	auto_strv struct strv headers = STRV_INIT;
	struct text_body shorter;

	(void)state;
	assert_deviates(NULL, &rq, "unexpected request: GET http://r/");
	rq.method = "PUT";
	assert_deviates(&want, &rq, "another method");
	rq = (struct http_request){ .method = "GET", .url = "http://r/?" };
	assert_deviates(&want, &rq, "another url");
	rq = (struct http_request){ .method = "GET", .url = "http://r/", .headers = &headers };
	want.has[0] = "Accept: x";
	assert_deviates(&want, &rq, "Accept: x");
	want.has[0] = NULL;
	want.lacks[0] = "Cookie";
	strv_add(&headers, "Cookie: y");
	assert_deviates(&want, &rq, "Cookie");
	want.lacks[0] = NULL;
	want.unix_socket = "/s";
	assert_deviates(&want, &rq, "another unix socket");
	want.unix_socket = NULL;
	want.body = "a";
	rq.body_bytes = SPAN_LIT("b");
	assert_deviates(&want, &rq, "came the body 'b', expected 'a'");
	want.body = NULL;
	text_body_init(&shorter, "abc");
	shorter.base.size_bytes = 4;
	rq.body_bytes = SPAN_LIT("");
	rq.body = &shorter.base;
	assert_deviates(&want, &rq, "a body of 3 bytes that promised 4");
}

static void unordered_exchanges_are_found_by_the_request(void **state)
{
	struct http_script *s = http_script_new();
	struct visit v = { .s = s, .rq = { .method = "GET", .url = "http://r/2" } };

	(void)state;
	http_script_unordered(s);
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/1", .status = 200);
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/2", .status = 200, .times = 2);
	HTTP_EXPECT(s, .method = "GET", .url = "http://r/3", .status = 200, .any_times = true);
	visit_run(&v);
	assert_int_equal(0, v.result);
	visit_run(&v);
	assert_int_equal(0, v.result);
	v.rq.url = "http://r/1";
	visit_run(&v);
	assert_int_equal(0, v.result);
	assert_int_equal(3, http_script_count(s));
	http_script_done(s);
	visit_elsewhere(&v); /* once more than written */
	assert_int_equal(-1, v.result);
	http_script_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exchange_plays_as_written),
		cmocka_unit_test(a_transfer_can_break_in_the_middle),
		cmocka_unit_test(every_deviation_is_seen),
		cmocka_unit_test(unordered_exchanges_are_found_by_the_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

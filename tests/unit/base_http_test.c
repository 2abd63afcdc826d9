#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/http.h"
#include "base/mem.h"

static void take(struct http_response *rs, const char *line)
{
	struct err e = ERR_INIT;
	size_t seen = 0;

	assert_int_equal(0, http_response_add_header(rs, &seen, span_of_str(line), &e));
}

static void header_names_are_lower_case_and_the_first_is_found(void **state)
{
	auto_http_response struct http_response rs = { 0 };

	(void)state;
	take(&rs, "HTTP/1.1 201 Created\r\n");
	take(&rs, "Content-Type:text/PLAIN \r\n");
	take(&rs, "X-Two:  a: b\r\n");
	take(&rs, "x-two: second\r\n");
	take(&rs, "x-empty:\r\n");
	take(&rs, "\r\n");
	assert_int_equal(201, rs.status);
	assert_int_equal(4, rs.headers.n);
	assert_string_equal("text/PLAIN", http_header(&rs, "content-type"));
	assert_string_equal("a: b", http_header(&rs, "x-two"));
	assert_string_equal("", http_header(&rs, "x-empty"));
	assert_null(http_header(&rs, "x"));
	assert_null(http_header(&rs, "content-typ"));
}

static void a_status_line_forgets_the_answer_before_it(void **state)
{
	auto_http_response struct http_response rs = { 0 };

	(void)state;
	take(&rs, "HTTP/1.1 100 Continue\r\n");
	take(&rs, "X-Proxy: yes\r\n");
	take(&rs, "HTTP/1.1 204\r\n");
	assert_int_equal(204, rs.status);
	assert_null(http_header(&rs, "x-proxy"));
}

static void broken_or_endless_headers_are_corrupt(void **state)
{
	auto_http_response struct http_response rs = { 0 };
	struct err e = ERR_INIT;
	size_t seen = 0;

	(void)state;
	assert_int_equal(-1, http_response_add_header(&rs, &seen, SPAN_LIT("HTTP/1.1 2x0"), &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_int_equal(-1, http_response_add_header(&rs, &seen, SPAN_LIT("a: \0b"), &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	seen = HTTP_HEADER_MAX - 4;
	assert_int_equal(0, http_response_add_header(&rs, &seen, SPAN_LIT("a: b"), &e));
	assert_int_equal(-1, http_response_add_header(&rs, &seen, SPAN_LIT("c"), &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
}

static void a_good_body_over_its_ceiling_is_an_error(void **state)
{
	auto_http_response struct http_response rs = { .status = 200 };
	struct http_request rq = { .body_max = 5 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, http_response_add_body(&rs, &rq, "abc", 3, &e));
	assert_int_equal(0, http_response_add_body(&rs, &rq, "de", 2, &e));
	assert_string_equal("abcde", buf_str(&rs.body));
	assert_int_equal(-1, http_response_add_body(&rs, &rq, "f", 1, &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
}

static void only_a_good_body_goes_to_the_sink(void **state)
{
	auto_buf struct buf got = BUF_INIT(100);
	struct buf_sink bs;
	struct http_request rq = { .out = buf_sink_init(&bs, &got) };
	auto_http_response struct http_response good = { .status = 206 }, bad = { .status = 404 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, http_response_add_body(&good, &rq, "yes", 3, &e));
	assert_int_equal(0, http_response_add_body(&bad, &rq, "no", 2, &e));
	assert_string_equal("yes", buf_str(&got));
	assert_int_equal(3, good.body_bytes);
	assert_int_equal(0, good.body.len);
	assert_string_equal("no", buf_str(&bad.body));
}

static void an_error_body_is_cut_at_its_ceiling(void **state)
{
	auto_http_response struct http_response rs = { .status = 500 };
	auto_free char *text = mem_zalloc(HTTP_ERROR_BODY_MAX);
	struct http_request rq = { .body_max = 1 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, http_response_add_body(&rs, &rq, "x", 1, &e));
	assert_int_equal(1, http_response_add_body(&rs, &rq, text, HTTP_ERROR_BODY_MAX, &e));
	assert_int_equal(HTTP_ERROR_BODY_MAX, rs.body.len);
}

static void releasing_twice_and_freeing_nothing_is_fine(void **state)
{
	struct http_response rs = { 0 };

	(void)state;
	take(&rs, "HTTP/1.1 200 OK");
	take(&rs, "a: b");
	http_response_release(&rs);
	assert_int_equal(0, rs.status);
	http_response_release(&rs);
	http_free(NULL);
}

static void dates_are_in_the_one_form_that_servers_write(void **state)
{
	static const char *const bad[] = { "", "0", "Wed, 21 Oct 2015 07:28:00",
					   "Wed, 21 Oct 2015 07:28:00 GMT x",
					   "2015-10-21T07:28:00Z" };
	int64_t s;

	(void)state;
	assert_int_equal(0, http_date_parse(&s, "Wed, 21 Oct 2015 07:28:00 GMT"));
	assert_int_equal(1445412480, s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(-1, http_date_parse(&s, bad[i]));
	assert_true(http_is_redirect(308) && !http_is_redirect(304) && !http_is_redirect(200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_names_are_lower_case_and_the_first_is_found),
		cmocka_unit_test(a_status_line_forgets_the_answer_before_it),
		cmocka_unit_test(broken_or_endless_headers_are_corrupt),
		cmocka_unit_test(a_good_body_over_its_ceiling_is_an_error),
		cmocka_unit_test(only_a_good_body_goes_to_the_sink),
		cmocka_unit_test(an_error_body_is_cut_at_its_ceiling),
		cmocka_unit_test(releasing_twice_and_freeing_nothing_is_fine),
		cmocka_unit_test(dates_are_in_the_one_form_that_servers_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

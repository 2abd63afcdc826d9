#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/proxy.h"

static const char *const *environment; /* name, value, …, NULL */

static const char *variable(const char *name)
{
	for (const char *const *v = environment; *v; v += 2)
		if (strcmp(v[0], name) == 0)
			return v[1];
	return NULL;
}

#define ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void choose(struct proxy *out, const char *const *env, const char *address)
{
	struct proxies p;
	auto_url struct url u = { 0 };
	struct err e = ERR_INIT;

	environment = env;
	proxies_read(&p, variable);
	assert_int_equal(0, url_parse(&u, address, &e));
	if (proxy_choose(out, &p, &u, &e) < 0)
		fail_msg("%s", e.text);
	proxies_release(&p);
}

/* want NULL: straight. */
static void assert_way(const char *const *env, const char *address, const char *want)
{
	auto_proxy struct proxy got = { 0 };

	choose(&got, env, address);
	if (want)
		assert_string_equal(want, got.address ? got.address : "straight");
	else if (got.address)
		fail_msg("%s goes through %s", address, got.address);
}

static void each_scheme_has_its_variable_in_both_cases(void **state)
{
	(void)state;
	assert_way(ENV("http_proxy", "http://p:1"), "http://r.example/", "http://p:1");
	assert_way(ENV("HTTP_PROXY", "http://p:1"), "http://r.example/", "http://p:1");
	assert_way(ENV("https_proxy", "http://p:1"), "https://r.example/", "http://p:1");
	assert_way(ENV("HTTPS_PROXY", "http://p:1"), "https://r.example/", "http://p:1");
	assert_way(ENV("HTTP_PROXY", "http://p:1"), "https://r.example/", NULL);
	assert_way(ENV("HTTPS_PROXY", "http://p:1"), "http://r.example/", NULL);
	assert_way(ENV("ALL_PROXY", "http://p:1"), "https://r.example/", "http://p:1");
	assert_way(ENV("all_proxy", "http://p:1"), "http://r.example/", "http://p:1");
	assert_way(ENV("ALL_PROXY", "http://a:1", "https_proxy", "http://p:1"),
		   "https://r.example/", "http://p:1");
}

static void lower_case_wins_unless_it_is_empty(void **state)
{
	(void)state;
	assert_way(ENV("HTTPS_PROXY", "http://upper:1", "https_proxy", "http://lower:1"),
		   "https://r.example/", "http://lower:1");
	assert_way(ENV("HTTPS_PROXY", "http://upper:1", "https_proxy", ""), "https://r.example/",
		   "http://upper:1");
	assert_way(ENV("HTTPS_PROXY", ""), "https://r.example/", NULL);
}

static void a_cgi_programs_header_is_no_proxy(void **state)
{
	(void)state;
	assert_way(ENV("HTTP_PROXY", "http://p:1", "REQUEST_METHOD", "GET"), "http://r.example/",
		   NULL);
	assert_way(ENV("http_proxy", "http://p:1", "REQUEST_METHOD", "GET"), "http://r.example/",
		   "http://p:1");
}

static void an_address_may_lack_scheme_and_port(void **state)
{
	(void)state;
	assert_way(ENV("https_proxy", "p.example:3128"), "https://r.example/",
		   "http://p.example:3128");
	assert_way(ENV("https_proxy", "p.example"), "https://r.example/", "http://p.example:80");
	assert_way(ENV("https_proxy", "https://p.example/"), "https://r.example/",
		   "https://p.example:443");
	assert_way(ENV("https_proxy", "https://p.example:80"), "https://r.example/",
		   "https://p.example:80");
	assert_way(ENV("https_proxy", "socks5h://p.example"), "https://r.example/",
		   "socks5h://p.example:1080");
	assert_way(ENV("https_proxy", "http://[fd00::1]:3128"), "https://r.example/",
		   "http://[fd00::1]:3128");
}

static void user_and_password_are_decoded_and_kept_out_of_the_address(void **state)
{
	auto_proxy struct proxy got = { 0 };

	(void)state;
	choose(&got, ENV("HTTPS_PROXY", "http://DOM%5Cjoe:p%40ss:w@p.example:3128"),
	       "https://r.example/");
	assert_string_equal("http://p.example:3128", got.address);
	assert_string_equal("DOM\\joe", got.user);
	assert_string_equal("p@ss:w", got.password);
	assert_string_equal("HTTPS_PROXY", got.variable);
}

static void what_is_no_proxys_address_is_refused_without_showing_it(void **state)
{
	static const char *const wrong[] = {
		"ftp://joe:hunter2@p",	  "http://joe:hunter2@", "http://joe:hun%zzter2@p",
		"http://joe:hunter2@p:0", "://hunter2",		 "http://hunter2 x"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		auto_url struct url u = { 0 };
		struct err e = ERR_INIT;
		struct proxies p;
		struct proxy got;

		environment = ENV("https_proxy", wrong[i]);
		proxies_read(&p, variable);
		assert_int_equal(0, url_parse(&u, "https://r.example/", &e));
		if (proxy_choose(&got, &p, &u, &e) == 0)
			fail_msg("'%s' was accepted", wrong[i]);
		assert_int_equal(ERR_INPUT, e.kind);
		assert_non_null(strstr(e.text, "$https_proxy"));
		assert_null(strstr(e.text, "hun"));
		proxies_release(&p);
	}
}

static void loopback_is_never_asked_through_one(void **state)
{
	static const char *const near[] = { "http://localhost:5000/", "http://127.0.0.9/",
					    "http://[::1]:5000/" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(near); i++)
		assert_way(ENV("http_proxy", "http://p:1"), near[i], NULL);
}

static bool excepted(const char *no_proxy, const char *address)
{
	auto_proxy struct proxy got = { 0 };

	choose(&got, ENV("ALL_PROXY", "http://p:1", "NO_PROXY", no_proxy), address);
	return !got.address;
}

static void exceptions_by_name(void **state)
{
	(void)state;
	assert_true(excepted("r.example", "https://r.example/"));
	assert_true(excepted("R.Example", "https://r.example:5000/"));
	assert_true(excepted("example", "https://r.example/"));
	assert_true(excepted("r.example", "https://r.example./"));
	assert_false(excepted("r.example", "https://other-r.example/"));
	assert_false(excepted("r.example", "https://r.example.org/"));
	assert_true(excepted(".example", "https://r.example/"));
	assert_false(excepted(".r.example", "https://r.example/"));
	assert_true(excepted("*.example", "https://a.r.example/"));
	assert_false(excepted("", "https://r.example/"));
	assert_false(excepted(",, ,", "https://r.example/"));
}

static void exceptions_by_port(void **state)
{
	(void)state;
	assert_true(excepted("r.example:5000", "https://r.example:5000/"));
	assert_false(excepted("r.example:5000", "https://r.example/"));
	assert_true(excepted("r.example:443", "https://r.example/"));
	assert_true(excepted("10.0.0.1:5000", "https://10.0.0.1:5000/"));
	assert_false(excepted("10.0.0.1:5000", "https://10.0.0.1/"));
	assert_true(excepted("[fd00::1]:5000", "https://[fd00::1]:5000/"));
	assert_false(excepted("[fd00::1]:5000", "https://[fd00::1]/"));
	assert_false(excepted("r.example:x", "https://r.example/"));
}

static void exceptions_by_address_and_network(void **state)
{
	(void)state;
	assert_true(excepted("10.0.0.1", "https://10.0.0.1/"));
	assert_false(excepted("10.0.0.1", "https://10.0.0.10/"));
	assert_true(excepted("fd00:0::1", "https://[fd00::1]/"));
	assert_true(excepted("10.0.0.0/8", "https://10.200.3.4/"));
	assert_false(excepted("10.0.0.0/8", "https://11.0.0.1/"));
	assert_true(excepted("10.0.4.0/22", "https://10.0.7.255/"));
	assert_false(excepted("10.0.4.0/22", "https://10.0.8.0/"));
	assert_true(excepted("0.0.0.0/0", "https://8.8.8.8/"));
	assert_false(excepted("0.0.0.0/0", "https://[fd00::1]/"));
	assert_true(excepted("fd00::/8", "https://[fdff::1]/"));
	assert_false(excepted("fd00::/8", "https://[fe80::1]/"));
	assert_true(excepted("10.0.0.0/8", "https://[::ffff:10.0.0.1]/"));
	assert_false(excepted("10.0.0.0/33", "https://10.0.0.1/"));
	assert_false(excepted("10.0.0.0/x", "https://10.0.0.1/"));
	assert_false(excepted("10.0.0.0/8", "https://ten.example/"));
}

static void exceptions_are_a_list(void **state)
{
	(void)state;
	assert_true(excepted("*", "https://r.example/"));
	assert_true(excepted("a.example, r.example,10.0.0.0/8", "https://r.example/"));
	assert_true(excepted("a.example r.example", "https://r.example/"));
	assert_false(excepted("a.example,b.example", "https://r.example/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scheme_has_its_variable_in_both_cases),
		cmocka_unit_test(lower_case_wins_unless_it_is_empty),
		cmocka_unit_test(a_cgi_programs_header_is_no_proxy),
		cmocka_unit_test(an_address_may_lack_scheme_and_port),
		cmocka_unit_test(user_and_password_are_decoded_and_kept_out_of_the_address),
		cmocka_unit_test(what_is_no_proxys_address_is_refused_without_showing_it),
		cmocka_unit_test(loopback_is_never_asked_through_one),
		cmocka_unit_test(exceptions_by_name),
		cmocka_unit_test(exceptions_by_port),
		cmocka_unit_test(exceptions_by_address_and_network),
		cmocka_unit_test(exceptions_are_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/url.h"

static void assert_parses(const char *text, const char *want)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct url u;

	if (url_parse(&u, text, &e) < 0)
		fail_msg("%s", e.text);
	url_format(&b, &u);
	url_release(&u);
	assert_string_equal(want, buf_str(&b));
}

static void assert_refused(const char *text)
{
	struct err e = ERR_INIT;
	struct url u;

	if (url_parse(&u, text, &e) == 0)
		fail_msg("'%s' was accepted", text);
	assert_int_equal(ERR_INPUT, e.kind);
	assert_true(e.text[0]);
}

static void assert_resolves(const char *base, const char *text, const char *want)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_url struct url at = { 0 };
	struct err e = ERR_INIT;
	struct url u;

	assert_int_equal(0, url_parse(&at, base, &e));
	if (url_resolve(&u, &at, text, &e) < 0)
		fail_msg("%s", e.text);
	url_format(&b, &u);
	url_release(&u);
	assert_string_equal(want, buf_str(&b));
}

static void an_address_is_taken_apart(void **state)
{
	auto_url struct url u = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, url_parse(&u, "HTTPS://Host.Example:5000/v2/a?x=1&y=%2F#frag", &e));
	assert_string_equal("https", u.scheme);
	assert_string_equal("host.example", u.host);
	assert_int_equal(5000, u.port);
	assert_string_equal("/v2/a", u.path);
	assert_string_equal("x=1&y=%2F", u.query);
}

static void the_port_comes_from_the_scheme_and_is_not_written_then(void **state)
{
	(void)state;
	assert_parses("http://h", "http://h/");
	assert_parses("http://h:80/a", "http://h/a");
	assert_parses("https://h:443/a", "https://h/a");
	assert_parses("https://h:80/a", "https://h:80/a");
	assert_parses("http://h:/a", "http://h/a");
}

static void path_and_query_stay_byte_for_byte(void **state)
{
	(void)state;
	assert_parses("http://h/a/../b//c%2f?q=/?:@&e", "http://h/a/../b//c%2f?q=/?:@&e");
	assert_parses("http://h?q", "http://h/?q");
	assert_parses("http://h/?", "http://h/?");
}

static void an_ipv6_address_keeps_its_brackets(void **state)
{
	auto_url struct url u = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, url_parse(&u, "http://[FE80::1]:81/", &e));
	assert_string_equal("[fe80::1]", u.host);
	assert_int_equal(81, u.port);
}

static void what_is_not_a_plain_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"h/path",
		"ftp://h/",
		"file:///etc/passwd",
		"http:/h/",
		"http://",
		"http:///a",
		"http://h:0/",
		"http://h:65536/",
		"http://h:1x/",
		"http://h:-1/",
		"http://u@h/",
		"http://u:p@h/",
		"http://h\\@x/",
		"http://a b/",
		"http://h/a b",
		"http://h/\n",
		"http://h/\x7f",
		"http://[::1/",
		"http://::1/",
		"http://[zz]/",
		"http://h%41/",
		"http://[::1]x/",
		"//h/",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i]);
}

static void an_address_of_no_end_is_refused(void **state)
{
	auto_free char *text = mem_alloc(20001);

	(void)state;
	memset(text, 'a', 20000);
	memcpy(text, "http://h/", 9);
	text[20000] = '\0';
	assert_refused(text);
}

static void messages_show_neither_query_nor_password(void **state)
{
	struct err e = ERR_INIT;
	struct span shown = url_without_query("http://h/a?token=x");
	struct url u;

	(void)state;
	assert_int_equal(-1, url_parse(&u, "http://h:bad/?token=hunter2", &e));
	assert_null(strstr(e.text, "hunter2"));
	assert_non_null(strstr(e.text, "http://h:bad/"));
	assert_int_equal(-1, url_parse(&u, "http://me:hunter2@h/", &e));
	assert_null(strstr(e.text, "hunter2"));
	assert_true(span_eq_str(shown, "http://h/a"));
}

static void references_resolve_as_the_rfc_says(void **state)
{
	/* RFC 3986, 5.4, the cases with our schemes */
	static const char *const cases[][2] = {
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g/" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "./", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ "..g", "http://a/b/c/..g" },
		{ "./g/.", "http://a/b/c/g/" },
		{ "g/../h", "http://a/b/c/h" },
		{ "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "https://x:1/y?z", "https://x:1/y?z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_resolves("http://a/b/c/d;p?q", cases[i][0], cases[i][1]);
	assert_resolves("https://h:5000/v2/", "/v2/a/blobs/uploads/1?_state=x%3D",
			"https://h:5000/v2/a/blobs/uploads/1?_state=x%3D");
}

static void a_reference_cannot_bring_in_what_an_address_may_not_hold(void **state)
{
	static const char *const bad[] = { "ftp://h/", "//u@h/", "/a b", "http:g", "javascript:x" };
	auto_url struct url at = { 0 };
	struct err e = ERR_INIT;
	struct url u;

	(void)state;
	assert_int_equal(0, url_parse(&at, "http://a/b", &e));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(-1, url_resolve(&u, &at, bad[i], &e));
}

static void an_origin_is_scheme_host_and_port(void **state)
{
	static const char *const other[] = { "https://h:80/", "http://g/", "http://h:81/" };
	auto_url struct url a = { 0 }, same = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, url_parse(&a, "http://h/x", &e));
	assert_int_equal(0, url_parse(&same, "http://H:80/y?z", &e));
	assert_true(url_same_origin(&a, &same));
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		auto_url struct url b = { 0 };

		assert_int_equal(0, url_parse(&b, other[i], &e));
		assert_false(url_same_origin(&a, &b));
	}
}

static void loopback_is_what_cannot_leave_the_machine(void **state)
{
	static const char *const yes[] = { "localhost",	     "LocalHost:5000", "127.0.0.1",
					   "127.255.3.4:80", "[::1]",	       "[::1]:5000" };
	static const char *const no[] = { "",	      "localhost.example", "127.0.0.1.example",
					  "127.1",    "128.0.0.1",	   "[::2]",
					  "10.0.0.1", "notlocalhost",	   "localhost@evil" };
	auto_url struct url u = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(host_is_loopback(span_of_str(yes[i])));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(host_is_loopback(span_of_str(no[i])));
	assert_int_equal(0, url_parse(&u, "http://127.0.0.1:5000/", &e));
	assert_true(url_is_loopback(&u));
}

static void encoding_keeps_the_unreserved_and_what_it_is_told(void **state)
{
	auto_buf struct buf b = BUF_INIT(100);

	(void)state;
	url_encode(&b, span_of("a-Z_.~9 /:\xc3\0&", 13), "/");
	assert_string_equal("a-Z_.~9%20/%3A%C3%00%26", buf_str(&b));
}

static void assert_user(const char *text, const char *want_url, const char *want_user)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_free char *user = NULL;
	auto_url struct url u = { 0 };
	struct err e = ERR_INIT;

	if (url_parse_user(&u, &user, text, &e) < 0)
		fail_msg("%s", e.text);
	url_format(&b, &u);
	assert_string_equal(want_url, buf_str(&b));
	if (want_user)
		assert_string_equal(want_user, user);
	else
		assert_null(user);
}

static void user_information_comes_off_decoded(void **state)
{
	static const char *const bad[] = { "http://a%0ab@h/", "http://a%0@h/", "http://%00@h/",
					   "ftp://u:p@h/", "http://u@/" };

	(void)state;
	assert_user("http://h/x", "http://h/x", NULL);
	assert_user("http://u:p@h/x@y", "http://h/x@y", "u:p");
	assert_user("https://u%40d:a%3Ab%2f@h:8443/?q=@", "https://h:8443/?q=@", "u@d:a:b/");
	assert_user("http://a@b@h/", "http://h/", "a@b");
	assert_user("http://@h/", "http://h/", "");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		struct url u;
		char *user;

		assert_int_equal(-1, url_parse_user(&u, &user, bad[i], &e));
		assert_int_equal(ERR_INPUT, e.kind);
	}
}

static void what_is_shown_of_a_text_holds_no_secret(void **state)
{
	static const char *const cases[][2] = {
		{ "ADD https://u:p@h/x /y", "ADD https://h/x /y" },
		{ "no address here: a@b", "no address here: a@b" },
		{ "ssh://git@h/r.git#main", "ssh://h/r.git#main" },
		{ "http://h/x@y?a=b#c@d", "http://h/x@y?a=b#c@d" },
		{ "http://h/?a=b&private_token=s3&X-Amz-Signature=f&sig=1&ref=x#f",
		  "http://h/?a=b&private_token=xxxxx&X-Amz-Signature=xxxxx&sig=xxxxx&ref=x#f" },
		{ "http://h/?token1=a&authcode=b&authentication=c&tokenid=d&Passwort_1=e&to=f",
		  "http://h/?token1=xxxxx&authcode=xxxxx&authentication=xxxxx&tokenid=xxxxx&Passwort_1=xxxxx&to=f" },
		/* a scheme that is hidden is none of the web's */
		{ "http://h/?token=http://u:1/x@h", "http://h/?token=xxxxx://h" },
		{ "[\"http://u@h/\",\"http://v:w@i\"]", "[\"http://h/\",\"http://i\"]" },
		{ "http://", "http://" },
		{ "http://u:p@h?a&&b=&", "http://h?a&&b=&" },
		/* a password may hold what ends an authority */
		{ "postgres://u:p/w@h:5432/d", "postgres://h:5432/d" },
		{ "postgres://u:p@x/y@h/d?a=b@c", "postgres://h/d?a=b@c" },
		{ "amqp://u:p?w#x@h//", "amqp://h//" },
		{ "redis://:12/34@h", "redis://h" },
		{ "https://u:p/w@h/x", "https://h/x" },
		{ "https://u:$ABC/x@h", "https://h" },
		{ "https://u:$ABC/34@10.0.0.1/x", "https://10.0.0.1/x" },
		{ "https://u:p@mirror:80/x@latest.tgz", "https://mirror:80/x@latest.tgz" },
		{ "mysql://u:p@x:1y/?a#@h", "mysql://h" },
		{ "kafka://u:p@h1,kafka://v:q@h2", "kafka://h1,kafka://h2" },
		/* none does */
		{ "https://h:80/x@1.2", "https://h:80/x@1.2" },
		{ "http://mirror:8080/pkg/foo@latest.tgz",
		  "http://mirror:8080/pkg/foo@latest.tgz" },
		{ "http://npm:4873/foo@latest", "http://npm:4873/foo@latest" },
		{ "http://localhost:80/x@next", "http://localhost:80/x@next" },
		{ "http://npm.example:80/x@next", "http://npm.example:80/x@next" },
		{ "http://[::1]:80/@x", "http://[::1]:80/@x" },
		{ "https://nexus:$PORT/npm/@acme/ui", "https://nexus:$PORT/npm/@acme/ui" },
		{ "https://nexus:${PORT}/npm/@acme/ui", "https://nexus:${PORT}/npm/@acme/ui" },
		{ "docker-image://reg:5000/app@sha256:ab",
		  "docker-image://reg:5000/app@sha256:ab" },
		{ "ftp://mirror:21/pkg@1.2", "ftp://mirror:21/pkg@1.2" },
		{ "file:///x@y redis://h:6379/0", "file:///x@y redis://h:6379/0" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf b = BUF_INIT(1000);

		url_redact(&b, span_of_str(cases[i][0]));
		assert_string_equal(cases[i][1], buf_str(&b));
	}
}

static void decoding_refuses_what_is_no_escape(void **state)
{
	static const char *const bad[] = { "%", "%4", "%4g", "a%00" };
	auto_buf struct buf b = BUF_INIT(100);

	(void)state;
	assert_int_equal(0, url_decode(&b, SPAN_LIT("a%20b%2Fc%c3")));
	assert_string_equal("a b/c\xc3", buf_str(&b));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(-1, url_decode(&b, span_of_str(bad[i])));
}

static void nobody_leads_us_to_what_only_means_something_near_by(void **state)
{
	static const char *const yes[] = { "http://10.1.2.3/",	      "http://localhost/",
					   "http://a.localhost./",    "http://[::1]/",
					   "http://169.254.169.254/", "http://127.1/" };
	static const char *const no[] = { "http://8.8.8.8/", "http://host.example/",
					  "http://[2001:db8::1]/" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes) + ARRAY_LEN(no); i++) {
		bool want = i < ARRAY_LEN(yes);
		auto_url struct url u = { 0 }, far = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(0, url_parse(&far, "http://far.example/", &e));
		assert_int_equal(0, url_parse(&u, want ? yes[i] : no[i - ARRAY_LEN(yes)], &e));
		assert_int_equal(want, !url_may_lead(&far, &u));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_taken_apart),
		cmocka_unit_test(the_port_comes_from_the_scheme_and_is_not_written_then),
		cmocka_unit_test(path_and_query_stay_byte_for_byte),
		cmocka_unit_test(an_ipv6_address_keeps_its_brackets),
		cmocka_unit_test(what_is_not_a_plain_address_is_refused),
		cmocka_unit_test(an_address_of_no_end_is_refused),
		cmocka_unit_test(messages_show_neither_query_nor_password),
		cmocka_unit_test(references_resolve_as_the_rfc_says),
		cmocka_unit_test(a_reference_cannot_bring_in_what_an_address_may_not_hold),
		cmocka_unit_test(an_origin_is_scheme_host_and_port),
		cmocka_unit_test(loopback_is_what_cannot_leave_the_machine),
		cmocka_unit_test(encoding_keeps_the_unreserved_and_what_it_is_told),
		cmocka_unit_test(user_information_comes_off_decoded),
		cmocka_unit_test(what_is_shown_of_a_text_holds_no_secret),
		cmocka_unit_test(decoding_refuses_what_is_no_escape),
		cmocka_unit_test(nobody_leads_us_to_what_only_means_something_near_by),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

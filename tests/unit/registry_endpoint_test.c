#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/endpoint.h"

static void assert_origin(const char *host, const struct registry_options *opt, const char *want)
{
	struct registry_endpoint ep = { 0 };
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	assert_int_equal(0, registry_endpoint_init(&ep, host, opt, &e));
	url_format(&text, &ep.origin);
	assert_string_equal(want, buf_str(&text));
	assert_string_equal(host, ep.host);
	registry_endpoint_release(&ep);
}

static void registries_speak_https_and_loopback_speaks_http(void **state)
{
	const struct registry_options opt = { 0 };

	(void)state;
	assert_origin("r.example", &opt, "https://r.example/");
	assert_origin("r.example:5000", &opt, "https://r.example:5000/");
	assert_origin("192.168.1.1:5000", &opt, "https://192.168.1.1:5000/");
	assert_origin("localhost:5000", &opt, "http://localhost:5000/");
	assert_origin("127.0.0.1:5000", &opt, "http://127.0.0.1:5000/");
	assert_origin("[::1]:5000", &opt, "http://[::1]:5000/");
	assert_origin("localhost:443", &opt, "https://localhost/");
}

static void docker_io_lives_elsewhere(void **state)
{
	const struct registry_options opt = { 0 };

	(void)state;
	assert_origin("docker.io", &opt, "https://registry-1.docker.io/");
}

static void plain_http_is_for_whom_the_options_name(void **state)
{
	const struct registry_options all = { .plain_http = true };
	const struct registry_options one = { .plain_http_host = "r.lan:5000" };

	(void)state;
	assert_origin("r.lan:5000", &all, "http://r.lan:5000/");
	assert_origin("r.lan:5000", &one, "http://r.lan:5000/");
	assert_origin("r.lan", &one, "https://r.lan/");
}

static void what_is_no_host_is_refused(void **state)
{
	const struct registry_options opt = { 0 };
	struct registry_endpoint ep;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(-1, registry_endpoint_init(&ep, "joe@r.example", &opt, &e));
	assert_int_equal(ERR_INPUT, e.kind);
}

/* want NULL: refused with `kind`. */
static void assert_resolve(const char *host, const char *text, const char *want, enum err_kind kind)
{
	const struct registry_options opt = { 0 };
	struct registry_endpoint ep = { 0 };
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	auto_url struct url u = { 0 };
	struct err e = ERR_INIT;
	int r;

	assert_int_equal(0, registry_endpoint_init(&ep, host, &opt, &e));
	r = registry_endpoint_resolve(&u, &ep, &ep.origin, text, &e);
	if (r == 0)
		url_format(&got, &u);
	if (want)
		assert_string_equal(want, buf_str(&got));
	else
		assert_int_equal(kind, r < 0 ? e.kind : ERR_NONE);
	registry_endpoint_release(&ep);
}

static void addresses_may_be_relative_or_elsewhere(void **state)
{
	(void)state;
	assert_resolve("r.example", "/v2/u?x=1", "https://r.example/v2/u?x=1", 0);
	assert_resolve("r.example", "https://s.example:444/x", "https://s.example:444/x", 0);
	assert_resolve("localhost:5000", "http://127.0.0.1:5001/t", "http://127.0.0.1:5001/t", 0);
}

static void https_never_becomes_http_but_a_proxys_slip_is_put_right(void **state)
{
	(void)state;
	assert_resolve("r.example", "http://r.example/u", "https://r.example/u", 0);
	assert_resolve("r.example:5000", "http://r.example:5000/u", "https://r.example:5000/u", 0);
	assert_resolve("r.example:5000", "http://r.example/u", "https://r.example:5000/u", 0);
	assert_resolve("r.example", "http://r.example:8080/u", NULL, ERR_DENIED);
	assert_resolve("r.example", "http://s.example/u", NULL, ERR_DENIED);
}

static void a_public_registry_cannot_send_us_to_private_addresses(void **state)
{
	static const char *const inside[] = {
		"https://169.254.169.254/latest",
		"https://127.0.0.1/",
		"https://10.0.0.1/",
		"https://192.168.0.1/",
		"https://172.31.0.1/",
		"https://100.64.0.1/",
		"https://localhost/",
		"https://a.localhost/",
		"https://localhost./",
		"https://a.localhost./",
		"https://[::1]/",
		"https://[fe80::1]/",
		"https://[fd00::1]/",
		"https://[::ffff:10.0.0.1]/",
		"https://127.1/",
		"https://0x7f000001/",
		"https://2130706433/",
		"https://0.0.0.0/",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(inside); i++)
		assert_resolve("r.example", inside[i], NULL, ERR_DENIED);
	assert_resolve("r.example", "https://8.8.8.8/", "https://8.8.8.8/", 0);
	assert_resolve("10.0.0.1:5000", "https://10.0.0.2/t", "https://10.0.0.2/t", 0);
}

/* Near by is no one place: from a company's network the way does not lead into this machine. */
static void a_private_registry_can_send_us_no_nearer_than_it_is(void **state)
{
	(void)state;
	assert_resolve("localhost:5000", "http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x", 0);
	assert_resolve("localhost:5000", "https://10.0.0.1/x", "https://10.0.0.1/x", 0);
	assert_resolve("localhost:5000", "https://169.254.169.254/x", NULL, ERR_DENIED);
	assert_resolve("localhost:5000", "https://0.0.0.0/x", NULL, ERR_DENIED);
	assert_resolve("10.0.0.1:5000", "https://127.0.0.1/x", NULL, ERR_DENIED);
	assert_resolve("10.0.0.1:5000", "https://localhost/x", NULL, ERR_DENIED);
	assert_resolve("10.0.0.1:5000", "https://169.254.169.254/x", NULL, ERR_DENIED);
	assert_resolve("10.0.0.1:5000", "https://[fe80::1]/x", NULL, ERR_DENIED);
	assert_resolve("169.254.1.1:5000", "https://169.254.1.1/x", "https://169.254.1.1/x", 0);
	assert_resolve("169.254.1.1:5000", "https://169.254.169.254/x", NULL, ERR_DENIED);
}

static void every_form_of_a_location_is_understood(void **state)
{
	auto_buf struct buf longest = BUF_INIT(32u << 10);

	(void)state;
	buf_add_str(&longest, "https://r.example/v2/a/blobs/uploads/1?_state=");
	while (longest.len < 9u << 10)
		buf_add_str(&longest, "0123456789abcdef");
	assert_resolve("r.example", "v2/u/1", "https://r.example/v2/u/1", 0);
	assert_resolve("r.example", "?a=b", "https://r.example/?a=b", 0);
	assert_resolve("r.example", "//s.example/x", "https://s.example/x", 0);
	assert_resolve("r.example", "https://r.example:5001/x", "https://r.example:5001/x", 0);
	assert_resolve("r.example", "https://r.example:443/x", "https://r.example/x", 0);
	assert_resolve("r.example", buf_str(&longest), buf_str(&longest), 0);
	while (longest.len < 17u << 10)
		buf_add_str(&longest, "0123456789abcdef");
	assert_resolve("r.example", buf_str(&longest), NULL, ERR_FAILED);
	assert_resolve("r.example", "https://r.example/a b", NULL, ERR_FAILED);
	assert_resolve("r.example", "https://r.example/a\r\nX: y", NULL, ERR_FAILED);
	assert_resolve("r.example", "https://@r.example/", NULL, ERR_FAILED);
}

static void nonsense_is_the_registrys_failure(void **state)
{
	(void)state;
	assert_resolve("r.example", "ftp://r.example/", NULL, ERR_FAILED);
	assert_resolve("r.example", "https://joe:pw@r.example/", NULL, ERR_FAILED);
}

static void a_client_certificate_is_for_the_registrys_origin_alone(void **state)
{
	static const char *const others[] = { "http://r.example/", "https://r.example:5000/",
					      "https://token.r.example/", "https://s.example/" };
	const struct registry_options opt = { 0 };
	const struct http_tls tls = { 0 };
	struct registry_endpoint ep = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, registry_endpoint_init(&ep, "r.example", &opt, &e));
	ep.tls = &tls;
	assert_ptr_equal(&tls, registry_endpoint_tls(&ep, &ep.origin));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		auto_url struct url u = { 0 };

		assert_int_equal(0, url_parse(&u, others[i], &e));
		assert_null(registry_endpoint_tls(&ep, &u));
	}
	registry_endpoint_release(&ep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registries_speak_https_and_loopback_speaks_http),
		cmocka_unit_test(docker_io_lives_elsewhere),
		cmocka_unit_test(plain_http_is_for_whom_the_options_name),
		cmocka_unit_test(what_is_no_host_is_refused),
		cmocka_unit_test(addresses_may_be_relative_or_elsewhere),
		cmocka_unit_test(https_never_becomes_http_but_a_proxys_slip_is_put_right),
		cmocka_unit_test(a_public_registry_cannot_send_us_to_private_addresses),
		cmocka_unit_test(a_private_registry_can_send_us_no_nearer_than_it_is),
		cmocka_unit_test(every_form_of_a_location_is_understood),
		cmocka_unit_test(nonsense_is_the_registrys_failure),
		cmocka_unit_test(a_client_certificate_is_for_the_registrys_origin_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

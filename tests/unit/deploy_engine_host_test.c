/* Addresses of engines: what is taken apart, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/engine_host.h"

static void parse(struct engine_host *h, const char *text)
{
	struct err e = ERR_INIT;

	if (engine_host_parse(h, text, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(text, h->text);
}

static const char *or_none(const char *text)
{
	return text ? text : "none";
}

static void an_ssh_address_comes_apart(void **state)
{
	static const struct {
		const char *text, *user, *name, *path;
		unsigned port;
	} cases[] = {
		{ "ssh://h", "none", "h", "none", 0 },
		{ "ssh://root@k1.example.org", "root", "k1.example.org", "none", 0 },
		{ "ssh://deploy@k1:2222/", "deploy", "k1", "none", 2222 },
		{ "ssh://k1/run/user/1000/docker.sock", "none", "k1", "/run/user/1000/docker.sock",
		  0 },
		{ "ssh://a-b_c.d@[2001:db8::1]:22", "a-b_c.d", "2001:db8::1", "none", 22 },
		{ "ssh://[::1]", "none", "::1", "none", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_engine_host struct engine_host h = { 0 };

		parse(&h, cases[i].text);
		assert_int_equal(ENGINE_SSH, h.way);
		assert_string_equal(cases[i].user, or_none(h.user));
		assert_string_equal(cases[i].name, h.name);
		assert_string_equal(cases[i].path, or_none(h.path));
		assert_int_equal(cases[i].port, h.port);
	}
}

static void a_tcp_address_knows_whether_a_port_was_written(void **state)
{
	auto_engine_host struct engine_host a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	parse(&a, "tcp://10.0.0.1:2376");
	assert_int_equal(2376, a.port);
	assert_string_equal("10.0.0.1", a.name);
	assert_false(a.is_loopback);
	parse(&b, "tcp://[::1]");
	assert_int_equal(0, b.port);
	assert_string_equal("[::1]", b.name);
	assert_true(b.is_loopback);
	parse(&c, "tcp://localhost:80");
	assert_int_equal(80, c.port);
}

static void what_a_shell_or_ssh_could_misread_is_refused(void **state)
{
	static const char *const bad[] = {
		"ssh://",
		"ssh://-oProxyCommand=x",
		"ssh://-l@h",
		"ssh://u@-h",
		"ssh://u;id@h",
		"ssh://u@h;id",
		"ssh://u@h$(id)",
		"ssh://u@h h",
		"ssh://u@h:",
		"ssh://u@h:0",
		"ssh://u@h:65536",
		"ssh://u@h:-1",
		"ssh://u@h:22x",
		"ssh://u@h/run/$(id)",
		"ssh://u@h/run/a b",
		"ssh://u@h/run/x?y=1",
		"ssh://@h",
		"ssh://u@",
		"ssh://[::1",
		"ssh://[]",
		"ssh://[::1]22",
		"ssh://[fe80::1%eth0]",
		"ssh://u@h\nid",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_engine_host struct engine_host h = { 0 };
		struct err e = ERR_INIT;

		if (engine_host_parse(&h, bad[i], &e) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(ERR_INPUT, e.kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ssh_address_comes_apart),
		cmocka_unit_test(a_tcp_address_knows_whether_a_port_was_written),
		cmocka_unit_test(what_a_shell_or_ssh_could_misread_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

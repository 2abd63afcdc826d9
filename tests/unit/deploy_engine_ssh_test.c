/* Engines behind ssh: what is run, what its words mean, and that it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/http_curl.h"
#include "base/mem.h"
#include "base/strv.h"
#include "deploy/engine_ssh.h"
#include "tests/fakes/tmpdir.h"

static struct engine_ssh *make(const char *address, const char *known_hosts)
{
	auto_engine_host struct engine_host at = { 0 };
	struct engine_ssh *s = NULL;
	struct err e = ERR_INIT;

	if (engine_host_parse(&at, address, &e) < 0 || engine_ssh_new(&s, &at, known_hosts, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static char *line_of(const struct engine_ssh *s)
{
	auto_strv struct strv words = STRV_INIT;

	for (const char *const *v = engine_ssh_argv(s); *v; v++)
		strv_add(&words, *v);
	return strv_join(&words, " ");
}

#define SSH                                                                                        \
	"ssh -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=30 "               \
	"-o ServerAliveInterval=15 -o ServerAliveCountMax=4 "

static void the_hosts_key_is_always_checked_and_nothing_is_asked(void **state)
{
	auto_engine_ssh struct engine_ssh *plain = make("ssh://k1", NULL);
	auto_engine_ssh struct engine_ssh *full =
		make("ssh://deploy@k1:2222/run/docker.sock", "/dev/null");
	auto_free char *a = line_of(plain), *b = line_of(full);

	(void)state;
	assert_string_equal(SSH "-- k1 docker system dial-stdio", a);
	assert_string_equal(SSH "-o UserKnownHostsFile=\"/dev/null\" "
				"-o GlobalKnownHostsFile=/dev/null -l deploy -p 2222 -- k1 docker "
				"--host unix:///run/docker.sock system dial-stdio",
			    b);
}

static void a_file_of_known_hosts_that_ssh_would_misread_or_that_is_not_there_is_refused(
	void **state)
{
	auto_engine_host struct engine_host at = { 0 };
	struct engine_ssh *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, engine_host_parse(&at, "ssh://h", &e));
	assert_int_equal(-1, engine_ssh_new(&s, &at, "/tmp/%h", &e));
	assert_int_equal(ERR_INPUT, e.kind);
	assert_int_equal(-1, engine_ssh_new(&s, &at, "/nowhere/known", &e));
	assert_int_equal(ERR_ABSENT, e.kind);
	assert_null(s);
}

static void sshs_words_become_one_line_and_a_kind(void **state)
{
	static const struct {
		const char *said;
		int status;
		enum err_kind kind;
		const char *text;
	} cases[] = {
		{ "No ED25519 host key is known for [h]:22 and you have requested strict checking.\r\n"
		  "Host key verification failed.\r\n",
		  255 << 8, ERR_DENIED, "ssh: the host's key is not in ssh's known_hosts" },
		{ "@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@\n"
		  "Host key verification failed.\r\n",
		  255 << 8, ERR_DENIED, "ssh: the host shows another key" },
		{ "u@h: Permission denied (publickey).\r\n", 255 << 8, ERR_DENIED,
		  "ssh: u@h: Permission denied (publickey)." },
		{ "ssh: connect to host h port 22: Connection refused\r\n", 255 << 8,
		  ERR_UNAVAILABLE, "ssh: ssh: connect to host h port 22: Connection refused" },
		{ "bash: line 1: docker: command not found\n", 127 << 8, ERR_UNAVAILABLE,
		  "ssh: there is no docker command there (bash: line 1: docker: command not found)" },
		{ "", 255 << 8, ERR_UNAVAILABLE, "ssh ended without a word: exit status 255" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;

		engine_ssh_explain(&e, span_of_str(cases[i].said), cases[i].status, NULL);
		assert_int_equal(cases[i].kind, e.kind);
		if (strncmp(e.text, cases[i].text, strlen(cases[i].text)) != 0)
			fail_msg("'%s' does not begin with '%s'", e.text, cases[i].text);
		assert_null(strpbrk(e.text, "\r\n"));
	}
}

/* A folder in PATH with an ssh that does what the script says. */
static void fake_ssh(struct tmpdir *t, const char *script)
{
	auto_free char *text = mem_printf("#!/bin/sh\n%s\n", script);
	auto_free char *path = NULL;

	tmpdir_init(t);
	tmpdir_file(t, "ssh", text);
	assert_int_equal(0, fchmodat(t->fd, "ssh", 0755, 0));
	path = mem_printf("%s:%s", t->path, getenv("PATH"));
	setenv("PATH", path, 1);
}

static int ping(struct engine_ssh *s, struct http *h, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	struct http_request rq = { .method = "GET",
				   .url = "http://docker/_ping",
				   .dial = engine_ssh_dial(s) };
	int r = http_perform(h, NULL, &rq, &rs, e);

	if (r == 0)
		assert_string_equal("OK", buf_str(&rs.body));
	return r;
}

static void requests_share_one_ssh_which_ends_with_them(void **state)
{
	auto_engine_ssh struct engine_ssh *s = make("ssh://h", NULL);
	auto_tmpdir struct tmpdir t;
	auto_free char *was = mem_strdup(getenv("PATH")), *log = NULL;
	struct http_curl_options opt = { 0 };
	struct err e = ERR_INIT;
	struct http *h;

	(void)state;
	fake_ssh(&t, "echo began >>\"${0%/*}/log\"\n"
		     "while read -r line; do\n"
		     "	[ \"$line\" != \"$(printf '\\r')\" ] ||\n"
		     "		printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nOK'\n"
		     "done\n"
		     "echo ended >>\"${0%/*}/log\"");
	assert_int_equal(0, http_curl_new(&h, &opt, &e));
	for (int i = 0; i < 3; i++)
		if (ping(s, h, &e) < 0)
			fail_msg("%s", e.text);
	/* the connection is closed: it reads the end of its input */
	http_free(h);
	setenv("PATH", was, 1);
	for (int i = 0; i < 1000 && !log; i++) {
		log = tmpdir_read(&t, "log");
		if (log && !strstr(log, "ended")) {
			free(log);
			log = NULL;
			usleep(10000);
		}
	}
	assert_string_equal("began\nended\n", log);
}

static void an_ssh_that_fails_is_told_in_its_words(void **state)
{
	auto_engine_ssh struct engine_ssh *s = make("ssh://h", NULL);
	auto_tmpdir struct tmpdir t;
	auto_free char *was = mem_strdup(getenv("PATH"));
	struct http_curl_options opt = { 0 };
	struct err e = ERR_INIT;
	struct http *h;

	(void)state;
	fake_ssh(&t, "echo 'u@h: Permission denied (publickey).' >&2; exit 255");
	assert_int_equal(0, http_curl_new(&h, &opt, &e));
	assert_int_equal(-1, ping(s, h, &e));
	assert_int_equal(-1, engine_ssh_failed(s, &e));
	assert_int_equal(ERR_DENIED, e.kind);
	assert_string_equal("ssh: u@h: Permission denied (publickey).", e.text);
	http_free(h);
	setenv("PATH", was, 1);
}

/* More than any pipe holds, before and between its answers; what it says in the end is what is told. */
static void an_ssh_that_talks_much_is_listened_to_while_it_is_waited_for(void **state)
{
	auto_engine_ssh struct engine_ssh *s = make("ssh://h", NULL);
	auto_tmpdir struct tmpdir t;
	auto_free char *was = mem_strdup(getenv("PATH"));
	struct http_curl_options opt = { 0 };
	struct err e = ERR_INIT;
	struct http *h;

	(void)state;
	fake_ssh(&t, "talk() { yes debug1 | head -n 150000 >&2; }\n"
		     "talk\n"
		     "while read -r line; do\n"
		     "	[ \"$line\" = \"$(printf '\\r')\" ] || continue\n"
		     "	talk\n"
		     "	echo asked >>\"${0%/*}/log\"\n"
		     "	[ $(wc -l <\"${0%/*}/log\") -lt 3 ] || break\n"
		     "	printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nOK'\n"
		     "done\n"
		     "echo 'client_loop: send disconnect: Broken pipe' >&2\n"
		     "exit 255\n");
	assert_int_equal(0, http_curl_new(&h, &opt, &e));
	for (int i = 0; i < 2; i++)
		if (ping(s, h, &e) < 0)
			fail_msg("%s", e.text);
	assert_int_equal(-1, ping(s, h, &e));
	assert_int_equal(-1, engine_ssh_failed(s, &e));
	assert_int_equal(ERR_UNAVAILABLE, e.kind);
	assert_string_equal("ssh: client_loop: send disconnect: Broken pipe", e.text);
	http_free(h);
	setenv("PATH", was, 1);
}

/* More than a pipe holds, after it has hung up: whoever waits for its end has to hear it. */
static void an_ssh_that_talks_much_at_its_end_is_told_in_its_last_words(void **state)
{
	auto_engine_ssh struct engine_ssh *s = make("ssh://h", NULL);
	auto_tmpdir struct tmpdir t;
	auto_free char *was = mem_strdup(getenv("PATH"));
	struct http_curl_options opt = { 0 };
	struct err e = ERR_INIT;
	struct http *h;

	(void)state;
	fake_ssh(&t, "exec </dev/null >/dev/null\n"
		     "yes debug1 | head -n 50000 >&2\n"
		     "echo 'kex_exchange_identification: hunted' >&2\n"
		     "exit 255\n");
	assert_int_equal(0, http_curl_new(&h, &opt, &e));
	assert_int_equal(-1, ping(s, h, &e));
	assert_int_equal(-1, engine_ssh_failed(s, &e));
	assert_string_equal("ssh: kex_exchange_identification: hunted", e.text);
	http_free(h);
	setenv("PATH", was, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hosts_key_is_always_checked_and_nothing_is_asked),
		cmocka_unit_test(
			a_file_of_known_hosts_that_ssh_would_misread_or_that_is_not_there_is_refused),
		cmocka_unit_test(sshs_words_become_one_line_and_a_kind),
		cmocka_unit_test(requests_share_one_ssh_which_ends_with_them),
		cmocka_unit_test(an_ssh_that_talks_much_is_listened_to_while_it_is_waited_for),
		cmocka_unit_test(an_ssh_that_talks_much_at_its_end_is_told_in_its_last_words),
		cmocka_unit_test(an_ssh_that_fails_is_told_in_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

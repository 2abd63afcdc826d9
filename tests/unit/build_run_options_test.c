/* The texts of the options that concern RUN, and where secrets come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/mem.h"
#include "oci/build/run_options.h"
#include "tests/fakes/tmpdir.h"

#define auto_options CLEANUP(run_options_release)

static void assert_refused(int (*take)(struct run_options *o, const char *text, struct err *e),
			   const char *text, const char *why)
{
	auto_options struct run_options o = { 0 };
	struct err e = ERR_INIT;

	if (take(&o, text, &e) != -1)
		fail_msg("'%s' is taken", text);
	assert_int_equal(e.kind, ERR_INPUT);
	if (!strstr(e.text, why))
		fail_msg("'%s': %s", text, e.text);
}

static void hosts_are_lines_of_the_file(void **state)
{
	static const char *const texts[] = { "a:1.2.3.4",   "b=1.2.3.4", "c:::1",
					     "d=[fe80::1]", "e:[::2]",	 "f:host-gateway",
					     "a=9.9.9.9" };
	auto_options struct run_options o = { 0 };
	auto_free char *hosts = NULL;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(run_options_host(&o, texts[i], &e), 0);
	hosts = run_options_hosts(&o, "box");
	assert_string_equal(hosts, "127.0.0.1\tlocalhost box\n"
				   "::1\tlocalhost ip6-localhost ip6-loopback\n"
				   "1.2.3.4\ta\n1.2.3.4\tb\n::1\tc\nfe80::1\td\n::2\te\n"
				   "127.0.0.1\tf\n9.9.9.9\ta\n");
}

static void hosts_that_are_none_are_refused(void **state)
{
	static const char *const texts[] = {
		"",	 "a",		"a:",		":1.2.3.4",    "a:1.2.3",
		"a:b:c", "a b:1.2.3.4", "a\nb:1.2.3.4", "a:1.2.3.4\nx"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_refused(run_options_host, texts[i], "'");
}

static void limits_are_read_as_docker_does(void **state)
{
	auto_options struct run_options o = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run_options_ulimit(&o, "nofile=1024", &e), 0);
	assert_int_equal(run_options_ulimit(&o, "core=0:-1", &e), 0);
	assert_int_equal(o.nr_limits, 2);
	assert_int_equal(o.limits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(o.limits[0].soft, 1024);
	assert_int_equal(o.limits[0].hard, 1024);
	assert_int_equal(o.limits[1].resource, RLIMIT_CORE);
	assert_int_equal(o.limits[1].soft, 0);
	assert_true(o.limits[1].hard == RLIM_INFINITY);
	assert_refused(run_options_ulimit, "nofile", "NAME=SOFT[:HARD]");
	assert_refused(run_options_ulimit, "files=1", "there are as, core");
	assert_refused(run_options_ulimit, "nofile=x", "-1 for none");
	assert_refused(run_options_ulimit, "nofile=1:2:3", "-1 for none");
	assert_refused(run_options_ulimit, "nofile=3:2", "above the hard one");
	assert_refused(run_options_ulimit, "nofile=-1:2", "above the hard one");
}

static void other_words_are_refused(void **state)
{
	struct run_options o = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_refused(run_options_network, "bridge", "'bridge' is not default, host or none");
	assert_refused(run_options_shm, "x", "'x' is no size");
	assert_refused(run_options_shm, "0", "'0' is no size");
	assert_int_equal(run_options_allow(&o, "network.host", &e), 0);
	assert_true(o.allows_host_network);
	assert_int_equal(run_options_allow(&o, "security.insecure", &e), -1);
	assert_int_equal(run_options_allow(&o, "device", &e), -1);
}

static void secrets_are_refused_in_words(void **state)
{
	(void)state;
	assert_refused(run_options_secret, "x", "not KEY=VALUE");
	assert_refused(run_options_secret, "src=a", "has no id=");
	assert_refused(run_options_secret, "id=", "has no id=");
	assert_refused(run_options_secret, "id=a,target=/x", "unexpected key 'target'");
	assert_refused(run_options_secret, "id=a,type=raw", "unsupported secret type 'raw'");
	assert_refused(run_options_secret, "id=a,src=b,env=C", "both src= and env=");
	assert_refused(run_options_ssh, "", "has no id");
	assert_refused(run_options_ssh, "a=", "ssh-add");
	assert_refused(run_options_ssh, "a=key1,key2", "ssh-add");
}

/* -- values ------------------------------------------------------------------------ */

static const char *environment(const char *name)
{
	return strcmp(name, "NAME") == 0    ? "of the variable"
	       : strcmp(name, "EMPTY") == 0 ? ""
					    : NULL;
}

static void assert_value(const struct run_options *o, const char *id, const char *value)
{
	const struct run_secret *s = run_options_find_secret(o, id);

	if (!value) {
		assert_null(s);
		return;
	}
	assert_non_null(s);
	assert_int_equal(s->value.len, strlen(value));
	assert_memory_equal(buf_str(&s->value), value, strlen(value));
}

static void a_secret_comes_from_a_file_or_a_variable(void **state)
{
	auto_options struct run_options o = { 0 };
	auto_tmpdir struct tmpdir dir;
	auto_free char *file = NULL;
	auto_free char *typed = NULL;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&dir);
	tmpdir_file(&dir, "f", "of the file\n");
	file = mem_printf("id=file,src=%s/f", dir.path);
	typed = mem_printf("type=file,id=source,source=%s/f", dir.path);
	assert_int_equal(run_options_secret(&o, file, &e), 0);
	assert_int_equal(run_options_secret(&o, typed, &e), 0);
	assert_int_equal(run_options_secret(&o, "id=var,env=NAME", &e), 0);
	assert_int_equal(run_options_secret(&o, "type=env,id=var2,src=NAME", &e), 0);
	assert_int_equal(run_options_secret(&o, "id=NAME", &e), 0);
	assert_int_equal(run_options_secret(&o, "id=empty,env=EMPTY", &e), 0);
	assert_int_equal(run_options_secret(&o, "id=unset,env=NOT_SET", &e), 0);
	assert_int_equal(run_options_load(&o, environment, &e), 0);
	assert_value(&o, "file", "of the file\n");
	assert_value(&o, "source", "of the file\n");
	assert_value(&o, "var", "of the variable");
	assert_value(&o, "var2", "of the variable");
	assert_value(&o, "NAME", "of the variable");
	assert_value(&o, "empty", "");
	assert_value(&o, "unset", NULL);
	assert_value(&o, "other", NULL);
}

static void assert_load_fails(const char *secret, const char *why)
{
	auto_options struct run_options o = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(run_options_secret(&o, secret, &e), 0);
	assert_int_equal(run_options_load(&o, environment, &e), -1);
	if (!strstr(e.text, why))
		fail_msg("%s", e.text);
}

static void a_secret_that_cannot_be_read_is_told_by_name(void **state)
{
	auto_tmpdir struct tmpdir dir;
	auto_free char *big = mem_alloc(RUN_SECRET_MAX + 2);
	auto_free char *spec = NULL;

	(void)state;
	tmpdir_init(&dir);
	memset(big, 'x', RUN_SECRET_MAX + 1);
	big[RUN_SECRET_MAX + 1] = '\0';
	tmpdir_file(&dir, "big", big);
	spec = mem_printf("id=big,src=%s/big", dir.path);
	assert_load_fails(spec, "a secret has at most 500 KiB");
	assert_load_fails("id=no-such-file", "--secret id=no-such-file: open 'no-such-file'");
	assert_load_fails("id=dir,src=/", "is a directory");
}

static void an_agent_is_a_socket(void **state)
{
	auto_options struct run_options o = { 0 };
	auto_tmpdir struct tmpdir dir;
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	auto_free char *good = NULL;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&dir);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/agent", dir.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	good = mem_printf("work=%s", at.sun_path);
	assert_int_equal(run_options_ssh(&o, good, &e), 0);
	assert_int_equal(run_options_load(&o, environment, &e), 0);
	assert_string_equal(run_options_find_ssh(&o, "work")->socket, at.sun_path);
	assert_null(run_options_find_ssh(&o, "default"));
	assert_int_equal(run_options_ssh(&o, "default", &e), 0);
	assert_int_equal(run_options_load(&o, environment, &e), -1);
	assert_non_null(strstr(e.text, "SSH_AUTH_SOCK is not set"));
	err_clear(&e);
	run_options_release(&o);
	assert_int_equal(run_options_ssh(&o, "default=/etc/passwd", &e), 0);
	assert_int_equal(run_options_load(&o, environment, &e), -1);
	assert_non_null(strstr(e.text, "ssh-add"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_lines_of_the_file),
		cmocka_unit_test(hosts_that_are_none_are_refused),
		cmocka_unit_test(limits_are_read_as_docker_does),
		cmocka_unit_test(other_words_are_refused),
		cmocka_unit_test(secrets_are_refused_in_words),
		cmocka_unit_test(a_secret_comes_from_a_file_or_a_variable),
		cmocka_unit_test(a_secret_that_cannot_be_read_is_told_by_name),
		cmocka_unit_test(an_agent_is_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

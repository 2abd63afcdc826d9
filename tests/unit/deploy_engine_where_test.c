/* Which way leads to the engine: options, docker's variables, contexts, certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "deploy/engine_where.h"
#include "tests/fakes/certs.h"
#include "tests/fakes/tmpdir.h"

/* Pairs, NULL at the end: what the environment holds. */
static const char *const *environment;

static const char *variable(const char *name)
{
	for (const char *const *v = environment; v && *v; v += 2)
		if (strcmp(v[0], name) == 0)
			return v[1];
	return NULL;
}

#define ENV(...)                                                                                   \
	environment = (const char *const[])                                                        \
	{                                                                                          \
		__VA_ARGS__ __VA_OPT__(, ) NULL                                                    \
	}

static int find(struct engine_where *w, const struct engine_options *opt, struct err *e)
{
	struct engine_options with = *opt;

	*e = ERR_INIT;
	*w = (struct engine_where){ 0 };
	with.variable = variable;
	return engine_where_find(w, &with, e);
}

static void assert_way(const struct engine_options *opt, const char *base, bool tls)
{
	struct engine_where w;
	struct err e;

	if (find(&w, opt, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(base, w.base);
	assert_int_equal(tls, w.has_tls);
	engine_where_release(&w);
}

static void assert_refused(const struct engine_options *opt, enum err_kind kind, const char *part)
{
	struct engine_where w;
	struct err e;

	assert_int_equal(-1, find(&w, opt, &e));
	assert_int_equal(kind, e.kind);
	if (!strstr(e.text, part))
		fail_msg("'%s' is not in '%s'", part, e.text);
	engine_where_release(&w);
}

#define HOST(...) (&(struct engine_options){ .host = __VA_ARGS__ })

/* ca.pem, cert.pem and key.pem in a folder. */
static void put_certs(struct tmpdir *t, const char *dir)
{
	static const char *const names[] = { "ca.pem", "cert.pem", "key.pem" };
	struct fake_cert ca, client;
	const char *texts[3];

	fake_cert_make(&ca, NULL, "Test CA", FAKE_CERT_CA);
	fake_cert_make(&client, &ca, "client", 0);
	texts[0] = ca.pem;
	texts[1] = client.pem;
	texts[2] = client.key_pem;
	for (size_t i = 0; i < 3; i++) {
		auto_free char *name = mem_printf("%s/%s", dir, names[i]);

		tmpdir_file(t, name, texts[i]);
	}
	fake_cert_release(&ca);
	fake_cert_release(&client);
}

static void without_anything_it_is_dockers_socket_of_this_machine(void **state)
{
	struct engine_where w;
	struct err e;

	(void)state;
	ENV();
	assert_int_equal(0, find(&w, HOST(NULL), &e));
	assert_string_equal("/var/run/docker.sock", w.host.path);
	engine_where_release(&w);
}

static void plain_tcp_is_for_this_machine_or_has_to_be_asked_for(void **state)
{
	(void)state;
	ENV();
	assert_way(HOST("tcp://127.0.0.1"), "http://127.0.0.1:2375", false);
	assert_refused(HOST("tcp://10.0.0.1:2375"), ERR_INPUT, "--insecure");
	assert_way(HOST("tcp://10.0.0.1:2375", .insecure = true), "http://10.0.0.1:2375", false);
}

static void each_way_of_dockers_to_ask_for_tls_means_tls_with_a_check(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_free char *dir = NULL, *ca = NULL;
	struct engine_where w;
	struct err e;

	(void)state;
	tmpdir_init(&t);
	put_certs(&t, "certs");
	dir = mem_printf("%s/certs", t.path);
	ca = mem_printf("%s/certs/ca.pem", t.path);
	ENV("DOCKER_TLS_VERIFY", "1", "DOCKER_CERT_PATH", dir);
	assert_way(HOST("tcp://docker"), "https://docker:2376", true);
	ENV("DOCKER_TLS", "1", "DOCKER_CERT_PATH", dir);
	assert_int_equal(0, find(&w, HOST("tcp://127.0.0.1:9999"), &e));
	assert_string_equal("https://127.0.0.1:9999", w.base);
	assert_true(w.tls.tls.is_only_trust);
	assert_true(w.tls.tls.cert.n && w.tls.tls.key.n);
	engine_where_release(&w);
	ENV("DOCKER_CERT_PATH", dir);
	assert_way(HOST("tcp://docker:1"), "https://docker:1", true);
	/* as docker does it on loopback */
	assert_way(HOST("tcp://127.0.0.1:1"), "http://127.0.0.1:1", false);
	ENV("DOCKER_TLS_VERIFY", "");
	assert_way(HOST("tcp://127.0.0.1:1"), "http://127.0.0.1:1", false);
	assert_int_equal(0, find(&w, HOST("tcp://10.0.0.1", .tls_ca = ca), &e));
	assert_true(w.tls.tls.is_only_trust);
	assert_int_equal(0, w.tls.tls.cert.n);
	engine_where_release(&w);
	/* nothing named: the machine's authorities */
	ENV("DOCKER_TLS_VERIFY", "1", "HOME", t.path);
	assert_int_equal(0, find(&w, HOST("tcp://10.0.0.1"), &e));
	assert_false(w.tls.tls.is_only_trust);
	engine_where_release(&w);
}

static void certificates_that_are_of_no_use_are_told_by_their_file(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_free char *dir = NULL, *cert = NULL, *ca = NULL;

	(void)state;
	tmpdir_init(&t);
	put_certs(&t, "certs");
	tmpdir_file(&t, "empty/x", "");
	tmpdir_file(&t, "bad.pem", "nothing");
	ENV();
	dir = mem_printf("%s/empty", t.path);
	cert = mem_printf("%s/certs/cert.pem", t.path);
	ca = mem_printf("%s/bad.pem", t.path);
	assert_refused(HOST("tcp://h", .tls_cert = cert), ERR_INPUT, "of no use without its key");
	assert_refused(HOST("tcp://h", .tls_ca = ca), ERR_INPUT, "bad.pem");
	assert_refused(HOST("tcp://h", .tls_ca = "/nowhere/ca.pem"), ERR_ABSENT, "/nowhere/ca.pem");
	assert_refused(HOST("tcp://h", .tls_cert = cert, .tls_key = ca), ERR_DENIED, "cert.pem");
	ENV("DOCKER_TLS_VERIFY", "1", "DOCKER_CERT_PATH", dir);
	assert_refused(HOST("tcp://h"), ERR_ABSENT, "holds no ca.pem");
}

static char *context_id(const char *name)
{
	unsigned char raw[HASH_SHA256_LEN];
	char *hex = mem_zalloc(HASH_SHA256_HEX + 1);

	hash_sha256(raw, name, strlen(name));
	hash_hex(hex, raw);
	return hex;
}

static void put_context(struct tmpdir *t, const char *name, const char *meta)
{
	auto_free char *id = context_id(name);
	auto_free char *path = mem_printf("contexts/meta/%s/meta.json", id);

	tmpdir_file(t, path, meta);
}

static void a_context_says_where_the_engine_is(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_free char *id = context_id("prod"), *tls = NULL;

	(void)state;
	tmpdir_init(&t);
	put_context(
		&t, "prod",
		"{\"Name\":\"prod\",\"Endpoints\":{\"docker\":{\"Host\":\"tcp://10.0.0.9:2376\","
		"\"SkipTLSVerify\":true}}}");
	put_context(&t, "local", "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://127.0.0.1:7\"}}}");
	tls = mem_printf("contexts/tls/%s/docker", id);
	put_certs(&t, tls);
	ENV("DOCKER_CONFIG", t.path, "DOCKER_CONTEXT", "prod");
	assert_way(HOST(NULL), "https://10.0.0.9:2376", true);
	/* what is said for this run goes first */
	assert_way(HOST("tcp://127.0.0.1:1"), "http://127.0.0.1:1", false);
	assert_way(HOST("tcp://127.0.0.1:1", .context = "local"), "http://127.0.0.1:7", false);
	assert_way(HOST(NULL, .context = "local"), "http://127.0.0.1:7", false);
	assert_way(HOST("tcp://127.0.0.1:1", .context = "default"), "http://docker", false);
	tmpdir_file(&t, "config.json", "{\"currentContext\":\"local\"}");
	assert_way(HOST(NULL), "https://10.0.0.9:2376", true);
	ENV("DOCKER_CONFIG", t.path);
	assert_way(HOST(NULL), "http://127.0.0.1:7", false);
	ENV("DOCKER_CONFIG", t.path, "DOCKER_CONTEXT", "default");
	assert_way(HOST(NULL), "http://docker", false);
}

static void a_context_that_cannot_be_used_is_not_passed_over(void **state)
{
	auto_tmpdir struct tmpdir t;

	(void)state;
	tmpdir_init(&t);
	put_context(&t, "none", "{\"Endpoints\":{}}");
	put_context(&t, "broken", "{");
	put_context(&t, "wide", "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://10.0.0.9:2375\"}}}");
	ENV("X", "");
	assert_refused(HOST(NULL, .context = "prod"), ERR_ABSENT, "DOCKER_CONFIG");
	ENV("DOCKER_CONFIG", t.path, "DOCKER_CONTEXT", "gone");
	assert_refused(HOST(NULL), ERR_ABSENT, "docker context 'gone'");
	ENV("DOCKER_CONFIG", t.path, "DOCKER_CONTEXT", "none");
	assert_refused(HOST(NULL), ERR_INPUT, "names no host");
	ENV("DOCKER_CONFIG", t.path, "DOCKER_CONTEXT", "broken");
	assert_refused(HOST(NULL), ERR_INPUT, "docker context 'broken'");
	ENV("DOCKER_CONFIG", t.path, "DOCKER_CONTEXT", "wide");
	assert_refused(HOST(NULL), ERR_INPUT, "plain tcp is only for this machine");
	ENV("DOCKER_CONFIG", t.path);
	tmpdir_file(&t, "config.json", "nothing");
	assert_refused(HOST(NULL), ERR_INPUT, "config.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_anything_it_is_dockers_socket_of_this_machine),
		cmocka_unit_test(plain_tcp_is_for_this_machine_or_has_to_be_asked_for),
		cmocka_unit_test(each_way_of_dockers_to_ask_for_tls_means_tls_with_a_check),
		cmocka_unit_test(certificates_that_are_of_no_use_are_told_by_their_file),
		cmocka_unit_test(a_context_says_where_the_engine_is),
		cmocka_unit_test(a_context_that_cannot_be_used_is_not_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

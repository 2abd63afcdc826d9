#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/op.h"
#include "registry/certs.h"
#include "tests/fakes/certs.h"
#include "tests/fakes/registry_world.h"
#include "tests/fakes/tmpdir.h"

struct world {
	struct tmpdir dir;
	struct fake_cert ca, joe, ann;
	struct registry_certs *certs;
	struct op op;
	const struct http_tls *tls;
	struct err e;
};

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	tmpdir_init(&w->dir);
	fake_cert_make(&w->ca, NULL, "Test CA", FAKE_CERT_CA);
	fake_cert_make(&w->joe, &w->ca, "joe", 0);
	fake_cert_make(&w->ann, &w->ca, "ann", 0);
	w->certs = registry_certs_new();
}

static void world_release(struct world *w)
{
	registry_certs_free(w->certs);
	fake_cert_release(&w->ca);
	fake_cert_release(&w->joe);
	fake_cert_release(&w->ann);
	tmpdir_release(&w->dir);
}

static void add_folder(struct world *w, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", w->dir.path, name);

	registry_certs_add_folder(w->certs, &w->op, path);
}

static int find(struct world *w, const char *host)
{
	return registry_certs_find(&w->tls, w->certs, host, &w->e);
}

static void a_host_gets_what_its_folder_holds(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	tmpdir_file(&w.dir, "d/r.example:5000/ca.crt", w.ca.pem);
	tmpdir_file(&w.dir, "d/r.example:5000/joe.cert", w.joe.pem);
	tmpdir_file(&w.dir, "d/r.example:5000/joe.key", w.joe.key_pem);
	tmpdir_file(&w.dir, "d/ca.example/ca.crt", w.ca.pem);
	tmpdir_file(&w.dir, "d/ca.example/README", "not a certificate");
	tmpdir_file(&w.dir, "d/a-file", "not a folder");
	add_folder(&w, "d");
	assert_int_equal(0, find(&w, "R.example:5000"));
	assert_non_null(w.tls->trust);
	assert_true(span_eq_str(w.tls->cert, w.joe.pem));
	assert_true(span_eq_str(w.tls->key, w.joe.key_pem));
	assert_non_null(strstr(w.tls->cert_name, "d/r.example:5000/joe.cert"));
	assert_int_equal(0, find(&w, "ca.example"));
	assert_non_null(w.tls->trust);
	assert_int_equal(0, w.tls->cert.n);
	assert_int_equal(0, find(&w, "r.example"));
	assert_null(w.tls);
	assert_int_equal(0, registry_certs_find(&w.tls, NULL, "ca.example", &w.e));
	assert_null(w.tls);
	world_release(&w);
}

static void the_first_folder_with_a_certificate_wins(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	tmpdir_file(&w.dir, "a/r.example/ca.crt", w.ca.pem);
	tmpdir_file(&w.dir, "b/r.example/x.cert", w.joe.pem);
	tmpdir_file(&w.dir, "b/r.example/x.key", w.joe.key_pem);
	tmpdir_file(&w.dir, "c/r.example/x.cert", w.ann.pem);
	tmpdir_file(&w.dir, "c/r.example/x.key", w.ann.key_pem);
	add_folder(&w, "missing");
	add_folder(&w, "a");
	add_folder(&w, "b");
	add_folder(&w, "c");
	assert_int_equal(0, find(&w, "r.example"));
	assert_non_null(w.tls->trust);
	assert_true(span_eq_str(w.tls->cert, w.joe.pem));
	world_release(&w);
}

/* A mistake in bad.example's folder is told there, and harms nobody else. */
static void assert_wrong(const char *const *files, enum err_kind kind, const char *says)
{
	struct world w;

	world_init(&w);
	tmpdir_file(&w.dir, "d/good.example/ca.crt", w.ca.pem);
	for (; *files; files++) {
		auto_free char *path = mem_printf("d/bad.example/%s", *files);

		if (span_ends(span_of_str(path), ".key"))
			tmpdir_file(&w.dir, path, w.ann.key_pem);
		else
			tmpdir_file(&w.dir, path, strchr(*files, '!') ? "text" : w.joe.pem);
	}
	add_folder(&w, "d");
	assert_int_equal(0, find(&w, "good.example"));
	assert_non_null(w.tls);
	assert_int_equal(-1, find(&w, "bad.example"));
	assert_err(&w, kind, says);
	assert_non_null(strstr(w.e.text, "d/bad.example'"));
	world_release(&w);
}

static void what_is_wrong_is_told_to_whom_it_concerns(void **state)
{
	static const char *const no_key[] = { "a.cert", NULL }, *const no_cert[] = { "a.key",
										     NULL };
	static const char *const two[] = { "a.cert", "a.key", "b.cert", "b.key", NULL };
	static const char *const other_key[] = { "a.cert", "a.key", NULL };
	static const char *const no_pem[] = { "!.crt", NULL };

	(void)state;
	assert_wrong(no_key, ERR_INPUT, "'a.cert' is there but 'a.key' is not");
	assert_wrong(no_cert, ERR_INPUT, "'a.key' is there but 'a.cert' is not");
	assert_wrong(two, ERR_INPUT, "several client certificates");
	assert_wrong(other_key, ERR_DENIED, "the key does not belong to the certificate");
	assert_wrong(no_pem, ERR_INPUT, "'!.crt': no PEM certificate in it");
}

static void a_pair_that_is_given_is_for_one_host(void **state)
{
	struct world w;
	auto_free char *cert = NULL;
	auto_free char *key = NULL;

	(void)state;
	world_init(&w);
	tmpdir_file(&w.dir, "joe", w.joe.pem);
	tmpdir_file(&w.dir, "joe-key", w.joe.key_pem);
	tmpdir_file(&w.dir, "d/r.example/x.cert", w.ann.pem);
	tmpdir_file(&w.dir, "d/r.example/x.key", w.ann.key_pem);
	cert = mem_printf("%s/joe", w.dir.path);
	key = mem_printf("%s/joe-key", w.dir.path);
	add_folder(&w, "d");
	assert_int_equal(0, registry_certs_add_pair(w.certs, "r.example", cert, key, &w.e));
	assert_int_equal(0, find(&w, "r.example"));
	assert_true(span_eq_str(w.tls->cert, w.joe.pem));
	assert_int_equal(0, find(&w, "s.example"));
	assert_null(w.tls);
	assert_int_equal(-1,
			 registry_certs_add_pair(w.certs, "r.example", "/nonexistent", key, &w.e));
	assert_err(&w, ERR_ABSENT, "client certificate '/nonexistent'");
	assert_int_equal(-1, registry_certs_add_pair(w.certs, "r.example", cert, cert, &w.e));
	assert_err(&w, ERR_DENIED, "the key cannot be read");
	world_release(&w);
}

/* -- where they are shown ------------------------------------------------------------ */

static void only_the_registry_itself_sees_them(void **state)
{
	struct world w;
	struct registry_world r;
	auto_http_response struct http_response rs = { 0 };
	auto_url struct url elsewhere = { 0 };
	struct registry_call call = { .method = "GET", .path = "/v2/", .scope = "x" };

	(void)state;
	world_init(&w);
	tmpdir_file(&w.dir, "d/r.example/ca.crt", w.ca.pem);
	add_folder(&w, "d");
	assert_int_equal(0, find(&w, "r.example"));
	registry_world_init(&r, "r.example", NULL);
	registry_session_free(r.session);
	r.opt.certs = w.certs;
	r.session = registry_session_new(http_script_http(r.script), "r.example", &r.opt);
	HTTP_EXPECT(r.script, .method = "GET", .url = "https://r.example/v2/", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"https://auth.example/token\"" });
	HTTP_EXPECT(r.script, .method = "GET", .url = "https://auth.example/token?scope=x",
		    .status = 200, .answer = "{\"token\":\"t\"}");
	HTTP_EXPECT(r.script, .method = "GET", .url = "https://r.example/v2/", .status = 200);
	HTTP_EXPECT(r.script, .method = "GET", .url = "https://r.example:444/", .status = 200);
	assert_int_equal(0, registry_session_perform(r.session, &r.op, &call, &rs, &r.e));
	http_response_release(&rs);
	assert_int_equal(0, url_parse(&elsewhere, "https://r.example:444/", &r.e));
	call.at = &elsewhere;
	assert_int_equal(0, registry_session_perform(r.session, &r.op, &call, &rs, &r.e));
	assert_ptr_equal(w.tls, http_script_seen(r.script, 0)->tls);
	assert_null(http_script_seen(r.script, 1)->tls);
	assert_ptr_equal(w.tls, http_script_seen(r.script, 2)->tls);
	assert_null(http_script_seen(r.script, 3)->tls);
	registry_world_release(&r);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_gets_what_its_folder_holds),
		cmocka_unit_test(the_first_folder_with_a_certificate_wins),
		cmocka_unit_test(what_is_wrong_is_told_to_whom_it_concerns),
		cmocka_unit_test(a_pair_that_is_given_is_for_one_host),
		cmocka_unit_test(only_the_registry_itself_sees_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

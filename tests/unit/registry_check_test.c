#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/check.h"
#include "tests/fakes/registry_world.h"

#define PUT_URL                                                                                    \
	"https://r.example/v2/a/b/manifests/"                                                      \
	"sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define TOKEN_URL "https://t.example/?scope=repository%3Aa%2Fb%3Apull%2Cpush"
#define BEARER	  "WWW-Authenticate: Bearer realm=\"https://t.example/\""

static void check(struct registry_world *w, int want, const char *who)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	if (registry_check(&text, &w->op, &w->repo, &w->e) != want)
		fail_msg("%d: %s", want, w->e.text);
	assert_string_equal(who, buf_str(&text));
	assert_null(strstr(w->e.text, "secret"));
}

static void who_is_refused_for_the_manifest_may_push(void **state)
{
	static const long refusals[] = { 400, 422, 201 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct registry_world w;

		registry_world_init(&w, "r.example", WORLD_AUTHS);
		HTTP_EXPECT(w.script, .method = "PUT", .url = PUT_URL, .lacks = { "Authorization" },
			    .status = 401, .headers = { BEARER });
		HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .has = { WORLD_BASIC },
			    .status = 200, .answer = "{\"token\":\"t\"}");
		HTTP_EXPECT(w.script, .method = "PUT", .url = PUT_URL,
			    .has = { "Bearer t", "Content-Type: application/vnd.oci.image" },
			    .body = "{}", .status = refusals[i]);
		check(&w, 0, "joe (credentials from DOCKER_AUTH_CONFIG)");
		registry_world_release(&w);
	}
}

static void where_nobody_is_asked_anybody_may(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	HTTP_EXPECT(w.script, .method = "PUT", .url = PUT_URL, .status = 400);
	check(&w, 0, "anybody (nobody was asked for credentials)");
	registry_world_release(&w);
}

static void a_right_that_is_missing_is_denied(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	w.env.ci = (struct credentials_ci){ .registry = "r.example",
					    .registry_user = "joe",
					    .registry_password = "" };
	HTTP_EXPECT(w.script, .method = "PUT", .url = PUT_URL, .status = 401,
		    .headers = { BEARER });
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .lacks = { "Authorization" },
		    .status = 200, .answer = "{\"token\":\"t\"}");
	HTTP_EXPECT(w.script, .method = "PUT", .url = PUT_URL, .has = { "Bearer t" }, .status = 401,
		    .headers = { BEARER ",error=\"insufficient_scope\","
					"scope=\"repository:a/b:pull,push\"" });
	check(&w, -1,
	      "nobody (no credentials for r.example found; CI_REGISTRY_PASSWORD is empty: a "
	      "protected variable, on a branch that is not?)");
	assert_err(&w, ERR_DENIED, "push to a/b: denied: no right to push to a/b (no credentials");
	registry_world_release(&w);
}

static void a_wrong_password_is_denied_by_the_token_server(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	HTTP_EXPECT(w.script, .method = "PUT", .url = PUT_URL, .status = 401,
		    .headers = { BEARER });
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 401);
	check(&w, -1, "joe (credentials from DOCKER_AUTH_CONFIG)");
	assert_err(&w, ERR_DENIED, "401");
	registry_world_release(&w);
}

static void a_repository_that_is_missing_or_for_reading_is_denied_and_a_broken_one_unknown(
	void **state)
{
	static const struct {
		long status;
		enum err_kind kind;
	} cases[] = { { 404, ERR_DENIED }, { 405, ERR_DENIED }, { 403, ERR_DENIED } };
	struct registry_world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		registry_world_init(&w, "r.example", NULL);
		HTTP_EXPECT(w.script, .method = "PUT", .url = PUT_URL, .status = cases[i].status);
		check(&w, -1, "anybody (nobody was asked for credentials)");
		assert_int_equal(cases[i].kind, w.e.kind);
		registry_world_release(&w);
	}
	registry_world_init(&w, "r.example", NULL);
	HTTP_EXPECT(w.script, .method = "PUT", .url = PUT_URL, .status = 503, .times = 3);
	check(&w, -1, "anybody (nobody was asked for credentials)");
	assert_int_equal(ERR_UNAVAILABLE, w.e.kind);
	registry_world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_refused_for_the_manifest_may_push),
		cmocka_unit_test(where_nobody_is_asked_anybody_may),
		cmocka_unit_test(a_right_that_is_missing_is_denied),
		cmocka_unit_test(a_wrong_password_is_denied_by_the_token_server),
		cmocka_unit_test(
			a_repository_that_is_missing_or_for_reading_is_denied_and_a_broken_one_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

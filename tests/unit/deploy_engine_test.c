/* The Engine API's manners: where it is, which version, what its errors mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/engine.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/http_script.h"

#define PING(...) HTTP_EXPECT(w->s, .method = "GET", .url = "http://docker/_ping", __VA_ARGS__)
#define V141	  "http://docker/v1.41"
#define V144	  "http://docker/v1.44"

struct world {
	struct http_script *s;
	struct fake_clock clock;
	struct op op;
	struct engine *eng;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->s = http_script_new();
	w->op.clock = fake_clock_init(&w->clock);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	engine_free(w->eng);
	http_script_free(w->s);
	free(w);
	return 0;
}

static int open_at(struct world *w, const char *host)
{
	return engine_open(&w->eng, &w->op, http_script_http(w->s),
			   &(struct engine_options){ .host = host }, &w->e);
}

static void open_it(struct world *w)
{
	PING(.unix_socket = "/x.sock", .status = 200, .headers = { "Api-Version: 1.41" });
	assert_int_equal(0, open_at(w, "unix:///x.sock"));
}

static void assert_err(struct world *w, enum err_kind kind, const char *part)
{
	assert_int_equal(kind, w->e.kind);
	if (!strstr(w->e.text, part))
		fail_msg("'%s' is not in '%s'", part, w->e.text);
	http_script_done(w->s);
}

/* From 29 on they speak 1.44 at least, and no more than that is needed. */
static void a_newer_engine_is_spoken_to_in_our_version(void **state)
{
	struct world *w = *state;

	PING(.unix_socket = "/x.sock", .status = 200, .headers = { "Api-Version: 1.52" });
	assert_int_equal(0, open_at(w, "unix:///x.sock"));
	HTTP_EXPECT(w->s, .method = "GET", .url = V144 "/x", .unix_socket = "/x.sock",
		    .status = 200, .answer = "{}");
	assert_int_equal(0, engine_call(NULL, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
	http_script_done(w->s);
}

static void one_that_no_longer_speaks_it_is_spoken_to_in_its_least(void **state)
{
	static const struct {
		const char *answer, *url;
	} engines[] = {
		{ "{\"ApiVersion\":\"1.60\",\"MinAPIVersion\":\"1.47\"}", "http://docker/v1.47/x" },
		{ "{\"ApiVersion\":\"1.60\",\"MinAPIVersion\":\"1.24\"}", V144 "/x" },
		{ "{\"ApiVersion\":\"1.60\"}", V144 "/x" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		PING(.status = 200, .headers = { "Api-Version: 1.60" });
		HTTP_EXPECT(w->s, .method = "GET", .url = "http://docker/version", .status = 200,
			    .answer = engines[i].answer);
		HTTP_EXPECT(w->s, .method = "GET", .url = engines[i].url, .status = 200);
		assert_int_equal(0, open_at(w, NULL));
		assert_int_equal(0,
				 engine_call(NULL, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
		engine_free(w->eng);
		w->eng = NULL;
	}
	http_script_done(w->s);
}

static void a_write_is_not_repeated_by_the_wire(void **state)
{
	struct world *w = *state;
	auto_json json_t *body = json_pack("{s:i}", "b", 1);

	open_it(w);
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/x", .status = 200);
	assert_int_equal(0, engine_call(NULL, &w->op, w->eng, "POST", "/x", body, NULL, &w->e));
	assert_true(http_script_seen(w->s, http_script_count(w->s) - 1)->once);
}

static void an_older_engine_is_spoken_to_in_its_version_or_refused(void **state)
{
	struct world *w = *state;

	PING(.status = 200, .headers = { "Api-Version: 1.40" });
	HTTP_EXPECT(w->s, .method = "GET", .url = "http://docker/v1.40/x", .status = 200);
	assert_int_equal(0, open_at(w, NULL));
	assert_int_equal(0, engine_call(NULL, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
	engine_free(w->eng);
	w->eng = NULL;
	PING(.status = 200, .headers = { "Api-Version: 1.39" });
	assert_int_equal(-1, open_at(w, NULL));
	assert_err(w, ERR_UNAVAILABLE, "speaks API 1.39, at least 1.40");
}

static void no_engine_is_unavailable_with_a_hint(void **state)
{
	struct world *w = *state;

	PING(.fail = ERR_UNAVAILABLE, .why = "connection refused");
	assert_int_equal(-1, open_at(w, NULL));
	assert_err(w, ERR_UNAVAILABLE,
		   "docker engine at 'unix:///var/run/docker.sock': connection refused (is it "
		   "running? DOCKER_HOST");
	PING(.fail = ERR_UNAVAILABLE, .why = "permission denied");
	assert_int_equal(-1, open_at(w, NULL));
	assert_err(w, ERR_UNAVAILABLE, "permission denied (only root and the socket's group");
	assert_null(w->eng);
}

static const char *api_140(const char *name)
{
	return strcmp(name, "DOCKER_API_VERSION") == 0 ? "1.40" : NULL;
}

static const char *api_150(const char *name)
{
	return strcmp(name, "DOCKER_API_VERSION") == 0 ? "1.50" : NULL;
}

static void an_older_version_may_be_asked_for_and_a_newer_one_is_refused(void **state)
{
	struct world *w = *state;
	struct engine_options opt = { .variable = api_140 };

	PING(.status = 200, .headers = { "Api-Version: 1.41" });
	HTTP_EXPECT(w->s, .method = "GET", .url = "http://docker/v1.40/x", .status = 200);
	assert_int_equal(0, engine_open(&w->eng, &w->op, http_script_http(w->s), &opt, &w->e));
	assert_int_equal(0, engine_call(NULL, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
	engine_free(w->eng);
	w->eng = NULL;
	opt.variable = api_150;
	PING(.status = 200, .headers = { "Api-Version: 1.51" });
	assert_int_equal(-1, engine_open(&w->eng, &w->op, http_script_http(w->s), &opt, &w->e));
	assert_err(w, ERR_INPUT, "DOCKER_API_VERSION: '1.50' is not one of 1.40 to 1.44");
}

static void an_engine_whose_least_version_is_higher_is_named(void **state)
{
	struct world *w = *state;

	PING(.status = 200, .headers = { "Api-Version: 1.52" });
	assert_int_equal(0, open_at(w, NULL));
	HTTP_EXPECT(w->s, .method = "GET", .url = V144 "/x", .status = 400,
		    .answer =
			    "{\"message\":\"client version 1.44 is too old. Minimum supported API "
			    "version is 1.45, please upgrade your client to a newer version\"}");
	assert_int_equal(-1, engine_call(NULL, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
	assert_err(w, ERR_UNAVAILABLE, "newer than what cdeploy speaks (API 1.40 to 1.44)");
	assert_err(w, ERR_UNAVAILABLE, "Minimum supported API version is 1.45");
}

static void something_else_that_answers_is_no_engine(void **state)
{
	struct world *w = *state;

	PING(.status = 200, .answer = "hello");
	assert_int_equal(-1, open_at(w, NULL));
	assert_err(w, ERR_UNAVAILABLE, "is no Docker engine");
	PING(.status = 200, .headers = { "Api-Version: 2.1" });
	assert_int_equal(-1, open_at(w, NULL));
	assert_err(w, ERR_UNAVAILABLE, "is no Docker engine");
}

static void addresses_that_cannot_be_used_are_refused_in_words(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *host, *part;
	} bad[] = {
		{ "tcp://10.0.0.1:2375", "plain tcp is only for this machine" },
		{ "tcp://127.0.0.1:2375/x", "nothing may follow" },
		{ "unix://x.sock", "not an absolute socket path" },
		{ "/var/run/docker.sock", "not unix:///path, tcp://host:port or ssh://user@host" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(-1, open_at(w, bad[i].host));
		assert_err(w, ERR_INPUT, bad[i].part);
	}
}

static void a_password_in_the_address_is_refused_and_not_shown(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = { "tcp://u:hidden@127.0.0.1:2375", "ssh://u:hidden@h",
					   "https://u:hidden@h" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(-1, open_at(w, bad[i]));
		assert_err(w, ERR_INPUT, "holds a password");
		assert_null(strstr(w->e.text, "hidden"));
	}
}

static void loopback_tcp_has_dockers_port_when_none_is_written(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->s, .method = "GET", .url = "http://127.0.0.1:2375/_ping", .status = 200,
		    .headers = { "Api-Version: 1.41" });
	assert_int_equal(0, open_at(w, "tcp://127.0.0.1"));
	engine_free(w->eng);
	HTTP_EXPECT(w->s, .method = "GET", .url = "http://127.0.0.1:99/_ping", .status = 200,
		    .headers = { "Api-Version: 1.41" });
	assert_int_equal(0, open_at(w, "tcp://127.0.0.1:99"));
	http_script_done(w->s);
}

static void a_node_that_is_no_manager_is_told_what_to_do(void **state)
{
	struct world *w = *state;

	static const struct {
		const char *words, *info, *told;
	} rows[] = {
		{ "This node is not a swarm manager. Use \\\"docker swarm init\\\"",
		  "{\"Swarm\":{\"LocalNodeState\":\"inactive\"}}", "`docker swarm init`" },
		{ "This node is not a swarm manager. Worker nodes can't be used",
		  "{\"Swarm\":{\"LocalNodeState\":\"active\",\"ControlAvailable\":false}}",
		  "a worker of its swarm" },
		{ "Swarm is encrypted and needs to be unlocked before it can be used.",
		  "{\"Swarm\":{\"LocalNodeState\":\"locked\"}}", "`docker swarm unlock`" },
		{ "This node is not a swarm manager. 7", "[]", "manager. 7" },
	};

	open_it(w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *answer = mem_printf("{\"message\":\"%s\"}", rows[i].words);

		HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/services", .status = 503,
			    .answer = answer);
		HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/info", .status = 200,
			    .answer = rows[i].info);
		assert_int_equal(-1, engine_call(NULL, &w->op, w->eng, "GET", "/services", NULL,
						 NULL, &w->e));
		assert_err(w, ERR_UNAVAILABLE, rows[i].told);
	}
	assert_int_equal(0, w->clock.sleeps); /* it will not become one while we wait */
	/* whatever it says of itself, it is asked once */
	for (size_t i = 0; i < 2; i++)
		HTTP_EXPECT(w->s, .method = "GET", .url = i ? V141 "/info" : V141 "/x",
			    .status = 503,
			    .answer = "{\"message\":\"This node is not a swarm manager.\"}");
	assert_int_equal(-1, engine_call(NULL, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
	assert_err(w, ERR_UNAVAILABLE, "This node is not a swarm manager.");
}

/* What became of the deploy is said behind it, and must not be what is cut off. */
static void long_words_of_the_engine_leave_room_for_ours(void **state)
{
	struct world *w = *state;
	char words[4000], answer[4100];

	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	snprintf(answer, sizeof(answer), "{\"message\":\"%s\"}", words);
	open_it(w);
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/x", .status = 400, .answer = answer);
	assert_int_equal(-1, engine_call(NULL, &w->op, w->eng, "POST", "/x", NULL, NULL, &w->e));
	assert_err(w, ERR_INPUT, "xxx …");
	assert_true(strlen(w->e.text) < ERR_TEXT_MAX / 2);
}

static void a_call_sends_json_and_credentials_and_reads_json(void **state)
{
	struct world *w = *state;
	json_t *body = json_pack("{s:i}", "b", 1), *out = NULL;

	open_it(w);
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/services/create", .body = "{\"b\":1}",
		    .has = { "Content-Type: application/json", "X-Registry-Auth: abc" },
		    .status = 201, .answer = "{\"ID\":\"x\"}");
	assert_int_equal(0, engine_call(&out, &w->op, w->eng, "POST", "/services/create", body,
					"abc", &w->e));
	assert_string_equal("x", json_string_value(json_object_get(out, "ID")));
	json_decref(out);
	json_decref(body);
	/* nothing to send, nobody to be, nothing said */
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/services/x", .body = "",
		    .lacks = { "Content-Type", "X-Registry-Auth" }, .status = 200);
	assert_int_equal(
		0, engine_call(&out, &w->op, w->eng, "DELETE", "/services/x", NULL, NULL, &w->e));
	assert_null(out);
	http_script_done(w->s);
}

static void errors_have_a_kind_and_the_engines_own_words(void **state)
{
	struct world *w = *state;
	static const struct {
		long status;
		const char *answer, *text;
		enum err_kind kind;
	} bad[] = {
		{ 400, "{\"message\":\"rpc error: code = InvalidArgument desc = port in use\"}",
		  "port in use", ERR_INPUT },
		/* it quotes what it does not understand */
		{ 400, "{\"message\":\"expanding env \\\"DB_PASSWORD={{hunter2\\\" failed\"}",
		  "expanding env \"DB_PASSWORD=*** failed", ERR_INPUT },
		{ 404, "{\"message\":\"service x not found\"}", "service x not found", ERR_ABSENT },
		{ 409, "{\"message\":\"rpc error: code = AlreadyExists desc = name conflicts\"}",
		  "name conflicts", ERR_FAILED },
		{ 500, "{\"message\":\"rpc error: code = Unknown desc = update out of sequence\"}",
		  "update out of sequence", ERR_FAILED },
		{ 500,
		  "{\"message\":\"rpc error: code = DeadlineExceeded desc = context deadline\"}",
		  "context deadline", ERR_UNAVAILABLE },
		{ 500, "{\"message\":\"rpc error: The swarm does not have a leader\"}",
		  "rpc error: The swarm does not have a leader", ERR_UNAVAILABLE },
		{ 500,
		  "{\"message\":\"rpc error: code = Unknown desc = raft: failed to process the request: "
		  "node lost leader status\"}",
		  "raft: failed to process the request: node lost leader status", ERR_UNAVAILABLE },
		{ 500,
		  "{\"message\":\"rpc error: code = Unknown desc = raft: no elected cluster leader\"}",
		  "raft: no elected cluster leader", ERR_UNAVAILABLE },
		{ 502, "Bad Gateway\nmore", "the engine answered 502: Bad Gateway",
		  ERR_UNAVAILABLE },
		{ 501, "", "the engine answered 501", ERR_FAILED },
		{ 418, "{\"message\":7}", "the engine answered 418: {\"message\":7}", ERR_FAILED },
	};

	open_it(w);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/x", .status = bad[i].status,
			    .answer = bad[i].answer);
		assert_int_equal(
			-1, engine_call(NULL, &w->op, w->eng, "POST", "/x", NULL, NULL, &w->e));
		assert_int_equal(bad[i].kind, w->e.kind);
		assert_string_equal(bad[i].text, w->e.text);
	}
	http_script_done(w->s);
}

static void a_question_is_asked_again_but_a_write_is_not(void **state)
{
	struct world *w = *state;

	open_it(w);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/x", .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/x", .status = 503,
		    .answer = "{\"message\":\"The swarm does not have a leader\"}");
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/x", .status = 200, .answer = "{}");
	assert_int_equal(0, engine_call(NULL, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
	assert_int_equal(2, w->clock.sleeps);
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/x", .fail = ERR_UNAVAILABLE,
		    .why = "reset");
	assert_int_equal(-1, engine_call(NULL, &w->op, w->eng, "POST", "/x", NULL, NULL, &w->e));
	assert_err(w, ERR_UNAVAILABLE, "docker engine at 'unix:///x.sock': reset");
	/* and four times at most */
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/x", .status = 500, .times = 4,
		    .answer = "{\"message\":\"broken\"}");
	assert_int_equal(-1, engine_call(NULL, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
	assert_err(w, ERR_FAILED, "broken");
}

static void answers_that_are_not_json_are_refused(void **state)
{
	struct world *w = *state;
	json_t *out = NULL;

	open_it(w);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/x", .status = 200, .answer = "<html>");
	assert_int_equal(-1, engine_call(&out, &w->op, w->eng, "GET", "/x", NULL, NULL, &w->e));
	assert_err(w, ERR_CORRUPT, "the engine's answer: not valid JSON");
	assert_null(out);
}

static void nothing_is_asked_once_cancelled(void **state)
{
	struct world *w = *state;
	struct cancel cn;

	open_it(w);
	assert_int_equal(0, cancel_init(&cn, &w->e));
	cancel_set(&cn, 15);
	w->op.cancel = &cn;
	assert_int_equal(-1, engine_call(NULL, &w->op, w->eng, "POST", "/x", NULL, NULL, &w->e));
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	http_script_done(w->s);
	cancel_release(&cn);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_newer_engine_is_spoken_to_in_our_version),
		T(one_that_no_longer_speaks_it_is_spoken_to_in_its_least),
		T(a_write_is_not_repeated_by_the_wire),
		T(an_older_engine_is_spoken_to_in_its_version_or_refused),
		T(an_older_version_may_be_asked_for_and_a_newer_one_is_refused),
		T(an_engine_whose_least_version_is_higher_is_named),
		T(no_engine_is_unavailable_with_a_hint),
		T(something_else_that_answers_is_no_engine),
		T(addresses_that_cannot_be_used_are_refused_in_words),
		T(a_password_in_the_address_is_refused_and_not_shown),
		T(loopback_tcp_has_dockers_port_when_none_is_written),
		T(a_node_that_is_no_manager_is_told_what_to_do),
		T(long_words_of_the_engine_leave_room_for_ours),
		T(a_call_sends_json_and_credentials_and_reads_json),
		T(errors_have_a_kind_and_the_engines_own_words),
		T(a_question_is_asked_again_but_a_write_is_not),
		T(answers_that_are_not_json_are_refused),
		T(nothing_is_asked_once_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

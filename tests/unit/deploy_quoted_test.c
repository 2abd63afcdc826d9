/*
 * What errors tell of values that may be secret: of the words they quote, and of files whose every key has such a
 * value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "deploy/dialect.h"
#include "deploy/manifest.h"
#include "deploy/quoted.h"

#define SECRET "hunter2"

/* -- messages --------------------------------------------------------------------- */

static void assert_hidden(const char *line, const char *shown, const char *message,
			  const char *want)
{
	auto_free char *got =
		quoted_hide(message, &(struct quoted_from){ .line = span_of_str(line),
							    .shown = span_of_str(shown),
							    .value = span_of_str("") });

	assert_string_equal(want, got);
}

static void a_word_is_told_as_its_line_is_shown(void **state)
{
	(void)state;
	assert_hidden("mode: gloabl", "mode: gloabl",
		      "'gloabl' is not known; did you mean 'global'?",
		      "'gloabl' is not known; did you mean 'global'?");
	assert_hidden("key: hunter2", "key: ***", "'hunter2' is not known; did you mean 'global'?",
		      "'***' is not known; did you mean 'global'?");
	assert_hidden("cpu: https://u:hunter2@h", "cpu: https://h",
		      "'https://u:hunter2@h' is no number", "'https://h' is no number");
	/* a piece of what is hidden */
	assert_hidden("- u:hunter2@h/x:80", "- u:***", "'hunter2@h/x' is not a port number",
		      "'***' is not a port number");
	/* the name is not what was hidden */
	assert_hidden("password: word", "password: ***", "'word' is not 'password'",
		      "'***' is not 'password'");
}

static void our_own_words_stay(void **state)
{
	(void)state;
	assert_hidden("constraint: x", "constraint: x", "it's 'name==value', doesn't 'image'",
		      "it's 'name==value', doesn't 'image'");
	assert_hidden("- MSG=a: b", "- MSG=***", "a value with ': ' in it",
		      "a value with ': ' in it");
	assert_hidden("imagee: x, token: y", "imagee: x, token: ***", "did you mean 'image'?",
		      "did you mean 'image'?");
	/* but for this there is no telling them from the user's */
	assert_hidden("x: y, token: y", "x: y, token: ***", "must be 'a' or 'b'",
		      "must be '***' or '***'");
}

static void a_word_may_hold_ticks_and_may_be_cut(void **state)
{
	(void)state;
	assert_hidden("key: it's 'hunter2'", "key: ***", "'it's 'hunter2'' is not one of a, b",
		      "'***' is not one of a, b");
	assert_hidden("key: it's 'hunter2'", "key: ***", "'it's 'hunter2…", "'***");
	assert_hidden("key: hunter2 and more", "key: ***", "'hunter2 and…", "'***");
	assert_hidden("key: value and more", "key: value and more", "'value and…", "'value and…");
}

struct said {
	const char *line, *message, *want;
};

/* Each line is shown as it is but for defaults. */
static void assert_said(const struct said *rows, size_t nr)
{
	auto_strv struct strv variables = STRV_INIT;

	strv_add(&variables, "PW=hunter2");
	strv_add(&variables, "TICK_PW=hun'ter2");
	strv_add(&variables, "SHORT_PW=cat");
	strv_add(&variables, "DATABASE_URL=postgres://u:pw@db/x");
	strv_add(&variables, "CPUS=many");
	for (size_t i = 0; i < nr; i++) {
		const struct quoted_from from = { .line = span_of_str(rows[i].line),
						  .shown = span_of_str(rows[i].line),
						  .value = span_of_str(rows[i].line),
						  .variables = &variables };
		auto_free char *got = quoted_hide(rows[i].message, &from);

		assert_string_equal(rows[i].want, got);
	}
}

static void values_of_variables_are_told_by_their_names(void **state)
{
	static const struct said rows[] = {
		{ "$PW", "'hunter2' is no number", "'***' is no number" },
		{ "2$PW", "'2hunter2' is no number", "'***' is no number" },
		{ "2$PW", "'2' is no number", "'2' is no number" },
		{ "a$TICK_PW", "'ahun'ter2' is no number", "'***' is no number" },
		{ "$DATABASE_URL", "'postgres://u:pw@db/x' is no number",
		  "'postgres://db/x' is no number" },
		{ "$DATABASE_URL", "'pw@db/x' is no number", "'***' is no number" },
		{ "$CPUS", "'many' is no number", "'many' is no number" },
		/* of a value elsewhere */
		{ "x", "no service 'hunter2'", "no service '***'" },
		{ "x", "no service 'ahunter2b'", "no service 'a***b'" },
		{ "x", "no service 'hun'ter2'", "no service '***'" },
		{ "x", "no service 'cat'", "no service '***'" },
		{ "x", "no service 'category'", "no service 'category'" },
		{ "cat", "services.cat: no 'dog'", "services.cat: no 'dog'" },
	};

	(void)state;
	assert_said(rows, ARRAY_LEN(rows));
}

/* What it is put together of stands nowhere as it is told. */
static void a_default_of_a_secret_variable_is_not_told(void **state)
{
	(void)state;
	assert_hidden("memory: \"m${PW:-hunter2}\"", "memory: \"m${PW:***",
		      "'mhunter2' is not a size", "'***' is not a size");
	assert_hidden("image: \"X ${PW:-hunter2}\"", "image: \"X ${PW:***",
		      "image name 'X hunter2': a 'X'", "image name '***': a 'X'");
}

/* -- files ------------------------------------------------------------------------- */

/* Every one of them hides itself, wherever it stands. */
static const char *const values[] = {
	"https://me:hunter2@host/x",
	"\"me:hunter2@host/x\"",
	"\"https://me:h\\x75nter2@host/x\"",
	">-\n            https://me:hunter2@host:80/x",
	"password=hunter2",
	"\"--password hunter2\"",
	"$PW",
	"\"x${PW}\"",
	"\"x${PW:-hunter2}y\"",
	"\"x ${TICK_PW}:80\"",
	"${DATABASE_URL}",
	"{ password: hunter2 }",
	"[ \"token=hunter2\", x ]",
};

static const char *const keys[] = {
	"image",
	"ports",
	"environment",
	"env_file",
	"commands",
	"command",
	"entrypoint",
	"replicas",
	"cpu",
	"memory",
	"networks",
	"constraint",
	"constraints",
	"labels",
	"mode",
	"volumes",
	"auth",
	"restart_policy",
	"restartPolicy",
	"deploy",
	"sysctls",
	"user",
	"hosts",
	"dns",
	"endpoint",
	"healthcheck",
	"restart",
	"depends_on",
	"logging",
	"extra_hosts",
	"dns_search",
	"dns_opt",
	"working_dir",
	"hostname",
	"group_add",
	"tty",
	"stdin_open",
	"read_only",
	"init",
	"stop_signal",
	"stop_grace_period",
	"cap_add",
	"cap_drop",
	"ulimits",
	"tmpfs",
	"secrets",
	"configs",
	"stack",
	"endpoint_mode",
	"placement",
	"resources",
	"update_config",
	"rollback_config",
	"limits",
	"reservations",
	"preferences",
	"max_replicas_per_node",
	"cpus",
	"pids",
	"parallelism",
	"delay",
	"failure_action",
	"monitor",
	"max_failure_ratio",
	"order",
	"condition",
	"max_attempts",
	"window",
	"test",
	"interval",
	"timeout",
	"retries",
	"start_period",
	"disable",
	"driver",
	"options",
	"driver_opts",
	"external",
	"name",
	"file",
	"content",
	"template_driver",
	"source",
	"target",
	"type",
	"bind",
	"volume",
	"propagation",
	"nocopy",
	"size",
	"uid",
	"gid",
	"published",
	"protocol",
	"aliases",
	"ipam",
	"subnet",
	"attachable",
	"internal",
	"soft",
	"hard",
	"nofile",
	"domain",
	"x-y",
	"unknown",
	"profiles",
	"build",
	"iffailure",
};

/* Where a key may stand. */
static const char *const places[] = {
	"services:\n  app:\n    image: x\n    %s: %s\n",
	"services:\n  app:\n    image: x\n    %s:\n      - %s\n",
	"services:\n  app:\n    image: x\n    %s:\n      k: %s\n",
	"services:\n  app:\n    image: x\n    deploy:\n      %s: %s\n",
	"services:\n  app:\n    image: x\n    deploy:\n      update_config:\n        %s: %s\n",
	"services:\n  app:\n    image: x\n    deploy:\n      resources:\n        limits:\n          %s: %s\n",
	"services:\n  app:\n    image: x\n    deploy:\n      restart_policy:\n        %s: %s\n",
	"services:\n  app:\n    image: x\n    deploy:\n      placement:\n        %s: %s\n",
	"services:\n  app:\n    image: x\n    restart_policy:\n      %s: %s\n",
	"services:\n  app:\n    image: x\n    healthcheck:\n      test: x\n      %s: %s\n",
	"services:\n  app:\n    image: x\n    logging:\n      %s: %s\n",
	"services:\n  app:\n    image: x\n    ulimits:\n      nofile:\n        %s: %s\n",
	"services:\n  app:\n    image: x\n    ports:\n      - target: 1\n        %s: %s\n",
	"services:\n  app:\n    image: x\n    volumes:\n      - target: /a\n        %s: %s\n",
	"services:\n  app:\n    image: x\n    secrets:\n      - source: a\n        %s: %s\n",
	"services:\n  app:\n    image: x\n    networks:\n      n:\n        %s: %s\nnetworks:\n  n: {}\n",
	"services:\n  app:\n    image: x\nnetworks:\n  n:\n    %s: %s\n",
	"services:\n  app:\n    image: x\n    volumes: [v]\nvolumes:\n  v:\n    %s: %s\n",
	"services:\n  app:\n    image: x\nsecrets:\n  n:\n    %s: %s\n",
	"%s: %s\nservices:\n  app:\n    image: x\n",
};

static int read_nothing(void *arg, struct buf *out, const char *path, struct err *e)
{
	(void)arg;
	(void)out;
	return err_set(e, ERR_ABSENT, "open '%s': No such file or directory", path);
}

static void assert_no_secret(const char *said, const char *text)
{
	if (said && strstr(said, SECRET))
		fail_msg("it is told:\n%s\n-- of\n%s", said, text);
}

static unsigned read_file(const char *text, enum deploy_dialect dialect, const struct strv *env)
{
	struct deploy_input file = { .file = "f", .text = span_of_str(text), .env = env };
	const struct compose_input in = {
		.files = &file, .nr = 1, .stack = "shop", .read_file = read_nothing
	};
	struct deploy_stack stack = { 0 };
	auto_strv struct strv warnings = STRV_INIT;
	auto_free char *said = NULL;
	struct err e = ERR_INIT;
	int r = deploy_stack_read(&stack, &said, &in, dialect, &warnings, &e);

	assert_no_secret(said, text);
	assert_no_secret(e.text, text);
	assert_no_secret(e.excerpt, text);
	for (size_t i = 0; i < warnings.n; i++)
		assert_no_secret(warnings.v[i], text);
	deploy_stack_release(&stack);
	return r < 0;
}

static void no_error_and_no_warning_tells_a_secret_value(void **state)
{
	auto_strv struct strv env = STRV_INIT;
	unsigned refused = 0;

	(void)state;
	strv_add(&env, "PW=" SECRET);
	strv_add(&env, "TICK_PW=it's " SECRET);
	strv_add(&env, "DATABASE_URL=postgres://me:" SECRET "@db/x");
	for (size_t p = 0; p < ARRAY_LEN(places); p++)
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			/* all directly in a service; deeper down a few, others in each place */
			for (size_t v = 0; v < (p < 2 ? ARRAY_LEN(values) : 3); v++) {
				const char *value = values[(v * 4 + k + p) % ARRAY_LEN(values)];
				auto_free char *text = mem_printf(places[p], keys[k], value);

				refused += read_file(text, DEPLOY_DIALECT_LEGACY, &env);
				refused += read_file(text, DEPLOY_DIALECT_COMPOSE, &env);
			}
	assert_true(refused > 1000);
}

/* Each warning costs a look at its line: of long ones there is an end. */
static void warnings_about_one_long_line_quote_nothing_in_the_end(void **state)
{
	auto_buf struct buf text = BUF_INIT(SIZE_MAX);
	auto_strv struct strv warnings = STRV_INIT;
	struct deploy_input file = { .file = "orcinus.json" };
	struct deploy_stack stack = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	buf_add_str(&text, "{\"services\":{\"app\":{\"image\":\"x\",");
	for (int i = 0; i < 50; i++)
		buf_addf(&text, "\"replica%d\":1,", i); /* did you mean 'replicas'? */
	buf_add_str(&text, "\"commands\":[\"");
	for (int i = 0; i < 50000; i++)
		buf_add_str(&text, "abc ");
	buf_add_str(&text, "\"]}}}");
	file.text = buf_span(&text);
	if (deploy_manifest_read(&stack, &file, &warnings, &e) < 0)
		fail_msg("%s", e.text);
	deploy_stack_release(&stack);
	assert_int_equal(50, warnings.n);
	assert_non_null(strstr(warnings.v[0], "did you mean 'replicas'?"));
	assert_non_null(strstr(warnings.v[49], "did you mean '***'?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_told_as_its_line_is_shown),
		cmocka_unit_test(our_own_words_stay),
		cmocka_unit_test(a_word_may_hold_ticks_and_may_be_cut),
		cmocka_unit_test(values_of_variables_are_told_by_their_names),
		cmocka_unit_test(a_default_of_a_secret_variable_is_not_told),
		cmocka_unit_test(warnings_about_one_long_line_quote_nothing_in_the_end),
		cmocka_unit_test(no_error_and_no_warning_tells_a_secret_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

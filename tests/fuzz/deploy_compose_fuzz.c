/*
 * Any text as a compose file: refused with words, or a stack whose specs are written twice alike. A variable's password
 * is never told, whatever the text makes of the variable.
 */
#include <assert.h>

#include "base/json.h"
#include "deploy/compose.h"
#include "deploy/spec_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it names is the text itself: also as a file of variables, a secret, a config. */
static int read_named(void *arg, struct buf *out, const char *path, struct err *e)
{
	(void)path;
	(void)e;
	buf_add_span(out, *(const struct span *)arg);
	return 0;
}

static void assert_untold(const struct err *e, const struct strv *warnings)
{
	assert(!strstr(e->text, "hunter2") && !strstr(e->excerpt, "hunter2"));
	for (size_t i = 0; i < warnings->n; i++)
		assert(!strstr(warnings->v[i], "hunter2"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_stack struct deploy_stack stack = { 0 };
	auto_strv struct strv warnings = STRV_INIT, env = STRV_INIT;
	struct span text = span_of(data, size);
	struct err e = ERR_INIT;
	const struct deploy_owner owner = { .project = "group/app" };
	const struct deploy_input files[] = {
		{ .file = "a.yml", .text = text, .env = &env },
		{ .file = "b.yml", .text = text, .env = &env },
	};
	const struct compose_input in = {
		.files = files, .nr = 2, .stack = "shop", .read_file = read_named, .read_arg = &text
	};

	strv_add(&env, "V=value");
	strv_add(&env, "U=postgres://me:hunter2@db:80/x");
	if (deploy_compose_read(&stack, &in, &warnings, &e) < 0)
		assert(e.kind == ERR_INPUT && e.text[0]);
	if (!memmem(data, size, "hunter", 6))
		assert_untold(&e, &warnings);
	for (size_t i = 0; i < stack.nr; i++) {
		auto_json json_t *first = deploy_spec_json(&stack.services[i], &owner);
		auto_json json_t *again = deploy_spec_json(&stack.services[i], &owner);

		assert(stack.services[i].name && stack.services[i].image);
		assert(json_equal(first, again));
	}
	return 0;
}

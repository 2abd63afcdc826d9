/*
 * Any text: refused with words, or a stack whose specs are written twice alike. A variable's password is never told,
 * whatever the text makes of the variable.
 */
#include <assert.h>

#include "base/json.h"
#include "deploy/manifest.h"
#include "deploy/spec_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const struct deploy_service *s)
{
	const struct deploy_owner owner = { .project = "group/app" };
	auto_json json_t *first = deploy_spec_json(s, &owner);
	auto_json json_t *again = deploy_spec_json(s, &owner);

	assert(s->name && s->image);
	assert(json_equal(first, again));
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
	struct err e = ERR_INIT;
	const struct deploy_input in = {
		.file = "orcinus.yml",
		.text = span_of(data, size),
		.env = &env,
		.image_ref = "registry.example:5000/group/app:1",
	};

	strv_add(&env, "V=value");
	strv_add(&env, "U=postgres://me:hunter2@db:80/x");
	strv_add(&env, "ORCINUS_USERID=u");
	strv_add(&env, "QUOTED='a' \"$V\" \xff");
	if (deploy_manifest_read(&stack, &in, &warnings, &e) < 0)
		assert(e.kind == ERR_INPUT && e.text[0] && !strchr(e.text, '\n'));
	if (!memmem(data, size, "hunter", 6))
		assert_untold(&e, &warnings);
	for (size_t i = 0; i < stack.nr; i++)
		render(&stack.services[i]);
	return 0;
}

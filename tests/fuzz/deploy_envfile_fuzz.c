/*
 * A file of variables: what is read is KEY=VALUE without a line end in a key, and a refusal names the file
 * and tells no value.
 */
#include <assert.h>

#include "deploy/envfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strv struct strv out = STRV_INIT, env = STRV_INIT, warnings = STRV_INIT;
	struct err e = ERR_INIT;

	strv_add(&env, "HOME=/root");
	strv_add(&env, "A=${B}");
	if (deploy_envfile_read(&out, "vars", span_of(data, size), &env, &warnings, &e) < 0) {
		assert(e.kind == ERR_INPUT && strncmp(e.text, "vars:", 5) == 0);
		assert(!strchr(e.text, '\n'));
		return 0;
	}
	for (size_t i = 0; i < out.n; i++) {
		const char *eq = strchr(out.v[i], '=');

		assert(eq && eq != out.v[i]);
		assert(strcspn(out.v[i], " \t\r\n") >= (size_t)(eq - out.v[i]));
	}
	return 0;
}

/* WWW-Authenticate, as any server may send it: one header per line of the input. */
#include "registry/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_challenge struct registry_challenge c = { 0 };
	struct span rest = span_of(data, size), line;

	while (span_line(&rest, &line))
		registry_challenge_add(&c, line);
	/* only a Bearer challenge has parameters */
	if (!c.has_bearer && (c.realm || c.service || c.scope || c.error))
		abort();
	return 0;
}

/* What a docker-credential-NAME program prints. */
#include "registry/credentials_helper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_credentials struct credentials c = { 0 };
	struct err e = ERR_INIT;

	if (credentials_helper_parse(&c, span_of(data, size), &e) < 0) {
		if (credentials_is_known(&c) || c.user ||
		    strcmp(e.text, "not a helper's answer") != 0)
			abort();
		return 0;
	}
	/* a user with a password, or a token alone */
	if (!c.user != !c.password || !c.password == !c.identity_token)
		abort();
	return 0;
}

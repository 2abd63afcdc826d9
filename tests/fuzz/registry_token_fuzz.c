/* A token server's answer. What is taken from it must be fit for a header line. */
#include "registry/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_token struct registry_token t = { 0 };
	struct err e = ERR_INIT;

	if (registry_token_parse(&t, span_of(data, size), &e) < 0) {
		if (e.kind != ERR_FAILED || t.text)
			abort();
		return 0;
	}
	if (!*t.text || strpbrk(t.text, " \r\n\t") || t.life_ms <= 0)
		abort();
	return 0;
}

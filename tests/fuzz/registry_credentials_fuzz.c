/* docker's config.json, asked for a host and for the one with several names. */
#include "registry/credentials_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct span text, const char *host)
{
	auto_credentials struct credentials c = { 0 };
	auto_free char *helper = NULL;
	auto_free char *server = NULL;
	struct err e = ERR_INIT;
	struct op op = { 0 };

	if (credentials_file_read(&c, &helper, &server, &op, text, "config", host, &e) < 0) {
		if (e.kind != ERR_INPUT || c.password)
			abort();
		return;
	}
	/* both or none, and a helper never without its key */
	if (!c.user != !c.password || !helper != !server)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ask(span_of(data, size), "r.example");
	ask(span_of(data, size), "docker.io");
	return 0;
}

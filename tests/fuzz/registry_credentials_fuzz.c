/* docker's config.json, asked for a host, a repository, and the host with several names. */
#include "registry/credentials_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct span text, const char *host, const char *path)
{
	auto_credentials_file struct credentials_file file = { 0 };
	struct err e = ERR_INIT;
	struct op op = { 0 };

	if (credentials_file_read(&file, &op, text, "config", host, path, &e) < 0) {
		if (e.kind != ERR_INPUT || file.entry.password)
			abort();
		return;
	}
	/* both or none */
	if (!file.entry.user != !file.entry.password)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ask(span_of(data, size), "r.example", NULL);
	ask(span_of(data, size), "r.example", "team/app");
	ask(span_of(data, size), "docker.io", "library/x");
	return 0;
}

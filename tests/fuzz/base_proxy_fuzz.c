/* A proxy variable on the first line, exceptions behind it: a way is found, or words that show neither. */
#include <assert.h>

#include "base/mem.h"
#include "base/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *all, *no;

static const char *variable(const char *name)
{
	return strcmp(name, "ALL_PROXY") == 0 ? all : strcmp(name, "no_proxy") == 0 ? no : NULL;
}

static void choose(const struct proxies *p, const char *address)
{
	auto_url struct url u = { 0 }, way = { 0 };
	struct err e = ERR_INIT;
	struct proxy got;
	int r = url_parse(&u, address, &e);

	assert(r == 0);
	if (proxy_choose(&got, p, &u, &e) < 0) {
		assert(e.kind == ERR_INPUT && strstr(e.text, "$ALL_PROXY"));
		return;
	}
	if (got.address && strncmp(got.address, "http", 4) == 0) {
		r = url_parse(&way, got.address, &e);
		assert(r == 0);
	}
	(void)r;
	assert(got.address || !got.user);
	proxy_release(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	char *end = strchr(text, '\n');
	struct proxies p;

	if (end)
		*end = '\0';
	all = text;
	no = end ? end + 1 : NULL;
	proxies_read(&p, variable);
	choose(&p, "https://r.example:5000/");
	choose(&p, "http://10.1.2.3/");
	choose(&p, "https://[fd00::1]/");
	proxies_release(&p);
	return 0;
}

/* --add-host, --ulimit, --secret and the like: whatever is written there makes sense, or is an error. */
#include <assert.h>

#include "base/mem.h"
#include "oci/build/run_options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int (*const takers[])(struct run_options *o, const char *text, struct err *e) = {
	run_options_network, run_options_shm,	 run_options_host,
	run_options_ulimit,  run_options_secret, run_options_ssh,
};

static void makes_sense(const struct run_options *o)
{
	for (size_t i = 0; i < o->hosts.n; i++) {
		const char *tab = strchr(o->hosts.v[i], '\t');

		assert(tab && tab != o->hosts.v[i] && tab[1]);
		assert(!strpbrk(o->hosts.v[i], "\n\r #")); /* a line, and no comment */
	}
	for (size_t i = 0; i < o->nr_limits; i++)
		assert(o->limits[i].soft <= o->limits[i].hard);
	for (size_t i = 0; i < o->nr_secrets; i++)
		assert(o->secrets[i].id && *o->secrets[i].id &&
		       !(o->secrets[i].file && o->secrets[i].env));
	for (size_t i = 0; i < o->nr_ssh; i++)
		assert(*o->ssh[i].id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = span_dup(span_of(data, size));
	CLEANUP(run_options_release) struct run_options o = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
		struct err e = ERR_INIT;

		if (takers[i](&o, text, &e) < 0)
			assert(e.kind == ERR_INPUT && e.text[0]);
	}
	makes_sense(&o);
	return 0;
}

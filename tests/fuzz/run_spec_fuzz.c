/* Any bytes as what a RUN shall see: refused with words, or written as they were read. */
#include <assert.h>

#include "oci/run/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_run_spec struct run_spec s = { .cwd = NULL };
	auto_buf struct buf text = BUF_INIT(RUN_SPEC_MAX);
	struct err e = ERR_INIT;

	if (run_spec_decode(&s, span_of(data, size), &e) < 0) {
		assert(e.kind == ERR_CORRUPT && e.text[0]);
		return 0;
	}
	assert(s.argv.n && s.nr_groups <= RUN_GROUPS_MAX && s.nr_mounts <= RUN_MOUNTS_MAX &&
	       s.nr_limits <= RUN_LIMITS_MAX);
	for (size_t i = 0; i < s.nr_mounts; i++)
		assert(s.mounts[i].target[0] == '/' && s.mounts[i].fd == -1);
	assert(run_spec_encode(&text, &s, &e) == 0);
	assert(span_eq(buf_span(&text), span_of(data, size)));
	return 0;
}

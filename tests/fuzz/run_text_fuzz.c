/* Any text as /proc/self/mountinfo and as /etc/subuid: a range is not empty. */
#include <assert.h>

#include "base/span.h"
#include "oci/run/container.h"
#include "oci/run/userns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_strv struct strv mounts = STRV_INIT;
	uint64_t start, count;

	container_mounts(&mounts, span_of(data, size));
	if (userns_subid_find(&start, &count, span_of(data, size), "user", 1000))
		assert(count > 0);
	return 0;
}

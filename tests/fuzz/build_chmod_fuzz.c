/*
 * Any text as --chmod's value. What is taken gives a mode and nothing but a mode, and the same one
 * again when what it says is absolute.
 */
#include <assert.h>
#include <sys/stat.h>

#include "oci/build/chmod.h"

#include "base/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = span_dup(span_of(data, size));
	struct chmod_rule r;
	struct err e = ERR_INIT;

	if (chmod_parse(&r, text, &e) < 0) {
		assert(e.kind == ERR_INPUT && e.text[0]);
		return 0;
	}
	for (mode_t mode = 0; mode <= 07777; mode += 0123) {
		mode_t file = chmod_apply(&r, S_IFREG | mode),
		       dir = chmod_apply(&r, S_IFDIR | mode);

		assert(file <= 07777 && dir <= 07777);
		assert(!r.is_octal || (file == r.mode && dir == r.mode));
	}
	return 0;
}

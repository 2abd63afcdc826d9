/* manifest.json of docker's archives: refused with words, or bounded and whole. */
#include <assert.h>

#include "oci/image/descriptor.h"
#include "oci/image/docker_save.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_docker_save struct docker_save s = { 0 };
	struct err e = ERR_INIT;

	if (docker_save_parse(&s, span_of(data, size), &e) < 0) {
		assert(e.kind == ERR_CORRUPT && e.text[0]);
		return 0;
	}
	assert(s.nr <= DOCKER_SAVE_IMAGES_MAX);
	for (size_t i = 0; i < s.nr; i++)
		assert(s.v[i].config && s.v[i].layers.n <= OCI_LAYERS_MAX);
	return 0;
}

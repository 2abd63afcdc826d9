/* -o and --annotation: whatever is written there becomes an output that makes sense, or an error. */
#include <assert.h>

#include "base/mem.h"
#include "oci/build/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void makes_sense(const struct build_output *o)
{
	bool has_place = o->type != BUILD_OUTPUT_IMAGE && o->type != BUILD_OUTPUT_CACHEONLY;

	assert(!o->dest == !has_place);
	assert(!o->push || o->type == BUILD_OUTPUT_IMAGE);
	assert(!o->push_by_digest || o->push);
	assert(!o->is_dir || strcmp(o->dest, "-") != 0);
	for (size_t i = 0; i < o->names.n; i++)
		assert(*o->names.v[i]);
	for (size_t i = 0; i < o->annotations.nr; i++)
		assert(*o->annotations.v[i].key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = span_dup(span_of(data, size));
	CLEANUP(build_options_release) struct build_options opt = { 0 };
	struct err e = ERR_INIT;

	if (build_output_parse(&opt, text, &e) < 0) {
		assert(e.kind == ERR_INPUT && e.text[0]);
		assert(!opt.nr_outputs);
	} else {
		assert(opt.nr_outputs == 1);
		makes_sense(&opt.outputs[0]);
	}
	if (build_annotations_parse(&opt.annotations, text, &e) < 0)
		assert(e.kind == ERR_INPUT && e.text[0]);
	for (size_t i = 0; i < opt.annotations.nr; i++)
		assert(*opt.annotations.v[i].key);
	return 0;
}

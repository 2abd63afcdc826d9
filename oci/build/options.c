/* What is the same however an option was written. */
#include "oci/build/options.h"

#include <limits.h>

#include "base/gzip.h"
#include "base/mem.h"
#include "base/zstd.h"

static const struct {
	const char *name;
	int max_level; /* 0: has none */
} compressions[] = {
	[LAYER_GZIP] = { "gzip", GZIP_LEVEL_MAX },
	[LAYER_ZSTD] = { "zstd", ZSTD_LEVEL_MAX },
	[LAYER_UNCOMPRESSED] = { "uncompressed", 0 },
};

int build_compression_parse(struct build_options *o, struct span word, const char *what,
			    struct err *e)
{
	size_t c = 0;

	while (c < ARRAY_LEN(compressions) && !span_eq_str(word, compressions[c].name))
		c++;
	if (c == ARRAY_LEN(compressions))
		return err_set(e, ERR_INPUT,
			       "%s: '" SPAN_FMT "' is none of gzip, zstd and uncompressed", what,
			       SPAN_ARG(word));
	if (o->has_compression && o->compression != c)
		return err_set(e, ERR_INPUT,
			       "%s: layers are made once, so all outputs share one compression",
			       what);
	o->has_compression = true;
	o->compression = (enum layer_compression)c;
	return 0;
}

int build_level_parse(struct build_options *o, const char *value, const char *what, struct err *e)
{
	uint64_t n;

	if (span_to_u64(&n, span_of_str(value)) < 0 || n < 1 || n > INT_MAX)
		return err_set(e, ERR_INPUT, "%s is a number from 1, not '%s'", what, value);
	if (o->compression_level && o->compression_level != (int)n)
		return err_set(e, ERR_INPUT,
			       "%s: layers are made once, so all outputs share one level", what);
	o->compression_level = (int)n;
	return 0;
}

int build_compression_check(const struct build_options *o, struct err *e)
{
	int max = compressions[o->compression].max_level;
	const char *name = compressions[o->compression].name;

	if (o->compression_level && !max)
		return err_set(e, ERR_INPUT, "a compression level says nothing for '%s'", name);
	if (o->compression_level > max)
		return err_set(e, ERR_INPUT, "the compression level of %s is 1 to %d, not %d", name,
			       max, o->compression_level);
	return 0;
}

const char *build_output_name(const struct build_output *o)
{
	if (o->dest)
		return strcmp(o->dest, "-") == 0 ? "standard output" : o->dest;
	if (o->type == BUILD_OUTPUT_CACHEONLY)
		return "cacheonly";
	return o->push ? "registry" : "store";
}

static void output_release(struct build_output *o)
{
	free(o->dest);
	strv_release(&o->names);
	build_annotations_release(&o->annotations);
}

static void add_platform(struct build_options *o, const struct oci_platform *p)
{
	for (size_t i = 0; i < o->nr_platforms; i++)
		if (oci_platform_equals(&o->platforms[i], p))
			return;
	MEM_GROW(o->platforms, o->nr_platforms, o->cap_platforms);
	o->platforms[o->nr_platforms++] = *p;
}

int build_platforms_parse(struct build_options *o, const char *text, struct err *e)
{
	struct span rest = span_of_str(text), word;
	struct oci_platform p;

	while (span_split(&rest, ',', &word)) {
		word = span_trim(word);
		if (span_eq_str(word, "local"))
			oci_platform_host(&p);
		else if (oci_platform_parse(&p, word, e) < 0)
			return -1;
		add_platform(o, &p);
	}
	return 0;
}

void build_options_release(struct build_options *o)
{
	free(o->platforms);
	strv_release(&o->tags);
	strv_release(&o->build_args);
	strv_release(&o->labels);
	strv_release(&o->contexts);
	strv_release(&o->no_cache_stages);
	build_annotations_release(&o->annotations);
	run_options_release(&o->run);
	for (size_t i = 0; i < o->nr_outputs; i++)
		output_release(&o->outputs[i]);
	free(o->outputs);
	cache_specs_release(&o->cache_from);
	cache_specs_release(&o->cache_to);
	*o = (struct build_options){ 0 };
}

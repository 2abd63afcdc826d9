/* What is the same however an option was written. */
#include "oci/build/options.h"

#include "base/mem.h"

static int refuse_zstd(const char *what, struct err *e)
{
	return err_set(e, ERR_INPUT,
		       "%s: zstd is not made by this version; gzip and uncompressed are", what);
}

int build_compression_parse(struct build_options *o, struct span word, const char *what,
			    struct err *e)
{
	enum layer_compression c = LAYER_GZIP;

	if (span_eq_str(word, "zstd"))
		return refuse_zstd(what, e);
	if (span_eq_str(word, "uncompressed"))
		c = LAYER_UNCOMPRESSED;
	else if (!span_eq_str(word, "gzip"))
		return err_set(e, ERR_INPUT, "%s: '" SPAN_FMT "' is neither gzip nor uncompressed",
			       what, SPAN_ARG(word));
	if (o->has_compression && o->compression != c)
		return err_set(e, ERR_INPUT,
			       "%s: layers are made once, so all outputs share one compression",
			       what);
	o->has_compression = true;
	o->compression = c;
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
	build_annotations_release(&o->annotations);
	run_options_release(&o->run);
	for (size_t i = 0; i < o->nr_outputs; i++)
		output_release(&o->outputs[i]);
	free(o->outputs);
	cache_specs_release(&o->cache_from);
	cache_specs_release(&o->cache_to);
	*o = (struct build_options){ 0 };
}

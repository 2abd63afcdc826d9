/*
 * -o: fields with commas between, as docker buildx takes them. What is not carried out is
 * refused by name.
 */
#include "oci/build/options.h"

#include "base/mem.h"
#include "base/span.h"

struct fields {
	struct span type, dest, tar;
};

static int wrong(const char *text, struct err *e, const char *why)
{
	return err_set(e, ERR_INPUT, "output '%.200s': %s", text, why);
}

static int take_field(struct fields *f, const char *text, struct span field, struct err *e)
{
	struct span key, value;

	if (!span_cut(field, '=', &key, &value))
		return wrong(text, e, "expected KEY=VALUE fields, as in type=oci,dest=FILE");
	if (span_eq_str(key, "type"))
		f->type = value;
	else if (span_eq_str(key, "dest"))
		f->dest = value;
	else if (span_eq_str(key, "tar"))
		f->tar = value;
	else
		return err_set(e, ERR_INPUT, "output '%.200s': unknown field '" SPAN_FMT "'", text,
			       SPAN_ARG(key));
	return 0;
}

static int want_tar(bool *out, const char *text, struct span tar, struct err *e)
{
	*out = true;
	if (!tar.n || span_eq_str(tar, "true") || span_eq_str(tar, "1"))
		return 0;
	if (!span_eq_str(tar, "false") && !span_eq_str(tar, "0"))
		return wrong(text, e, "tar is true or false");
	*out = false;
	return 0;
}

int build_output_parse(struct build_options *o, const char *text, struct err *e)
{
	struct span rest = span_of_str(text), field;
	struct fields f = { .type = { NULL, 0 } };
	bool tar;

	while (span_split(&rest, ',', &field))
		if (take_field(&f, text, field, e) < 0)
			return -1;
	if (!span_eq_str(f.type, "oci"))
		return wrong(text, e, "only type=oci is supported by this version");
	if (span_eq_str(f.dest, "-"))
		return wrong(text, e, "dest=PATH is needed; standard output is not supported");
	if (!f.dest.n)
		return wrong(text, e, "dest=PATH is needed");
	if (want_tar(&tar, text, f.tar, e) < 0)
		return -1;
	MEM_GROW(o->outputs, o->nr_outputs, o->cap_outputs);
	o->outputs[o->nr_outputs++] = (struct build_output){
		.kind = tar ? BUILD_OUTPUT_OCI_TAR : BUILD_OUTPUT_OCI_DIR,
		.dest = span_dup(f.dest),
	};
	return 0;
}

void build_options_release(struct build_options *o)
{
	strv_release(&o->tags);
	strv_release(&o->build_args);
	strv_release(&o->labels);
	strv_release(&o->contexts);
	for (size_t i = 0; i < o->nr_outputs; i++)
		free(o->outputs[i].dest);
	free(o->outputs);
	*o = (struct build_options){ 0 };
}

/*
 * The names of kaniko's pipelines, with what they mean there: a destination is a name that is pushed,
 * and --no-push is what keeps it from that.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "cmd/cbuild_args.h"

/* A relative path is looked for from here, then in the context. */
static void take_dockerfile(struct build_options *o, struct cbuild_args *a)
{
	if (!a->dockerfile)
		return;
	o->dockerfile = a->dockerfile;
	if (a->dockerfile[0] == '/' || access(a->dockerfile, F_OK) == 0)
		return;
	free(a->found_dockerfile);
	a->found_dockerfile = fs_path_join(o->context, a->dockerfile);
	if (access(a->found_dockerfile, F_OK) == 0)
		o->dockerfile = a->found_dockerfile;
}

static void add_output(struct build_options *o, enum build_output_type type, const char *dest)
{
	if (!dest)
		return;
	MEM_GROW(o->outputs, o->nr_outputs, o->cap_outputs);
	o->outputs[o->nr_outputs++] =
		(struct build_output){ .type = type,
				       .dest = mem_strdup(dest),
				       .is_dir = type == BUILD_OUTPUT_OCI,
				       .docker_types = type == BUILD_OUTPUT_DOCKER };
}

int cbuild_kaniko_take(struct build_options *o, struct cbuild_args *a, struct err *e)
{
	if (a->dockerfile && a->file)
		return err_set(e, ERR_INPUT, "--dockerfile and --file are the same: give one");
	if (a->cache)
		return err_set(e, ERR_INPUT,
			       "--cache: there is no layer cache in this version; --cache=false is "
			       "accepted");
	if (a->push && a->no_push)
		return err_set(e, ERR_INPUT, "--push and --no-push contradict each other");
	take_dockerfile(o, a);
	strv_copy(&o->tags, &a->destinations);
	if (a->destinations.n && !a->no_push)
		a->push = true;
	return 0;
}

void cbuild_kaniko_outputs(struct build_options *o, const struct cbuild_args *a)
{
	add_output(o, BUILD_OUTPUT_DOCKER, a->tar_path);
	add_output(o, BUILD_OUTPUT_OCI, a->oci_layout_path);
}

/*
 * The names of kaniko's pipelines, with what they mean there: a destination is a name that is pushed,
 * and --no-push is what keeps it from that.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "cmd/cbuild_args.h"
#include "oci/image/reference.h"

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

/* -- --cache ------------------------------------------------------------------------------ */

#define CACHE_TAG "buildcache" /* kaniko has a tag for each step; one is all we need */

/* "oci:DIR", or a repository: never the image's own tag. */
static int cache_spec_of_repo(struct cache_spec *c, const char *repo, struct err *e)
{
	struct span rest = span_of_str(repo);
	auto_reference struct oci_reference ref = { 0 };
	const char *slash = strrchr(repo, '/');

	if (span_take(&rest, "oci:")) {
		if (!rest.n)
			return err_set(e, ERR_INPUT, "--cache-repo: oci: needs a directory");
		*c = (struct cache_spec){ .kind = CACHE_LOCAL, .dir = span_dup(rest) };
		return 0;
	}
	if (oci_reference_parse(&ref, repo, e) < 0)
		return err_wrap(e, "--cache-repo");
	if (strpbrk(slash ? slash : repo, ":@"))
		return err_set(e, ERR_INPUT, "--cache-repo: '%s' is no repository: it has a tag",
			       repo);
	*c = (struct cache_spec){ .kind = CACHE_REGISTRY,
				  .ref = mem_printf("%s/%s:" CACHE_TAG, ref.host, ref.path) };
	return 0;
}

/* kaniko's own default: the first destination's repository, and below it. Owned by the caller. */
static char *default_cache_repo(const struct cbuild_args *a, struct err *e)
{
	auto_reference struct oci_reference ref = { 0 };

	if (!a->destinations.n) {
		err_set(e, ERR_INPUT, "--cache needs --cache-repo REPO, or a --destination");
		return NULL;
	}
	if (oci_reference_parse(&ref, a->destinations.v[0], e) < 0) {
		err_wrap(e, "--destination");
		return NULL;
	}
	return mem_printf("%s/%s/cache", ref.host, ref.path);
}

static int check_cache(const struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	const char *what = a->cache_repo      ? "--cache-repo"
			   : a->cache_ttl_ms  ? "--cache-ttl"
			   : a->no_push_cache ? "--no-push-cache"
					      : NULL;

	if (!a->cache && what)
		return err_set(e, ERR_INPUT, "%s without --cache does nothing", what);
	if (a->cache_ttl_ms && o->has_epoch)
		return err_set(e, ERR_INPUT,
			       "--cache-ttl: with a SOURCE_DATE_EPOCH results of steps have that "
			       "time, and no age");
	return 0;
}

/* To write is kaniko's best effort: what cannot be kept does not fail the build. */
int cbuild_kaniko_caches(struct build_options *o, const struct cbuild_args *a, struct err *e)
{
	auto_free char *repo = a->cache_repo ? mem_strdup(a->cache_repo) : NULL;
	struct cache_spec from = { .ref = NULL }, to = { .ref = NULL };

	if (check_cache(o, a, e) < 0)
		return -1;
	if (!a->cache)
		return 0;
	if (!repo)
		repo = default_cache_repo(a, e);
	if (!repo || cache_spec_of_repo(&from, repo, e) < 0)
		return -1;
	from.ttl_ms = a->cache_ttl_ms;
	cache_specs_add(&o->cache_from, &from);
	if (a->no_push_cache)
		return 0;
	if (cache_spec_of_repo(&to, repo, e) < 0)
		return -1;
	to.all_stages = to.may_fail = true;
	cache_specs_add(&o->cache_to, &to);
	return 0;
}

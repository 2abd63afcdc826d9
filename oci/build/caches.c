/* What the options say, put together with what the job has. */
#include "oci/build/caches.h"

#include "base/mem.h"
#include "oci/build/cache_export.h"
#include "oci/build/cache_remote.h"

/* Only OCI's descriptors have annotations. */
static bool can_hold(const struct build_output *o)
{
	return !o->docker_types && (o->type == BUILD_OUTPUT_IMAGE || o->type == BUILD_OUTPUT_OCI ||
				    o->type == BUILD_OUTPUT_DOCKER);
}

static bool some_can_hold(const struct build_options *opt)
{
	for (size_t i = 0; i < opt->nr_outputs; i++)
		if (can_hold(&opt->outputs[i]))
			return true;
	return opt->nr_outputs == 0;
}

int caches_check(const struct build_options *opt, struct err *e)
{
	for (size_t i = 0; i < opt->cache_to.nr; i++) {
		const struct cache_spec *c = &opt->cache_to.v[i];

		if (c->kind == CACHE_INLINE && !c->when_possible && !some_can_hold(opt))
			return err_set(
				e, ERR_INPUT,
				"--cache-to type=inline: no output can hold it; the store, a "
				"registry and type=oci can, with OCI's media types");
	}
	return 0;
}

void caches_open(struct job *j)
{
	for (size_t i = 0; !j->opt->no_cache && i < j->opt->cache_from.nr; i++) {
		const struct cache_remote_options opt = { .op = j->op,
							  .spec = &j->opt->cache_from.v[i],
							  .registry = j->env->registry,
							  .platforms = j->opt->platforms,
							  .nr_platforms = j->opt->nr_platforms };

		struct cache_source *s = cache_remote_new(&opt);

		cache_book_add(&j->book, s);
		cache_remote_begin(s);
	}
}

/* Whether each stage's layers are in that image, or (NULL) in any. Owned by the caller. */
static bool *packed_stages(const struct job *j, const struct stage *of)
{
	bool *packed = mem_zalloc(j->plan->nr + 1);

	for (size_t i = 0; !of && i < j->plan->nr; i++)
		packed[i] = j->stages[i].is_packed;
	for (size_t i = of ? of->index : 0; of; i = j->plan->stages[i].base.stage) {
		packed[i] = true;
		if (j->plan->stages[i].base.kind != PLAN_STAGE)
			break;
	}
	return packed;
}

static bool wants_inline(const struct build_options *opt)
{
	for (size_t i = 0; i < opt->cache_to.nr; i++)
		if (opt->cache_to.v[i].kind == CACHE_INLINE)
			return true;
	return false;
}

void caches_annotate(struct oci_manifest *m, struct job *j, const struct output_image *img)
{
	auto_free bool *packed = packed_stages(j, img->stage);
	auto_free struct cache_record *records = NULL;
	size_t nr;

	if (!wants_inline(j->opt) || strcmp(m->media_type, OCI_MEDIA_MANIFEST) != 0)
		return;
	/* equal images are to have equal manifests, whatever their builder stages were */
	nr = cache_book_records(&records, &j->book, packed, true);
	cache_export_annotate(m, records, nr);
}

int caches_export(struct job *j, struct err *e)
{
	auto_free bool *packed = packed_stages(j, NULL);
	auto_free struct cache_record *records = NULL;
	struct cache_export x = { .op = j->op,
				  .sink = j->env->sink,
				  .work = j->work,
				  .blobs = j->images.blobs,
				  .sources = j->book.sources + 1, /* the first is this machine's */
				  .nr_sources = j->book.nr_sources - 1 };

	if (!j->opt->cache_to.nr)
		return 0;
	x.nr_records = cache_book_records(&records, &j->book, packed, false);
	x.records = records;
	return cache_export_run(&x, &j->opt->cache_to, e);
}

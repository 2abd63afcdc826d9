/*
 * The order is that of every output: blobs, then configuration and manifest, then the name. A result whose
 * blob turns out not to be had is left out, and the rest is written.
 */
#include "oci/build/cache_export.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/cache_graph.h"
#include "oci/image/layout.h"
#include "oci/image/layout_sweep.h"
#include "oci/image/store_layout.h"

/* One cache being written. */
struct writing {
	const struct cache_export *x;
	const struct cache_spec *spec;
	struct cache_graph graph;
	struct oci_store store;		/* all of its blobs, those that are elsewhere, too */
	struct oci_descriptor manifest; /* in x->work */
	pthread_mutex_t lock;
	struct oci_digest *lost; /* blobs that nobody has; guarded by lock */
	size_t nr_lost, cap_lost;
};

static void writing_release(struct writing *w)
{
	cache_graph_release(&w->graph);
	oci_descriptor_release(&w->manifest);
	free(w->lost);
	pthread_mutex_destroy(&w->lock);
}

/* -- blobs -------------------------------------------------------------------------------- */

static struct writing *writing_of(struct oci_store *s)
{
	return CONTAINER_OF(s, struct writing, store);
}

static const struct cache_record *find_record(const struct writing *w, const struct oci_digest *d)
{
	for (size_t i = 0; i < w->graph.nr; i++)
		if (oci_digest_eq(&w->graph.v[i].result.blob.digest, d))
			return &w->graph.v[i];
	return NULL;
}

static bool is_here(const struct writing *w, const struct oci_descriptor *d)
{
	uint64_t size;

	return oci_store_has(w->x->blobs, &d->digest, &size) && size == d->size_bytes;
}

static bool blobs_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes)
{
	const struct writing *w = writing_of(s);
	const struct cache_record *r;

	if (oci_store_has(w->x->work, d, size_bytes))
		return true;
	r = find_record(w, d);
	if (r && size_bytes)
		*size_bytes = r->result.blob.size_bytes;
	return r != NULL;
}

static int fetch(const struct writing *w, const struct cache_result *r, struct err *e)
{
	struct err why = ERR_INIT;

	err_set(e, ERR_ABSENT, "blob %s is in no cache", r->blob.digest.text);
	for (size_t i = 0; i < w->x->nr_sources; i++) {
		struct cache_source *from = w->x->sources[i];

		if (from->ops->fetch(from, w->x->op, r, w->x->blobs, &why) == 0) {
			err_clear(e);
			return 0;
		}
		if (why.kind != ERR_ABSENT)
			*e = why;
		err_clear(&why);
	}
	return -1;
}

static void mark_lost(struct writing *w, const struct oci_digest *d)
{
	pthread_mutex_lock(&w->lock);
	MEM_GROW(w->lost, w->nr_lost, w->cap_lost);
	w->lost[w->nr_lost++] = *d;
	pthread_mutex_unlock(&w->lock);
}

static bool is_lost(const struct writing *w, const struct oci_digest *d)
{
	for (size_t i = 0; i < w->nr_lost; i++)
		if (oci_digest_eq(&w->lost[i], d))
			return true;
	return false;
}

/* Has the result's blob in x->blobs. What another's cache claims of one that is here is looked at, too:
 * whoever reads our cache takes it for ours. */
static int make_local(struct writing *w, const struct cache_record *r, struct err *e)
{
	if ((!r->is_claimed && is_here(w, &r->result.blob)) || fetch(w, &r->result, e) == 0)
		return 0;
	if (e->kind != ERR_CANCELLED && e->kind != ERR_IMPOSSIBLE)
		mark_lost(w, &r->result.blob.digest);
	return -1;
}

static int blobs_open(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		      struct err *e)
{
	struct writing *w = writing_of(s);
	const struct cache_record *r;

	if (oci_store_has(w->x->work, d, NULL))
		return oci_store_open(w->x->work, d, out, e);
	r = find_record(w, d);
	if (!r)
		return err_set(e, ERR_ABSENT, "blob %s is no result of this build", d->text);
	if (make_local(w, r, e) < 0)
		return -1;
	return oci_store_open(w->x->blobs, d, out, e);
}

static const struct oci_store_ops blobs_ops = { .has = blobs_has, .open = blobs_open };

/* -- documents ------------------------------------------------------------------------------ */

/* What the cache is to hold, each stage's results together. */
static void fill_graph(struct writing *w)
{
	size_t nr_stages = 0;

	cache_graph_release(&w->graph);
	for (size_t i = 0; i < w->x->nr_records; i++)
		if (w->x->records[i].stage >= nr_stages)
			nr_stages = w->x->records[i].stage + 1;
	for (size_t stage = 0; stage < nr_stages; stage++)
		for (size_t i = 0; i < w->x->nr_records; i++) {
			const struct cache_record *r = &w->x->records[i];

			if (r->stage == stage && (r->is_target || w->spec->all_stages) &&
			    !is_lost(w, &r->result.blob.digest))
				cache_graph_add(&w->graph, r);
		}
}

static int write_document(const struct writing *w, struct oci_descriptor *out,
			  const struct buf *text, const char *media, struct err *e)
{
	if (text->over)
		return err_set(e, ERR_IMPOSSIBLE, "it would be larger than %zu bytes", text->max);
	out->media_type = mem_strdup(media);
	out->size_bytes = text->len;
	return oci_store_write(w->x->work, buf_span(text), &out->digest, e);
}

static int make_documents(struct writing *w, struct err *e)
{
	auto_manifest struct oci_manifest m = { .media_type = mem_strdup(OCI_MEDIA_MANIFEST) };
	auto_config struct oci_config *c = oci_config_new();
	auto_buf struct buf config = BUF_INIT(OCI_CONFIG_MAX), text = BUF_INIT(OCI_MANIFEST_MAX);

	if (!cache_graph_write(&m, c, &w->graph))
		progress_warn(w->x->op->progress,
			      "cache to '%s': of %zu results it holds the first %d",
			      cache_spec_name(w->spec), w->graph.nr, CACHE_GRAPH_MAX);
	oci_config_write(&config, c);
	if (write_document(w, &m.config, &config, OCI_MEDIA_CONFIG, e) < 0)
		return -1;
	oci_manifest_write(&text, &m);
	oci_descriptor_release(&w->manifest);
	return write_document(w, &w->manifest, &text, OCI_MEDIA_MANIFEST, e);
}

/* -- into a registry -------------------------------------------------------------------------- */

static void find_origins(struct strv *out, const struct writing *w)
{
	for (size_t i = 0; i < w->graph.nr; i++)
		for (size_t k = 0; k < w->x->nr_sources; k++) {
			struct cache_source *from = w->x->sources[k];
			const struct cache_result *r = &w->graph.v[i].result;
			auto_free char *origin =
				from->ops->origin ? from->ops->origin(from, r) : NULL;

			if (origin)
				strv_addf(out, "%s=%s", r->blob.digest.text, origin);
		}
}

static int write_registry(struct writing *w, struct err *e)
{
	auto_strv struct strv names = STRV_INIT, origins = STRV_INIT;
	const struct image_sink_job job = {
		.from = &w->store, .image = &w->manifest, .names = &names, .origins = &origins
	};

	if (!w->x->sink)
		return err_set(e, ERR_IMPOSSIBLE, "there is no way to a registry");
	strv_add(&names, w->spec->ref);
	find_origins(&origins, w);
	return w->x->sink->put(w->x->sink, w->x->op, &job, e);
}

/* -- into a directory ---------------------------------------------------------------------------- */

/* The same directory has said so: nothing new comes into it. */
static bool is_from_there(const struct writing *w, const struct cache_result *r)
{
	for (size_t i = 0; i < w->x->nr_sources; i++) {
		struct cache_source *from = w->x->sources[i];
		auto_cache_result struct cache_result there = { .packing = NULL };
		struct err ignored = ERR_INIT;

		if (strcmp(from->name, cache_spec_name(w->spec)) == 0 &&
		    from->ops->find(from, w->x->op, &r->id, &there, &ignored) > 0 &&
		    oci_digest_eq(&there.blob.digest, &r->blob.digest) &&
		    oci_digest_eq(&there.diff_id, &r->diff_id))
			return true;
	}
	return false;
}

static bool has_blob(struct oci_store *to, const struct oci_descriptor *blob)
{
	uint64_t size;

	return oci_store_has(to, &blob->digest, &size) && size == blob->size_bytes;
}

/* Whatever the directory lacks is in x->blobs then: what may be fetched for that goes to our own disk. */
static int make_results_local(struct writing *w, struct oci_store *to, struct err *e)
{
	for (size_t i = 0; i < w->graph.nr; i++) {
		const struct cache_record *rec = &w->graph.v[i];

		if (has_blob(to, &rec->result.blob) &&
		    (!rec->is_claimed || is_from_there(w, &rec->result)))
			continue;
		if (make_local(w, rec, e) < 0)
			return -1;
	}
	return 0;
}

static int copy_results(const struct writing *w, struct oci_store *to, struct err *e)
{
	for (size_t i = 0; i < w->graph.nr; i++) {
		const struct oci_descriptor *blob = &w->graph.v[i].result.blob;

		if (!has_blob(to, blob) &&
		    oci_store_copy_blob(w->x->op, to, w->x->blobs, blob, e) < 0)
			return -1;
	}
	return 0;
}

static int copy_config(const struct writing *w, struct oci_store *to, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_manifest struct oci_manifest m = { 0 };

	if (oci_store_read(w->x->work, &w->manifest, OCI_MANIFEST_MAX, &text, e) < 0 ||
	    oci_manifest_parse(&m, buf_span(&text), NULL, e) < 0)
		return -1;
	return oci_store_copy_blob(w->x->op, to, w->x->work, &m.config, e);
}

/* What is not of this cache, and of no other one in the directory, goes: a pipeline keeps it forever. */
static int write_layout(const struct writing *w, struct oci_store *to, struct err *e)
{
	if (copy_results(w, to, e) < 0 || copy_config(w, to, e) < 0 ||
	    oci_store_copy_blob(w->x->op, to, w->x->work, &w->manifest, e) < 0 ||
	    oci_layout_export(to, w->spec->name ? w->spec->name : "latest", &w->manifest, NULL, e) <
		    0)
		return -1;
	return oci_layout_sweep(to, e);
}

static int write_local(struct writing *w, struct err *e)
{
	auto_store struct oci_store *to = NULL;
	auto_close int lock = -1;

	if (oci_store_layout_open(&to, w->spec->dir, OCI_LAYOUT_CREATE, e) < 0)
		return err_full_disk(e, w->spec->dir);
	lock = oci_layout_sweep_lock(to, e);
	if (lock < 0)
		return err_full_disk(e, w->spec->dir);
	if (make_results_local(w, to, e) < 0)
		return -1;
	return write_layout(w, to, e) < 0 ? err_full_disk(e, w->spec->dir) : 0;
}

/* -- all ------------------------------------------------------------------------------------- */

static int write_once(struct writing *w, struct err *e)
{
	fill_graph(w);
	if (make_documents(w, e) < 0)
		return -1;
	return w->spec->kind == CACHE_REGISTRY ? write_registry(w, e) : write_local(w, e);
}

static int write_cache(const struct cache_export *x, const struct cache_spec *spec, struct err *e)
{
	CLEANUP(writing_release)
	struct writing w = { .x = x,
			     .spec = spec,
			     .store = { .ops = &blobs_ops, .name = "cache" } };
	size_t before;
	int r;

	pthread_mutex_init(&w.lock, NULL);
	do { /* ends: each time round there is less to write */
		before = w.nr_lost;
		err_clear(e);
		r = write_once(&w, e);
	} while (r < 0 && w.nr_lost > before);
	return r;
}

static int write_shown(const struct cache_export *x, const struct cache_spec *spec, struct err *e)
{
	struct progress *p = x->op->progress;
	auto_free char *id = mem_printf("cache to %s", cache_spec_name(spec));

	progress_begin(p, id, "cache to %s", cache_spec_name(spec));
	if (write_cache(x, spec, e) == 0) {
		progress_end(p, id, 0);
		return 0;
	}
	progress_give_up(p, id, e);
	err_wrap(e, "cache to '%s'", cache_spec_name(spec));
	if (!spec->may_fail || e->kind == ERR_CANCELLED)
		return -1;
	progress_warn(p, "%s", e->text);
	err_clear(e);
	return 0;
}

int cache_export_run(const struct cache_export *x, const struct cache_specs *specs, struct err *e)
{
	for (size_t i = 0; i < specs->nr; i++)
		if (specs->v[i].kind != CACHE_INLINE && write_shown(x, &specs->v[i], e) < 0)
			return -1;
	return 0;
}

/* Equal blobs at several places have results of their own. */
void cache_export_annotate(struct oci_manifest *m, const struct cache_record *records,
			   size_t nr_records)
{
	size_t from = 0;

	for (size_t i = 0; i < m->nr_layers; i++)
		for (size_t k = from; k < nr_records; k++) {
			if (!records[k].is_target ||
			    !oci_digest_eq(&records[k].result.blob.digest, &m->layers[i].digest))
				continue;
			cache_graph_annotate(&m->layers[i], &records[k]);
			from = k + 1;
			break;
		}
}

/*
 * The graph does not change once it is read. What is found to be bad is noted beside it.
 */
#include "oci/build/cache_remote.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "oci/build/cache_graph.h"
#include "oci/image/reference.h"
#include "oci/layer/stream.h"

#define CHILDREN_MAX 16 /* manifests of an index that are read */

struct remote {
	struct cache_source base;
	struct cache_remote_options opt;
	struct image_source *from; /* borrowed, or .own */
	struct image_source *own;
	pthread_mutex_t lock;
	bool is_read; /* guarded by lock, and with it the graph */
	struct cache_graph graph;
	bool *bad; /* one for each of the graph's; guarded by lock */
	struct pool_batch reading;
};

static struct remote *self(struct cache_source *s)
{
	return CONTAINER_OF(s, struct remote, base);
}

/* -- reading it -------------------------------------------------------------------------- */

/* What d, a document of this cache, is called for its source. Owned by the caller. */
static char *name_of(const struct remote *r, const struct oci_digest *d)
{
	auto_reference struct oci_reference ref = { 0 };
	struct err ignored = ERR_INIT;

	if (r->opt.spec->kind == CACHE_LOCAL ||
	    oci_reference_parse(&ref, r->opt.spec->ref, &ignored) < 0)
		return mem_strdup(d->text);
	return mem_printf("%s/%s@%s", ref.host, ref.path, d->text);
}

static int read_manifest(struct remote *r, struct span text, const char *media, struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };

	if (oci_manifest_parse(&m, text, media, e) < 0)
		return -1;
	cache_graph_read(&r->graph, &m);
	return 0;
}

static bool is_wanted(const struct remote *r, const struct oci_index_entry *ent)
{
	if (!ent->has_platform)
		return true;
	for (size_t i = 0; i < r->opt.nr_platforms; i++)
		if (oci_platform_match(&r->opt.platforms[i], &ent->platform))
			return true;
	return false;
}

/* An image of several platforms: each of its manifests has an inline cache of its own. */
static int read_index(struct remote *r, struct span text, const char *media, struct err *e)
{
	auto_index struct oci_index x = { 0 };
	size_t nr = 0;

	if (oci_index_parse(&x, text, media, e) < 0)
		return -1;
	for (size_t i = 0; i < x.nr && nr < CHILDREN_MAX; i++) {
		auto_buf struct buf child = BUF_INIT(OCI_MANIFEST_MAX);
		auto_descriptor struct oci_descriptor d = { 0 };
		auto_free char *name = name_of(r, &x.entries[i].desc.digest);

		if (!is_wanted(r, &x.entries[i]) ||
		    !oci_media_is_manifest(x.entries[i].desc.media_type))
			continue;
		nr++;
		if (r->from->document(r->from, r->opt.op, name, &child, &d, e) < 0 ||
		    read_manifest(r, buf_span(&child), d.media_type, e) < 0)
			return -1;
	}
	return 0;
}

static int open_from(struct remote *r, struct err *e)
{
	image_source_free(STEAL(&r->own));
	if (r->opt.spec->kind == CACHE_LOCAL) {
		if (image_source_layout_open(&r->own, r->opt.spec->dir, e) < 0)
			return -1;
		r->from = r->own;
		return 0;
	}
	r->from = r->opt.registry;
	return r->from ? 0 : err_set(e, ERR_IMPOSSIBLE, "there is no way to a registry");
}

static const char *ref_of(const struct remote *r)
{
	return r->opt.spec->kind == CACHE_LOCAL ? r->opt.spec->name : r->opt.spec->ref;
}

static int read_all(struct remote *r, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_descriptor struct oci_descriptor d = { 0 };

	if (open_from(r, e) < 0 ||
	    r->from->document(r->from, r->opt.op, ref_of(r), &text, &d, e) < 0)
		return -1;
	if (oci_media_is_index(d.media_type))
		return read_index(r, buf_span(&text), d.media_type, e);
	return read_manifest(r, buf_span(&text), d.media_type, e);
}

static void tell(const struct remote *r, int res, const struct err *why)
{
	struct progress *p = r->opt.op->progress;

	if (res < 0 && why->kind == ERR_ABSENT)
		progress_warn(p, "cache from '%s': not there, going on without it: %s",
			      r->base.name, why->text);
	else if (res < 0)
		progress_warn(p, "cache from '%s': cannot be read, going on without it: %s",
			      r->base.name, why->text);
	else if (r->graph.nr_refused)
		progress_warn(p,
			      "cache from '%s': %zu of its results make no sense and are not used",
			      r->base.name, r->graph.nr_refused);
	else if (!r->graph.nr)
		progress_warn(p,
			      "cache from '%s': there is no cache in it that cbuild can read (it "
			      "reads what its own --cache-to has written)",
			      r->base.name);
}

/* All of it or nothing; not at all only when the build ends. */
static void read_once(struct remote *r, struct err *e)
{
	struct err why = ERR_INIT;
	int res = read_all(r, &why);

	if (res < 0)
		cache_graph_release(&r->graph);
	if (res < 0 && why.kind == ERR_CANCELLED) {
		*e = why;
		return;
	}
	tell(r, res, &why);
	r->bad = mem_zalloc((r->graph.nr + 1) * sizeof(*r->bad));
	r->is_read = true;
}

/* Once; who comes second waits for the first. */
static int make_ready(struct remote *r, struct err *e)
{
	bool is_read;

	pthread_mutex_lock(&r->lock);
	if (!r->is_read)
		read_once(r, e);
	is_read = r->is_read;
	pthread_mutex_unlock(&r->lock);
	return is_read ? 0 : -1;
}

static void read_run(void *item)
{
	struct err ignored = ERR_INIT; /* told, or it was cancelled */

	(void)!make_ready(item, &ignored);
}

void cache_remote_begin(struct cache_source *s)
{
	struct remote *r = self(s);

	pool_submit(&r->reading, read_run, r);
}

/* -- results --------------------------------------------------------------------------------- */

static bool is_too_old(const struct remote *r, const struct cache_result *res)
{
	int64_t created;

	if (!r->opt.spec->ttl_ms || clock_parse(&created, res->created) < 0)
		return false;
	return created / 1000000 <
	       r->opt.op->clock->wall_ns(r->opt.op->clock) / 1000000 - r->opt.spec->ttl_ms;
}

static bool is_bad(struct remote *r, const struct cache_record *rec)
{
	bool bad;

	pthread_mutex_lock(&r->lock);
	bad = r->bad[rec - r->graph.v];
	pthread_mutex_unlock(&r->lock);
	return bad;
}

static int remote_find(struct cache_source *s, const struct op *op, const struct cache_key *key,
		       struct cache_result *out, struct err *e)
{
	struct remote *r = self(s);
	const struct cache_record *rec;

	(void)op;
	if (make_ready(r, e) < 0)
		return -1;
	rec = cache_graph_find(&r->graph, key);
	if (!rec || is_bad(r, rec) || is_too_old(r, &rec->result))
		return 0;
	cache_result_copy(out, &rec->result);
	return 1;
}

/* The blob is what its digest says; is it also the layer that it was said to be? */
static int check_diff_id(const struct op *op, struct oci_store *in, const struct cache_result *res,
			 struct err *e)
{
	auto_blob struct oci_blob blob = { 0 };
	auto_layer_stream struct layer_stream tar = { .has_gunzip = false };
	struct hash_sink hash;
	unsigned char raw[HASH_SHA256_LEN];
	struct oci_digest got;

	if (oci_store_open(in, &res->blob.digest, &blob, e) < 0 ||
	    layer_stream_open(&tar, blob.source, e) < 0)
		return -1;
	hash_sink_init(&hash, NULL);
	if (io_copy(op, tar.tar, &hash.base, NULL, e) < 0) {
		hash_release(&hash.hash);
		return -1;
	}
	hash_sink_final(&hash, raw);
	oci_digest_of_raw(&got, raw);
	if (!oci_digest_eq(&got, &res->diff_id))
		return err_set(e, ERR_CORRUPT, "its content is %s, the cache says %s", got.text,
			       res->diff_id.text);
	return 0;
}

static const struct cache_record *find_own(const struct remote *r, const struct cache_result *res)
{
	const struct cache_record *rec = cache_graph_find(&r->graph, &res->id);

	return rec && oci_digest_eq(&rec->result.blob.digest, &res->blob.digest) ? rec : NULL;
}

/* Told once: from then on there is no such result. */
static void mark_bad(struct remote *r, const struct cache_record *rec, const struct err *why)
{
	bool *bad = &r->bad[rec - r->graph.v], told;

	pthread_mutex_lock(&r->lock);
	told = *bad;
	*bad = true;
	pthread_mutex_unlock(&r->lock);
	if (!told)
		progress_warn(r->opt.op->progress,
			      "cache from '%s': the layer of '%s' is not used: %s", r->base.name,
			      rec->result.text, why->text);
}

static int remote_fetch(struct cache_source *s, const struct op *op, const struct cache_result *res,
			struct oci_store *into, struct err *e)
{
	struct remote *r = self(s);
	const struct cache_record *rec;

	if (make_ready(r, e) < 0)
		return -1;
	rec = find_own(r, res);
	if (!rec || is_bad(r, rec))
		return err_set(e, ERR_ABSENT, "cache '%s' does not have %s", s->name,
			       res->blob.digest.text);
	if (r->from->fetch_layer(r->from, r->opt.op, ref_of(r), &rec->result.blob, into, NULL, e) ==
		    0 &&
	    check_diff_id(op, into, &rec->result, e) == 0)
		return 0;
	if (e->kind != ERR_CANCELLED && e->kind != ERR_IMPOSSIBLE)
		mark_bad(r, rec, e);
	return -1;
}

static char *remote_origin(struct cache_source *s, const struct cache_result *res)
{
	const struct remote *r = self(s);
	auto_reference struct oci_reference ref = { 0 };
	struct err ignored = ERR_INIT;

	if (r->opt.spec->kind != CACHE_REGISTRY || !find_own(r, res) ||
	    oci_reference_parse(&ref, r->opt.spec->ref, &ignored) < 0)
		return NULL;
	return mem_printf("%s/%s", ref.host, ref.path);
}

static void remote_free(struct cache_source *s)
{
	struct remote *r = self(s);

	pool_batch_wait(&r->reading);
	image_source_free(r->own);
	cache_graph_release(&r->graph);
	free(r->bad);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static const struct cache_source_ops remote_ops = {
	.find = remote_find, .fetch = remote_fetch, .origin = remote_origin, .free = remote_free
};

struct cache_source *cache_remote_new(const struct cache_remote_options *opt)
{
	struct remote *r = mem_zalloc(sizeof(*r));

	r->base = (struct cache_source){ .ops = &remote_ops, .name = cache_spec_name(opt->spec) };
	r->opt = *opt;
	pool_batch_init(&r->reading, opt->op->pool);
	pthread_mutex_init(&r->lock, NULL);
	return &r->base;
}

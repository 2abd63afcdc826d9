/*
 * FROM, out of a registry. A tag is resolved with HEAD and everything after it
 * goes by digest, so that a tag that moves meanwhile cannot mix two images, and what
 * the store has already is not fetched again: a build whose base did not change costs one
 * request, and none when it is named by digest.
 */
#include "registry/pull.h"

#include <pthread.h>

#include "base/mem.h"
#include "registry/document.h"
#include "registry/download.h"
#include "registry/resolve.h"

#define DEPTH_MAX 4 /* an index in an index in … */

struct host_session {
	char *host;
	struct registry_session *session;
};

struct registry_source {
	struct image_source base;
	struct http *http;
	const struct registry_options *opt;
	pthread_mutex_t lock;
	struct host_session *hosts; /* grows only; guarded by lock */
	size_t n, cap;
};

static struct registry_session *source_session(struct registry_source *src, const char *host)
{
	struct registry_session *s = NULL;

	pthread_mutex_lock(&src->lock);
	for (size_t i = 0; !s && i < src->n; i++)
		if (strcmp(src->hosts[i].host, host) == 0)
			s = src->hosts[i].session;
	if (!s) {
		s = registry_session_new(src->http, host, src->opt);
		MEM_GROW(src->hosts, src->n, src->cap);
		src->hosts[src->n++] =
			(struct host_session){ .host = mem_strdup(host), .session = s };
	}
	pthread_mutex_unlock(&src->lock);
	return s;
}

/* Fills the document from the store; false: not there (or not sound: then it is fetched). */
static bool document_in_store(struct buf *out, const struct oci_descriptor *d,
			      struct oci_store *store)
{
	struct err ignored = ERR_INIT;

	return oci_store_has(store, &d->digest, NULL) &&
	       oci_store_read(store, d, OCI_MANIFEST_MAX, out, &ignored) == 0;
}

/* The bytes of a manifest or index, in the store afterwards. d may gain its size. */
static int pull_document(struct buf *out, struct op *op, const struct registry_repo *r,
			 struct oci_descriptor *d, struct oci_store *into, struct err *e)
{
	auto_document struct registry_document doc = { 0 };
	struct oci_digest digest;

	if (document_in_store(out, d, into))
		return 0;
	if (registry_document_get(&doc, op, r, d->digest.text, &d->digest, e) < 0)
		return -1;
	if (d->size_bytes != doc.desc.size_bytes)
		return err_set(e, ERR_CORRUPT, "manifest %s: %ju bytes came, not its %ju",
			       d->digest.text, (uintmax_t)doc.desc.size_bytes,
			       (uintmax_t)d->size_bytes);
	if (oci_store_write(into, buf_span(&doc.bytes), &digest, e) < 0)
		return -1;
	buf_release(out);
	*out = doc.bytes;
	doc.bytes = (struct buf){ 0 };
	return 0;
}

static int pick_fail(const struct oci_index *x, const struct oci_platform *want, struct err *e)
{
	auto_buf struct buf have = BUF_INIT(1u << 10);
	char text[100];

	for (size_t i = 0; i < x->nr; i++) {
		if (!x->entries[i].has_platform ||
		    strcmp(x->entries[i].platform.os, "unknown") == 0)
			continue;
		oci_platform_format(text, &x->entries[i].platform);
		buf_addf(&have, "%s%s", have.len ? ", " : "", text);
	}
	oci_platform_format(text, want);
	return err_set(e, ERR_ABSENT, "not made for %s; there is: %s", text,
		       have.len ? buf_str(&have) : "nothing");
}

/* Replaces the index at *d by what it has for the platform. */
static int pull_pick(struct oci_descriptor *d, struct span text, const struct oci_platform *want,
		     struct err *e)
{
	auto_index struct oci_index x = { 0 };
	const struct oci_index_entry *entry;

	if (oci_index_parse(&x, text, d->media_type, e) < 0)
		return -1;
	entry = oci_index_pick(&x, want);
	if (!entry)
		return pick_fail(&x, want, e);
	oci_descriptor_release(d);
	*d = (struct oci_descriptor){ 0 };
	oci_descriptor_copy(d, &entry->desc);
	return 0;
}

/* From whatever d is down to a manifest; its bytes are in text then. */
static int pull_manifest(struct buf *text, struct op *op, const struct registry_repo *r,
			 struct oci_descriptor *d, const struct oci_platform *want,
			 struct oci_store *into, struct err *e)
{
	for (int depth = 0; depth <= DEPTH_MAX; depth++) {
		enum oci_document kind;

		buf_reset(text);
		if (pull_document(text, op, r, d, into, e) < 0)
			return -1;
		if (oci_document_kind(&kind, buf_span(text), d->media_type, e) < 0)
			return err_wrap(e, "manifest %s", d->digest.text);
		if (kind == OCI_DOCUMENT_MANIFEST)
			return 0;
		if (pull_pick(d, buf_span(text), want, e) < 0)
			return -1;
	}
	return err_set(e, ERR_CORRUPT, "indexes nested more than %d deep", DEPTH_MAX);
}

static int pull_config(struct op *op, const struct registry_repo *r, const struct oci_descriptor *d,
		       struct span text, struct oci_store *into, struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };

	if (oci_manifest_parse(&m, text, d->media_type, e) < 0)
		return err_wrap(e, "manifest %s", d->digest.text);
	if (m.config.size_bytes > OCI_CONFIG_MAX)
		return err_set(e, ERR_CORRUPT, "config %s: %ju bytes, more than the %u allowed",
			       m.config.digest.text, (uintmax_t)m.config.size_bytes,
			       OCI_CONFIG_MAX);
	return registry_download(op, r, &m.config, into, NULL, e);
}

static int pull_run(struct oci_descriptor *out, struct op *op, const struct registry_repo *r,
		    struct oci_descriptor *d, const struct oci_platform *want,
		    struct oci_store *into, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	if (pull_manifest(&text, op, r, d, want, into, e) < 0 ||
	    pull_config(op, r, d, buf_span(&text), into, e) < 0)
		return -1;
	*out = *d;
	*d = (struct oci_descriptor){ 0 };
	return 0;
}

/* A digest that the store has needs no question: its bytes cannot change. */
static bool resolve_in_store(struct oci_descriptor *out, const struct oci_reference *ref,
			     struct oci_store *store)
{
	auto_document struct registry_document doc = { 0 };
	struct err ignored = ERR_INIT;

	if (!oci_digest_is_set(&ref->digest) ||
	    registry_document_read(&doc, store, &ref->digest, &ignored) < 0)
		return false;
	*out = doc.desc;
	doc.desc = (struct oci_descriptor){ 0 };
	return true;
}

static int source_resolve(struct image_source *base, struct op *op, const char *text,
			  const struct oci_platform *want, struct oci_store *into,
			  struct oci_descriptor *out, struct err *e)
{
	struct registry_source *src = CONTAINER_OF(base, struct registry_source, base);
	auto_reference struct oci_reference ref = { 0 };
	auto_descriptor struct oci_descriptor d = { 0 };
	struct registry_repo repo;

	if (oci_reference_parse(&ref, text, e) < 0)
		return -1;
	repo = (struct registry_repo){ .session = source_session(src, ref.host), .path = ref.path };
	if (!resolve_in_store(&d, &ref, into) &&
	    registry_resolve(&d, op, repo.session, &ref, e) < 0)
		return -1;
	return pull_run(out, op, &repo, &d, want, into, e) < 0 ? err_wrap(e, "image %s", text) : 0;
}

static int source_document(struct image_source *base, struct op *op, const char *text,
			   struct buf *bytes, struct oci_descriptor *out, struct err *e)
{
	struct registry_source *src = CONTAINER_OF(base, struct registry_source, base);
	auto_reference struct oci_reference ref = { 0 };
	auto_document struct registry_document doc = { 0 };
	struct registry_repo repo;
	bool by_digest;

	if (oci_reference_parse(&ref, text, e) < 0)
		return -1;
	by_digest = oci_digest_is_set(&ref.digest);
	repo = (struct registry_repo){ .session = source_session(src, ref.host), .path = ref.path };
	if (registry_document_get(&doc, op, &repo, by_digest ? ref.digest.text : ref.tag,
				  by_digest ? &ref.digest : NULL, e) < 0)
		return err_wrap(e, "image %s", text);
	buf_reset(bytes);
	buf_add_span(bytes, buf_span(&doc.bytes));
	if (bytes->over)
		return err_set(e, ERR_CORRUPT, "image %s: a document of %zu bytes", text,
			       doc.bytes.len);
	*out = doc.desc;
	doc.desc = (struct oci_descriptor){ 0 };
	return 0;
}

static int source_fetch_layer(struct image_source *base, struct op *op, const char *text,
			      const struct oci_descriptor *layer, struct oci_store *into,
			      struct arrival *coming, struct err *e)
{
	struct registry_source *src = CONTAINER_OF(base, struct registry_source, base);
	auto_reference struct oci_reference ref = { 0 };
	struct registry_repo repo;

	if (oci_reference_parse(&ref, text, e) < 0)
		return -1;
	repo = (struct registry_repo){ .session = source_session(src, ref.host), .path = ref.path };
	return registry_download(op, &repo, layer, into, coming, e) < 0
		       ? err_wrap(e, "image %s", text)
		       : 0;
}

static void source_free(struct image_source *base)
{
	struct registry_source *src = CONTAINER_OF(base, struct registry_source, base);

	for (size_t i = 0; i < src->n; i++) {
		free(src->hosts[i].host);
		registry_session_free(src->hosts[i].session);
	}
	free(src->hosts);
	pthread_mutex_destroy(&src->lock);
	free(src);
}

struct image_source *registry_source_new(struct http *h, const struct registry_options *opt)
{
	struct registry_source *src = mem_zalloc(sizeof(*src));

	src->base = (struct image_source){ .resolve = source_resolve,
					   .document = source_document,
					   .fetch_layer = source_fetch_layer,
					   .free = source_free };
	src->http = h;
	src->opt = opt;
	pthread_mutex_init(&src->lock, NULL);
	return &src->base;
}

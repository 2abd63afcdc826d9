#include "registry/remote.h"

#include "base/mem.h"
#include "registry/blob_stream.h"
#include "registry/document.h"

#define KNOWN_MAX     65536
#define DOCUMENTS_MAX ((size_t)64 << 20) /* kept, in sum */

struct place {
	struct oci_reference at; /* host and path */
	struct registry_repo repo;
};

struct known {
	struct oci_digest digest;
	uint64_t size_bytes;
	bool is_document;
	_Atomic unsigned breaks; /* of streams of it */
	struct place *at;
	struct buf text; /* of a document that was read */
};

struct remote {
	struct oci_store base;
	struct registry_remote_options opt;
	struct pool *pool;
	pthread_mutex_t lock; /* of what follows, which only grows */
	struct place **places;
	size_t nr_places, cap_places;
	struct known **v;
	size_t nr, cap;
	size_t text_bytes;
};

struct remote_blob {
	struct blob_stream *stream;
	struct span_source text;
	struct oci_blob near;
};

static struct remote *remote_of(struct oci_store *s)
{
	return CONTAINER_OF(s, struct remote, base);
}

/* -- what is known ---------------------------------------------------------------------- */

static struct registry_session *session_for(struct remote *r, const char *host)
{
	if (r->opt.session && strcmp(host, r->opt.session_host) == 0)
		return r->opt.session;
	for (size_t i = 0; i < r->nr_places; i++)
		if (strcmp(r->places[i]->at.host, host) == 0)
			return r->places[i]->repo.session;
	return registry_session_new(r->opt.http, host, r->opt.registry);
}

/* Lock held. */
static struct place *place_for(struct remote *r, const struct oci_reference *ref)
{
	struct place *p;

	for (size_t i = 0; i < r->nr_places; i++)
		if (oci_reference_same_repository(&r->places[i]->at, ref))
			return r->places[i];
	p = mem_zalloc(sizeof(*p));
	p->at.host = mem_strdup(ref->host);
	p->at.path = mem_strdup(ref->path);
	p->repo.session = session_for(r, ref->host);
	p->repo.path = p->at.path;
	p->repo.push = r->opt.to && oci_reference_same_repository(r->opt.to, ref);
	MEM_GROW(r->places, r->nr_places, r->cap_places);
	r->places[r->nr_places++] = p;
	return p;
}

/* Lock held. NULL: no further one. */
static struct known *next_known(const struct remote *r, const struct oci_digest *d, size_t *from)
{
	while (*from < r->nr) {
		struct known *k = r->v[(*from)++];

		if (oci_digest_eq(&k->digest, d))
			return k;
	}
	return NULL;
}

/* Lock held. */
static void learn(struct remote *r, const struct oci_descriptor *d, struct place *at,
		  bool is_document)
{
	struct known *k;
	size_t from = 0;

	while ((k = next_known(r, &d->digest, &from)))
		if (k->at == at)
			return;
	if (r->nr == KNOWN_MAX)
		return; /* it is not there then */
	k = mem_zalloc(sizeof(*k));
	k->digest = d->digest;
	k->size_bytes = d->size_bytes;
	k->is_document = is_document;
	k->at = at;
	MEM_GROW(r->v, r->nr, r->cap);
	r->v[r->nr++] = k;
}

/* Lock held. What the document names lies where it does. */
static int learn_children(struct remote *r, const struct registry_document *doc, struct place *at,
			  struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };
	auto_index struct oci_index x = { 0 };

	if (doc->kind == OCI_DOCUMENT_INDEX) {
		if (oci_index_parse(&x, buf_span(&doc->bytes), doc->desc.media_type, e) < 0)
			return -1;
		for (size_t i = 0; i < x.nr; i++)
			learn(r, &x.entries[i].desc, at, true);
		return 0;
	}
	if (oci_manifest_parse(&m, buf_span(&doc->bytes), doc->desc.media_type, e) < 0)
		return -1;
	learn(r, &m.config, at, false);
	for (size_t i = 0; i < m.nr_layers; i++)
		learn(r, &m.layers[i], at, false);
	return 0;
}

/* Takes the document's bytes. */
static int keep(struct remote *r, struct registry_document *doc, struct place *at, struct err *e)
{
	struct known *k;
	size_t from = 0;
	int n;

	pthread_mutex_lock(&r->lock);
	learn(r, &doc->desc, at, true);
	n = learn_children(r, doc, at, e);
	r->text_bytes += doc->bytes.len;
	if (n == 0 && r->text_bytes > DOCUMENTS_MAX)
		n = err_set(e, ERR_CORRUPT, "its manifests are larger than %zu bytes, in sum",
			    DOCUMENTS_MAX);
	while (n == 0 && (k = next_known(r, &doc->desc.digest, &from)))
		if (k->at == at && !k->text.data) {
			k->text = doc->bytes;
			doc->bytes = (struct buf){ 0 };
			break;
		}
	pthread_mutex_unlock(&r->lock);
	return n;
}

/* -- the store ---------------------------------------------------------------------------- */

static bool remote_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes)
{
	struct remote *r = remote_of(s);
	const struct known *k;
	size_t from = 0;

	if (r->opt.near && oci_store_has(r->opt.near, d, size_bytes))
		return true;
	pthread_mutex_lock(&r->lock);
	k = next_known(r, d, &from);
	pthread_mutex_unlock(&r->lock);
	if (k && size_bytes)
		*size_bytes = k->size_bytes;
	return k;
}

static bool is_read(struct remote *r, const struct known *k)
{
	bool is;

	pthread_mutex_lock(&r->lock);
	is = k->text.data;
	pthread_mutex_unlock(&r->lock);
	return is;
}

static int open_document(struct remote *r, struct known *k, struct remote_blob *b,
			 struct oci_blob *out, struct err *e)
{
	auto_document struct registry_document doc = { 0 };

	if (!is_read(r, k) && (registry_document_get(&doc, r->opt.op, &k->at->repo, k->digest.text,
						     &k->digest, e) < 0 ||
			       keep(r, &doc, k->at, e) < 0))
		return -1;
	out->source = span_source_init(&b->text, buf_span(&k->text));
	out->size_bytes = k->text.len;
	return 0;
}

static int open_known(struct remote *r, struct known *k, struct remote_blob *b,
		      struct oci_blob *out, struct err *e)
{
	const struct blob_stream_blob blob = { &k->at->repo, &k->digest, k->size_bytes,
					       &k->breaks };
	int n;

	if (k->is_document)
		n = open_document(r, k, b, out, e);
	else
		n = blob_stream_open(&b->stream, r->opt.op, r->pool, &blob, e);
	if (n < 0)
		return err_wrap(e, "from %s/%s", k->at->at.host, k->at->at.path);
	if (!k->is_document) {
		out->source = blob_stream_source(b->stream);
		out->size_bytes = k->size_bytes;
	}
	return 0;
}

/* 1: opened; 0: nobody has it, which *e says, if there was somebody to ask. */
static int open_far(struct remote *r, const struct oci_digest *d, struct remote_blob *b,
		    struct oci_blob *out, struct err *e)
{
	size_t from = 0;

	for (;;) {
		struct known *k;

		pthread_mutex_lock(&r->lock);
		k = next_known(r, d, &from);
		pthread_mutex_unlock(&r->lock);
		if (!k)
			return e->kind && e->kind != ERR_ABSENT && e->kind != ERR_DENIED ? -1 : 0;
		err_clear(e);
		if (open_known(r, k, b, out, e) == 0)
			return 1;
		if (e->kind == ERR_CANCELLED)
			return -1;
	}
}

static int open_near(struct remote *r, const struct oci_digest *d, struct remote_blob *b,
		     struct oci_blob *out, struct err *e)
{
	if (oci_store_open(r->opt.near, d, &b->near, e) < 0)
		return -1;
	out->source = b->near.source;
	out->size_bytes = b->near.size_bytes;
	return 0;
}

static int remote_open(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		       struct err *e)
{
	struct remote *r = remote_of(s);
	struct remote_blob *b = mem_zalloc(sizeof(*b));
	int n;

	*out = (struct oci_blob){ 0 };
	if (r->opt.near && oci_store_has(r->opt.near, d, NULL)) {
		n = open_near(r, d, b, out, e);
	} else {
		n = open_far(r, d, b, out, e);
		if (n == 0 && e->kind)
			n = err_wrap(e, "not in '%s'", s->name);
		else if (n == 0)
			n = err_set(e, ERR_ABSENT, "blob %s is not in '%s'", d->text, s->name);
	}
	if (n < 0) {
		free(b);
		return -1;
	}
	out->state = b;
	out->store = s;
	return 0;
}

static void remote_close(struct oci_blob *blob)
{
	struct remote_blob *b = blob->state;

	blob_stream_close(b->stream);
	oci_blob_close(&b->near);
	free(b);
}

static int remote_begin(struct oci_store *s, struct oci_blob_writer *out, struct err *e)
{
	(void)out;
	return err_set(e, ERR_INPUT, "'%s' is only read", s->name);
}

static bool is_first_of_host(const struct remote *r, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (r->places[i]->repo.session == r->places[at]->repo.session)
			return false;
	return r->places[at]->repo.session != r->opt.session;
}

static void remote_free(struct oci_store *s)
{
	struct remote *r = remote_of(s);

	pool_free(r->pool);
	for (size_t i = 0; i < r->nr; i++) {
		buf_release(&r->v[i]->text);
		free(r->v[i]);
	}
	free(r->v);
	for (size_t i = r->nr_places; i-- > 0;)
		if (is_first_of_host(r, i))
			registry_session_free(r->places[i]->repo.session);
	for (size_t i = 0; i < r->nr_places; i++) {
		oci_reference_release(&r->places[i]->at);
		free(r->places[i]);
	}
	free(r->places);
	oci_store_free(r->opt.near);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static const struct oci_store_ops remote_ops = { .has = remote_has,
						 .open = remote_open,
						 .close = remote_close,
						 .begin = remote_begin,
						 .free = remote_free };

/* -- filling it ------------------------------------------------------------------------------ */

int registry_remote_new(struct oci_store **out, const struct registry_remote_options *opt,
			struct err *e)
{
	struct remote *r = mem_zalloc(sizeof(*r));

	if (pool_new(&r->pool, opt->streams, e) < 0) {
		free(r);
		return -1;
	}
	r->base = (struct oci_store){ .ops = &remote_ops,
				      .name = opt->near ? opt->near->name : "registry" };
	r->opt = *opt;
	pthread_mutex_init(&r->lock, NULL);
	*out = &r->base;
	return 0;
}

int registry_remote_find(struct oci_store *s, const struct oci_reference *ref,
			 struct oci_descriptor *image, struct err *e)
{
	bool by_digest = oci_digest_is_set(&ref->digest);
	auto_document struct registry_document doc = { 0 };
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);
	struct remote *r = remote_of(s);
	struct place *at;

	pthread_mutex_lock(&r->lock);
	at = place_for(r, ref);
	pthread_mutex_unlock(&r->lock);
	if (registry_document_get(&doc, r->opt.op, &at->repo,
				  by_digest ? ref->digest.text : ref->tag,
				  by_digest ? &ref->digest : NULL, e) < 0 ||
	    keep(r, &doc, at, e) < 0) {
		oci_reference_familiar(&name, ref);
		return err_wrap(e, "image %s", buf_str(&name));
	}
	oci_descriptor_copy(image, &doc.desc);
	return 0;
}

void registry_remote_add(struct oci_store *s, const struct oci_descriptor *blob,
			 const struct oci_reference *where)
{
	struct remote *r = remote_of(s);

	pthread_mutex_lock(&r->lock);
	learn(r, blob, place_for(r, where), false);
	pthread_mutex_unlock(&r->lock);
}

void registry_remote_mounts(struct strv *out, struct oci_store *s, const struct oci_reference *to)
{
	struct remote *r = remote_of(s);

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->nr; i++) {
		const struct known *k = r->v[i];

		if (!k->is_document && strcmp(k->at->at.host, to->host) == 0 &&
		    !oci_reference_same_repository(&k->at->at, to) &&
		    !strv_env_get(out, k->digest.text))
			strv_env_set(out, k->digest.text, k->at->at.path);
	}
	pthread_mutex_unlock(&r->lock);
}

/*
 * Finding an image in a layout. Others write names in many ways (only a tag, a short
 * name, the whole reference), so each entry is asked how well it answers to what
 * is looked for, and the best answer counts if it is one image.
 */
#include "base/mem.h"
#include "oci/image/layout.h"
#include "oci/image/layout_files.h"
#include "oci/image/reference.h"

#define LISTED_MAX 10

struct query {
	const char *text;	  /* NULL: any */
	struct oci_digest digest; /* set: nothing else counts */
	bool is_tag;
	char *full; /* the whole reference; NULL: none */
};

enum answer { ANSWER_NO, ANSWER_BY_TAG, ANSWER_BY_NAME };

/* The whole reference that text stands for; NULL: for none (a bare tag stands for itself). */
static char *full_name(const char *text, struct oci_reference *ref)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	if (!text || oci_tag_is_valid(span_of_str(text)) || oci_reference_parse(ref, text, &e) < 0)
		return NULL;
	oci_reference_format(&b, ref);
	return buf_steal(&b);
}

static int query_init(struct query *q, const char *name, struct err *e)
{
	auto_reference struct oci_reference ref = { 0 };

	*q = (struct query){ .text = name };
	if (!name)
		return 0;
	if (span_starts(span_of_str(name), "sha256:")) {
		if (oci_digest_parse(&q->digest, span_of_str(name), e) == 0)
			return 0;
		e->kind = ERR_INPUT;
		return -1;
	}
	q->is_tag = oci_tag_is_valid(span_of_str(name));
	q->full = full_name(name, &ref);
	q->digest = ref.digest;
	return 0;
}

static enum answer answer_by_name(const char *name, const struct query *q)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_free char *full = NULL;

	if (!name)
		return ANSWER_NO;
	if (strcmp(name, q->text) == 0)
		return ANSWER_BY_NAME;
	full = full_name(name, &ref);
	if (!full)
		return ANSWER_NO;
	if (q->full)
		return strcmp(full, q->full) == 0 ? ANSWER_BY_NAME : ANSWER_NO;
	return q->is_tag && ref.tag && strcmp(ref.tag, q->text) == 0 ? ANSWER_BY_TAG : ANSWER_NO;
}

static enum answer answer_of(const struct oci_descriptor *d, const struct query *q)
{
	enum answer a, b;

	if (oci_digest_is_set(&q->digest))
		return oci_digest_eq(&d->digest, &q->digest) ? ANSWER_BY_NAME : ANSWER_NO;
	if (!q->text)
		return ANSWER_BY_NAME;
	a = answer_by_name(strv_env_get(&d->annotations, LAYOUT_REF_NAME), q);
	b = answer_by_name(strv_env_get(&d->annotations, LAYOUT_IMAGE_NAME), q);
	return a > b ? a : b;
}

/* "'a/b:1', 'a/b:2'": the entries that answer at least so well. */
static void list_names(struct buf *out, const struct oci_index *x, const struct query *q,
		       enum answer least)
{
	size_t n = 0;

	for (size_t i = 0; i < x->nr; i++) {
		const struct oci_descriptor *d = &x->entries[i].desc;
		const char *image = strv_env_get(&d->annotations, LAYOUT_IMAGE_NAME);
		const char *ref = strv_env_get(&d->annotations, LAYOUT_REF_NAME);

		if (least != ANSWER_NO && answer_of(d, q) < least)
			continue;
		if (n < LISTED_MAX)
			buf_addf(out, "%s'%.200s'", n ? ", " : "",
				 image ? image
				 : ref ? ref
				       : d->digest.text);
		n++;
	}
	if (n > LISTED_MAX)
		buf_addf(out, " and %zu more", n - LISTED_MAX);
}

/*
 * A manifest that no name points to: a base image, or the platform's part of an
 * index. Being a manifest is all that is asked of it.
 */
static int find_unlisted(struct oci_store *s, const struct oci_digest *digest,
			 struct oci_descriptor *out, struct err *e)
{
	auto_descriptor struct oci_descriptor d = { .digest = *digest };
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf b = BUF_INIT(OCI_MANIFEST_MAX);
	auto_index struct oci_index x = { 0 };
	enum oci_document kind;

	if (!oci_store_has(s, digest, &d.size_bytes))
		return err_set(e, ERR_ABSENT, "no image %s in '%s'", digest->text, s->name);
	if (oci_store_read(s, &d, OCI_MANIFEST_MAX, &b, e) < 0 ||
	    oci_document_kind(&kind, buf_span(&b), NULL, e) < 0)
		return -1;
	if (kind == OCI_DOCUMENT_INDEX ? oci_index_parse(&x, buf_span(&b), NULL, e) < 0
				       : oci_manifest_parse(&m, buf_span(&b), NULL, e) < 0)
		return -1;
	d.media_type = mem_strdup(kind == OCI_DOCUMENT_INDEX ? x.media_type : m.media_type);
	oci_descriptor_copy(out, &d);
	return 0;
}

static int not_found(struct oci_store *s, const struct oci_index *x, const struct query *q,
		     struct err *e)
{
	auto_buf struct buf names = BUF_INIT(BUF_SMALL);

	if (!x->nr)
		return err_set(e, ERR_ABSENT, "no image in '%s'", s->name);
	list_names(&names, x, q, ANSWER_NO);
	return err_set(e, ERR_ABSENT, "no image '%s' in '%s', there is %s", q->text ? q->text : "",
		       s->name, buf_str(&names));
}

static int find_in(struct oci_store *s, const struct oci_index *x, const struct query *q,
		   struct oci_descriptor *out, struct err *e)
{
	const struct oci_descriptor *best = NULL;
	enum answer best_answer = ANSWER_NO;
	bool several = false;

	for (size_t i = 0; i < x->nr; i++) {
		const struct oci_descriptor *d = &x->entries[i].desc;
		enum answer a = answer_of(d, q);

		if (a > best_answer) {
			best = d;
			best_answer = a;
			several = false;
		} else if (a != ANSWER_NO && a == best_answer) {
			several = several || !oci_digest_eq(&d->digest, &best->digest);
		}
	}
	if (!best && oci_digest_is_set(&q->digest))
		return find_unlisted(s, &q->digest, out, e);
	if (!best)
		return not_found(s, x, q, e);
	if (several) {
		auto_buf struct buf names = BUF_INIT(BUF_SMALL);

		list_names(&names, x, q, best_answer);
		return err_set(e, ERR_INPUT, "'%s' holds several such images, say which: %s",
			       s->name, buf_str(&names));
	}
	oci_descriptor_copy(out, best);
	return 0;
}

int oci_layout_find_in(struct oci_store *s, const struct oci_index *x, const char *name,
		       struct oci_descriptor *out, struct err *e)
{
	struct query q;
	int r;

	if (query_init(&q, name, e) < 0)
		return -1;
	r = find_in(s, x, &q, out, e);
	free(q.full);
	return r;
}

int oci_layout_find(struct oci_store *s, const char *name, struct oci_descriptor *out,
		    struct err *e)
{
	auto_index struct oci_index x = { 0 };

	return oci_layout_read(s, &x, e) < 0 ? -1 : oci_layout_find_in(s, &x, name, out, e);
}

/*
 * The config of such an image says nothing but that it has these layers, so it is written anew
 * from them. A name that our key has signed already is left alone: a job that is run again
 * must not make the list longer, and signatures of one text never look alike.
 */
#include "registry/signature.h"

#include "base/mem.h"
#include "base/progress.h"
#include "registry/document.h"
#include "registry/download.h"
#include "registry/signature_payload.h"
#include "registry/upload.h"

#define MEDIA_PAYLOAD  "application/vnd.dev.cosign.simplesigning.v1+json"
#define KEY_SIGNATURE  "dev.cosignproject.cosign/signature"
#define ANNOTATION_MAX (8u << 10)
#define TRIES	       3

void registry_signature_tag(char out[SIGNATURE_TAG_LEN], const struct oci_digest *image)
{
	snprintf(out, SIGNATURE_TAG_LEN, "sha256-%s.sig", oci_digest_hex(image));
}

/* The signatures that are there; none: an empty manifest. *have: the digest of what is there. */
static int signatures_get(struct oci_manifest *m, struct oci_digest *have, struct op *op,
			  const struct registry_repo *r, const char *tag, struct err *e)
{
	auto_document struct registry_document doc = { 0 };

	if (registry_document_get(&doc, op, r, tag, NULL, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return err_wrap(e, "signatures '%s'", tag);
		err_clear(e);
		return 0;
	}
	if (oci_manifest_parse(m, buf_span(&doc.bytes), doc.desc.media_type, e) < 0)
		return err_wrap(e, "signatures '%s'", tag);
	*have = doc.desc.digest;
	return 0;
}

/* The bytes of a signature; false: the layer is something else. */
static bool layer_signature(struct buf *out, const struct oci_descriptor *layer)
{
	const char *text = strv_env_get(&layer->annotations, KEY_SIGNATURE);

	return strcmp(layer->media_type, MEDIA_PAYLOAD) == 0 && text &&
	       strlen(text) <= ANNOTATION_MAX && base64_decode(out, span_of_str(text)) == 0;
}

/* -- signing ---------------------------------------------------------------------- */

/* Texts that an upload reads like blobs of a store. */
struct text_store {
	struct oci_store base;
	struct strv texts;
};

static int text_open(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		     struct err *e)
{
	const struct text_store *t = CONTAINER_OF(s, struct text_store, base);

	for (size_t i = 0; i < t->texts.n; i++) {
		struct span text = span_of_str(t->texts.v[i]);
		struct oci_digest digest;
		struct span_source *in;

		oci_digest_of_bytes(&digest, text);
		if (!oci_digest_eq(&digest, d))
			continue;
		in = mem_zalloc(sizeof(*in));
		*out = (struct oci_blob){ .source = span_source_init(in, text),
					  .size_bytes = text.n,
					  .state = in,
					  .store = s };
		return 0;
	}
	return err_set(e, ERR_ABSENT, "blob %s: not made here", d->text);
}

static void text_close(struct oci_blob *b)
{
	free(b->state);
}

static const struct oci_store_ops text_ops = { .open = text_open, .close = text_close };

struct signing {
	struct op *op;
	const struct registry_repo *repo;
	const struct oci_digest *image;
	const struct strv *names;
	const struct sign_key *key;
	char tag[SIGNATURE_TAG_LEN];
	/* of one try */
	struct oci_manifest manifest;
	struct text_store texts; /* to be uploaded */
};

static void signing_reset(struct signing *s)
{
	oci_manifest_release(&s->manifest);
	s->manifest = (struct oci_manifest){ 0 };
	strv_release(&s->texts.texts);
	s->texts = (struct text_store){ .base = { .ops = &text_ops, .name = "signatures" } };
}

static void text_descriptor(struct oci_descriptor *d, const char *media_type, const char *text)
{
	d->media_type = mem_strdup(media_type);
	d->size_bytes = strlen(text);
	oci_digest_of_bytes(&d->digest, span_of_str(text));
}

static bool is_signed(const struct signing *s, const struct oci_digest *payload, struct span text)
{
	for (size_t i = 0; i < s->manifest.nr_layers; i++) {
		const struct oci_descriptor *layer = &s->manifest.layers[i];
		auto_buf struct buf sig = BUF_INIT(SIGN_SIGNATURE_MAX);

		if (oci_digest_eq(&layer->digest, payload) && layer_signature(&sig, layer) &&
		    sign_is_valid(s->key, text, buf_span(&sig)))
			return true;
	}
	return false;
}

/* *added grows when the name was not signed yet. */
static int sign_name(size_t *added, struct signing *s, const char *name, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(SIGNATURE_PAYLOAD_MAX);
	auto_buf struct buf sig = BUF_INIT(SIGN_SIGNATURE_MAX);
	auto_descriptor struct oci_descriptor layer = { 0 };
	auto_free char *encoded = NULL;

	signature_payload_write(&text, name, s->image);
	text_descriptor(&layer, MEDIA_PAYLOAD, buf_str(&text));
	if (is_signed(s, &layer.digest, buf_span(&text)))
		return 0;
	if (s->manifest.nr_layers >= SIGNATURE_LAYERS_MAX)
		return err_set(e, ERR_FAILED,
			       "'%s' has %u signatures already, and no more are looked at", s->tag,
			       SIGNATURE_LAYERS_MAX);
	if (sign_make(&sig, s->key, buf_span(&text), e) < 0)
		return -1;
	encoded = base64_encode(buf_span(&sig), false);
	strv_env_set(&layer.annotations, KEY_SIGNATURE, encoded);
	oci_manifest_add_layer(&s->manifest, &layer);
	strv_add(&s->texts.texts, buf_str(&text));
	(*added)++;
	return 0;
}

/* The text of a signed thing is its own diff id: nothing is compressed. */
static void make_config(struct signing *s)
{
	auto_buf struct buf text = BUF_INIT(OCI_CONFIG_MAX);

	buf_add_str(&text,
		    "{\"architecture\":\"\",\"os\":\"\",\"created\":\"0001-01-01T00:00:00Z\","
		    "\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
	for (size_t i = 0; i < s->manifest.nr_layers; i++)
		buf_addf(&text, "%s\"%s\"", i ? "," : "", s->manifest.layers[i].digest.text);
	buf_add_str(&text, "]}}");
	oci_descriptor_release(&s->manifest.config);
	s->manifest.config = (struct oci_descriptor){ 0 };
	text_descriptor(&s->manifest.config, OCI_MEDIA_CONFIG, buf_str(&text));
	strv_add(&s->texts.texts, buf_str(&text));
}

static int send_texts(struct signing *s, struct err *e)
{
	enum registry_upload how;

	for (size_t i = 0; i < s->texts.texts.n; i++) {
		auto_descriptor struct oci_descriptor d = { 0 };

		text_descriptor(&d, "", s->texts.texts.v[i]);
		if (registry_upload(&how, s->op, s->repo, &s->texts.base, &d, e) < 0)
			return -1;
	}
	return 0;
}

/* Puts the list, then looks whether it is what is there. */
static int put_list(bool *ours, struct signing *s, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_http_response struct http_response rs = { 0 };
	auto_manifest struct oci_manifest there = { 0 };
	struct oci_digest want, have = { 0 };

	free(s->manifest.media_type);
	s->manifest.media_type = mem_strdup(OCI_MEDIA_MANIFEST);
	oci_manifest_write(&text, &s->manifest);
	if (text.over)
		return err_set(e, ERR_FAILED, "too many signatures for one manifest");
	oci_digest_of_bytes(&want, buf_span(&text));
	if (registry_api_manifest_put(&rs, s->op, s->repo, s->tag, OCI_MEDIA_MANIFEST,
				      buf_span(&text), e) < 0)
		return -1;
	if (rs.status < 200 || rs.status > 299)
		return registry_session_refused(s->repo->session, &rs, e);
	if (signatures_get(&there, &have, s->op, s->repo, s->tag, e) < 0)
		return -1;
	*ours = oci_digest_eq(&want, &have);
	return 0;
}

static int sign_once(bool *done, struct signing *s, struct err *e)
{
	struct oci_digest have = { 0 };
	size_t added = 0;

	signing_reset(s);
	if (signatures_get(&s->manifest, &have, s->op, s->repo, s->tag, e) < 0)
		return -1;
	for (size_t i = 0; i < s->names->n; i++)
		if (sign_name(&added, s, s->names->v[i], e) < 0)
			return -1;
	*done = added == 0;
	if (*done)
		return 0;
	make_config(s);
	return send_texts(s, e) < 0 ? -1 : put_list(done, s, e);
}

static int sign_run(struct signing *s, struct err *e)
{
	bool done = false;

	for (int i = 0; !done && i < TRIES; i++)
		if (sign_once(&done, s, e) < 0)
			return -1;
	return done ? 0
		    : err_set(e, ERR_FAILED, "somebody else changes '%s' at the same time", s->tag);
}

int registry_sign(struct op *op, const struct registry_repo *r, const struct oci_digest *image,
		  const struct strv *names, const struct sign_key *key, struct err *e)
{
	struct signing s = { .op = op, .repo = r, .image = image, .names = names, .key = key };
	auto_free char *id = mem_printf("sign %.19s", image->text);
	int n;

	registry_signature_tag(s.tag, image);
	progress_begin(op->progress, id, "sign %.19s", image->text);
	n = sign_run(&s, e);
	signing_reset(&s);
	if (n < 0) {
		progress_give_up(op->progress, id, e);
		return err_wrap(e, "sign %s", image->text);
	}
	progress_end(op->progress, id, 0);
	return 0;
}

/* -- verifying -------------------------------------------------------------------- */

struct verifying {
	struct op *op;
	const struct registry_repo *repo;
	const struct oci_digest *image;
	const struct oci_reference *ref;
	const struct sign_key *key;
	char other_name
		[256]; /* what our key has signed this digest as, when that is another repository */
};

static bool same_repository(const char *name, const struct oci_reference *ref)
{
	auto_reference struct oci_reference have = { 0 };
	struct err ignored = ERR_INIT;

	return oci_reference_parse(&have, name, &ignored) == 0 &&
	       oci_reference_same_repository(&have, ref);
}

/* 1: this one says what is asked. 0: it does not. -1: it could not be fetched. */
static int layer_verifies(struct verifying *v, const struct oci_descriptor *layer, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(SIGNATURE_PAYLOAD_MAX);
	auto_buf struct buf sig = BUF_INIT(SIGN_SIGNATURE_MAX);
	auto_payload struct signature_payload p = { 0 };

	if (layer->size_bytes > SIGNATURE_PAYLOAD_MAX || !layer_signature(&sig, layer))
		return 0;
	if (registry_download_bytes(&text, v->op, v->repo, layer, e) < 0) {
		/* somebody else's that is not to be had does not spoil ours */
		if (e->kind != ERR_ABSENT && e->kind != ERR_CORRUPT && e->kind != ERR_FAILED)
			return -1;
		err_clear(e);
		return 0;
	}
	/* nothing of the text is believed before */
	if (!sign_is_valid(v->key, buf_span(&text), buf_span(&sig)))
		return 0;
	if (signature_payload_read(&p, buf_span(&text), e) < 0) {
		err_clear(e);
		return 0;
	}
	if (!oci_digest_eq(&p.image, v->image))
		return 0;
	if (same_repository(p.name, v->ref))
		return 1;
	snprintf(v->other_name, sizeof(v->other_name), "%s", p.name);
	return 0;
}

static int verify_layers(struct verifying *v, const struct oci_manifest *m, struct err *e)
{
	size_t n = m->nr_layers < SIGNATURE_LAYERS_MAX ? m->nr_layers : SIGNATURE_LAYERS_MAX;

	for (size_t i = 0; i < n; i++) {
		int r = layer_verifies(v, &m->layers[i], e);

		if (r)
			return r < 0 ? -1 : 0;
	}
	if (v->other_name[0])
		return err_set(e, ERR_DENIED, "this key has signed it as '%s' only", v->other_name);
	return err_set(e, ERR_DENIED, "%s",
		       m->nr_layers ? "none of its signatures was made with this key"
				    : "it is not signed");
}

static int verify_run(struct verifying *v, struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };
	struct oci_digest have;
	char tag[SIGNATURE_TAG_LEN];

	registry_signature_tag(tag, v->image);
	if (signatures_get(&m, &have, v->op, v->repo, tag, e) < 0)
		return -1;
	return verify_layers(v, &m, e);
}

int registry_verify(struct op *op, const struct registry_repo *r, const struct oci_digest *image,
		    const struct oci_reference *ref, const struct sign_key *key, struct err *e)
{
	struct verifying v = { .op = op, .repo = r, .image = image, .ref = ref, .key = key };
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);

	if (verify_run(&v, e) == 0)
		return 0;
	oci_reference_familiar(&name, ref);
	return err_wrap(e, "signature of %s: %s", buf_str(&name), image->text);
}

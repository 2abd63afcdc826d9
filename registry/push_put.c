/*
 * Manifests. A registry that misses a blob for one of them says which (or only that), and may be
 * right, or not have noticed yet what was sent to another of its instances: it is given some time, asked,
 * sent what is missing, and given the manifest again.
 *
 * A tag that may not be moved refuses what it already is, too: that is no failure.
 */
#include "registry/push_parts.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "registry/api_error.h"

#define ROUNDS_MAX 3

static int put_document(struct push *p, const struct oci_descriptor *d, const char *name,
			struct http_response *rs, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	if (oci_store_read(p->from, d, OCI_MANIFEST_MAX, &text, e) < 0)
		return -1;
	return registry_api_manifest_put(rs, p->op, &p->repo, name, d->media_type, buf_span(&text),
					 e);
}

/* -- what a registry misses -------------------------------------------------------------- */

static int is_absent(bool *absent, struct push *p, const struct oci_digest *d, bool is_document,
		     struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	int r = is_document ? registry_api_manifest_head(&rs, p->op, &p->repo, d->text, e)
			    : registry_api_blob_head(&rs, p->op, &p->repo, d, e);

	*absent = rs.status == 404;
	return r;
}

static int send_missing(struct push *p, const struct oci_digest *d, struct err *e)
{
	ptrdiff_t i = push_plan_find(&p->plan, d);
	bool absent;

	if (i >= 0) {
		if (is_absent(&absent, p, d, false, e) < 0)
			return -1;
		if (!absent)
			return 0;
		/* it may have been said to be there: no such word is asked for again */
		registry_session_host(p->repo.session)->mount = REGISTRY_MOUNT_USELESS;
		return push_blob(p, (size_t)i, true, e);
	}
	for (size_t k = 0; k + 1 < p->plan.nr_documents; k++) {
		const struct oci_descriptor *doc = &p->plan.documents[k];
		auto_http_response struct http_response rs = { 0 };

		if (!oci_digest_eq(&doc->digest, d))
			continue;
		if (is_absent(&absent, p, d, true, e) < 0)
			return -1;
		return absent ? put_document(p, doc, d->text, &rs, e) : 0;
	}
	return 0;
}

static int send_all_missing(struct push *p, const struct http_response *rs, struct err *e)
{
	auto_strv struct strv missing = STRV_INIT;

	registry_api_missing(&missing, rs);
	if (!missing.n) {
		for (size_t i = 0; i < p->plan.nr_blobs; i++)
			strv_add(&missing, p->plan.blobs[i].digest.text);
		for (size_t i = 0; i + 1 < p->plan.nr_documents; i++)
			strv_add(&missing, p->plan.documents[i].digest.text);
	}
	for (size_t i = 0; i < missing.n; i++) {
		struct oci_digest d;

		if (oci_digest_parse(&d, span_of_str(missing.v[i]), e) < 0 ||
		    send_missing(p, &d, e) < 0)
			return -1;
	}
	return 0;
}

static bool is_missing_something(const struct http_response *rs)
{
	return (rs->status == 400 || rs->status == 404) &&
	       (registry_api_has_code(rs, "MANIFEST_BLOB_UNKNOWN") ||
		registry_api_has_code(rs, "BLOB_UNKNOWN"));
}

static int put_until_whole(struct push *p, const struct oci_descriptor *d, const char *name,
			   struct http_response *rs, struct err *e)
{
	for (unsigned round = 0;; round++) {
		http_response_release(rs);
		if (put_document(p, d, name, rs, e) < 0)
			return -1;
		if (!is_missing_something(rs) || round == ROUNDS_MAX)
			return 0;
		progress_note(p->op->progress,
			      "%s: blobs are missing there, asking again in %u s (%u of %u)",
			      registry_session_name(p->repo.session), 1u << round, round + 1,
			      ROUNDS_MAX);
		p->op->clock->sleep_ms(p->op->clock, INT64_C(1000) << round, p->op->cancel);
		if (cancel_check(p->op->cancel, e) < 0 || send_all_missing(p, rs, e) < 0)
			return -1;
	}
}

/* -- the answer ------------------------------------------------------------------------- */

static bool may_be_immutable(const struct http_response *rs)
{
	return rs->status == 403 || rs->status == 409 || rs->status == 412 ||
	       (rs->status == 400 &&
		(registry_api_has_code(rs, "TAG_INVALID") ||
		 memmem(buf_str(&rs->body), rs->body.len, "AlreadyExists",
			strlen("AlreadyExists")) ||
		 memmem(buf_str(&rs->body), rs->body.len, "immutable", strlen("immutable"))));
}

/* Does the name have this digest, whatever was said about putting it there? */
static bool is_so_already(struct push *p, const struct oci_descriptor *d, const char *name)
{
	auto_http_response struct http_response head = { 0 }, get = { 0 };
	struct err ignored = ERR_INIT;
	struct oci_digest there;

	if (registry_api_manifest_head(&head, p->op, &p->repo, name, &ignored) < 0 ||
	    head.status != 200)
		return false;
	if (!registry_api_digest(&there, &head)) {
		if (registry_api_manifest_get(&get, p->op, &p->repo, name, &ignored) < 0 ||
		    get.status != 200)
			return false;
		oci_digest_of_bytes(&there, buf_span(&get.body));
	}
	return oci_digest_eq(&there, &d->digest);
}

static int put_judged(struct push *p, const struct oci_descriptor *d, const char *name,
		      struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	struct oci_digest there;

	if (put_until_whole(p, d, name, &rs, e) < 0)
		return -1;
	if (rs.status < 200 || rs.status > 299) {
		if (may_be_immutable(&rs) && is_so_already(p, d, name)) {
			log_info(p->op, "%s may not be moved, and has this digest", name);
			return 0;
		}
		registry_session_refused(p->repo.session, &rs, e);
		/* nothing that anybody named */
		if (is_missing_something(&rs))
			e->kind = ERR_FAILED;
		return -1;
	}
	if (registry_api_digest(&there, &rs) && !oci_digest_eq(&there, &d->digest))
		return err_set(e, ERR_CORRUPT, "the registry has taken it as %s", there.text);
	return 0;
}

int push_put(struct push *p, const struct oci_descriptor *d, const char *name, struct err *e)
{
	auto_free char *id = mem_printf("name %s", name);

	progress_begin(p->op->progress, id, "manifest %.19s as %.19s", d->digest.text, name);
	if (put_judged(p, d, name, e) < 0) {
		progress_give_up(p->op->progress, id, e);
		return err_wrap(e, "manifest %s", d->digest.text);
	}
	progress_end(p->op->progress, id, d->size_bytes);
	return 0;
}

/*
 * One blob, until it is there. How its bytes go is a ladder, and what a host has taught us is kept for
 * the blobs to come (host.h):
 *
 *	one PUT with all of them; where that is refused in a way that speaks of the PUT and not of
 *	the blob, one PATCH and an empty PUT, which every registry knows from docker;
 *	pieces, where a proxy takes no more at once (413), or the line breaks again and again.
 *
 * A PUT that broke is never sent again to the same place: what arrived there is unknown. The
 * whole begins anew, out of one budget; an upload that the registry has forgotten, and a token that ran
 * out on the way, are no failures of it, but are counted.
 */
#include "registry/upload.h"

#include "base/cancel.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "registry/upload_parts.h"

#define LOST_MAX   3 /* uploads that the registry forgot */
#define LATE_MAX   1 /* tokens that ran out while a body went */
#define BREAKS_MAX 2 /* of the line amid a body, before it goes in pieces */

/* -- which way ------------------------------------------------------------------ */

static void choose_way(struct upload *u)
{
	uint64_t most = registry_session_options(u->repo.session)->chunk_bytes;

	if (u->way_is_ours)
		return;
	u->way = u->host->body;
	if (!most)
		most = u->host->chunk_bytes;
	if (!most || u->blob->size_bytes <= most || u->host->no_chunks)
		return;
	u->chunk_bytes = most;
	u->way = REGISTRY_BODY_CHUNKS;
}

static bool take_way(struct upload *u, enum registry_body way, uint64_t chunk_bytes)
{
	if (++u->ways > UPLOAD_WAYS_MAX)
		return false;
	u->way = way;
	u->way_is_ours = true;
	u->chunk_bytes = chunk_bytes;
	log_info(u->op, "%s: %s", u->blob->digest.text,
		 way == REGISTRY_BODY_CHUNKS ? "goes in pieces" : "goes by PATCH");
	return true;
}

/* So large a body does not get through. */
static bool take_pieces(struct upload *u, uint64_t too_much)
{
	uint64_t n = upload_chunk(u);

	if (u->host->no_chunks)
		return false;
	if (u->way == REGISTRY_BODY_CHUNKS)
		n /= 4;
	else if (n > too_much / 2)
		n = too_much / 2;
	return n >= UPLOAD_CHUNK_MIN && n >= u->chunk_least && take_way(u, REGISTRY_BODY_CHUNKS, n);
}

/* An answer to a whole body in a PUT that speaks of the PUT. A 502 to 504 may be an accident, once. */
static bool is_put_refused(struct upload *u, long status)
{
	bool whole = upload_body_taken(&u->body) == u->blob->size_bytes;

	if (u->host->body_proved && u->host->body == REGISTRY_BODY_PUT)
		return false;
	if (status == 400 || status == 404 || status == 405 || status == 411)
		return true;
	return status >= 500 && whole && (status <= 501 || ++u->faults > 1);
}

static bool is_patch_refused(const struct upload *u, long status)
{
	return u->way == REGISTRY_BODY_CHUNKS && !u->body.begins &&
	       (status == 400 || status == 405 || status == 415 || status == 501);
}

/* True: there was an answer, and another way may go better. */
static bool change_way(struct upload *u, const struct http_response *rs)
{
	if (u->step != UPLOAD_PUT && u->step != UPLOAD_PATCH)
		return false;
	if (rs->status == 413)
		return take_pieces(u, u->body.base.size_bytes);
	if (u->step == UPLOAD_PUT)
		return is_put_refused(u, rs->status) && take_way(u, REGISTRY_BODY_PATCH, 0);
	if (!is_patch_refused(u, rs->status) || u->host->no_chunks)
		return false;
	u->host->no_chunks = true;
	return take_way(u, REGISTRY_BODY_PATCH, 0);
}

/* No answer came. When the line breaks amid a body again, less of it goes at once from then on. */
static void note_break(struct upload *u)
{
	uint64_t taken = upload_body_taken(&u->body);

	if (u->step == UPLOAD_PUT || u->step == UPLOAD_PATCH)
		if (taken && taken < u->body.base.size_bytes && ++u->breaks >= BREAKS_MAX &&
		    u->way != REGISTRY_BODY_CHUNKS)
			(void)take_pieces(u, taken);
}

/* What worked for this blob will work for others. */
static void learn_way(struct upload *u)
{
	if (u->outcome != REGISTRY_UPLOAD_SENT || !u->blob->size_bytes)
		return;
	if (u->way == REGISTRY_BODY_CHUNKS) {
		if (!registry_session_options(u->repo.session)->chunk_bytes || u->ways)
			u->host->chunk_bytes = upload_chunk(u);
		return;
	}
	if (u->host->body_proved)
		return;
	u->host->body = u->way;
	u->host->body_proved = true;
}

/* The way first: who waits for the blob goes on with it. */
static void learn(struct upload *u)
{
	learn_way(u);
	if (u->outcome == REGISTRY_UPLOAD_SENT)
		registry_host_note_sent(u->host, u->repo.path, &u->blob->digest);
}

/* -- again and again -------------------------------------------------------------- */

/* The place was forgotten, or the token ran out on the way. */
static bool is_lost(struct upload *u, const struct http_response *rs)
{
	const struct buf *b = &rs->body;
	bool forgotten =
		rs->status == 404 || rs->status == 416 ||
		(b->len && memmem(b->data, b->len, "BLOB_UPLOAD_", strlen("BLOB_UPLOAD_")));

	if (u->step == UPLOAD_BEGIN || (rs->status == 401 && !u->worth_another))
		return false;
	if (rs->status == 401 ? ++u->late > LATE_MAX : !forgotten || ++u->lost > LOST_MAX)
		return false;
	log_info(u->op, "%s: the upload was answered %ld, beginning anew", u->blob->digest.text,
		 rs->status);
	return true;
}

static bool upload_again(struct upload *u, int *r, struct http_response *rs, struct err *e)
{
	if (*r == 0 && (u->is_done || u->half == UPLOAD_OPEN))
		return false;
	if (u->is_to_restart)
		return true;
	if (*r == 0 && (change_way(u, rs) || is_lost(u, rs)))
		return true;
	if (*r < 0)
		note_break(u);
	return http_retry_again(&u->retry, u->op, r, rs, e);
}

/* Once through, or half. 0 and not done: *rs is an answer that somebody has to judge. */
static int upload_try(struct upload *u, struct http_response *rs, struct err *e)
{
	u->is_to_restart = false;
	if (u->half != UPLOAD_OPEN) {
		if (upload_begin(u, rs, e) < 0)
			return -1;
		if (u->is_done || !u->at.path)
			return 0;
		http_response_release(rs);
	}
	if (u->half == UPLOAD_FIRST) {
		u->half = UPLOAD_OPEN;
		return 0;
	}
	if (u->half == UPLOAD_OPEN)
		u->half = UPLOAD_SECOND;
	/* as late as can be: the beginning may have waited for another blob, which found out what goes */
	choose_way(u);
	return upload_send(u, rs, e);
}

static int upload_run(struct upload *u, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	int r;

	do {
		http_response_release(&rs);
		r = upload_try(u, &rs, e);
	} while (upload_again(u, &r, &rs, e));
	if (r == 0 && !u->is_done && u->half != UPLOAD_OPEN) {
		r = registry_session_refused(u->repo.session, &rs, e);
		/* what is not found there is a place of the registry's own making */
		if (e->kind == ERR_ABSENT && u->step != UPLOAD_BEGIN)
			e->kind = ERR_FAILED;
	}
	if (r == 0 && u->is_done)
		learn(u);
	/* nobody else will ever end it */
	if (r < 0 && e->kind == ERR_CANCELLED && u->at.path)
		registry_api_upload_cancel(u->op, &u->repo, &u->at);
	return r;
}

/* -- beginning and end ---------------------------------------------------------------- */

static struct upload *upload_new(struct op *op, const struct registry_repo *r,
				 struct oci_store *from, const struct oci_descriptor *blob,
				 const struct strv *mounts)
{
	struct upload *u = mem_zalloc(sizeof(*u));

	u->op = op;
	u->repo = *r;
	u->blob = blob;
	u->mounts = mounts;
	u->host = registry_session_host(r->session);
	u->id = mem_printf("push %.19s", blob->digest.text);
	u->retry = registry_session_budget(r->session, u->id);
	u->repo.retry = &u->retry;
	u->repo.worth_another = &u->worth_another;
	upload_body_init(&u->body, op, from, blob, u->id);
	progress_begin(op->progress, u->id, "push %.19s", blob->digest.text);
	return u;
}

static void upload_free(struct upload *u)
{
	upload_body_release(&u->body);
	url_release(&u->at);
	free(u->id);
	free(u);
}

/* The last of it: told, and released. */
static int upload_over(enum registry_upload *out, struct upload *u, int r, struct err *e)
{
	struct progress *told = u->op->progress;

	if (r < 0) {
		progress_give_up(told, u->id, e);
		if (!registry_session_login_refused(u->repo.session))
			err_wrap(e, "blob %s", u->blob->digest.text);
	} else if (u->outcome == REGISTRY_UPLOAD_SENT) {
		progress_end(told, u->id, u->blob->size_bytes);
	} else {
		progress_cached(told, u->id,
				u->outcome == REGISTRY_UPLOAD_EXISTS ? "exists" : "mounted");
	}
	*out = u->outcome;
	upload_free(u);
	return r;
}

int registry_upload_or_mount(enum registry_upload *out, struct op *op,
			     const struct registry_repo *r, struct oci_store *from,
			     const struct oci_descriptor *blob, const struct strv *mounts,
			     struct err *e)
{
	struct upload *u = upload_new(op, r, from, blob, mounts);

	return upload_over(out, u, upload_run(u, e), e);
}

int registry_upload(enum registry_upload *out, struct op *op, const struct registry_repo *r,
		    struct oci_store *from, const struct oci_descriptor *blob, struct err *e)
{
	return registry_upload_or_mount(out, op, r, from, blob, NULL, e);
}

int registry_upload_begin(struct upload **open, enum registry_upload *out, struct op *op,
			  const struct registry_repo *r, struct oci_store *from,
			  const struct oci_descriptor *blob, const struct strv *mounts,
			  struct err *e)
{
	struct upload *u = upload_new(op, r, from, blob, mounts);
	int asked;

	*open = NULL;
	u->half = UPLOAD_FIRST;
	asked = upload_run(u, e);
	if (asked < 0 || u->half != UPLOAD_OPEN)
		return upload_over(out, u, asked, e);
	registry_host_opened(u->host);
	*open = u;
	return 0;
}

int registry_upload_end(enum registry_upload *out, struct upload *open, struct err *e)
{
	int r = upload_run(open, e);

	registry_host_ended(open->host);
	return upload_over(out, open, r, e);
}

void registry_upload_drop(struct upload *open, const struct err *why)
{
	if (!open)
		return;
	registry_api_upload_cancel(open->op, &open->repo, &open->at);
	registry_host_ended(open->host);
	progress_give_up(open->op->progress, open->id, why);
	upload_free(open);
}

/*
 * The bytes, in the way that was chosen. Nothing is ever sent to a place a second time without asking
 * what has arrived there: pieces go on from there, and all else begins anew elsewhere.
 */
#include "registry/upload_parts.h"

#include "base/log.h"

#define CHUNK_DEFAULT (8u << 20)
#define CHUNK_GHCR    (4u << 20) /* it answers 416 to more */

uint64_t upload_chunk(const struct upload *u)
{
	uint64_t n = u->chunk_bytes;

	if (!n)
		n = strcmp(registry_session_name(u->repo.session), "ghcr.io") == 0 ? CHUNK_GHCR
										   : CHUNK_DEFAULT;
	if (n < u->chunk_least)
		n = u->chunk_least;
	return n > UPLOAD_CHUNK_MAX ? UPLOAD_CHUNK_MAX : n;
}

static bool is_good(const struct http_response *rs)
{
	return rs->status >= 200 && rs->status <= 299;
}

/*
 * 201 is the answer to a PUT. After a 200 or 204, or a redirect, only a look tells: what was asked
 * on the way may have become something else.
 */
static int send_judge(struct upload *u, const struct http_response *rs, struct err *e)
{
	auto_http_response struct http_response head = { 0 };

	if (!is_good(rs))
		return 0;
	u->all_sent = true;
	if (rs->status == 201 && !u->moved)
		return upload_done(u, REGISTRY_UPLOAD_SENT);
	if (registry_api_blob_head(&head, u->op, &u->repo, &u->blob->digest, e) < 0)
		return -1;
	if (!upload_says_exists(u, &head))
		return err_set(e, upload_is_trouble(head.status) ? ERR_UNAVAILABLE : ERR_FAILED,
			       "the upload was answered %ld but the blob is not there", rs->status);
	return upload_done(u, REGISTRY_UPLOAD_SENT);
}

static int send_put(struct upload *u, struct http_response *rs, struct http_body *body,
		    struct err *e)
{
	u->step = body ? UPLOAD_PUT : UPLOAD_CLOSE;
	if (registry_api_upload_put(rs, &u->moved, u->op, &u->repo, &u->at, &u->blob->digest, body,
				    e) < 0)
		return -1;
	return send_judge(u, rs, e);
}

static int send_patch(struct upload *u, struct http_response *rs, struct err *e)
{
	u->step = UPLOAD_PATCH;
	if (registry_api_upload_patch(rs, &u->at, u->op, &u->repo,
				      upload_body_piece(&u->body, 0, u->blob->size_bytes),
				      UINT64_MAX, e) < 0)
		return -1;
	if (!is_good(rs))
		return 0;
	u->all_sent = true;
	http_response_release(rs);
	return send_put(u, rs, NULL, e);
}

/* -- pieces ---------------------------------------------------------------------- */

/* How much has arrived of what was sent. False: that cannot be known. */
static bool ask_offset(uint64_t *offset, struct upload *u, uint64_t most)
{
	auto_http_response struct http_response rs = { 0 };
	struct err ignored = ERR_INIT;
	uint64_t n;

	if (registry_api_upload_status(&rs, u->op, &u->repo, &u->at, &ignored) < 0 ||
	    rs.status != 204 || !registry_api_range(&n, &rs) || n > most)
		return false;
	*offset = n;
	return true;
}

/*
 * A piece was answered 416: the registry counts otherwise (then its word is believed), or takes only
 * smaller pieces. 1: go on from *offset.
 */
static int range_refused(struct upload *u, uint64_t *offset, uint64_t size,
			 const struct http_response *rs)
{
	uint64_t there;

	if (!registry_api_range(&there, rs) && !ask_offset(&there, u, *offset + size))
		return 0;
	if (there > *offset + size)
		return 0;
	if (there == *offset) {
		if (size <= CHUNK_GHCR || CHUNK_GHCR < u->chunk_least)
			return 0;
		u->chunk_bytes = CHUNK_GHCR;
	}
	log_info(u->op, "%s: goes on from byte %ju", u->blob->digest.text, (uintmax_t)there);
	*offset = there;
	return 1;
}

/*
 * After a piece that failed. True: go on from *offset. False: *r and *rs say how it ended, or the whole
 * begins anew.
 */
static bool chunk_again(struct upload *u, uint64_t *offset, uint64_t size, int *r,
			struct http_response *rs, struct err *e)
{
	if (*r == 0 && rs->status == 416)
		return ++u->ways <= UPLOAD_WAYS_MAX && range_refused(u, offset, size, rs);
	if (!http_retry_again(&u->retry, u->op, r, rs, e))
		return false;
	u->is_to_restart = !ask_offset(offset, u, *offset + size);
	return !u->is_to_restart;
}

/*
 * How far a piece that was taken has brought us. The registry's Range is believed where it lies within the
 * piece; elsewhere our own count is: there are registries whose Range stays where it was.
 */
static uint64_t piece_end(uint64_t offset, uint64_t size, const struct http_response *rs)
{
	uint64_t there;

	if (registry_api_range(&there, rs) && there > offset && there > 1 && there < offset + size)
		return there;
	return offset + size;
}

static int send_chunks(struct upload *u, struct http_response *rs, struct err *e)
{
	uint64_t offset = 0, all = u->blob->size_bytes;

	u->step = UPLOAD_PATCH;
	while (offset < all) {
		uint64_t n = upload_chunk(u);
		struct http_body *body;
		int r;

		if (n > all - offset)
			n = all - offset;
		body = upload_body_piece(&u->body, offset, n);
		http_response_release(rs);
		r = registry_api_upload_patch(rs, &u->at, u->op, &u->repo, body, offset, e);
		if (r == 0 && is_good(rs))
			offset = piece_end(offset, n, rs);
		else if (!chunk_again(u, &offset, n, &r, rs, e))
			return r;
	}
	u->all_sent = true;
	http_response_release(rs);
	return send_put(u, rs, NULL, e);
}

int upload_send(struct upload *u, struct http_response *rs, struct err *e)
{
	u->moved = false;
	if (u->way == REGISTRY_BODY_CHUNKS && u->blob->size_bytes)
		return send_chunks(u, rs, e);
	if (u->way == REGISTRY_BODY_PATCH && u->blob->size_bytes)
		return send_patch(u, rs, e);
	return send_put(u, rs, upload_body_piece(&u->body, 0, u->blob->size_bytes), e);
}

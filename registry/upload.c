/*
 * Does the registry have this blob? A mount of the blob from its own repository
 * answers that (201) and begins the upload otherwise (202): one request for
 * what takes HEAD and POST elsewhere. Not every registry need be able to answer 201,
 * so before much is sent, and until one 201 was seen, a HEAD makes sure; and where the
 * mount is refused it is HEAD first from then on.
 *
 * Then one PUT of the whole. A PUT that broke is never sent again to the same place:
 * what arrived there is unknown. The whole begins anew, out of one budget.
 */
#include "registry/upload.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"

#define SEND_UNASKED_MAX (1u << 20)
#define LOST_MAX	 3 /* uploads that the registry forgot */

/* -- the body ------------------------------------------------------------------ */

struct upload_body {
	struct http_body base;
	struct op *op;
	struct oci_store *from;
	const struct oci_descriptor *blob;
	const char *id;
};

/* Gives the blob's bytes, but the last of them only when all are proved right. */
struct upload_source {
	struct source base;
	const struct upload_body *body;
	struct oci_blob blob;
	struct progress_source progress;
	struct source *in;
	struct hash hash;
	uint64_t left;
};

static int upload_corrupt(const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "corrupt in the store: %s", why);
}

/* Everything was read: the hash must be the name. */
static int upload_verify(struct upload_source *u, struct err *e)
{
	unsigned char raw[HASH_SHA256_LEN];
	struct oci_digest digest;

	hash_final(&u->hash, raw);
	oci_digest_of_raw(&digest, raw);
	if (!oci_digest_eq(&digest, &u->body->blob->digest))
		return upload_corrupt("its bytes have another digest", e);
	return 0;
}

static ssize_t upload_read(struct source *s, void *p, size_t n, struct err *e)
{
	struct upload_source *u = CONTAINER_OF(s, struct upload_source, base);
	ssize_t got;

	if (!u->left)
		return 0;
	if (n > u->left)
		n = (size_t)u->left;
	got = source_read(u->in, p, n, e);
	if (got < 0)
		return -1;
	if (got == 0)
		return upload_corrupt("shorter than it should be", e);
	hash_update(&u->hash, p, (size_t)got);
	u->left -= (uint64_t)got;
	if (!u->left && upload_verify(u, e) < 0)
		return -1;
	return got;
}

static void upload_close(struct http_body *b, struct source *s)
{
	struct upload_source *u = CONTAINER_OF(s, struct upload_source, base);

	(void)b;
	hash_release(&u->hash);
	oci_blob_close(&u->blob);
	free(u);
}

static int upload_open(struct http_body *b, struct source **out, struct err *e)
{
	const struct upload_body *body = CONTAINER_OF(b, struct upload_body, base);
	struct upload_source *u = mem_zalloc(sizeof(*u));

	u->base.read = upload_read;
	u->body = body;
	u->left = body->blob->size_bytes;
	hash_init(&u->hash);
	if (oci_store_open(body->from, &body->blob->digest, &u->blob, e) < 0)
		goto fail;
	u->in = progress_source_init(&u->progress, u->blob.source, body->op, body->id, u->left);
	if (u->blob.size_bytes != u->left) {
		upload_corrupt("not of the size that the manifest says", e);
		goto fail;
	}
	/* nothing will be read, so it is verified at once */
	if (!u->left && upload_verify(u, e) < 0)
		goto fail;
	*out = &u->base;
	return 0;
fail:
	upload_close(b, &u->base);
	return -1;
}

/* -- the way of one blob ----------------------------------------------------------- */

struct upload {
	struct op *op;
	const struct registry_repo *repo;
	const struct oci_descriptor *blob;
	const char *mount_from; /* a path; NULL: none, or it was of no use */
	struct upload_body body;
	unsigned lost;
	bool put; /* the last answer is a PUT's */
	bool is_done;
	enum registry_upload outcome;
};

static int upload_done(struct upload *u, enum registry_upload outcome)
{
	u->is_done = true;
	u->outcome = outcome;
	return 0;
}

/* A blob of another length under this name is not this blob: it is sent again. */
static bool says_exists(const struct upload *u, const struct http_response *rs)
{
	uint64_t n;

	return rs->status == 200 && (!registry_api_length(&n, rs) || n == u->blob->size_bytes);
}

/* A refusal to look is not "absent" and not "there"; only trouble is left to the retries. */
static bool is_trouble(long status)
{
	return status >= 500 || status == 408 || status == 425 || status == 429;
}

static int begin_after_head(struct upload *u, struct http_response *rs, struct err *e)
{
	if (registry_api_blob_head(rs, u->op, u->repo, &u->blob->digest, e) < 0)
		return -1;
	if (says_exists(u, rs))
		return upload_done(u, REGISTRY_UPLOAD_EXISTS);
	if (is_trouble(rs->status))
		return 0;
	http_response_release(rs);
	return registry_api_upload_begin(rs, u->op, u->repo, NULL, NULL, e);
}

/* An upload was begun, so the blob should be absent; for a large one that is made sure. */
static int begin_check(struct upload *u, struct err *e)
{
	auto_http_response struct http_response head = { 0 };

	if (u->blob->size_bytes <= SEND_UNASKED_MAX)
		return 0;
	if (registry_api_blob_head(&head, u->op, u->repo, &u->blob->digest, e) < 0)
		return -1;
	if (!says_exists(u, &head))
		return 0;
	registry_session_host(u->repo->session)->mount = REGISTRY_MOUNT_USELESS;
	return upload_done(u, REGISTRY_UPLOAD_EXISTS);
}

static bool is_mount_refused(long status)
{
	return status == 400 || status == 401 || status == 403 || status == 404 || status == 405;
}

static int begin_here(struct upload *u, struct http_response *rs, struct err *e)
{
	struct registry_session *s = u->repo->session;
	enum registry_mount mount = registry_session_host(s)->mount;

	if (mount == REGISTRY_MOUNT_USELESS)
		return begin_after_head(u, rs, e);
	if (registry_api_upload_begin(rs, u->op, u->repo, &u->blob->digest, NULL, e) < 0)
		return -1;
	if (rs->status == 201) {
		registry_session_host(s)->mount = REGISTRY_MOUNT_TELLS;
		return upload_done(u, REGISTRY_UPLOAD_EXISTS);
	}
	if (rs->status == 202 && mount == REGISTRY_MOUNT_UNKNOWN)
		return begin_check(u, e);
	if (!is_mount_refused(rs->status))
		return 0;
	registry_session_host(s)->mount = REGISTRY_MOUNT_USELESS;
	http_response_release(rs);
	return begin_after_head(u, rs, e);
}

/*
 * From the repository that is known to have it. 1: *rs, an error or u->is_done says how it went; 0:
 * that way is closed, for whatever reason. What this tells is about that repository, not about the
 * registry.
 */
static int begin_elsewhere(struct upload *u, struct http_response *rs, struct err *e)
{
	int r = registry_api_upload_begin(rs, u->op, u->repo, &u->blob->digest, u->mount_from, e);

	if (r == 0 && rs->status == 201) {
		upload_done(u, REGISTRY_UPLOAD_MOUNTED);
		return 1;
	}
	if (r == 0 && rs->status == 202) {
		auto_http_response struct http_response head = { 0 };

		if (registry_api_blob_head(&head, u->op, u->repo, &u->blob->digest, e) < 0)
			return -1;
		if (says_exists(u, &head))
			upload_done(u, REGISTRY_UPLOAD_EXISTS);
		return 1;
	}
	/* a token for both repositories may be refused where one for ours is not */
	if (r < 0 ? e->kind != ERR_DENIED : !is_mount_refused(rs->status))
		return r < 0 ? -1 : 1;
	err_clear(e);
	http_response_release(rs);
	u->mount_from = NULL;
	return 0;
}

static int upload_begin(struct upload *u, struct http_response *rs, struct err *e)
{
	int elsewhere = u->mount_from ? begin_elsewhere(u, rs, e) : 0;

	return elsewhere ? (elsewhere < 0 ? -1 : 0) : begin_here(u, rs, e);
}

/* 201 is the answer to a PUT. After a 200 or 204 only a look tells: a redirect on the way may
 * have turned it into something else. */
static int upload_judge(struct upload *u, const struct http_response *rs, struct err *e)
{
	auto_http_response struct http_response head = { 0 };

	if (rs->status == 201)
		return upload_done(u, REGISTRY_UPLOAD_SENT);
	if (rs->status != 200 && rs->status != 204)
		return 0;
	if (registry_api_blob_head(&head, u->op, u->repo, &u->blob->digest, e) < 0)
		return -1;
	if (!says_exists(u, &head))
		return err_set(e, is_trouble(head.status) ? ERR_UNAVAILABLE : ERR_FAILED,
			       "the upload was answered %ld but the blob is not there", rs->status);
	return upload_done(u, REGISTRY_UPLOAD_SENT);
}

/* Once through. 0 and not done: *rs is an answer that somebody has to judge. */
static int upload_try(struct upload *u, struct http_response *rs, struct err *e)
{
	auto_url struct url at = { 0 };

	u->put = false;
	if (upload_begin(u, rs, e) < 0)
		return -1;
	if (u->is_done || rs->status < 200 || rs->status > 299)
		return 0;
	if (registry_api_upload_location(&at, u->repo, rs, e) < 0)
		return -1;
	http_response_release(rs);
	u->put = true;
	if (registry_api_upload_put(rs, u->op, u->repo, &at, &u->blob->digest, &u->body.base, e) <
	    0)
		return -1;
	return upload_judge(u, rs, e);
}

/* The place was forgotten, or the token ran out on the way: from the beginning. */
static bool upload_is_lost(struct upload *u, int r, const struct http_response *rs)
{
	if (r < 0 || u->is_done || !u->put || (rs->status != 401 && rs->status != 404))
		return false;
	if (++u->lost > (rs->status == 401 ? 1 : LOST_MAX))
		return false;
	log_info(u->op, "%s: the upload was answered %ld, beginning anew", u->blob->digest.text,
		 rs->status);
	return true;
}

static int upload_run(struct upload *u, struct err *e)
{
	struct http_retry retry = registry_session_budget(u->repo->session, u->body.id);
	auto_http_response struct http_response rs = { 0 };
	int r;

	do {
		http_response_release(&rs);
		r = upload_try(u, &rs, e);
	} while (http_retry_again(&retry, u->op, &r, &rs, e) || upload_is_lost(u, r, &rs));
	if (r == 0 && !u->is_done)
		r = registry_session_refused(u->repo->session, &rs, e);
	return r;
}

int registry_upload_or_mount(enum registry_upload *out, struct op *op,
			     const struct registry_repo *r, struct oci_store *from,
			     const struct oci_descriptor *blob, const char *mount_from,
			     struct err *e)
{
	auto_free char *id = mem_printf("push %.19s", blob->digest.text);
	struct upload u = { .op = op, .repo = r, .blob = blob, .mount_from = mount_from };

	u.body = (struct upload_body){ .base = { .open = upload_open,
						 .close = upload_close,
						 .size_bytes = blob->size_bytes },
				       .op = op,
				       .from = from,
				       .blob = blob,
				       .id = id };
	progress_begin(op->progress, id, "push %.19s", blob->digest.text);
	if (upload_run(&u, e) < 0) {
		progress_give_up(op->progress, id, e);
		return err_wrap(e, "blob %s", blob->digest.text);
	}
	if (u.outcome == REGISTRY_UPLOAD_EXISTS)
		progress_cached(op->progress, id, "exists");
	else if (u.outcome == REGISTRY_UPLOAD_MOUNTED)
		progress_cached(op->progress, id, "mounted");
	else
		progress_end(op->progress, id, blob->size_bytes);
	*out = u.outcome;
	return 0;
}

int registry_upload(enum registry_upload *out, struct op *op, const struct registry_repo *r,
		    struct oci_store *from, const struct oci_descriptor *blob, struct err *e)
{
	return registry_upload_or_mount(out, op, r, from, blob, NULL, e);
}

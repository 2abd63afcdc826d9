/*
 * Does the registry have this blob? A mount of the blob from its own repository
 * answers that (201) and begins the upload otherwise (202): one request for
 * what takes HEAD and POST elsewhere. Not every registry need be able to answer 201,
 * so before much is sent, and until one 201 was seen, that is made sure: by asking so for a blob that
 * we have just sent, once for all blobs, or else by a HEAD; and where the mount is refused, or says
 * nothing of such a blob, it is HEAD first from then on.
 *
 * Repositories that may have it are asked first, by the same request; the upload that the last of
 * them has begun instead is used.
 */
#include "registry/upload_parts.h"

#include "base/log.h"

#define MOUNT_RETRIES	 2 /* then it is asked without one */
#define SEND_UNASKED_MAX (1u << 20)

int upload_done(struct upload *u, enum registry_upload outcome)
{
	u->is_done = true;
	u->outcome = outcome;
	/* what is found there after we sent it is ours: only the answer was lost */
	if (outcome == REGISTRY_UPLOAD_EXISTS && u->all_sent)
		u->outcome = REGISTRY_UPLOAD_SENT;
	return 0;
}

bool upload_says_exists(const struct upload *u, const struct http_response *rs)
{
	uint64_t n;

	return rs->status == 200 && (!registry_api_length(&n, rs) || n == u->blob->size_bytes);
}

bool upload_is_trouble(long status)
{
	return status >= 500 || http_status_is_transient(status);
}

static int post(struct upload *u, struct http_response *rs, const struct oci_digest *mount,
		const char *from, struct err *e)
{
	struct url at = { 0 };
	const char *least;

	if (registry_api_upload_begin(rs, &at, u->op, &u->repo, mount, from, e) < 0)
		return -1;
	if (!at.path)
		return 0;
	url_release(&u->at);
	u->at = at;
	least = http_header(rs, "oci-chunk-min-length");
	if (!least || span_to_u64(&u->chunk_least, span_of_str(least)) < 0)
		u->chunk_least = 0;
	return 0;
}

static int begin_after_head(struct upload *u, struct http_response *rs, struct err *e)
{
	if (registry_api_blob_head(rs, u->op, &u->repo, &u->blob->digest, e) < 0)
		return -1;
	if (upload_says_exists(u, rs))
		return upload_done(u, REGISTRY_UPLOAD_EXISTS);
	if (upload_is_trouble(rs->status))
		return 0;
	http_response_release(rs);
	return post(u, rs, NULL, NULL, e);
}

static bool is_sent_unasked(const struct upload *u)
{
	return u->blob->size_bytes <= SEND_UNASKED_MAX || u->all_sent;
}

/* An upload was begun, so the blob should be absent; for a large one that is made sure. */
static int begin_check(bool *exists, struct upload *u, struct err *e)
{
	auto_http_response struct http_response head = { 0 };

	*exists = false;
	if (is_sent_unasked(u))
		return 0;
	if (registry_api_blob_head(&head, u->op, &u->repo, &u->blob->digest, e) < 0)
		return -1;
	*exists = upload_says_exists(u, &head);
	return *exists ? upload_done(u, REGISTRY_UPLOAD_EXISTS) : 0;
}

static bool is_mount_refused(long status)
{
	return status == 400 || status == 401 || status == 403 || status == 404 || status == 405;
}

/* *stuck: it fails again and again; there are registries that fall over a mount, and over nothing else. */
static int ask_by_mount(bool *stuck, struct upload *u, struct http_response *rs, struct err *e)
{
	unsigned left = u->retry.left, few = left < MOUNT_RETRIES ? left : MOUNT_RETRIES;
	bool ran_out;
	int r;

	/* out of the one budget of this blob, but not all of it */
	u->retry.left = few;
	r = post(u, rs, &u->blob->digest, NULL, e);
	/* else it may be over because the server wants us to wait for too long */
	ran_out = !u->retry.left;
	u->retry.left = left - (few - u->retry.left);
	*stuck = ran_out && rs->status >= 500 && (r == 0 || e->kind == ERR_UNAVAILABLE);
	if (ran_out && (*stuck || u->retry.left))
		u->retry.is_over = false;
	if (!*stuck)
		return r;
	log_info(u->op, "%s: %s to a mount", u->blob->digest.text, http_status_name(rs->status));
	err_clear(e);
	return 0;
}

/* What this registry says of a blob that is there. */
static int ask_about_mount(struct upload *u, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	auto_url struct url at = { 0 };
	struct oci_digest there;

	if (!registry_host_sent(&there, u->host, u->repo.path))
		return 0;
	if (registry_api_upload_begin(&rs, &at, u->op, &u->repo, &there, NULL, e) < 0)
		return -1;
	if (rs.status == 201)
		u->host->mount = REGISTRY_MOUNT_TELLS;
	else if (rs.status == 202)
		u->host->mount = REGISTRY_MOUNT_USELESS;
	return 0;
}

/*
 * A mount was answered 202, by a registry that has not said 201 so far. The lanes that come here together wait
 * for the one that asks, which takes as long as a question of their own.
 */
static int begin_unproved(struct upload *u, struct err *e)
{
	bool exists;
	int r = 0;

	if (is_sent_unasked(u))
		return 0;
	if (u->half != UPLOAD_SECOND) {
		pthread_mutex_lock(&u->host->asking);
		if (u->host->mount == REGISTRY_MOUNT_UNKNOWN)
			r = ask_about_mount(u, e);
		pthread_mutex_unlock(&u->host->asking);
	}
	if (r < 0 || u->host->mount == REGISTRY_MOUNT_TELLS)
		return r;
	if (begin_check(&exists, u, e) < 0)
		return -1;
	if (exists)
		u->host->mount = REGISTRY_MOUNT_USELESS;
	return 0;
}

static int begin_here(struct upload *u, struct http_response *rs, struct err *e)
{
	enum registry_mount mount = u->host->mount;
	bool stuck = false;

	if (mount == REGISTRY_MOUNT_USELESS)
		return begin_after_head(u, rs, e);
	if (ask_by_mount(&stuck, u, rs, e) < 0)
		return -1;
	if (stuck) {
		u->host->mount = REGISTRY_MOUNT_USELESS;
		http_response_release(rs);
		return begin_after_head(u, rs, e);
	}
	if (rs->status == 201) {
		u->host->mount = REGISTRY_MOUNT_TELLS;
		return upload_done(u, REGISTRY_UPLOAD_EXISTS);
	}
	if (rs->status == 202 && mount == REGISTRY_MOUNT_UNKNOWN)
		return begin_unproved(u, e);
	if (!is_mount_refused(rs->status))
		return 0;
	u->host->mount = REGISTRY_MOUNT_USELESS;
	http_response_release(rs);
	return begin_after_head(u, rs, e);
}

/*
 * From a repository that may have it. *closed: there is no way from there, for whatever reason; that
 * says something of that repository, and nothing of this one.
 */
static int begin_from(bool *closed, struct upload *u, const char *from, struct http_response *rs,
		      struct err *e)
{
	struct http_retry few = { .left = 1 };
	int r;

	http_response_release(rs);
	/* a guess is not worth the tries that the blob itself may need */
	u->repo.retry = &few;
	r = post(u, rs, &u->blob->digest, from, e);
	u->repo.retry = &u->retry;
	if (r == 0 && rs->status == 201)
		return upload_done(u, REGISTRY_UPLOAD_MOUNTED);
	if (r == 0 && rs->status == 202)
		return 0;
	if (r < 0 && e->kind == ERR_CANCELLED)
		return -1;
	*closed = true;
	log_info(u->op, "%s: no mount from %s: %s", u->blob->digest.text, from,
		 r < 0 ? e->text : http_status_name(rs->status));
	err_clear(e);
	registry_host_mount_failed(u->host, from);
	return 0;
}

/* *asked: one of them has answered; what it answered is in u and *rs. */
static int begin_elsewhere(bool *asked, struct upload *u, struct http_response *rs, struct err *e)
{
	for (size_t i = 0; u->mounts && i < u->mounts->n && !u->is_done; i++) {
		const char *from = u->mounts->v[i];
		bool closed = false;

		if (registry_session_mounts_refused(u->repo.session) ||
		    !registry_host_may_mount(u->host, from))
			continue;
		if (begin_from(&closed, u, from, rs, e) < 0)
			return -1;
		*asked |= !closed;
	}
	return 0;
}

int upload_begin(struct upload *u, struct http_response *rs, struct err *e)
{
	bool asked = false, exists;

	url_release(&u->at);
	u->at = (struct url){ 0 };
	u->step = UPLOAD_BEGIN;
	if (begin_elsewhere(&asked, u, rs, e) < 0)
		return -1;
	if (!asked) {
		http_response_release(rs);
		return begin_here(u, rs, e);
	}
	/* those were no questions about our own repository */
	return u->is_done || !u->at.path ? 0 : begin_check(&exists, u, e);
}

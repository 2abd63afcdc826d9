/*
 * Requests as distribution-spec writes them. Paths, tags and digests were checked
 * by whoever made them (reference.h, digest.h), so they go into addresses as they are.
 */
#include "registry/api.h"

#include "base/log.h"
#include "base/mem.h"
#include "oci/image/descriptor.h"

#define REDIRECTS_MAX 5
#define CANCEL_MS     2000

#define ACCEPT_MANIFESTS                                                                           \
	"Accept: " OCI_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST ", " DOCKER_MEDIA_LIST                  \
	", " DOCKER_MEDIA_MANIFEST

static char *repo_scope(const struct registry_repo *r)
{
	return mem_printf("repository:%s:%s", r->path, r->push ? "pull,push" : "pull");
}

/* GET and HEAD: goes where the registry sends us; the session keeps credentials at home. */
static int read_at(struct http_response *rs, struct op *op, const struct registry_repo *r,
		   struct registry_call *call, struct err *e)
{
	auto_free char *scope = repo_scope(r);
	auto_url struct url at = { 0 };

	call->scope = scope;
	call->mounts = r->mounts;
	call->retry = r->retry;
	if (registry_session_resolve(&at, r->session, NULL, call->path, e) < 0)
		return -1;
	call->at = &at;
	for (int hops = 0;; hops++) {
		struct url next;
		const char *location;

		if (registry_session_perform(r->session, op, call, rs, e) < 0)
			return -1;
		location = http_header(rs, "location");
		if (!http_is_redirect(rs->status) || !location)
			return 0;
		if (hops == REDIRECTS_MAX)
			return err_set(e, ERR_FAILED, "redirected more than %d times",
				       REDIRECTS_MAX);
		if (registry_session_resolve(&next, r->session, &at, location, e) < 0)
			return err_wrap(e, "redirect");
		url_release(&at);
		at = next;
		http_response_release(rs);
	}
}

/*
 * 0: the mirror's answer. 1: it does not have that, or cannot be asked: the host itself is. Only bytes that
 * went out already are not taken back: what comes of a break after them is the caller's to see.
 */
static int read_mirror(struct http_response *rs, struct op *op, const struct registry_repo *r,
		       const struct registry_call *call, struct err *e)
{
	const char *prefix;
	struct registry_repo there = { .session = registry_session_mirror(&prefix, r->session) };
	struct registry_call asked = *call;
	auto_free char *path = NULL, *repository = NULL;
	struct err why = ERR_INIT;

	if (r->push || r->no_mirror || !there.session)
		return 1;
	there.path = repository = mem_printf("%s%s", prefix, r->path);
	asked.path = path = mem_printf("/v2/%s%s", prefix, call->path + strlen("/v2/"));
	asked.once = true; /* the host itself is as good as another try */
	if (read_at(rs, op, &there, &asked, &why) == 0) {
		if (rs->status == 200 || rs->status == 206)
			return 0;
		registry_session_refused(there.session, rs, &why);
	} else if (why.kind == ERR_CANCELLED ||
		   (asked.out && rs->status >= 200 && rs->status < 300 && rs->body_bytes)) {
		*e = why;
		return -1;
	} else if (why.kind == ERR_UNAVAILABLE) {
		registry_session_mirror_gone(r->session);
	}
	log_info(op, "not from the mirror %s: %s", registry_session_name(there.session), why.text);
	http_response_release(rs);
	*rs = (struct http_response){ 0 };
	return 1;
}

static int api_read(struct http_response *rs, struct op *op, const struct registry_repo *r,
		    struct registry_call *call, struct err *e)
{
	int n = read_mirror(rs, op, r, call, e);

	return n == 1 ? read_at(rs, op, r, call, e) : n;
}

/*
 * Everything else: only 307 and 308 are followed, which keep the method. `at`, when it is not NULL,
 * becomes where the answer came from, and *moved tells whether that is elsewhere.
 */
static int api_write(struct http_response *rs, struct url *at, bool *moved, struct op *op,
		     const struct registry_repo *r, struct registry_call *call, struct err *e)
{
	auto_free char *scope = repo_scope(r);
	auto_url struct url own = { 0 };

	call->scope = scope;
	call->mounts = r->mounts;
	call->retry = r->retry;
	call->worth_another = r->worth_another;
	if (!call->at && registry_session_resolve(&own, r->session, NULL, call->path, e) < 0)
		return -1;
	if (!call->at)
		call->at = &own;
	for (int hops = 0;; hops++) {
		struct url next = { 0 };
		const char *location;

		if (registry_session_perform(r->session, op, call, rs, e) < 0)
			return -1;
		location = http_header(rs, "location");
		if ((rs->status != 307 && rs->status != 308) || !location) {
			*moved = hops > 0;
			if (at && call->at == &own)
				*at = own, own = (struct url){ 0 };
			return 0;
		}
		if (hops == REDIRECTS_MAX)
			return err_set(e, ERR_FAILED, "redirected more than %d times",
				       REDIRECTS_MAX);
		if (registry_session_resolve(&next, r->session, call->at, location, e) < 0)
			return err_wrap(e, "redirect");
		url_release(&own);
		own = next;
		call->at = &own;
		http_response_release(rs);
	}
}

static int manifest_read(struct http_response *rs, struct op *op, const struct registry_repo *r,
			 const char *method, const char *ref, struct err *e)
{
	auto_free char *path = mem_printf("/v2/%s/manifests/%s", r->path, ref);
	auto_strv struct strv headers = STRV_INIT;
	struct registry_call call = {
		.method = method, .path = path, .headers = &headers, .body_max = OCI_MANIFEST_MAX
	};

	strv_add(&headers, ACCEPT_MANIFESTS);
	return api_read(rs, op, r, &call, e);
}

int registry_api_manifest_head(struct http_response *rs, struct op *op,
			       const struct registry_repo *r, const char *ref, struct err *e)
{
	*rs = (struct http_response){ 0 };
	return manifest_read(rs, op, r, "HEAD", ref, e);
}

int registry_api_manifest_get(struct http_response *rs, struct op *op,
			      const struct registry_repo *r, const char *ref, struct err *e)
{
	*rs = (struct http_response){ 0 };
	return manifest_read(rs, op, r, "GET", ref, e);
}

int registry_api_manifest_put(struct http_response *rs, struct op *op,
			      const struct registry_repo *r, const char *ref,
			      const char *media_type, struct span bytes, struct err *e)
{
	auto_free char *path = mem_printf("/v2/%s/manifests/%s", r->path, ref);
	auto_strv struct strv headers = STRV_INIT;
	struct registry_call call = {
		.method = "PUT", .path = path, .headers = &headers, .body_bytes = bytes
	};
	bool moved;

	*rs = (struct http_response){ 0 };
	strv_addf(&headers, "Content-Type: %s", media_type);
	return api_write(rs, NULL, &moved, op, r, &call, e);
}

int registry_api_blob_head(struct http_response *rs, struct op *op, const struct registry_repo *r,
			   const struct oci_digest *d, struct err *e)
{
	auto_free char *path = mem_printf("/v2/%s/blobs/%s", r->path, d->text);
	struct registry_call call = { .method = "HEAD", .path = path };

	*rs = (struct http_response){ 0 };
	return api_read(rs, op, r, &call, e);
}

int registry_api_blob_get(struct http_response *rs, struct op *op, const struct registry_repo *r,
			  const struct oci_digest *d, uint64_t begins, struct sink *out,
			  struct err *e)
{
	auto_free char *path = mem_printf("/v2/%s/blobs/%s", r->path, d->text);
	auto_strv struct strv headers = STRV_INIT;
	struct registry_call call = {
		.method = "GET", .path = path, .headers = &headers, .out = out, .once = true
	};

	*rs = (struct http_response){ 0 };
	if (begins)
		strv_addf(&headers, "Range: bytes=%ju-", (uintmax_t)begins);
	return api_read(rs, op, r, &call, e);
}

/* The Location of an answer to a request for *at becomes *at. 0: there is none. */
static int take_location(struct url *at, const struct registry_repo *r,
			 const struct http_response *rs, struct err *e)
{
	const char *location = http_header(rs, "location");
	struct url next;

	if (!location)
		return 0;
	if (registry_session_resolve(&next, r->session, at, location, e) < 0)
		return err_wrap(e, "Location of the upload");
	url_release(at);
	*at = next;
	return 1;
}

int registry_api_upload_begin(struct http_response *rs, struct url *at, struct op *op,
			      const struct registry_repo *r, const struct oci_digest *mount,
			      const char *from, struct err *e)
{
	auto_buf struct buf path = BUF_INIT(BUF_SMALL);
	struct registry_call call = { .method = "POST", .from = from };
	auto_url struct url where = { 0 };
	bool moved;
	int found;

	*rs = (struct http_response){ 0 };
	/* without the last slash the reference registry redirects */
	buf_addf(&path, "/v2/%s/blobs/uploads/", r->path);
	if (mount) {
		buf_add_str(&path, "?mount=");
		url_encode(&path, span_of_str(mount->text), "");
		buf_add_str(&path, "&from=");
		url_encode(&path, span_of_str(from ? from : r->path), "");
	}
	call.path = buf_str(&path);
	if (api_write(rs, &where, &moved, op, r, &call, e) < 0)
		return -1;
	if (rs->status < 200 || rs->status > 299 || (rs->status == 201 && mount))
		return 0;
	found = take_location(&where, r, rs, e);
	if (found == 0)
		err_set(e, ERR_UNAVAILABLE, "answer %ld without a Location", rs->status);
	if (found <= 0)
		return -1;
	*at = where;
	where = (struct url){ 0 };
	return 0;
}

int registry_api_upload_patch(struct http_response *rs, struct url *at, struct op *op,
			      const struct registry_repo *r, struct http_body *body,
			      uint64_t begins, struct err *e)
{
	auto_strv struct strv headers = STRV_INIT;
	struct registry_call call = {
		.method = "PATCH", .at = at, .headers = &headers, .body = body, .once = true
	};
	bool moved;

	*rs = (struct http_response){ 0 };
	/* anything else is answered 500 by the reference registry */
	strv_add(&headers, "Content-Type: application/octet-stream");
	if (begins != UINT64_MAX)
		strv_addf(&headers, "Content-Range: %ju-%ju", (uintmax_t)begins,
			  (uintmax_t)(begins + body->size_bytes - 1));
	if (api_write(rs, NULL, &moved, op, r, &call, e) < 0)
		return -1;
	return rs->status < 200 || rs->status > 299 || take_location(at, r, rs, e) >= 0 ? 0 : -1;
}

int registry_api_upload_put(struct http_response *rs, bool *moved, struct op *op,
			    const struct registry_repo *r, const struct url *at,
			    const struct oci_digest *d, struct http_body *body, struct err *e)
{
	auto_buf struct buf query = BUF_INIT(BUF_SMALL);
	auto_strv struct strv headers = STRV_INIT;
	struct url end = *at; /* borrows, but for the query */
	struct registry_call call = {
		.method = "PUT", .at = &end, .headers = &headers, .body = body, .once = true
	};

	*rs = (struct http_response){ 0 };
	/* what is there is signed state: kept as it is */
	if (at->query && *at->query)
		buf_addf(&query, "%s&", at->query);
	buf_add_str(&query, "digest=");
	url_encode(&query, span_of_str(d->text), "");
	end.query = (char *)buf_str(&query);
	strv_add(&headers, "Content-Type: application/octet-stream");
	return api_write(rs, NULL, moved, op, r, &call, e);
}

int registry_api_upload_status(struct http_response *rs, struct op *op,
			       const struct registry_repo *r, const struct url *at, struct err *e)
{
	struct registry_call call = { .method = "GET", .at = at };
	bool moved;

	*rs = (struct http_response){ 0 };
	return api_write(rs, NULL, &moved, op, r, &call, e);
}

void registry_api_upload_cancel(struct op *op, const struct registry_repo *r, const struct url *at)
{
	auto_http_response struct http_response rs = { 0 };
	struct registry_call call = { .method = "DELETE",
				      .at = at,
				      .once = true,
				      .as_we_are = true,
				      .timeout_ms = CANCEL_MS };
	struct op last = *op;
	struct err ignored = ERR_INIT;
	bool moved;

	last.cancel = NULL;
	if (api_write(&rs, NULL, &moved, &last, r, &call, &ignored) < 0)
		log_debug(op, "cancel of an upload: %s", ignored.text);
}

bool registry_api_range(uint64_t *bytes, const struct http_response *rs)
{
	struct span range = span_of_str(http_header(rs, "range")), first, last;
	uint64_t from, to;

	if (!span_take(&range, "bytes="))
		span_take(&range, "bytes ");
	if (!span_cut(range, '-', &first, &last) || span_to_u64(&from, first) < 0 || from != 0 ||
	    span_to_u64(&to, last) < 0 || to == UINT64_MAX)
		return false;
	/* what has nothing yet also says "0-0" */
	*bytes = to ? to + 1 : 0;
	return true;
}

bool registry_api_is_rest(const struct http_response *rs, uint64_t begins, uint64_t size_bytes)
{
	const char *text = http_header(rs, "content-range");
	auto_free char *want = mem_printf("bytes %ju-%ju/%ju", (uintmax_t)begins,
					  (uintmax_t)size_bytes - 1, (uintmax_t)size_bytes);

	return rs->status == 206 && text && strcmp(text, want) == 0;
}

bool registry_api_digest(struct oci_digest *out, const struct http_response *rs)
{
	const char *text = http_header(rs, "docker-content-digest");
	struct err ignored = ERR_INIT;

	return text && oci_digest_parse(out, span_of_str(text), &ignored) == 0;
}

bool registry_api_length(uint64_t *out, const struct http_response *rs)
{
	const char *text = http_header(rs, "content-length");

	return text && span_to_u64(out, span_of_str(text)) == 0;
}

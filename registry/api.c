/*
 * Requests as distribution-spec writes them. Paths, tags and digests were checked
 * by whoever made them (reference.h, digest.h), so they go into addresses as they are.
 */
#include "registry/api.h"

#include "base/mem.h"
#include "oci/image/descriptor.h"

#define REDIRECTS_MAX 5

#define ACCEPT_MANIFESTS                                                                           \
	"Accept: " OCI_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST ", " DOCKER_MEDIA_LIST                  \
	", " DOCKER_MEDIA_MANIFEST

static char *repo_scope(const struct registry_repo *r)
{
	return mem_printf("repository:%s:%s", r->path, r->push ? "pull,push" : "pull");
}

/* GET and HEAD: goes where the registry sends us; the session keeps credentials at home. */
static int api_read(struct http_response *rs, struct op *op, const struct registry_repo *r,
		    struct registry_call *call, struct err *e)
{
	auto_free char *scope = repo_scope(r);
	auto_url struct url at = { 0 };

	call->scope = scope;
	call->mounts = r->mounts;
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
	auto_free char *scope = repo_scope(r);
	auto_strv struct strv headers = STRV_INIT;
	struct registry_call call = { .method = "PUT",
				      .path = path,
				      .scope = scope,
				      .mounts = r->mounts,
				      .headers = &headers,
				      .body_bytes = bytes };

	strv_addf(&headers, "Content-Type: %s", media_type);
	return registry_session_perform(r->session, op, &call, rs, e);
}

int registry_api_blob_head(struct http_response *rs, struct op *op, const struct registry_repo *r,
			   const struct oci_digest *d, struct err *e)
{
	auto_free char *path = mem_printf("/v2/%s/blobs/%s", r->path, d->text);
	struct registry_call call = { .method = "HEAD", .path = path, .once = true };

	*rs = (struct http_response){ 0 };
	return api_read(rs, op, r, &call, e);
}

int registry_api_blob_get(struct http_response *rs, struct op *op, const struct registry_repo *r,
			  const struct oci_digest *d, struct sink *out, struct err *e)
{
	auto_free char *path = mem_printf("/v2/%s/blobs/%s", r->path, d->text);
	struct registry_call call = { .method = "GET", .path = path, .out = out, .once = true };

	*rs = (struct http_response){ 0 };
	return api_read(rs, op, r, &call, e);
}

int registry_api_upload_begin(struct http_response *rs, struct op *op,
			      const struct registry_repo *r, const struct oci_digest *mount,
			      const char *from, struct err *e)
{
	auto_buf struct buf path = BUF_INIT(BUF_SMALL);
	auto_free char *scope = repo_scope(r);
	struct registry_call call = {
		.method = "POST", .scope = scope, .mounts = r->mounts, .from = from, .once = true
	};

	/* without the last slash the reference registry redirects */
	buf_addf(&path, "/v2/%s/blobs/uploads/", r->path);
	if (mount) {
		buf_add_str(&path, "?mount=");
		url_encode(&path, span_of_str(mount->text), "");
		buf_add_str(&path, "&from=");
		url_encode(&path, span_of_str(from ? from : r->path), "");
	}
	call.path = buf_str(&path);
	return registry_session_perform(r->session, op, &call, rs, e);
}

int registry_api_upload_location(struct url *out, const struct registry_repo *r,
				 const struct http_response *rs, struct err *e)
{
	auto_free char *path = mem_printf("/v2/%s/blobs/uploads/", r->path);
	const char *location = http_header(rs, "location");
	auto_url struct url base = { 0 };

	if (!location)
		return err_set(e, ERR_UNAVAILABLE, "answer %ld without a Location", rs->status);
	if (registry_session_resolve(&base, r->session, NULL, path, e) < 0 ||
	    registry_session_resolve(out, r->session, &base, location, e) < 0)
		return err_wrap(e, "Location of the upload");
	return 0;
}

int registry_api_upload_put(struct http_response *rs, struct op *op, const struct registry_repo *r,
			    const struct url *location, const struct oci_digest *d,
			    struct http_body *body, struct err *e)
{
	auto_buf struct buf query = BUF_INIT(BUF_SMALL);
	auto_free char *scope = repo_scope(r);
	auto_strv struct strv headers = STRV_INIT;
	struct url at = *location; /* borrows, but for the query */
	struct registry_call call = { .method = "PUT",
				      .at = &at,
				      .scope = scope,
				      .mounts = r->mounts,
				      .headers = &headers,
				      .body = body,
				      .once = true };

	/* what is there is signed state: kept as it is */
	if (location->query && *location->query)
		buf_addf(&query, "%s&", location->query);
	buf_add_str(&query, "digest=");
	url_encode(&query, span_of_str(d->text), "");
	at.query = (char *)buf_str(&query);
	strv_add(&headers, "Content-Type: application/octet-stream");
	return registry_session_perform(r->session, op, &call, rs, e);
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

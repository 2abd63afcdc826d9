/*
 * The endpoints of the distribution protocol that we use, one function each. No
 * policy: 0 is an answer, and its status is the caller's to judge (only redirects of
 * reads are followed here, up to 5). *rs must be released in every case. Thread-safe.
 */
#ifndef REGISTRY_API_H
#define REGISTRY_API_H

#include "oci/image/digest.h"
#include "registry/session.h"

/* One repository, for one purpose. Borrows all. */
struct registry_repo {
	struct registry_session *session;
	const char *path; /* "library/python" */
	bool push;	  /* tokens for pull and push, else for pull */
	/*
	 * Paths of repositories of this host whose blobs may be mounted: the token is asked for them,
	 * too, unless registry_session_mounts_refused. NULL: none.
	 */
	const struct strv *mounts;
};

/* ref: a tag or a digest. All types of manifests that we can read are accepted. */
int registry_api_manifest_head(struct http_response *rs, struct op *op,
			       const struct registry_repo *r, const char *ref, struct err *e)
	MUST_CHECK;
int registry_api_manifest_get(struct http_response *rs, struct op *op,
			      const struct registry_repo *r, const char *ref, struct err *e)
	MUST_CHECK;
int registry_api_manifest_put(struct http_response *rs, struct op *op,
			      const struct registry_repo *r, const char *ref,
			      const char *media_type, struct span bytes, struct err *e) MUST_CHECK;

/* Without retries: parts of a larger whole (upload.c, download.c) that is retried. */
int registry_api_blob_head(struct http_response *rs, struct op *op, const struct registry_repo *r,
			   const struct oci_digest *d, struct err *e) MUST_CHECK;
int registry_api_blob_get(struct http_response *rs, struct op *op, const struct registry_repo *r,
			  const struct oci_digest *d, struct sink *out, struct err *e) MUST_CHECK;
/* mount: a blob that may be in the repository `from` (NULL: in this one) already (201 then); NULL:
 * just begin (202). */
int registry_api_upload_begin(struct http_response *rs, struct op *op,
			      const struct registry_repo *r, const struct oci_digest *mount,
			      const char *from, struct err *e) MUST_CHECK;
/* The Location of a begun upload. ERR_UNAVAILABLE: none came (a proxy's 2xx). */
int registry_api_upload_location(struct url *out, const struct registry_repo *r,
				 const struct http_response *rs, struct err *e) MUST_CHECK;
int registry_api_upload_put(struct http_response *rs, struct op *op, const struct registry_repo *r,
			    const struct url *location, const struct oci_digest *d,
			    struct http_body *body, struct err *e) MUST_CHECK;

/* The digest an answer names; false: none, or not one that we know. */
bool registry_api_digest(struct oci_digest *out, const struct http_response *rs);
/* Its Content-Length; false: none. */
bool registry_api_length(uint64_t *out, const struct http_response *rs);

#endif

/*
 * The endpoints of the distribution protocol that we use, one function each. No
 * policy: 0 is an answer, and its status is the caller's to judge (only redirects of
 * reads are followed here, up to 5; and reads that are not a push's go to the host's mirror first).
 * *rs must be released in every case. Thread-safe.
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
	bool no_mirror; /* what is read comes from the host itself */
	/* The budget of the work that its requests are a part of; NULL: each has its own. */
	struct http_retry *retry;
	bool *worth_another; /* of what is written: see session.h; NULL: nobody asks */
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

int registry_api_blob_head(struct http_response *rs, struct op *op, const struct registry_repo *r,
			   const struct oci_digest *d, struct err *e) MUST_CHECK;
/*
 * Without retries: part of a larger whole (download.c) that is retried. begins: not 0: the bytes from
 * there on are asked for (206; but a registry may send all of them, 200).
 */
int registry_api_blob_get(struct http_response *rs, struct op *op, const struct registry_repo *r,
			  const struct oci_digest *d, uint64_t begins, struct sink *out,
			  struct err *e) MUST_CHECK;

/*
 * mount: a blob that may be in the repository `from` (NULL: in this one) already (201 then); NULL:
 * just begin (202). *at: where an upload that was begun goes on, else untouched; ERR_UNAVAILABLE: that
 * was not said (a proxy's 2xx).
 */
int registry_api_upload_begin(struct http_response *rs, struct url *at, struct op *op,
			      const struct registry_repo *r, const struct oci_digest *mount,
			      const char *from, struct err *e) MUST_CHECK;

/*
 * Bytes for an upload, without retries in place: what has arrived is unknown after a failure. *at
 * becomes the place for what follows. begins: of a piece among others; UINT64_MAX: it is all of them.
 */
int registry_api_upload_patch(struct http_response *rs, struct url *at, struct op *op,
			      const struct registry_repo *r, struct http_body *body,
			      uint64_t begins, struct err *e) MUST_CHECK;
/* Ends it; body: all of the blob, NULL: it is there by now. *moved: a redirect was followed. */
int registry_api_upload_put(struct http_response *rs, bool *moved, struct op *op,
			    const struct registry_repo *r, const struct url *at,
			    const struct oci_digest *d, struct http_body *body, struct err *e)
	MUST_CHECK;
/* How much has arrived: 204 with a Range. */
int registry_api_upload_status(struct http_response *rs, struct op *op,
			       const struct registry_repo *r, const struct url *at, struct err *e)
	MUST_CHECK;
/* Gives it up: tried for two seconds, whatever the op says, and never more than tried. */
void registry_api_upload_cancel(struct op *op, const struct registry_repo *r, const struct url *at);

/* "0-99" or "bytes=0-99": how many bytes a registry has of an upload. False: it does not say. */
bool registry_api_range(uint64_t *bytes, const struct http_response *rs);

/* A 206 whose Content-Range is exactly from `begins` to the end of so many bytes. */
bool registry_api_is_rest(const struct http_response *rs, uint64_t begins, uint64_t size_bytes);

/* The digest an answer names; false: none, or not one that we know. */
bool registry_api_digest(struct oci_digest *out, const struct http_response *rs);
/* Its Content-Length; false: none. */
bool registry_api_length(uint64_t *out, const struct http_response *rs);

#endif

/*
 * A talk with one registry host: where it is, who we are, the tokens so far.
 * Thread-safe. Owns its tokens; borrows h and env, which must outlive it.
 *
 * registry_session_perform signs a request, follows nothing, retries what
 * http_retry.h calls temporary, and on a 401 reads the challenge, gets a token (or
 * uses basic authentication), and sends the request again; a token that stays too small is the end.
 */
#ifndef REGISTRY_SESSION_H
#define REGISTRY_SESSION_H

#include "base/http.h"
#include "base/url.h"
#include "oci/image/reference.h"
#include "registry/credentials.h"

struct registry_session;

struct registry_options {
	const struct credentials_env *credentials; /* borrowed; NULL: anonymous */
	bool plain_http;			   /* http also where the host is not loopback */
	const char *plain_http_host;		   /* http for this host only; NULL: none */
	unsigned retries;			   /* tries after the first */
	unsigned jobs;				   /* blobs at once; 0: 4 */
};

struct registry_session *registry_session_new(struct http *h, const char *host,
					      const struct registry_options *opt);
void registry_session_free(struct registry_session *s); /* NULL is fine */

/*
 * One request to this registry, for the rest of this room. Address: `path` ("/v2/…") of the
 * registry, or `at`, an address it gave us; elsewhere no credentials are sent. All borrowed.
 */
struct registry_call {
	const char *method;
	const char *path;
	const struct url *at; /* instead of path */
	const char *scope;    /* what a token must allow: "repository:a/b:pull" */
	/* Repositories here whose blobs the same token should open, so that one serves a whole push. */
	const struct strv *mounts;
	const char *from; /* the one of them that this request mounts from; NULL: it does not */
	const struct strv *headers; /* more of them; may be NULL */
	struct http_body *body;
	struct span body_bytes;
	struct sink *out;
	size_t body_max;
	/* Temporary failures are not retried here: this is part of a larger whole that is. (After a
	 * 401 it is sent again, unless it has a `body`: such a place takes it only once.) */
	bool once;
};

/*
 * 0: an answer, whatever its status; a 401 that stays is an answer, too. ERR_UNAVAILABLE after
 * all retries. ERR_DENIED: the token server refuses us. *rs must be released in every case.
 */
int registry_session_perform(struct registry_session *s, struct op *op,
			     const struct registry_call *call, struct http_response *rs,
			     struct err *e) MUST_CHECK;

/* Says in *e what an answer other than the one hoped for means. Always -1; see api_error.h. */
int registry_session_refused(struct registry_session *s, const struct http_response *rs,
			     struct err *e);

/*
 * No token here is for several repositories: neither `mounts` nor `from` of a call can be had
 * (a call with `from` is ERR_DENIED without being sent).
 */
bool registry_session_mounts_refused(struct registry_session *s);

/* An address out of an answer to a request for base (NULL: for the registry's root). */
int registry_session_resolve(struct url *out, struct registry_session *s, const struct url *base,
			     const char *text, struct err *e) MUST_CHECK;

unsigned registry_session_retries(const struct registry_session *s);
unsigned registry_session_jobs(const struct registry_session *s); /* at least 1 */

/* What this registry has taught us about asking for blobs (upload.c). */
enum registry_mount {
	REGISTRY_MOUNT_UNKNOWN, /* nothing yet */
	REGISTRY_MOUNT_TELLS,	/* a mount of a blob that exists was answered so */
	REGISTRY_MOUNT_USELESS, /* refused, or blind to blobs that exist: HEAD first */
};
enum registry_mount registry_session_mount(struct registry_session *s);
void registry_session_set_mount(struct registry_session *s, enum registry_mount m);

DEFINE_AUTO(registry_session, registry_session_free)
#define auto_session CLEANUP(registry_session_auto_)

#endif

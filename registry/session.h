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

#include "base/http_retry.h"
#include "base/url.h"
#include "oci/image/reference.h"
#include "registry/credentials.h"
#include "registry/host.h"

struct registry_certs;
struct registry_mirrors;
struct registry_session;

struct registry_options {
	const struct credentials_env *credentials; /* borrowed; NULL: anonymous */
	const struct registry_certs *certs;	   /* by host; borrowed; NULL: none */
	const struct registry_mirrors *mirrors;	   /* by host; borrowed; NULL: none */
	bool tls;				   /* https also where the host is loopback */
	bool plain_http;			   /* http also where the host is not loopback */
	const char *plain_http_host;		   /* http for this host only; NULL: none */
	unsigned retries;			   /* tries after the first */
	unsigned jobs;				   /* blobs at once; 0: 4 */
	uint64_t chunk_bytes; /* larger blobs go up in such pieces; 0: whole, where that works */
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
	/* Whose budget pays when this is part of a larger whole; NULL: it has one of its own. */
	struct http_retry *retry;
	/* Temporary failures are not retried here, but by that whole. (After a 401 it is sent again,
	 * unless it has a `body`: such a place takes it only once.) */
	bool once;
	/* Out, after a 401 that stays: another try may go better. It may not when the same signature would be
	 * all that we have. NULL: nobody asks. */
	bool *worth_another;
	int64_t timeout_ms; /* for all of it; 0: none */
	bool as_we_are;	    /* no pause is kept, no token fetched: it is the last that we say */
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

/* Who we are there, for people: "joe (credentials from DOCKER_AUTH_CONFIG)". */
void registry_session_who(struct buf *out, struct registry_session *s);

/*
 * No token here is for several repositories: neither `mounts` nor `from` of a call can be had
 * (a call with `from` is ERR_DENIED without being sent).
 */
bool registry_session_mounts_refused(struct registry_session *s);

/* It has refused us, whatever we asked for: one such failure is told, not as that of a blob. */
bool registry_session_login_refused(struct registry_session *s);

/* An address out of an answer to a request for base (NULL: for the registry's root). */
int registry_session_resolve(struct url *out, struct registry_session *s, const struct url *base,
			     const char *text, struct err *e) MUST_CHECK;

/* A budget for a piece of work of several requests; what: see http_retry.h. */
struct http_retry registry_session_budget(struct registry_session *s, const char *what);
unsigned registry_session_jobs(const struct registry_session *s); /* at least 1 */

/*
 * A session with the mirror of this host, and what stands before repositories there (mirror.h). NULL:
 * there is none, or none that answers.
 */
struct registry_session *registry_session_mirror(const char **prefix, struct registry_session *s);
/* It cannot be reached: it is not asked any more. */
void registry_session_mirror_gone(struct registry_session *s);

/* As references have it. */
const char *registry_session_name(const struct registry_session *s);
const struct registry_options *registry_session_options(const struct registry_session *s);
struct registry_host *registry_session_host(struct registry_session *s);

DEFINE_AUTO(registry_session, registry_session_free)
#define auto_session CLEANUP(registry_session_auto_)

#endif

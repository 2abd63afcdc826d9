/*
 * Sends requests: signed (auth.c), again where that helps (http_retry.h), and once or twice more when a
 * 401 has told something new.
 */
#include "registry/session.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/secret.h"
#include "registry/api_error.h"
#include "registry/auth.h"
#include "registry/endpoint.h"
#include "registry/mirror.h"

#define JOBS_DEFAULT 4
/* Bare, with a token for all that is to come, with one for this request alone. */
#define TRIES_MAX 3

struct registry_session {
	struct http *http;
	struct registry_options opt;
	struct registry_endpoint at;
	struct err broken; /* the host was no host: told by every request */
	pthread_mutex_t first;
	_Atomic bool is_settled; /* `at` is what it stays */

	struct registry_auth auth;
	struct registry_host host;

	struct registry_session *mirror; /* NULL: none */
	char *mirror_prefix;
	_Atomic bool is_mirror_gone;
};

static void mirror_init(struct registry_session *s)
{
	const struct registry_mirror *m = registry_mirrors_find(s->opt.mirrors, s->at.host);
	struct registry_options opt = s->opt;

	if (!m)
		return;
	opt.mirrors = NULL;
	opt.plain_http_host = NULL;
	opt.plain_http = m->is_http;
	opt.tls = !m->is_http;
	s->mirror = registry_session_new(s->http, m->name, &opt);
	s->mirror_prefix = mem_strdup(m->prefix);
}

struct registry_session *registry_session_new(struct http *h, const char *host,
					      const struct registry_options *opt)
{
	struct registry_session *s = mem_zalloc(sizeof(*s));

	s->http = h;
	s->opt = *opt;
	if (registry_endpoint_init(&s->at, host, opt, &s->broken) == 0)
		err_clear(&s->broken);
	pthread_mutex_init(&s->first, NULL);
	s->is_settled = !s->at.is_guess;
	registry_auth_init(&s->auth, h, &s->at, &s->opt);
	registry_host_init(&s->host);
	if (s->broken.kind == ERR_NONE)
		mirror_init(s);
	return s;
}

void registry_session_free(struct registry_session *s)
{
	if (!s)
		return;
	registry_session_free(s->mirror);
	free(s->mirror_prefix);
	registry_auth_release(&s->auth);
	registry_host_release(&s->host);
	registry_endpoint_release(&s->at);
	pthread_mutex_destroy(&s->first);
	free(s);
}

struct http_retry registry_session_budget(struct registry_session *s, const char *what)
{
	return (struct http_retry){ .left = s->opt.retries,
				    .what = what,
				    .pause = &s->host.pause,
				    .words = registry_api_words };
}

unsigned registry_session_jobs(const struct registry_session *s)
{
	return s->opt.jobs ? s->opt.jobs : JOBS_DEFAULT;
}

const char *registry_session_name(const struct registry_session *s)
{
	return s->at.host;
}

const struct registry_options *registry_session_options(const struct registry_session *s)
{
	return &s->opt;
}

struct registry_session *registry_session_mirror(const char **prefix, struct registry_session *s)
{
	*prefix = s->mirror_prefix;
	return s->is_mirror_gone ? NULL : s->mirror;
}

void registry_session_mirror_gone(struct registry_session *s)
{
	s->is_mirror_gone = true;
}

struct registry_host *registry_session_host(struct registry_session *s)
{
	return &s->host;
}

int registry_session_resolve(struct url *out, struct registry_session *s, const struct url *base,
			     const char *text, struct err *e)
{
	bool wait = !s->is_settled;
	int r;

	if (s->broken.kind != ERR_NONE) {
		*e = s->broken;
		return -1;
	}
	if (wait)
		pthread_mutex_lock(&s->first);
	r = registry_endpoint_resolve(out, &s->at, base ? base : &s->at.origin, text, e);
	if (wait)
		pthread_mutex_unlock(&s->first);
	return r;
}

int registry_session_refused(struct registry_session *s, const struct http_response *rs,
			     struct err *e)
{
	return registry_auth_refused(&s->auth, rs, e);
}

void registry_session_who(struct buf *out, struct registry_session *s)
{
	registry_auth_who(out, &s->auth);
}

bool registry_session_login_refused(struct registry_session *s)
{
	return registry_auth_login_refused(&s->auth);
}

bool registry_session_mounts_refused(struct registry_session *s)
{
	return registry_auth_mounts_refused(&s->auth);
}

/* -- requests ------------------------------------------------------------------ */

static int call_send(struct registry_session *s, struct op *op, const struct registry_call *call,
		     const char *url, bool own, const char *auth, struct http_response *rs,
		     struct err *e)
{
	auto_secret_strv struct strv headers = STRV_INIT;
	struct http_request rq = { .method = call->method,
				   .url = url,
				   .headers = &headers,
				   .body = call->body,
				   .body_bytes = call->body_bytes,
				   .out = call->out,
				   .tls = own ? s->at.tls : NULL,
				   .body_max = call->body_max,
				   .timeout_ms = call->timeout_ms };
	int r;

	if (call->headers)
		strv_copy(&headers, call->headers);
	if (auth)
		strv_addf(&headers, "Authorization: %s", auth);
	do {
		http_response_release(rs);
		if (!call->as_we_are && http_pause_wait(&s->host.pause, op, e) < 0)
			return -1;
		r = http_perform(s->http, op, &rq, rs, e);
	} while (!call->once && http_retry_again(call->retry, op, &r, rs, e));
	return r;
}

/* One signed try. *again: it was a 401, and it is worth another. */
static int call_try(bool *again, struct registry_session *s, struct op *op,
		    const struct registry_call *call, const char *url, bool own,
		    struct http_response *rs, struct err *e)
{
	auto_signature struct registry_signature auth = { 0 };

	*again = false;
	if (own && registry_auth_sign(&auth, &s->auth, op, call, e) < 0)
		return -1;
	if (call_send(s, op, call, url, own, auth.header, rs, e) < 0)
		return -1;
	if (own)
		registry_host_warn(&s->host, op, s->at.host, rs);
	if (rs->status != 401 || !own || call->as_we_are)
		return 0;
	return registry_auth_learn(again, &s->auth, op, call, rs, &auth, e);
}

/* What was resolved before the first request is an address of the registry afterwards, too. */
static const struct url *address_now(struct url *copy, const struct registry_session *s,
				     const struct url *at)
{
	const struct url *origin = &s->at.origin;

	if (!at || !s->at.is_guess || strcmp(at->host, origin->host) != 0 ||
	    at->port != origin->port)
		return at;
	*copy = *at;
	copy->scheme = origin->scheme;
	return copy;
}

static int session_ask(struct registry_session *s, struct op *op, const struct registry_call *asked,
		       struct http_response *rs, struct err *e)
{
	struct http_retry budget = registry_session_budget(s, s->at.host);
	struct registry_call payed = *asked, *call = &payed;
	auto_buf struct buf url = BUF_INIT(BUF_SMALL);
	bool own, again = true;
	struct url copy;

	call->at = address_now(&copy, s, call->at);
	own = !call->at || url_same_origin(call->at, &s->at.origin);
	if (call->once)
		budget.left = 0;
	if (!call->retry)
		call->retry = &budget;
	*rs = (struct http_response){ 0 };
	url_format(&url, call->at ? call->at : &s->at.origin);
	if (!call->at) /* the origin ends in '/', the path begins with it */
		buf_add_str(&url, call->path + 1);
	for (int tries = 0; again && tries < TRIES_MAX; tries++) {
		http_response_release(rs);
		if (call_try(&again, s, op, call, buf_str(&url), own, rs, e) < 0)
			return -1;
		if (call->body)
			break;
	}
	if (call->worth_another)
		*call->worth_another = again || !own || !registry_auth_is_challenged(&s->auth);
	return 0;
}

/*
 * Registries on loopback are asked by http, and most speak it. One that speaks TLS answers 400, and is
 * asked once more so, unless it has answered something sensible before; what comes of that counts, unless
 * TLS is what it does not speak.
 */
static int try_tls(struct registry_session *s, struct op *op, const struct registry_call *call,
		   struct http_response *rs, struct err *e)
{
	char *http = s->at.origin.scheme;
	struct http_response answer;
	struct err why = ERR_INIT;
	int r;

	s->at.origin.scheme = mem_strdup("https");
	r = session_ask(s, op, call, &answer, &why);
	if (r < 0 && why.kind != ERR_DENIED && why.kind != ERR_CANCELLED) {
		free(s->at.origin.scheme);
		s->at.origin.scheme = http;
		http_response_release(&answer);
		return 0;
	}
	free(http);
	http_response_release(rs);
	*rs = answer;
	if (r < 0)
		*e = why;
	return r;
}

/* One request goes alone until it is known how to talk. */
static int session_begin(struct registry_session *s, struct op *op,
			 const struct registry_call *call, struct http_response *rs, struct err *e)
{
	int r;

	pthread_mutex_lock(&s->first);
	r = session_ask(s, op, call, rs, e);
	if (!s->is_settled && r == 0 && rs->status == 400 && !call->body &&
	    !registry_auth_is_challenged(&s->auth))
		r = try_tls(s, op, call, rs, e);
	if (r == 0)
		s->is_settled = true;
	pthread_mutex_unlock(&s->first);
	return r;
}

int registry_session_perform(struct registry_session *s, struct op *op,
			     const struct registry_call *call, struct http_response *rs,
			     struct err *e)
{
	if (s->broken.kind != ERR_NONE) {
		*rs = (struct http_response){ 0 };
		*e = s->broken;
		return -1;
	}
	return s->is_settled ? session_ask(s, op, call, rs, e) : session_begin(s, op, call, rs, e);
}

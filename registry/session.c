/*
 * Sends requests: signed (auth.c), again where that helps (http_retry.h), and once or twice more when a
 * 401 has told something new.
 */
#include "registry/session.h"

#include "base/mem.h"
#include "base/secret.h"
#include "registry/api_error.h"
#include "registry/auth.h"
#include "registry/endpoint.h"

#define JOBS_DEFAULT 4
/* Bare, with a token for all that is to come, with one for this request alone. */
#define TRIES_MAX 3

struct registry_session {
	struct http *http;
	struct registry_options opt;
	struct registry_endpoint at;
	struct err broken; /* the host was no host: told by every request */

	struct registry_auth auth;
	struct registry_host host;
};

struct registry_session *registry_session_new(struct http *h, const char *host,
					      const struct registry_options *opt)
{
	struct registry_session *s = mem_zalloc(sizeof(*s));

	s->http = h;
	s->opt = *opt;
	if (registry_endpoint_init(&s->at, host, opt, &s->broken) == 0)
		err_clear(&s->broken);
	registry_auth_init(&s->auth, h, &s->at, &s->opt);
	registry_host_init(&s->host);
	return s;
}

void registry_session_free(struct registry_session *s)
{
	if (!s)
		return;
	registry_auth_release(&s->auth);
	registry_host_release(&s->host);
	registry_endpoint_release(&s->at);
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

struct registry_host *registry_session_host(struct registry_session *s)
{
	return &s->host;
}

int registry_session_resolve(struct url *out, struct registry_session *s, const struct url *base,
			     const char *text, struct err *e)
{
	if (s->broken.kind != ERR_NONE) {
		*e = s->broken;
		return -1;
	}
	return registry_endpoint_resolve(out, &s->at, base ? base : &s->at.origin, text, e);
}

int registry_session_refused(struct registry_session *s, const struct http_response *rs,
			     struct err *e)
{
	return registry_auth_refused(&s->auth, rs, e);
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
	if (rs->status != 401 || !own || call->as_we_are)
		return 0;
	return registry_auth_learn(again, &s->auth, op, call, rs, &auth, e);
}

int registry_session_perform(struct registry_session *s, struct op *op,
			     const struct registry_call *asked, struct http_response *rs,
			     struct err *e)
{
	struct http_retry budget = registry_session_budget(s, s->at.host);
	struct registry_call payed = *asked, *call = &payed;
	bool own = !call->at || url_same_origin(call->at, &s->at.origin);
	auto_buf struct buf url = BUF_INIT(BUF_SMALL);
	bool again = true;

	if (call->once)
		budget.left = 0;
	if (!call->retry)
		call->retry = &budget;
	*rs = (struct http_response){ 0 };
	if (s->broken.kind != ERR_NONE) {
		*e = s->broken;
		return -1;
	}
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
	return 0;
}

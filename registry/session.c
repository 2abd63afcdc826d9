/*
 * Signing requests. Nothing is asked beforehand: the first real request goes out
 * bare, its 401 says what is wanted, and from then on requests are signed before
 * they leave. Tokens are kept by scope and renewed shortly before they end.
 *
 * What the session knows (challenge, credentials, tokens) is behind a turnstile:
 * whoever must renew something does it alone, and the others then find it done,
 * so that eight uploads ask for one token. The lock itself is never held over a wait.
 */
#include "registry/session.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/http_retry.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "registry/api_error.h"
#include "registry/challenge.h"
#include "registry/endpoint.h"
#include "registry/token.h"

#define JOBS_DEFAULT 4
/* A token must live this long when a body is about to follow, and for other requests. */
#define MARGIN_BODY_MS 30000
#define MARGIN_MS      5000

struct cached_token {
	char *scope;
	char *header; /* "Bearer …" */
	int64_t life_ms, ends_ms;
};

struct registry_session {
	struct http *http;
	struct registry_options opt;
	struct registry_endpoint at;
	struct err broken; /* the host was no host: told by every request */

	pthread_mutex_t lock;
	pthread_cond_t free;
	bool busy;
	_Atomic enum registry_mount mount;

	/* only behind the turnstile */
	struct registry_challenge challenge; /* the last one; all zero: never asked */
	struct credentials who;
	bool who_known;
	struct cached_token *tokens;
	size_t nr_tokens, cap_tokens;
};

struct registry_session *registry_session_new(struct http *h, const char *host,
					      const struct registry_options *opt)
{
	struct registry_session *s = mem_zalloc(sizeof(*s));

	s->http = h;
	s->opt = *opt;
	if (registry_endpoint_init(&s->at, host, opt, &s->broken) == 0)
		err_clear(&s->broken);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->free, NULL);
	return s;
}

static void cached_token_release(struct cached_token *t)
{
	free(t->scope);
	secret_free(t->header);
}

void registry_session_free(struct registry_session *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr_tokens; i++)
		cached_token_release(&s->tokens[i]);
	free(s->tokens);
	credentials_release(&s->who);
	registry_challenge_release(&s->challenge);
	registry_endpoint_release(&s->at);
	pthread_cond_destroy(&s->free);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void session_enter(struct registry_session *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->busy)
		pthread_cond_wait(&s->free, &s->lock);
	s->busy = true;
	pthread_mutex_unlock(&s->lock);
}

static void session_leave(struct registry_session *s)
{
	pthread_mutex_lock(&s->lock);
	s->busy = false;
	pthread_cond_signal(&s->free);
	pthread_mutex_unlock(&s->lock);
}

unsigned registry_session_retries(const struct registry_session *s)
{
	return s->opt.retries;
}

unsigned registry_session_jobs(const struct registry_session *s)
{
	return s->opt.jobs ? s->opt.jobs : JOBS_DEFAULT;
}

enum registry_mount registry_session_mount(struct registry_session *s)
{
	return s->mount;
}

void registry_session_set_mount(struct registry_session *s, enum registry_mount m)
{
	s->mount = m;
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
	session_enter(s);
	registry_api_error(e, rs, s->who_known ? &s->who : NULL, s->at.host);
	session_leave(s);
	return -1;
}

/* -- behind the turnstile ---------------------------------------------------- */

static int session_load_credentials(struct registry_session *s, struct op *op, struct err *e)
{
	if (s->who_known)
		return 0;
	if (s->opt.credentials &&
	    credentials_find(&s->who, op, s->opt.credentials, s->at.host, e) < 0)
		return -1;
	s->who_known = true;
	log_info(op, "%s: credentials: %s", s->at.host, s->who.origin ? s->who.origin : "none");
	return 0;
}

static bool uses_bearer(const struct registry_session *s)
{
	return s->challenge.has_bearer && s->challenge.realm;
}

static bool token_is_fresh(const struct cached_token *t, int64_t now_ms, int64_t margin_ms)
{
	/* a token that never lives that long must not be renewed for every request */
	if (margin_ms > t->life_ms / 4)
		margin_ms = t->life_ms / 4;
	return t->ends_ms - now_ms > margin_ms;
}

static struct cached_token *token_find(struct registry_session *s, const char *scope)
{
	for (size_t i = 0; i < s->nr_tokens; i++)
		if (strcmp(s->tokens[i].scope, scope) == 0)
			return &s->tokens[i];
	return NULL;
}

static void token_forget(struct registry_session *s, const char *scope)
{
	struct cached_token *t = token_find(s, scope);

	if (!t)
		return;
	cached_token_release(t);
	*t = s->tokens[--s->nr_tokens];
}

/* A call that is part of a larger whole: its budget counts, not one more for each of its tries. */
static int token_renew(struct registry_session *s, struct op *op, const struct registry_call *call,
		       struct err *e)
{
	struct registry_token_request rq = { .http = s->http,
					     .at = &s->at,
					     .challenge = &s->challenge,
					     .who = &s->who,
					     .scope = call->scope,
					     .retries = call->once ? 0 : s->opt.retries };
	auto_token struct registry_token token = { 0 };
	int64_t now_ms = op->clock->mono_ms(op->clock);
	struct cached_token *t;

	if (registry_token_fetch(&token, op, &rq, e) < 0)
		return -1;
	token_forget(s, call->scope);
	MEM_GROW(s->tokens, s->nr_tokens, s->cap_tokens);
	t = &s->tokens[s->nr_tokens++];
	t->scope = mem_strdup(call->scope);
	t->header = mem_printf("Bearer %s", token.text);
	t->life_ms = token.life_ms;
	t->ends_ms = now_ms + token.life_ms;
	return 0;
}

/* The Authorization for a call as far as we know what is wanted; NULL: none. */
static int session_sign(char **header, struct registry_session *s, struct op *op,
			const struct registry_call *call, struct err *e)
{
	int64_t margin = call->body ? MARGIN_BODY_MS : MARGIN_MS;
	const struct cached_token *t;

	if (uses_bearer(s)) {
		t = token_find(s, call->scope);
		if ((!t || !token_is_fresh(t, op->clock->mono_ms(op->clock), margin)) &&
		    token_renew(s, op, call, e) < 0)
			return -1;
		*header = mem_strdup(token_find(s, call->scope)->header);
	} else if (s->challenge.has_basic) {
		*header = registry_basic_header(&s->who);
	}
	return 0;
}

static void read_challenges(struct registry_challenge *c, const struct http_response *rs)
{
	for (size_t i = 0; i < rs->headers.n; i++) {
		struct span line = span_of_str(rs->headers.v[i]);

		if (span_take(&line, "www-authenticate:"))
			registry_challenge_add(c, span_trim(line));
	}
}

/*
 * A 401 came for a request that was signed with `sent` (NULL: not at all). Learns from
 * it; *again: another try can go better, because something new is known now.
 */
static int session_learn(bool *again, struct registry_session *s, struct op *op,
			 const struct registry_call *call, const struct http_response *rs,
			 const char *sent, struct err *e)
{
	auto_challenge struct registry_challenge c = { 0 };
	const struct cached_token *t;

	read_challenges(&c, rs);
	if (session_load_credentials(s, op, e) < 0)
		return -1;
	if (!c.has_basic && !(c.has_bearer && c.realm))
		return 0;
	registry_challenge_release(&s->challenge);
	s->challenge = c;
	c = (struct registry_challenge){ 0 };
	if (!uses_bearer(s)) {
		*again = !sent && s->who.password;
		return 0;
	}
	/* somebody else may have renewed it meanwhile */
	t = token_find(s, call->scope);
	if (t && sent && strcmp(t->header, sent) == 0)
		token_forget(s, call->scope);
	*again = true;
	return 0;
}

/* -- requests ------------------------------------------------------------------ */

static int call_send(struct registry_session *s, struct op *op, const struct registry_call *call,
		     const char *url, const char *auth, struct http_response *rs, struct err *e)
{
	auto_secret_strv struct strv headers = STRV_INIT;
	struct http_retry retry = { .left = s->opt.retries };
	struct http_request rq = { .method = call->method,
				   .url = url,
				   .headers = &headers,
				   .body = call->body,
				   .body_bytes = call->body_bytes,
				   .out = call->out,
				   .body_max = call->body_max };
	int r;

	if (call->headers)
		strv_copy(&headers, call->headers);
	if (auth)
		strv_addf(&headers, "Authorization: %s", auth);
	do {
		http_response_release(rs);
		r = http_perform(s->http, op, &rq, rs, e);
	} while (!call->once && http_retry_again(&retry, op, &r, rs, e));
	return r;
}

/* One signed try. *again: it was a 401, and it is worth another. */
static int call_try(bool *again, struct registry_session *s, struct op *op,
		    const struct registry_call *call, const char *url, bool own,
		    struct http_response *rs, struct err *e)
{
	auto_secret char *auth = NULL;
	int r = 0;

	if (own) {
		session_enter(s);
		r = session_sign(&auth, s, op, call, e);
		session_leave(s);
	}
	if (r < 0 || call_send(s, op, call, url, auth, rs, e) < 0)
		return -1;
	if (rs->status != 401 || !own)
		return 0;
	session_enter(s);
	r = session_learn(again, s, op, call, rs, auth, e);
	session_leave(s);
	return r;
}

int registry_session_perform(struct registry_session *s, struct op *op,
			     const struct registry_call *call, struct http_response *rs,
			     struct err *e)
{
	bool own = !call->at || url_same_origin(call->at, &s->at.origin);
	auto_buf struct buf url = BUF_INIT(BUF_SMALL);
	bool again = false;

	*rs = (struct http_response){ 0 };
	if (s->broken.kind != ERR_NONE) {
		*e = s->broken;
		return -1;
	}
	url_format(&url, call->at ? call->at : &s->at.origin);
	if (!call->at) /* the origin ends in '/', the path begins with it */
		buf_add_str(&url, call->path + 1);
	if (call_try(&again, s, op, call, buf_str(&url), own, rs, e) < 0)
		return -1;
	if (!again || call->body)
		return 0;
	http_response_release(rs);
	return call_try(&again, s, op, call, buf_str(&url), own, rs, e);
}

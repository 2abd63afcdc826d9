/*
 * Nothing is asked beforehand: the first real request goes out bare, its 401 says what is wanted,
 * and from then on requests are signed before they leave. Tokens are kept by scope and
 * renewed shortly before they end.
 *
 * One token serves a whole push: it is asked for with the scope of the destination first (some servers
 * look at the first scope only) and those of the repositories to mount from behind it. Where that is
 * refused, or what comes does not even open the destination, its scope alone is asked for from
 * then on.
 *
 * All of it is behind a turnstile: whoever must renew something does it alone, and the others
 * then find it done, so that eight uploads ask for one token. The lock itself is never held over a wait.
 */
#include "registry/auth.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/strv.h"
#include "registry/api_error.h"
#include "registry/token.h"

/* A token must live this long when a body is about to follow, and for other requests. */
#define MARGIN_BODY_MS 30000
#define MARGIN_MS      5000
/* A younger token that is too small does not grow by being asked for again. */
#define FRESH_MS 60000

struct registry_auth_token {
	char *scope;
	char *header; /* "Bearer …" */
	int64_t begins_ms, life_ms;
};

void registry_signature_release(struct registry_signature *s)
{
	secret_free(s->header);
	*s = (struct registry_signature){ 0 };
}

void registry_auth_init(struct registry_auth *a, struct http *h, const struct registry_endpoint *at,
			const struct registry_options *opt)
{
	*a = (struct registry_auth){ .http = h, .at = at, .opt = opt };
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->free, NULL);
}

static void token_release(struct registry_auth_token *t)
{
	free(t->scope);
	secret_free(t->header);
}

void registry_auth_release(struct registry_auth *a)
{
	for (size_t i = 0; i < a->nr_tokens; i++)
		token_release(&a->tokens[i]);
	free(a->tokens);
	credentials_release(&a->who);
	registry_challenge_release(&a->challenge);
	pthread_cond_destroy(&a->free);
	pthread_mutex_destroy(&a->lock);
}

static void auth_enter(struct registry_auth *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->busy)
		pthread_cond_wait(&a->free, &a->lock);
	a->busy = true;
	pthread_mutex_unlock(&a->lock);
}

static void auth_leave(struct registry_auth *a)
{
	pthread_mutex_lock(&a->lock);
	a->busy = false;
	pthread_cond_signal(&a->free);
	pthread_mutex_unlock(&a->lock);
}

bool registry_auth_mounts_refused(struct registry_auth *a)
{
	return a->mounts_refused;
}

int registry_auth_refused(struct registry_auth *a, const struct http_response *rs, struct err *e)
{
	auth_enter(a);
	registry_api_error(e, rs, a->who_known ? &a->who : NULL, a->at->host);
	auth_leave(a);
	return -1;
}

/* -- behind the turnstile ---------------------------------------------------- */

static int load_credentials(struct registry_auth *a, struct op *op, struct err *e)
{
	if (a->who_known)
		return 0;
	if (a->opt->credentials &&
	    credentials_find(&a->who, op, a->opt->credentials, a->at->host, e) < 0)
		return -1;
	a->who_known = true;
	log_info(op, "%s: credentials: %s", a->at->host, a->who.origin ? a->who.origin : "none");
	return 0;
}

static bool uses_bearer(const struct registry_auth *a)
{
	return a->challenge.has_bearer && a->challenge.realm;
}

static bool is_wide(const struct registry_auth *a, const struct registry_call *call)
{
	return !a->mounts_refused && ((call->mounts && call->mounts->n) || call->from);
}

/* What a token for this call is asked for, as far as it was not refused before. Owned. */
static char *scope_for(const struct registry_auth *a, const struct registry_call *call)
{
	auto_buf struct buf scope = BUF_INIT(BUF_SMALL);

	buf_add_str(&scope, call->scope);
	if (!is_wide(a, call))
		return buf_steal(&scope);
	for (size_t i = 0; call->mounts && i < call->mounts->n; i++)
		buf_addf(&scope, " repository:%s:pull", call->mounts->v[i]);
	if (call->from && !(call->mounts && strv_has(call->mounts, call->from)))
		buf_addf(&scope, " repository:%s:pull", call->from);
	return buf_steal(&scope);
}

static bool is_alive(const struct registry_auth_token *t, int64_t now_ms, int64_t margin_ms)
{
	/* a token that never lives that long must not be renewed for every request */
	if (margin_ms > t->life_ms / 4)
		margin_ms = t->life_ms / 4;
	return t->begins_ms + t->life_ms - now_ms > margin_ms;
}

static struct registry_auth_token *token_find(struct registry_auth *a, const char *scope)
{
	for (size_t i = 0; i < a->nr_tokens; i++)
		if (strcmp(a->tokens[i].scope, scope) == 0)
			return &a->tokens[i];
	return NULL;
}

static void token_forget(struct registry_auth *a, const char *scope)
{
	struct registry_auth_token *t = token_find(a, scope);

	if (!t)
		return;
	token_release(t);
	*t = a->tokens[--a->nr_tokens];
}

/* The call that needs it pays for its tries. */
static int token_renew(struct registry_auth *a, struct op *op, const struct registry_call *call,
		       const char *scope, struct err *e)
{
	struct registry_token_request rq = { .http = a->http,
					     .at = a->at,
					     .challenge = &a->challenge,
					     .who = &a->who,
					     .scope = scope,
					     .retry = call->retry };
	auto_token struct registry_token token = { 0 };
	int64_t now_ms = op->clock->mono_ms(op->clock);
	struct registry_auth_token *t;

	if (registry_token_fetch(&token, op, &rq, e) < 0)
		return -1;
	token_forget(a, scope);
	MEM_GROW(a->tokens, a->nr_tokens, a->cap_tokens);
	t = &a->tokens[a->nr_tokens++];
	t->scope = mem_strdup(scope);
	t->header = mem_printf("Bearer %s", token.text);
	t->life_ms = token.life_ms;
	t->begins_ms = now_ms;
	return 0;
}

/* A token for this call that is alive; see the top for what happens to a wide one. */
static int token_get(struct registry_signature *out, struct registry_auth *a, struct op *op,
		     const struct registry_call *call, struct err *e)
{
	int64_t margin_ms = call->body ? MARGIN_BODY_MS : MARGIN_MS;
	auto_free char *scope = scope_for(a, call);
	const struct registry_auth_token *t = token_find(a, scope);

	if (call->as_we_are) {
		out->header = t ? mem_strdup(t->header) : NULL;
		return 0;
	}
	if (!t || !is_alive(t, op->clock->mono_ms(op->clock), margin_ms)) {
		if (token_renew(a, op, call, scope, e) < 0) {
			if (e->kind != ERR_DENIED || !is_wide(a, call) ||
			    token_renew(a, op, call, call->scope, e) < 0)
				return -1;
			log_info(op, "%s: no token for several repositories", a->at->host);
			a->mounts_refused = out->is_new = true;
			return token_get(out, a, op, call, e);
		}
		out->is_new = true;
		t = token_find(a, scope);
	}
	secret_free(out->header);
	out->header = mem_strdup(t->header);
	return 0;
}

static int sign(struct registry_signature *out, struct registry_auth *a, struct op *op,
		const struct registry_call *call, struct err *e)
{
	if (uses_bearer(a)) {
		if (token_get(out, a, op, call, e) < 0)
			return -1;
		if (call->from && a->mounts_refused)
			return err_set(e, ERR_DENIED, "no token to mount from %s", call->from);
	} else if (a->challenge.has_basic) {
		out->header = registry_basic_header(&a->who);
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
 * The token `sent` for this call was refused. True: another one can do better. A token that is too
 * small, and not old, only shrinks: to the destination alone.
 */
static bool learn_token(struct registry_auth *a, struct op *op, const struct registry_call *call,
			const struct registry_signature *sent)
{
	auto_free char *scope = scope_for(a, call);
	const struct registry_auth_token *t = token_find(a, scope);
	int64_t age_ms = t ? op->clock->mono_ms(op->clock) - t->begins_ms : 0;
	const char *error = a->challenge.error;

	/* somebody else may have renewed it meanwhile */
	if (!t || !sent->header || strcmp(t->header, sent->header) != 0)
		return true;
	if (error && strcmp(error, "insufficient_scope") == 0 && age_ms < FRESH_MS) {
		/* a mount that fails says nothing of the destination */
		if (!is_wide(a, call) || call->from)
			return false;
		log_info(op, "%s: a token for several repositories does not open one", a->at->host);
		a->mounts_refused = true;
		return true;
	}
	token_forget(a, scope);
	return !sent->is_new;
}

static int learn(bool *again, struct registry_auth *a, struct op *op,
		 const struct registry_call *call, const struct http_response *rs,
		 const struct registry_signature *sent, struct err *e)
{
	auto_challenge struct registry_challenge c = { 0 };

	read_challenges(&c, rs);
	if (load_credentials(a, op, e) < 0)
		return -1;
	if (!c.has_basic && !(c.has_bearer && c.realm))
		return 0;
	registry_challenge_release(&a->challenge);
	a->challenge = c;
	c = (struct registry_challenge){ 0 };
	*again = uses_bearer(a) ? learn_token(a, op, call, sent) : !sent->header && a->who.password;
	return 0;
}

/* -- the turnstile ------------------------------------------------------------ */

int registry_auth_sign(struct registry_signature *out, struct registry_auth *a, struct op *op,
		       const struct registry_call *call, struct err *e)
{
	int r;

	auth_enter(a);
	r = sign(out, a, op, call, e);
	auth_leave(a);
	return r;
}

int registry_auth_learn(bool *again, struct registry_auth *a, struct op *op,
			const struct registry_call *call, const struct http_response *rs,
			const struct registry_signature *sent, struct err *e)
{
	int r;

	auth_enter(a);
	r = learn(again, a, op, call, rs, sent, e);
	auth_leave(a);
	return r;
}

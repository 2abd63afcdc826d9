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
#include "base/http_retry.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/strv.h"
#include "registry/api_error.h"
#include "registry/token.h"

/*
 * A token must live this long when a body is about to follow, and a quarter of its life, and for other
 * requests; but one that lives short must not be renewed for every request.
 */
#define MARGIN_BODY_MS 30000
#define MARGIN_MS      5000
/* A younger token that is too small does not grow by being asked for again. */
#define FRESH_MS 60000

struct registry_auth_refusal {
	char *scope;
	struct err why;
};

struct registry_auth_token {
	char *scope;
	char *header; /* "Bearer …" */
	int64_t begins_ms, life_ms;
};

/* Mostly there is one; keys of config.json may be for parts of a host. */
struct registry_auth_who {
	char *path;
	struct credentials who;
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
	for (size_t i = 0; i < a->nr_refusals; i++)
		free(a->refusals[i].scope);
	free(a->refusals);
	for (size_t i = 0; i < a->nr_whos; i++) {
		free(a->whos[i].path);
		credentials_release(&a->whos[i].who);
	}
	free(a->whos);
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

bool registry_auth_login_refused(struct registry_auth *a)
{
	return a->login_refused;
}

/* -- behind the turnstile ---------------------------------------------------- */

/* The path in "repository:a/b:pull". Owned; NULL: it is not one. */
static char *scope_path(const char *scope)
{
	struct span rest = span_of_str(scope), word, path, actions;

	if (!span_word(&rest, &word) || !span_take(&word, "repository:") ||
	    !span_cut(word, ':', &path, &actions))
		return NULL;
	return span_dup(path);
}

static bool is_same_path(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Borrowed until the next one. */
static int who_for(const struct credentials **out, struct registry_auth *a, struct op *op,
		   const struct registry_call *call, struct err *e)
{
	auto_free char *path = scope_path(call->scope);
	struct registry_auth_who w = { 0 };
	size_t i = 0;

	while (i < a->nr_whos && a->whos[i].who.by_path && !is_same_path(a->whos[i].path, path))
		i++;
	if (i == a->nr_whos) {
		if (a->opt->credentials &&
		    credentials_find(&w.who, op, a->opt->credentials, a->at->host, path, e) < 0)
			return -1;
		log_info(op, "%s: credentials: %s", a->at->host,
			 w.who.origin ? w.who.origin : "none");
		w.path = STEAL(&path);
		MEM_GROW(a->whos, a->nr_whos, a->cap_whos);
		a->whos[a->nr_whos++] = w;
	}
	a->last_who = i;
	*out = &a->whos[i].who;
	return 0;
}

static bool is_usable(const struct registry_challenge *c)
{
	return c->has_basic || (c->has_bearer && c->realm);
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

static bool is_alive(const struct registry_auth_token *t, const struct registry_call *call,
		     int64_t now_ms)
{
	int64_t margin_ms = call->body ? MARGIN_BODY_MS : MARGIN_MS;
	int64_t most_ms = t->life_ms / (call->body ? 2 : 4);

	if (call->body && margin_ms < t->life_ms / 4)
		margin_ms = t->life_ms / 4;
	if (margin_ms > most_ms)
		margin_ms = most_ms;
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

/*
 * What was refused once is refused for the run, by whichever lane it is asked: servers count wrong passwords,
 * and lock out who has too many.
 */
static int recall_refusal(const struct registry_auth *a, const char *scope, struct err *e)
{
	for (size_t i = 0; i < a->nr_refusals; i++)
		if (strcmp(a->refusals[i].scope, scope) == 0) {
			*e = a->refusals[i].why;
			return -1;
		}
	return 0;
}

static void note_refusal(struct registry_auth *a, const char *scope, const struct err *e)
{
	if (e->kind != ERR_DENIED)
		return;
	MEM_GROW(a->refusals, a->nr_refusals, a->cap_refusals);
	a->refusals[a->nr_refusals++] =
		(struct registry_auth_refusal){ .scope = mem_strdup(scope), .why = *e };
}

/* The call that needs it pays for its tries. */
static int token_renew(struct registry_auth *a, struct op *op, const struct registry_call *call,
		       const struct credentials *who, const char *scope, struct err *e)
{
	struct registry_token_request rq = { .http = a->http,
					     .at = a->at,
					     .challenge = &a->challenge,
					     .who = who,
					     .scope = scope,
					     .retry = call->retry };
	auto_token struct registry_token token = { 0 };
	int64_t now_ms = op->clock->mono_ms(op->clock);
	struct registry_auth_token *t;

	if (recall_refusal(a, scope, e) < 0)
		return -1;
	if (registry_token_fetch(&token, op, &rq, e) < 0) {
		note_refusal(a, scope, e);
		return -1;
	}
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
		     const struct registry_call *call, const struct credentials *who, struct err *e)
{
	auto_free char *scope = scope_for(a, call);
	const struct registry_auth_token *t = token_find(a, scope);

	if (call->as_we_are) {
		out->header = t ? mem_strdup(t->header) : NULL;
		return 0;
	}
	if (!t || !is_alive(t, call, op->clock->mono_ms(op->clock))) {
		if (token_renew(a, op, call, who, scope, e) < 0) {
			if (e->kind != ERR_DENIED || !is_wide(a, call) ||
			    token_renew(a, op, call, who, call->scope, e) < 0)
				return -1;
			log_info(op, "%s: no token for several repositories", a->at->host);
			a->mounts_refused = out->is_new = true;
			return token_get(out, a, op, call, who, e);
		}
		out->is_new = true;
		t = token_find(a, scope);
	}
	secret_free(out->header);
	out->header = mem_strdup(t->header);
	return 0;
}

/* It is not what was asked for that is refused, but we are. */
static int login_failed(struct registry_auth *a, struct err *e)
{
	a->login_refused = true;
	return err_wrap(e, "login to %s", a->at->host);
}

static int sign(struct registry_signature *out, struct registry_auth *a, struct op *op,
		const struct registry_call *call, struct err *e)
{
	const struct credentials *who;

	if (!is_usable(&a->challenge))
		return 0; /* nobody has asked */
	if (who_for(&who, a, op, call, e) < 0)
		return -1;
	if (who->registry_token) {
		out->header = mem_printf("Bearer %s", who->registry_token);
	} else if (uses_bearer(a)) {
		if (token_get(out, a, op, call, who, e) < 0)
			return e->kind == ERR_DENIED ? login_failed(a, e) : -1;
		if (call->from && a->mounts_refused)
			return err_set(e, ERR_DENIED, "no token to mount from %s", call->from);
	} else {
		out->header = registry_basic_header(who);
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
			const char *error, const struct registry_signature *sent)
{
	auto_free char *scope = scope_for(a, call);
	const struct registry_auth_token *t = token_find(a, scope);
	int64_t age_ms = t ? op->clock->mono_ms(op->clock) - t->begins_ms : 0;

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

/* A relative realm is one beside what was asked for. What is no address at all is told when it is used. */
static void complete_realm(struct registry_challenge *c, const struct registry_auth *a,
			   const struct registry_call *call)
{
	auto_url struct url asked = { 0 };
	auto_url struct url realm = { 0 };
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct err ignored = ERR_INIT;

	url_format(&text, call->at ? call->at : &a->at->origin);
	if (!call->at)
		buf_add_str(&text, call->path + 1);
	if (!c->realm || url_parse(&asked, buf_str(&text), &ignored) < 0 ||
	    url_resolve(&realm, &asked, c->realm, &ignored) < 0)
		return;
	buf_reset(&text);
	url_format(&text, &realm);
	free(c->realm);
	c->realm = mem_strdup(buf_str(&text));
}

/* Some registries say what they want only to those who ask for nothing in particular. */
static int ping(struct registry_challenge *out, struct registry_auth *a, struct op *op,
		const struct registry_call *call, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	auto_buf struct buf url = BUF_INIT(BUF_SMALL);
	struct http_request rq = { .method = "GET",
				   .tls = registry_endpoint_tls(a->at, &a->at->origin) };
	int r;

	if (a->has_pinged)
		return 0;
	url_format(&url, &a->at->origin);
	buf_add_str(&url, "v2/");
	rq.url = buf_str(&url);
	do {
		http_response_release(&rs);
		r = http_perform(a->http, op, &rq, &rs, e);
	} while (http_retry_again(call->retry, op, &r, &rs, e));
	if (r < 0)
		return err_wrap(e, "what %s wants to see", a->at->host);
	a->has_pinged = true;
	if (rs.status == 401)
		read_challenges(out, &rs);
	return 0;
}

static int learn(bool *again, struct registry_auth *a, struct op *op,
		 const struct registry_call *call, const struct http_response *rs,
		 const struct registry_signature *sent, struct err *e)
{
	auto_challenge struct registry_challenge c = { 0 };
	const struct credentials *who;
	auto_free char *error = NULL;

	read_challenges(&c, rs);
	error = STEAL(&c.error);
	if (who_for(&who, a, op, call, e) < 0)
		return -1;
	if (!is_usable(&c) && !is_usable(&a->challenge)) {
		registry_challenge_release(&c);
		if (ping(&c, a, op, call, e) < 0)
			return -1;
		if (!is_usable(&c))
			return 0;
	}
	if (is_usable(&c)) {
		complete_realm(&c, a, call);
		registry_challenge_release(&a->challenge);
		a->challenge = c;
		c = (struct registry_challenge){ 0 };
	}
	if (who->registry_token || !uses_bearer(a))
		*again = !sent->header && (who->registry_token || who->password);
	else
		*again = learn_token(a, op, call, error, sent);
	return 0;
}

static bool has_action(struct span actions, const char *action)
{
	struct span one;
	bool more;

	do {
		more = span_cut(actions, ',', &one, &actions);
		if (span_eq_str(one, action))
			return true;
	} while (more);
	return false;
}

/*
 * "no right to push to a/b": a token server gives what one may have and says nothing; it is the
 * registry that misses the rest, and names it.
 */
static bool tell_missing_right(struct buf *out, const struct http_response *rs)
{
	auto_challenge struct registry_challenge c = { 0 };
	struct span rest, word, path, actions;
	bool pushing = false;

	read_challenges(&c, rs);
	if (rs->status != 401 || !c.error || strcmp(c.error, "insufficient_scope") != 0)
		return false;
	rest = span_of_str(c.scope ? c.scope : "");
	while (!pushing && span_word(&rest, &word)) {
		if (!span_take(&word, "repository:") || !span_cut(word, ':', &path, &actions))
			continue;
		pushing = has_action(actions, "push");
		buf_reset(out);
		buf_addf(out, "no right to %s " SPAN_FMT, pushing ? "push to" : "use",
			 SPAN_ARG(path));
	}
	return out->len > 0;
}

static int refused(struct registry_auth *a, const struct http_response *rs, struct err *e)
{
	const struct credentials *who = a->nr_whos ? &a->whos[a->last_who].who : NULL;
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	if (!who || !tell_missing_right(&text, rs)) {
		registry_api_error(e, rs, who, a->at->host);
		return who && rs->status == 401 ? login_failed(a, e) : -1;
	}
	buf_add_str(&text, " (");
	credentials_tell(&text, who, a->at->host);
	return err_set(e, ERR_DENIED, "denied: %s)", buf_str(&text));
}

/* -- the turnstile ------------------------------------------------------------ */

int registry_auth_refused(struct registry_auth *a, const struct http_response *rs, struct err *e)
{
	auth_enter(a);
	refused(a, rs, e);
	auth_leave(a);
	return -1;
}

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

void registry_auth_who(struct buf *out, struct registry_auth *a)
{
	const struct credentials *who;

	auth_enter(a);
	who = a->nr_whos ? &a->whos[a->last_who].who : NULL;
	if (!who) {
		buf_add_str(out, "anybody (nobody was asked for credentials)");
	} else {
		buf_addf(out, "%s (",
			 who->user		     ? who->user
			 : credentials_is_known(who) ? "a token"
						     : "nobody");
		credentials_tell(out, who, a->at->host);
		buf_add_char(out, ')');
	}
	auth_leave(a);
}

bool registry_auth_is_challenged(struct registry_auth *a)
{
	bool is;

	auth_enter(a);
	is = is_usable(&a->challenge);
	auth_leave(a);
	return is;
}

/*
 * The token server. It is named by the registry, so its address passes the
 * endpoint's fence, and a password goes to it only over https, or where the
 * registry's own door is plain http and the address is loopback or the registry itself.
 * GET is used with user and password (every server has it), the OAuth2 POST with an identity
 * token, which cannot be used otherwise; each in place of the other where the server has only that.
 */
#include "registry/token.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/secret.h"
#include "registry/api_error.h"

#define LIFE_DEFAULT_MS 60000
#define REDIRECTS_MAX	5
#define LIFE_MAX_S	86400

void registry_token_release(struct registry_token *t)
{
	secret_free(t->text);
	*t = (struct registry_token){ 0 };
}

char *registry_basic_header(const struct credentials *who)
{
	if (!who->user || !who->password)
		return NULL;

	auto_secret char *plain = mem_printf("%s:%s", who->user, who->password);
	auto_secret char *text = base64_encode(span_of_str(plain), false);

	return mem_printf("Basic %s", text);
}

/* It becomes part of a header line: visible ASCII only. */
static bool is_header_safe(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static void json_wipe(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (json_is_string(v))
		explicit_bzero((char *)json_string_value(v), json_string_length(v));
}

static int token_from_json(struct registry_token *out, const json_t *root, struct err *e)
{
	const json_t *life = json_object_get(root, "expires_in");
	const char *text;

	if (json_opt_str(&text, root, "token", "", "", e) < 0)
		return -1;
	if (!*text && json_opt_str(&text, root, "access_token", "", "", e) < 0)
		return -1;
	if (!*text)
		return err_set(e, ERR_FAILED, "token server's answer: no token in it");
	if (!is_header_safe(text))
		return err_set(e, ERR_FAILED, "token server's answer: not a usable token");
	out->text = mem_strdup(text);
	out->life_ms = LIFE_DEFAULT_MS;
	/* 0 and less are seen from servers that mean "I do not say" */
	if (json_is_integer(life) && json_integer_value(life) > 0)
		out->life_ms = 1000 * (json_integer_value(life) < LIFE_MAX_S
					       ? (int64_t)json_integer_value(life)
					       : LIFE_MAX_S);
	return 0;
}

int registry_token_parse(struct registry_token *out, struct span body, struct err *e)
{
	auto_json json_t *root =
		json_load_span(body, REGISTRY_TOKEN_MAX, "token server's answer", e);
	int r = -1;

	if (root && !json_is_object(root))
		err_set(e, ERR_FAILED, "token server's answer: not an object");
	else if (root)
		r = token_from_json(out, root, e);
	else
		secret_unquote_err(e);
	if (root) {
		json_wipe(root, "token");
		json_wipe(root, "access_token");
		json_wipe(root, "refresh_token");
	}
	if (r < 0)
		e->kind = ERR_FAILED;
	return r;
}

static bool is_plain_http(const struct url *u)
{
	return span_eq_str(span_of_str(u->scheme), "http");
}

static bool is_same_host(const struct url *a, const struct url *b)
{
	return strcmp(a->host, b->host) == 0;
}

/* May this realm, which the fence has let pass, see a password? */
static int realm_check(const struct url *realm, const struct registry_token_request *rq,
		       struct err *e)
{
	const struct url *origin = &rq->at->origin;

	/* http passes only where the registry itself is http */
	if (!is_plain_http(realm) || !credentials_is_known(rq->who) ||
	    is_same_host(realm, origin) || (url_is_loopback(realm) && url_is_loopback(origin)))
		return 0;
	return err_set(e, ERR_DENIED, "token server http://%s: no password is sent over plain http",
		       realm->host);
}

static void answer_wipe(struct http_response *rs)
{
	if (rs->body.data)
		explicit_bzero(rs->body.data, rs->body.len);
	http_response_release(rs);
}

static void add_param(struct buf *b, const char *sep, const char *name, const char *value)
{
	buf_addf(b, "%s%s=", sep, name);
	url_encode(b, span_of_str(value), "");
}

static void add_query(struct buf *out, const struct url *realm,
		      const struct registry_token_request *rq)
{
	const char *sep = realm->query ? "&" : "?";

	if (rq->challenge->service) {
		add_param(out, sep, "service", rq->challenge->service);
		sep = "&";
	}
	/* a parameter each: "a b" in one is not understood everywhere */
	for (struct span rest = span_of_str(rq->scope), one; span_word(&rest, &one); sep = "&") {
		auto_free char *scope = span_dup(one);

		add_param(out, sep, "scope", scope);
	}
}

enum grant { GRANT_GET, GRANT_REFRESH, GRANT_PASSWORD };

static void add_form(struct buf *out, const struct registry_token_request *rq, enum grant grant)
{
	buf_addf(out, "grant_type=%s&client_id=cpush",
		 grant == GRANT_REFRESH ? "refresh_token" : "password");
	if (rq->challenge->service)
		add_param(out, "&", "service", rq->challenge->service);
	add_param(out, "&", "scope", rq->scope);
	if (grant == GRANT_REFRESH) {
		add_param(out, "&", "refresh_token", rq->who->identity_token);
	} else {
		add_param(out, "&", "username", rq->who->user);
		add_param(out, "&", "password", rq->who->password);
	}
}

/* One request: to the realm, or to where it sent us (then the address is complete). */
static int token_send(struct http_response *rs, struct op *op, const struct url *at, bool is_realm,
		      bool with_basic, const struct registry_token_request *rq, enum grant grant,
		      struct err *e)
{
	auto_buf struct buf url = BUF_INIT(BUF_SMALL);
	auto_secret_buf struct buf form = BUF_INIT(REGISTRY_TOKEN_MAX);
	auto_secret_strv struct strv headers = STRV_INIT;
	auto_secret char *basic = registry_basic_header(rq->who);
	struct http_request http = { .method = "GET",
				     .headers = &headers,
				     .tls = registry_endpoint_tls(rq->at, at),
				     .body_max = REGISTRY_TOKEN_MAX };
	int r;

	url_format(&url, at);
	if (grant != GRANT_GET) {
		add_form(&form, rq, grant);
		strv_add(&headers, "Content-Type: application/x-www-form-urlencoded");
		http.method = "POST";
		http.body_bytes = buf_span(&form);
	} else {
		if (is_realm)
			add_query(&url, at, rq);
		if (basic && with_basic)
			strv_addf(&headers, "Authorization: %s", basic);
	}
	http.url = buf_str(&url);
	do {
		http_response_release(rs);
		r = http_perform(rq->http, op, &http, rs, e);
	} while (http_retry_again(rq->retry, op, &r, rs, e));
	return r;
}

static bool has_password(const struct credentials *who)
{
	return who->user && who->password && *who->password;
}

/*
 * Another address by way of a redirect: behind the same fence, and at another origin without our
 * credentials, which is said.
 */
static int next_address(struct url *at, struct op *op, const struct url *realm,
			const struct registry_token_request *rq, enum grant grant,
			const char *location, struct err *e)
{
	auto_url struct url next = { 0 };

	if (registry_endpoint_resolve(&next, rq->at, at, location, e) < 0)
		return err_wrap(e, "redirect");
	if (!url_same_origin(&next, realm)) {
		if (grant != GRANT_GET)
			return err_set(e, ERR_DENIED,
				       "redirected to %s, which is not given our credentials",
				       next.host);
		if (has_password(rq->who))
			progress_warn(op->progress,
				      "the token server of %s is at %s now, which is asked without "
				      "credentials",
				      rq->at->host, next.host);
	}
	url_release(at);
	*at = next;
	next = (struct url){ 0 };
	return 0;
}

static int token_ask(struct http_response *rs, struct op *op, const struct url *realm,
		     const struct registry_token_request *rq, enum grant grant, struct err *e)
{
	auto_url struct url at = { 0 };

	/* the same address once more, to be changed */
	if (registry_endpoint_resolve(&at, rq->at, &rq->at->origin, rq->challenge->realm, e) < 0)
		return -1;
	for (int hops = 0;; hops++) {
		const char *location;

		if (token_send(rs, op, &at, hops == 0, url_same_origin(&at, realm), rq, grant, e) <
		    0)
			return -1;
		location = http_header(rs, "location");
		/* a POST is one only after 307 and 308 */
		if (!http_is_redirect(rs->status) || !location ||
		    (grant != GRANT_GET && rs->status != 307 && rs->status != 308))
			return 0;
		if (hops == REDIRECTS_MAX)
			return err_set(e, ERR_FAILED, "redirected more than %d times",
				       REDIRECTS_MAX);
		if (next_address(&at, op, realm, rq, grant, location, e) < 0)
			return -1;
	}
}

/* The other way of asking, when this one was answered so; false: it would be of no use. */
static bool other_grant(enum grant *grant, const struct credentials *who, long status)
{
	bool unknown_way = status == 404 || status == 405;

	if (!has_password(who))
		return false;
	if (*grant == GRANT_REFRESH && (unknown_way || status == 400 || status == 401))
		*grant = GRANT_GET; /* the token may be no good where the password is */
	else if (*grant == GRANT_GET && unknown_way && !who->identity_token)
		*grant =
			GRANT_PASSWORD; /* not after a refusal: a wrong password counts twice then */
	else
		return false;
	return true;
}

int registry_token_fetch(struct registry_token *out, struct op *op,
			 const struct registry_token_request *rq, struct err *e)
{
	enum grant grant = rq->who->identity_token ? GRANT_REFRESH : GRANT_GET;
	auto_http_response struct http_response rs = { 0 };
	auto_url struct url realm = { 0 };
	int r;

	if (registry_endpoint_resolve(&realm, rq->at, &rq->at->origin, rq->challenge->realm, e) < 0)
		return err_wrap(e, "token server of %s", rq->at->host);
	if (realm_check(&realm, rq, e) < 0)
		return -1;
	log_info(op, "%s: a token from %s", rq->at->host, realm.host);
	do {
		answer_wipe(&rs);
		r = token_ask(&rs, op, &realm, rq, grant, e);
	} while (r == 0 && other_grant(&grant, rq->who, rs.status));
	if (r == 0 && rs.status != 200)
		r = registry_api_error(e, &rs, rq->who, rq->at->host);
	else if (r == 0)
		r = registry_token_parse(out, buf_span(&rs.body), e);
	answer_wipe(&rs);
	return r < 0 ? err_wrap(e, "token for %s from %s", rq->scope, realm.host) : 0;
}

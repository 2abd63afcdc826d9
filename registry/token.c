/*
 * The token server. It is named by the registry, so its address passes the
 * endpoint's fence, and a password goes to it only over https, or where the
 * registry's own door is plain http and the address is loopback or the registry itself.
 * GET is used with user and password (every server has it); the OAuth2 POST only
 * with an identity token, which cannot be used otherwise.
 */
#include "registry/token.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "registry/api_error.h"

#define LIFE_DEFAULT_MS 60000
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

/* May this realm see a password? */
static int realm_check(const struct url *realm, const struct registry_token_request *rq,
		       struct err *e)
{
	const struct url *origin = &rq->at->origin;
	bool anonymous = !rq->who->password && !rq->who->identity_token;

	if (!is_plain_http(realm))
		return 0;
	if (!is_plain_http(origin))
		return err_set(e, ERR_DENIED, "token server http://%s: https is required",
			       realm->host);
	if (anonymous || url_is_loopback(realm) || url_same_origin(realm, origin))
		return 0;
	return err_set(e, ERR_DENIED, "token server http://%s: no password is sent over plain http",
		       realm->host);
}

static void add_param(struct buf *b, const char *sep, const char *name, const char *value)
{
	buf_addf(b, "%s%s=", sep, name);
	url_encode(b, span_of_str(value), "");
}

static void token_url(struct buf *out, const struct url *realm,
		      const struct registry_token_request *rq)
{
	const char *sep = realm->query ? "&" : "?";

	url_format(out, realm);
	if (rq->who->identity_token)
		return;
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

static void token_form(struct buf *out, const struct registry_token_request *rq)
{
	buf_add_str(out, "grant_type=refresh_token&client_id=cpush");
	if (rq->challenge->service)
		add_param(out, "&", "service", rq->challenge->service);
	add_param(out, "&", "scope", rq->scope);
	add_param(out, "&", "refresh_token", rq->who->identity_token);
}

static int token_send(struct http_response *rs, struct op *op, const struct url *realm,
		      const struct registry_token_request *rq, struct err *e)
{
	auto_buf struct buf url = BUF_INIT(BUF_SMALL);
	auto_secret_buf struct buf form = BUF_INIT(BUF_SMALL);
	auto_secret_strv struct strv headers = STRV_INIT;
	auto_secret char *basic = registry_basic_header(rq->who);
	struct http_request http = { .method = "GET",
				     .headers = &headers,
				     .tls = registry_endpoint_tls(rq->at, realm),
				     .body_max = REGISTRY_TOKEN_MAX };
	int r;

	token_url(&url, realm, rq);
	http.url = buf_str(&url);
	if (rq->who->identity_token) {
		token_form(&form, rq);
		strv_add(&headers, "Content-Type: application/x-www-form-urlencoded");
		http.method = "POST";
		http.body_bytes = buf_span(&form);
	} else if (basic) {
		strv_addf(&headers, "Authorization: %s", basic);
	}
	do {
		http_response_release(rs);
		r = http_perform(rq->http, op, &http, rs, e);
	} while (http_retry_again(rq->retry, op, &r, rs, e));
	return r;
}

int registry_token_fetch(struct registry_token *out, struct op *op,
			 const struct registry_token_request *rq, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	auto_url struct url realm = { 0 };
	int r;

	if (registry_endpoint_resolve(&realm, rq->at, &rq->at->origin, rq->challenge->realm, e) < 0)
		return err_wrap(e, "token server of %s", rq->at->host);
	if (realm_check(&realm, rq, e) < 0)
		return -1;
	r = token_send(&rs, op, &realm, rq, e);
	if (r == 0 && rs.status != 200)
		r = registry_api_error(e, &rs, rq->who, rq->at->host);
	else if (r == 0)
		r = registry_token_parse(out, buf_span(&rs.body), e);
	if (rs.body.data)
		explicit_bzero(rs.body.data, rs.body.len);
	return r < 0 ? err_wrap(e, "token for %s from %s", rq->scope, realm.host) : 0;
}

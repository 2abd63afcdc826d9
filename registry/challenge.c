/*
 * WWW-Authenticate. One header may hold several challenges, and a comma stands
 * both between challenges and between parameters:
 *
 *	Basic realm="a", Bearer realm="https://t/", service="x,y"
 *
 * So: a word with '=' behind it is a parameter of the scheme so far, any other
 * word begins a new scheme. Whatever else stands there is stepped over.
 */
#include "registry/challenge.h"

#include "base/buf.h"

#define VALUE_MAX (8u << 10)

enum scheme { SCHEME_OTHER, SCHEME_BEARER };

void registry_challenge_release(struct registry_challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	*c = (struct registry_challenge){ 0 };
}

/* RFC 7230 tchar. */
static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static struct span take_token(struct span *rest)
{
	size_t n = 0;

	while (n < rest->n && is_token_char(rest->p[n]))
		n++;

	struct span token = span_head(*rest, n);

	*rest = span_sub(*rest, n);
	return token;
}

/* Behind the opening quote. False: no closing one. */
static bool take_quoted(struct span *rest, struct buf *value)
{
	size_t i = 0;

	for (; i < rest->n && rest->p[i] != '"'; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		buf_add_char(value, rest->p[i]);
	}
	if (i >= rest->n)
		return false;
	*rest = span_sub(*rest, i + 1);
	return true;
}

/* Unquoted values are tokens by the book; addresses are seen in the wild. */
static void take_bare(struct span *rest, struct buf *value)
{
	size_t n = 0;

	while (n < rest->n && !strchr(", \t\r\n\"", rest->p[n]))
		n++;
	buf_add(value, rest->p, n);
	*rest = span_sub(*rest, n);
}

/* *rest is behind the '='. False: the header is broken from here on. */
static bool take_value(struct span *rest, struct buf *value)
{
	*rest = span_ltrim(*rest);
	if (span_take(rest, "\""))
		return take_quoted(rest, value);
	take_bare(rest, value);
	return true;
}

static void keep_param(struct registry_challenge *c, struct span name, const struct buf *value)
{
	char **slot = NULL;

	if (span_eq_nocase(name, "realm"))
		slot = &c->realm;
	else if (span_eq_nocase(name, "service"))
		slot = &c->service;
	else if (span_eq_nocase(name, "scope"))
		slot = &c->scope;
	else if (span_eq_nocase(name, "error"))
		slot = &c->error;
	if (slot && !*slot && !value->over && !span_has_nul(buf_span(value)))
		*slot = span_dup(buf_span(value));
}

static enum scheme begin_scheme(struct registry_challenge *c, struct span name)
{
	if (span_eq_nocase(name, "basic"))
		c->has_basic = true;
	if (!span_eq_nocase(name, "bearer") || c->realm) /* one without a realm is none */
		return SCHEME_OTHER;
	c->has_bearer = true;
	return SCHEME_BEARER;
}

void registry_challenge_add(struct registry_challenge *c, struct span header)
{
	enum scheme scheme = SCHEME_OTHER;
	struct span rest = header;

	if (header.n > REGISTRY_CHALLENGE_MAX)
		return;
	while (rest.n) {
		auto_buf struct buf value = BUF_INIT(VALUE_MAX);
		struct span word = take_token(&rest);

		if (!word.n) {
			rest = span_sub(rest, 1);
			continue;
		}
		rest = span_ltrim(rest);
		if (!span_take(&rest, "=")) {
			scheme = begin_scheme(c, word);
			continue;
		}
		if (!take_value(&rest, &value))
			return;
		if (scheme == SCHEME_BEARER)
			keep_param(c, word, &value);
	}
}

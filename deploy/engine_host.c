/*
 * What is in an address ends in the arguments of ssh and in messages, so every part has its few characters: none
 * that a shell or ssh's own options could take for something else, and no word begins with '-'.
 */
#include "deploy/engine_host.h"

#include "base/mem.h"
#include "base/span.h"
#include "base/url.h"

#define SOCKET_MAX 107
#define LETTERS	   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define WORD	   LETTERS "0123456789._-"

void engine_host_release(struct engine_host *h)
{
	free(h->text);
	free(h->path);
	free(h->name);
	free(h->user);
	*h = (struct engine_host){ 0 };
}

static bool is_made_of(struct span s, const char *chars)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(chars, s.p[i]))
			return false;
	return s.n > 0;
}

static bool is_word(struct span s)
{
	return is_made_of(s, WORD) && s.p[0] != '-';
}

static int set_socket(struct engine_host *h, struct span path, struct err *e)
{
	if (!span_starts(path, "/") || path.n > SOCKET_MAX)
		return err_set(e, ERR_INPUT,
			       "engine '%s': not an absolute socket path of at most %d bytes",
			       h->text, SOCKET_MAX);
	h->way = ENGINE_SOCKET;
	h->path = span_dup(path);
	return 0;
}

static int set_tcp(struct engine_host *h, struct span rest, struct err *e)
{
	auto_free char *text = mem_printf("http://" SPAN_FMT, SPAN_ARG(rest));
	auto_url struct url u = { 0 };
	const char *after;

	if (url_parse(&u, text, e) < 0)
		return err_wrap(e, "engine '%s'", h->text);
	if ((u.path && strcmp(u.path, "/") != 0) || u.query)
		return err_set(e, ERR_INPUT, "engine '%s': nothing may follow host and port",
			       h->text);
	/* url_parse fills in port 80 */
	after = strrchr(text + strlen("http://"), ':');
	h->way = ENGINE_TCP;
	h->port = after && !strchr(after, ']') ? u.port : 0;
	h->name = mem_strdup(u.host);
	h->is_loopback = url_is_loopback(&u);
	return 0;
}

/* "host", "host:22", "[::1]:22" */
static int set_ssh_host(struct engine_host *h, struct span at, struct err *e)
{
	struct span name = at, port = span_of("", 0);
	bool has_port;
	uint64_t n = 0;

	if (span_take(&at, "[")) {
		bool closed = span_cut(at, ']', &name, &port);

		has_port = span_take(&port, ":");
		if (!closed || !is_made_of(name, "0123456789abcdefABCDEF:.") ||
		    (port.n && !has_port))
			return err_set(e, ERR_INPUT, "engine '%s': not an IPv6 address in brackets",
				       h->text);
	} else {
		has_port = span_cut(at, ':', &name, &port);
		if (!is_word(name))
			return err_set(e, ERR_INPUT, "engine '%s': not a host's name for ssh",
				       h->text);
	}
	if (has_port && (span_to_u64(&n, port) < 0 || n < 1 || n > 65535))
		return err_set(e, ERR_INPUT, "engine '%s': not a port", h->text);
	h->name = span_dup(name);
	h->port = (unsigned)n;
	return 0;
}

static int set_ssh(struct engine_host *h, struct span rest, struct err *e)
{
	ptrdiff_t slash = span_find(rest, '/');
	struct span path = slash < 0 ? span_of("", 0) : span_sub(rest, (size_t)slash);
	struct span at = slash < 0 ? rest : span_head(rest, (size_t)slash), user;
	ptrdiff_t sign = span_rfind(at, '@');

	h->way = ENGINE_SSH;
	if (sign >= 0) {
		user = span_head(at, (size_t)sign);
		at = span_sub(at, (size_t)sign + 1);
		if (!is_word(user))
			return err_set(e, ERR_INPUT, "engine '%s': not a user's name for ssh",
				       h->text);
		h->user = span_dup(user);
	}
	if (path.n > 1) {
		if (!is_made_of(path, WORD "/") || path.n > SOCKET_MAX)
			return err_set(
				e, ERR_INPUT,
				"engine '%s': what follows the host is not a plain socket path",
				h->text);
		h->path = span_dup(path);
	}
	return set_ssh_host(h, at, e);
}

static int parse(struct engine_host *h, struct err *e)
{
	struct span rest = span_of_str(h->text);
	const char *at = strrchr(h->text, '@'), *scheme = strstr(h->text, "://");

	/* not shown: it would be in the job's log */
	if (at && scheme && scheme < at && memchr(scheme + 3, ':', (size_t)(at - scheme - 3)))
		return err_set(e, ERR_INPUT,
			       "engine: its address (DOCKER_HOST or --host) holds a password; no "
			       "form of it takes one");
	if (span_take(&rest, "unix://"))
		return set_socket(h, rest, e);
	if (span_take(&rest, "tcp://"))
		return set_tcp(h, rest, e);
	if (span_take(&rest, "ssh://"))
		return set_ssh(h, rest, e);
	return err_set(e, ERR_INPUT,
		       "engine '%s': not unix:///path, tcp://host:port or ssh://user@host",
		       h->text);
}

int engine_host_parse(struct engine_host *out, const char *text, struct err *e)
{
	auto_engine_host struct engine_host h = { .text = mem_strdup(text) };

	if (parse(&h, e) < 0)
		return -1;
	*out = h;
	h = (struct engine_host){ 0 };
	return 0;
}

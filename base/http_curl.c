/*
 * The only door to libcurl. Every exchange borrows a line (an easy handle and the
 * multi handle that keeps its connections) from a small stock, best the one that last
 * talked to the same server. A line is one thread's at a time; only the stock is
 * shared (libcurl cannot share connections between threads). The multi handle is
 * there for its poll, which also watches the cancel descriptor.
 *
 * libcurl decides nothing: no redirects, no authentication, no decoding, no .netrc.
 * What it would add by itself (Expect, a content type) is taken away.
 */
#include "base/http_curl.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include <curl/curl.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/dial.h"
#include "base/http_curl_fail.h"
#include "base/http_curl_headers.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proxy.h"
#include "base/trust_files.h"
#include "base/url.h"

#define CONNECT_TIMEOUT_MS 15000L
#define STALL_MS	   30000
#define ANSWER_MS	   60000
#define ANSWER_MAX_MS	   600000
#define LOOK_MS		   1000 /* between two looks whether anything moves */
#define UPLOAD_BUFFER	   (512L << 10)
#define DOWNLOAD_BUFFER	   (256L << 10)

struct line {
	CURL *easy;
	CURLM *multi;
	char *origin;		    /* where its youngest connection leads */
	const struct http_tls *tls; /* libcurl does not see what on_ssl_ctx did for all of them */
};

struct http_curl {
	struct http base;
	char *user_agent;
	struct proxies proxies;
	struct trust *trust;
	bool insecure, has_flags;
	int64_t stall_ms, answer_ms;
	pthread_mutex_t lock; /* of what follows */
	struct line *idle;
	size_t n, cap;
};

/* One request while libcurl works on it. */
struct exchange {
	const struct http_curl *h;
	struct op *op;
	const struct http_request *rq;
	struct http_response *rs;
	struct err *e;
	bool failed;	  /* a callback of ours failed; e says how */
	bool foreign;	  /* … and it was the caller's sink or body: its text stays as it is */
	bool enough;	  /* the rest of an error body is not wanted */
	bool header_done; /* of the final answer */
	size_t header_seen;
	struct http_send send;
	struct proxy via;
	CURL *easy;
	int fd; /* of the connection, where it was made for this exchange; -1: it was not */
	char detail[CURL_ERROR_SIZE];
};

/* -- callbacks --------------------------------------------------------------- */

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	struct span line = span_of(p, size * n);

	if (http_response_add_header(x->rs, &x->header_seen, line, x->e) < 0) {
		x->failed = true;
		return 0;
	}
	/* a blank line ends the header; after 100 Continue another one begins */
	if (!span_trim(line).n && x->rs->status >= 200)
		x->header_done = true;
	return line.n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	int r = http_response_add_body(x->rs, x->rq, p, size * n, x->e);

	if (r == 0)
		return size * n;
	x->failed = r < 0;
	x->foreign = r < 0 && x->rq->out && x->rs->status >= 200 && x->rs->status < 300;
	x->enough = r > 0;
	return CURL_WRITEFUNC_ERROR;
}

static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	ssize_t got = http_send_read(&x->send, p, size * n, x->e);
	if (got >= 0)
		return (size_t)got;
	x->failed = true;
	x->foreign = x->send.foreign;
	return CURL_READFUNC_ABORT;
}

/* libcurl begins again when a kept-alive connection turns out to be dead: always at 0. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct exchange *x = arg;

	if (offset != 0 || origin != SEEK_SET || x->rq->once)
		return CURL_SEEKFUNC_FAIL;
	http_send_close(&x->send);
	if (http_send_open(&x->send, x->rq, x->e) == 0)
		return CURL_SEEKFUNC_OK;
	x->failed = x->foreign = true;
	return CURL_SEEKFUNC_FAIL;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct exchange *x = arg;

	(void)purpose;
	x->fd = fd;
	return CURL_SOCKOPT_OK;
}

static int on_connected(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct exchange *x = arg;

	(void)to, (void)from, (void)to_port, (void)from_port;
	if (http_curl_closed_on_cert(x->easy, x->fd, x->rq, x->h->has_flags, x->e) < 0)
		x->failed = true;
	return x->failed ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* -- setting up an exchange --------------------------------------------------- */

static void set_always(CURL *c, const struct http_curl *h, struct exchange *x)
{
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->detail);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, DOWNLOAD_BUFFER);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	if (h->user_agent)
		curl_easy_setopt(c, CURLOPT_USERAGENT, h->user_agent);
	if (x->rq->timeout_ms > 0)
		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)x->rq->timeout_ms);
}

/* libcurl would read all authorities again for each connection; see trust.h. */
static CURLcode on_ssl_ctx(CURL *c, void *ctx, void *arg)
{
	const struct exchange *x = arg;
	const struct http_tls *own = x->rq->tls;
	struct trust *usual = own && own->is_only_trust ? NULL : x->h->trust;

	(void)c;
	return trust_use(ctx, usual, own ? own->trust : NULL) < 0 ? CURLE_OUT_OF_MEMORY : CURLE_OK;
}

static void set_no_files(CURL *c)
{
	curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(c, CURLOPT_PROXY_CAINFO, NULL);
	curl_easy_setopt(c, CURLOPT_PROXY_CAPATH, NULL);
}

static void set_tls(CURL *c, const struct http_curl *h, struct exchange *x)
{
	const struct http_tls *own = x->rq->tls;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_no_files(c);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, x);
	x->easy = c;
	x->fd = -1;
	curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_SOCKOPTDATA, x);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, x);
	if (h->insecure) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (own && own->cert.n) {
		struct curl_blob cert = { (void *)own->cert.p, own->cert.n, CURL_BLOB_NOCOPY };
		struct curl_blob key = { (void *)own->key.p, own->key.n, CURL_BLOB_NOCOPY };

		curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &cert);
		curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &key);
		/* or OpenSSL would ask for one at the terminal */
		curl_easy_setopt(c, CURLOPT_KEYPASSWD, "");
	}
}

/* What libcurl would find in the environment is never its own to find. */
static void set_route(CURL *c, const struct exchange *x)
{
	const struct proxy *via = &x->via;

	if (x->rq->dial)
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, x->rq->dial->path);
	else if (x->rq->unix_socket)
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, x->rq->unix_socket);
	curl_easy_setopt(c, CURLOPT_PROXY, via->address ? via->address : "");
	curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	if (via->user) {
		curl_easy_setopt(c, CURLOPT_PROXYUSERNAME, via->user);
		curl_easy_setopt(c, CURLOPT_PROXYPASSWORD, via->password);
	}
}

static void set_method(CURL *c, struct exchange *x)
{
	const struct http_request *rq = x->rq;

	if (strcmp(rq->method, "HEAD") == 0) {
		/* as CUSTOMREQUEST it would wait for a body that never comes */
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (rq->body || rq->body_bytes.n) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->send.left);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
	} else if (rq->method[0] == 'P') {
		/* POST, PUT, PATCH of nothing: some proxies answer 411 without a length */
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
	} else {
		curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
	}
}

/* -- what became of it -------------------------------------------------------- */

static bool code_lost_connection(CURLcode code)
{
	return code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE;
}

static int finish(CURL *c, CURLcode code, struct exchange *x)
{
	struct span at = url_without_query(x->rq->url);
	const struct http_curl_failure failure = { .easy = c,
						   .code = code,
						   .rq = x->rq,
						   .via = &x->via,
						   .detail = x->detail,
						   .has_flags = x->h->has_flags };

	if (x->foreign)
		return -1;
	if (!x->failed) {
		/* of those who answer this, only the proxy can be meant */
		if (x->via.address && x->rs->status == 407)
			http_curl_proxy_refused(&x->via, 407, x->e);
		else if ((code == CURLE_OK && x->header_done) || x->enough)
			return 0;
		/* refused while we were still sending: the reason is in hand already */
		else if (code_lost_connection(code) && x->header_done && x->rs->status >= 400)
			return 0;
		else if (code == CURLE_ABORTED_BY_CALLBACK && x->op &&
			 cancel_check(x->op->cancel, x->e) < 0)
			return -1;
		else
			http_curl_fail(&failure, x->e);
	}
	return err_wrap(x->e, "%s " SPAN_FMT, x->rq->method, SPAN_ARG(at));
}

/* -- the stock of lines ----------------------------------------------------- */

static char *origin_of(const struct url *u, const struct http_request *rq)
{
	if (rq->dial)
		return mem_printf("dial:%s", rq->dial->path);
	if (rq->unix_socket)
		return mem_printf("unix:%s", rq->unix_socket);
	return mem_printf("%s://%s:%u", u->scheme, u->host, u->port);
}

static void line_close(struct line *l)
{
	curl_easy_cleanup(l->easy);
	curl_multi_cleanup(l->multi);
	free(l->origin);
}

/* The idle line that suits best; h->n: none does. The lock is held. */
static size_t line_find(const struct http_curl *h, const char *origin, const struct http_tls *tls)
{
	size_t best = h->n;

	for (size_t i = h->n; i-- > 0;) {
		if (h->idle[i].tls != tls)
			continue;
		if (strcmp(h->idle[i].origin, origin) == 0)
			return i;
		best = i;
	}
	return best;
}

/* -1: libcurl has nothing to give. */
static int line_take(struct line *out, struct http_curl *h, char *origin,
		     const struct http_tls *tls)
{
	struct line found = { 0 };
	size_t i;

	pthread_mutex_lock(&h->lock);
	i = line_find(h, origin, tls);
	if (i < h->n) {
		found = h->idle[i];
		h->idle[i] = h->idle[--h->n];
	}
	pthread_mutex_unlock(&h->lock);
	free(found.origin);
	found.origin = origin;
	found.tls = tls;
	if (!found.easy) {
		found.easy = curl_easy_init();
		found.multi = curl_multi_init();
	}
	*out = found;
	if (found.easy && found.multi)
		return 0;
	line_close(&found);
	return -1;
}

static void line_give_back(struct http_curl *h, struct line *l)
{
	/* it must not keep pointers into an exchange that is over */
	curl_easy_reset(l->easy);
	pthread_mutex_lock(&h->lock);
	MEM_GROW(h->idle, h->n, h->cap);
	h->idle[h->n++] = *l;
	pthread_mutex_unlock(&h->lock);
}

/* -- stalls ------------------------------------------------------------------- */

/*
 * libcurl's own limit is one for all, but a server may be silent for minutes while it
 * stores a large body that it has whole, and for seconds only at any other time.
 */
struct stall {
	uint64_t moved; /* bytes, either way */
	int64_t since_ms;
};

/* A second for each MiB that a server may have to put together or to copy. */
static int64_t answer_limit(const struct http_curl *h, uint64_t size)
{
	uint64_t more_ms = (size >> 20) * 1000;

	return more_ms < ANSWER_MAX_MS ? h->answer_ms + (int64_t)more_ms : ANSWER_MAX_MS;
}

/* How long nothing may move from here on. */
static int64_t stall_limit(const struct http_curl *h, const struct exchange *x, uint64_t sent)
{
	uint64_t size = x->rq->body ? x->rq->body->size_bytes : x->rq->body_bytes.n;
	bool has_body = x->rq->body || x->rq->body_bytes.n;

	return has_body && sent >= size && !x->header_done ? answer_limit(h, size) : h->stall_ms;
}

/* How long to wait for the next event, in ms; 0: it has been too long. */
static int64_t stall_left(struct stall *s, CURL *c, const struct http_curl *h,
			  const struct exchange *x)
{
	int64_t now = clock_system.mono_ms(&clock_system), left;
	curl_off_t up = 0, down = 0;
	uint64_t moved;

	curl_easy_getinfo(c, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(c, CURLINFO_SIZE_DOWNLOAD_T, &down);
	moved = (uint64_t)up + (uint64_t)down + x->header_seen;
	/* less than a byte a second is no movement; on a new connection all begins anew */
	if (!s->since_ms || moved < s->moved ||
	    moved - s->moved > (uint64_t)(now - s->since_ms) / 1000)
		*s = (struct stall){ .moved = moved, .since_ms = now };
	left = s->since_ms + stall_limit(h, x, (uint64_t)up) - now;
	return left < 0 ? 0 : left < LOOK_MS ? left : LOOK_MS;
}

/* What has to be looked at beside libcurl's own descriptors. */
static unsigned watch_too(struct curl_waitfd more[2], const struct cancel *cn, const struct dial *d)
{
	unsigned n = 0;

	if (cn)
		more[n++] = (struct curl_waitfd){ .fd = cn->fd, .events = CURL_WAIT_POLLIN };
	if (d)
		more[n++] = (struct curl_waitfd){ .fd = d->fd, .events = CURL_WAIT_POLLIN };
	return n;
}

/* Works on the transfer until it is over, stalled or cancelled. */
static CURLcode line_drive(struct line *l, const struct http_curl *h, struct exchange *x)
{
	const struct cancel *cn = x->op ? x->op->cancel : NULL;
	struct stall stall = { 0 };
	struct curl_waitfd more[2];
	unsigned n = watch_too(more, cn, x->rq->dial);
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	CURLMcode m = curl_multi_add_handle(l->multi, l->easy);
	int running = 1, left;
	CURLMsg *msg;

	while (m == CURLM_OK && !cancel_is_set(cn)) {
		int64_t wait_ms;

		m = curl_multi_perform(l->multi, &running);
		if (m != CURLM_OK || !running)
			break;
		wait_ms = stall_left(&stall, l->easy, h, x);
		if (!wait_ms) {
			code = CURLE_OPERATION_TIMEDOUT;
			break;
		}
		m = curl_multi_poll(l->multi, more, n, (int)wait_ms, NULL);
		if (x->rq->dial && dial_serve(x->rq->dial, x->op, x->e) < 0) {
			x->failed = x->foreign = true;
			break;
		}
	}
	while ((msg = curl_multi_info_read(l->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			code = msg->data.result;
	curl_multi_remove_handle(l->multi, l->easy);
	return m == CURLM_OK ? code : CURLE_FAILED_INIT;
}

/* -- struct http -------------------------------------------------------------- */

static int exchange_run(struct http_curl *h, struct exchange *x, const struct url *u,
			struct curl_slist *headers)
{
	auto_buf struct buf address = BUF_INIT(BUF_SMALL);
	struct line l;
	CURLcode code;
	int r;

	if (line_take(&l, h, origin_of(u, x->rq), x->rq->tls) < 0)
		return err_set(x->e, ERR_FAILED, "libcurl gives no handle");
	url_format(&address, u);
	set_always(l.easy, h, x);
	set_tls(l.easy, h, x);
	set_route(l.easy, x);
	set_method(l.easy, x);
	curl_easy_setopt(l.easy, CURLOPT_URL, buf_str(&address));
	curl_easy_setopt(l.easy, CURLOPT_HTTPHEADER, headers);
	code = line_drive(&l, h, x);
	r = finish(l.easy, code, x);
	line_give_back(h, &l);
	return r;
}

static int curl_http_perform(struct http *base, struct op *op, const struct http_request *rq,
			     struct http_response *rs, struct err *e)
{
	struct http_curl *h = CONTAINER_OF(base, struct http_curl, base);
	struct exchange x = { .h = h, .op = op, .rq = rq, .rs = rs, .e = e };
	struct span at = url_without_query(rq->url);
	struct curl_slist *headers = NULL;
	auto_url struct url u = { 0 };
	int r = -1;

	if (op && cancel_check(op->cancel, e) < 0)
		return -1;
	if (url_parse(&u, rq->url, e) < 0 ||
	    (!rq->unix_socket && !rq->dial && proxy_choose(&x.via, &h->proxies, &u, e) < 0) ||
	    http_curl_headers(&headers, rq->headers, e) < 0) {
		proxy_release(&x.via);
		return err_wrap(e, "%s", rq->method);
	}
	if (http_send_open(&x.send, rq, e) == 0)
		r = exchange_run(h, &x, &u, headers);
	http_send_close(&x.send);
	curl_slist_free_all(headers);
	if (op && r == 0)
		log_debug(op, "%s " SPAN_FMT ": %ld%s%s", rq->method, SPAN_ARG(at), rs->status,
			  x.via.address ? " through " : "", x.via.address ? x.via.address : "");
	else if (op)
		log_debug(op, "%s", e->text);
	proxy_release(&x.via);
	return r;
}

static void curl_http_free(struct http *base)
{
	struct http_curl *h = CONTAINER_OF(base, struct http_curl, base);

	for (size_t i = 0; i < h->n; i++)
		line_close(&h->idle[i]);
	free(h->idle);
	free(h->user_agent);
	proxies_release(&h->proxies);
	trust_free(h->trust);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* -- making one --------------------------------------------------------------- */

static void global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static const char *variable(const char *name)
{
	return getenv(name);
}

int http_curl_new(struct http **out, const struct http_curl_options *opt, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct trust_files files = { .named = opt->ca_file,
				     .variable = variable,
				     .is_lasting = !opt->no_ca_folder };
	const curl_version_info_data *built;
	struct trust *trust;
	struct http_curl *h;

	pthread_once(&once, global_init);
	built = curl_version_info(CURLVERSION_NOW);
	files.bundle = built->cainfo;
	files.folder = opt->no_ca_folder ? NULL : built->capath;
	if (trust_files_read(&trust, &files, e) < 0)
		return -1;
	h = mem_zalloc(sizeof(*h));
	h->base = (struct http){ .perform = curl_http_perform, .free = curl_http_free };
	pthread_mutex_init(&h->lock, NULL);
	h->user_agent = mem_strdup(opt->user_agent);
	h->trust = trust;
	h->insecure = opt->insecure;
	h->has_flags = opt->has_flags;
	h->stall_ms = opt->stall_ms ? opt->stall_ms : STALL_MS;
	h->answer_ms = opt->answer_ms ? opt->answer_ms : ANSWER_MS;
	proxies_read(&h->proxies, variable);
	*out = &h->base;
	return 0;
}

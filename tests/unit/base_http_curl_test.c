/*
 * The real thing against a server of a few lines, on loopback: what it sends is
 * kept, what it answers is written out in each test.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cancel.h"
#include "base/dial.h"
#include "base/http_curl.h"
#include "base/mem.h"
#include "base/pool.h"

#define ANSWERS_MAX 64

struct answer {
	const char *text;	/* NULL: closes without a word */
	size_t fill;		/* that many 'x' after it */
	bool keep;		/* the next request comes on the same connection */
	bool deaf;		/* answers after the header, without reading the body */
	struct cancel *cancels; /* instead of an answer: cancels, then waits for the client to go */
	bool silent;		/* instead of an answer: waits for the client to go */
	bool then_silent;	/* the same behind the answer */
	bool lingers;	  /* behind the answer: reads on until the client goes, and forgets it */
	unsigned slow_ms; /* waits that long before the answer */
};

struct server {
	int fd, conn;
	char url[64];
	char path[64]; /* of the unix socket */
	struct answer answers[ANSWERS_MAX];
	size_t n, accepted;
	size_t wasted;	 /* bytes that came behind the answer */
	struct buf seen; /* all requests, one after the other */
	struct pool *pool;
	struct pool_batch batch;
};

static bool readable(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 5000) == 1;
}

static size_t content_length(const char *header)
{
	const char *p = strcasestr(header, "\r\nContent-Length:");

	return p ? strtoul(p + 17, NULL, 10) : 0;
}

/* Reads one request, kept in s->seen. */
static void server_read(struct server *s, bool deaf)
{
	size_t from = s->seen.len, want = SIZE_MAX;
	char piece[4096];

	while (s->seen.len - from < want && readable(s->conn)) {
		ssize_t n = read(s->conn, piece, sizeof(piece));
		const char *end;

		if (n <= 0)
			return;
		buf_add(&s->seen, piece, (size_t)n);
		end = strstr(buf_str(&s->seen) + from, "\r\n\r\n");
		if (!end)
			continue;
		want = (size_t)(end + 4 - buf_str(&s->seen)) - from;
		if (!deaf)
			want += content_length(buf_str(&s->seen) + from);
	}
}

static void server_write(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL);

		if (r <= 0)
			return; /* the client has heard enough */
		p += r;
		n -= (size_t)r;
	}
}

static void server_answer(struct server *s, const struct answer *a)
{
	char byte, waste[4096];

	if (a->slow_ms)
		usleep(1000 * a->slow_ms);
	if (a->cancels)
		cancel_set(a->cancels, SIGTERM);
	if (a->text && !a->cancels && !a->silent) {
		auto_free char *fill = mem_alloc(a->fill + 1);

		memset(fill, 'x', a->fill);
		server_write(s->conn, a->text, strlen(a->text));
		server_write(s->conn, fill, a->fill);
	}
	while (a->lingers && readable(s->conn)) {
		ssize_t n = read(s->conn, waste, sizeof(waste));

		if (n <= 0)
			break;
		s->wasted += (size_t)n;
	}
	if ((a->cancels || a->silent || a->then_silent) && readable(s->conn) &&
	    read(s->conn, &byte, 1) > 0)
		buf_add_str(&s->seen, "the client went on talking");
}

static void server_run(void *item)
{
	struct server *s = item;

	for (size_t i = 0; i < s->n; i++) {
		if (s->conn < 0) {
			if (!readable(s->fd))
				return;
			s->conn = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
			s->accepted++;
		}
		server_read(s, s->answers[i].deaf);
		server_answer(s, &s->answers[i]);
		if (!s->answers[i].keep) {
			close(s->conn);
			s->conn = -1;
		}
	}
}

static int listen_tcp(char *url, size_t size)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&at, sizeof(at)));
	assert_int_equal(0, listen(fd, 64));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&at, &n));
	snprintf(url, size, "http://127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&at, sizeof(at)));
	assert_int_equal(0, listen(fd, 64));
	return fd;
}

static void server_start(struct server *s, const struct answer *answers, size_t n)
{
	struct err e = ERR_INIT;

	if (s->path[0])
		s->fd = listen_unix(s->path);
	else
		s->fd = listen_tcp(s->url, sizeof(s->url));
	s->conn = -1;
	s->n = n;
	memcpy(s->answers, answers, n * sizeof(*answers));
	buf_init(&s->seen, 64u << 20);
	assert_int_equal(0, pool_new(&s->pool, 1, &e));
	pool_batch_init(&s->batch, s->pool);
	pool_submit(&s->batch, server_run, s);
}

/* Waits until all answers are given. */
static void server_join(struct server *s)
{
	pool_batch_wait(&s->batch);
	close(s->fd);
	if (s->conn >= 0)
		close(s->conn);
	pool_free(s->pool);
}

static struct http *client_of(const struct http_curl_options *opt)
{
	struct err e = ERR_INIT;
	struct http *h;

	if (http_curl_new(&h, opt, &e) < 0)
		fail_msg("%s", e.text);
	return h;
}

static struct http *client(void)
{
	return client_of(&(struct http_curl_options){ .user_agent = "test/1" });
}

/* One request to a server with one answer. */
struct once {
	struct server server;
	struct http_curl_options opt;
	struct http_request rq;
	struct http_response rs;
	struct err e;
	int result;
};

static void once_run(struct once *o, const struct answer *a, const char *path, struct op *op)
{
	struct http *h;
	auto_free char *url = NULL;

	o->opt.user_agent = "test/1";
	h = client_of(&o->opt);
	server_start(&o->server, a, 1);
	url = mem_printf("%s%s", o->server.path[0] ? "http://docker" : o->server.url, path);
	o->rq.url = url;
	o->result = http_perform(h, op, &o->rq, &o->rs, &o->e);
	o->rq.url = NULL;
	http_free(h);
	server_join(&o->server);
}

static void once_release(struct once *o)
{
	http_response_release(&o->rs);
	buf_release(&o->server.seen);
}

static bool saw(const struct once *o, const char *text)
{
	return strcasestr(buf_str(&o->server.seen), text);
}

static void get_gives_status_headers_and_body(void **state)
{
	struct once o = { .rq = { .method = "GET" } };
	auto_strv struct strv headers = STRV_INIT;

	(void)state;
	strv_add(&headers, "Accept: application/x");
	o.rq.headers = &headers;
	once_run(
		&o,
		&(struct answer){
			.text = "HTTP/1.1 200 OK\r\nX-Some: Thing\r\nContent-Length: 5\r\n\r\nhello" },
		"/v2/../a?b=c", NULL);
	assert_int_equal(0, o.result);
	assert_int_equal(200, o.rs.status);
	assert_string_equal("hello", buf_str(&o.rs.body));
	assert_string_equal("Thing", http_header(&o.rs, "x-some"));
	assert_int_equal(5, o.rs.body_bytes);
	assert_true(saw(&o, "GET /v2/../a?b=c HTTP/1.1\r\n"));
	assert_true(saw(&o, "\r\nUser-Agent: test/1\r\n"));
	assert_true(saw(&o, "\r\nAccept: application/x\r\n"));
	assert_false(saw(&o, "Accept-Encoding"));
	once_release(&o);
}

static void head_does_not_wait_for_a_body(void **state)
{
	struct once o = { .rq = { .method = "HEAD" } };

	(void)state;
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" },
		 "/", NULL);
	assert_int_equal(0, o.result);
	assert_string_equal("99", http_header(&o.rs, "content-length"));
	assert_int_equal(0, o.rs.body_bytes);
	assert_true(saw(&o, "HEAD / HTTP/1.1\r\n"));
	once_release(&o);
}

struct text_body {
	struct http_body base;
	struct span_source in;
	const char *text;
	int opened, closed;
	bool refuses;
};

static int text_body_open(struct http_body *b, struct source **out, struct err *e)
{
	struct text_body *t = (struct text_body *)b;

	if (t->refuses)
		return err_set(e, ERR_IMPOSSIBLE, "no such body");
	t->opened++;
	*out = span_source_init(&t->in, span_of_str(t->text));
	return 0;
}

static void text_body_close(struct http_body *b, struct source *s)
{
	(void)s;
	((struct text_body *)b)->closed++;
}

static void text_body_init(struct text_body *t, const char *text)
{
	*t = (struct text_body){ .text = text };
	t->base = (struct http_body){ text_body_open, text_body_close, strlen(text) };
}

static void put_sends_the_body_at_once_and_with_its_length(void **state)
{
	struct once o = { .rq = { .method = "PUT" } };
	struct text_body body;

	(void)state;
	text_body_init(&body, "some bytes");
	o.rq.body = &body.base;
	once_run(&o,
		 &(struct answer){ .text = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" },
		 "/b", NULL);
	assert_int_equal(0, o.result);
	assert_int_equal(201, o.rs.status);
	assert_true(saw(&o, "PUT /b HTTP/1.1\r\n"));
	assert_true(saw(&o, "\r\nContent-Length: 10\r\n"));
	assert_true(saw(&o, "\r\n\r\nsome bytes"));
	assert_false(saw(&o, "Expect"));
	assert_false(saw(&o, "Content-Type"));
	assert_false(saw(&o, "chunked"));
	assert_int_equal(1, body.opened);
	assert_int_equal(1, body.closed);
	once_release(&o);
}

static void patch_and_small_bodies_work_the_same_way(void **state)
{
	struct once o = { .rq = { .method = "PATCH", .body_bytes = SPAN_LIT("{}") } };
	auto_strv struct strv headers = STRV_INIT;

	(void)state;
	strv_add(&headers, "Content-Type: application/json");
	o.rq.headers = &headers;
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 202 Ok\r\nContent-Length: 0\r\n\r\n" },
		 "/", NULL);
	assert_int_equal(0, o.result);
	assert_true(saw(&o, "PATCH / HTTP/1.1\r\n"));
	assert_true(saw(&o, "\r\nContent-Type: application/json\r\n"));
	assert_true(saw(&o, "\r\nContent-Length: 2\r\n"));
	assert_true(saw(&o, "\r\n\r\n{}"));
	once_release(&o);
}

static void requests_without_a_body_say_so(void **state)
{
	static const char *const methods[] = { "POST", "PUT" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct once o = { .rq = { .method = methods[i] } };

		once_run(&o,
			 &(struct answer){ .text = "HTTP/1.1 202 Ok\r\nContent-Length: 0\r\n\r\n" },
			 "/", NULL);
		assert_int_equal(0, o.result);
		assert_true(span_starts(buf_span(&o.server.seen), methods[i]));
		assert_true(saw(&o, "\r\nContent-Length: 0\r\n"));
		assert_false(saw(&o, "Content-Type"));
		once_release(&o);
	}
}

static void delete_is_sent_as_it_is(void **state)
{
	struct once o = { .rq = { .method = "DELETE" } };

	(void)state;
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 204 Gone\r\n\r\n" }, "/x", NULL);
	assert_int_equal(0, o.result);
	assert_int_equal(204, o.rs.status);
	assert_true(saw(&o, "DELETE /x HTTP/1.1\r\n"));
	once_release(&o);
}

static void a_redirect_is_an_answer_like_any_other(void **state)
{
	struct once o = { .rq = { .method = "GET" } };

	(void)state;
	once_run(
		&o,
		&(struct answer){
			.text = "HTTP/1.1 307 Go\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n" },
		"/", NULL);
	assert_int_equal(0, o.result);
	assert_int_equal(307, o.rs.status);
	assert_string_equal("http://elsewhere/", http_header(&o.rs, "location"));
	once_release(&o);
}

static void only_the_final_answer_counts(void **state)
{
	struct once o = { .rq = { .method = "GET" } };

	(void)state;
	once_run(&o,
		 &(struct answer){ .text = "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n"
					   "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone" },
		 "/", NULL);
	assert_int_equal(0, o.result);
	assert_int_equal(404, o.rs.status);
	assert_null(http_header(&o.rs, "x-early"));
	assert_string_equal("gone", buf_str(&o.rs.body));
	once_release(&o);
}

static void an_endless_error_body_is_cut(void **state)
{
	struct once o = { .rq = { .method = "GET" } };

	(void)state;
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 500 Oops\r\n\r\n", .fill = 1 << 20 }, "/",
		 NULL);
	assert_int_equal(0, o.result);
	assert_int_equal(500, o.rs.status);
	assert_int_equal(HTTP_ERROR_BODY_MAX, o.rs.body.len);
	once_release(&o);
}

static void a_good_body_over_the_ceiling_is_corrupt(void **state)
{
	struct once o = { .rq = { .method = "GET", .body_max = 100 } };

	(void)state;
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 200 OK\r\n\r\n", .fill = 1 << 20 }, "/?t",
		 NULL);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_CORRUPT, o.e.kind);
	assert_non_null(strstr(o.e.text, "/: answer of more than 100 bytes"));
	once_release(&o);
}

static void a_header_without_an_end_is_no_answer(void **state)
{
	static const size_t sizes[] = { 0, 90 << 10, 400 << 10 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct once o = { .rq = { .method = "GET" } };

		once_run(&o, &(struct answer){ .text = "HTTP/1.1 200 OK\r\nX: ", .fill = sizes[i] },
			 "/", NULL);
		assert_int_equal(-1, o.result);
		assert_int_equal(ERR_UNAVAILABLE, o.e.kind);
		once_release(&o);
	}
}

static void many_header_lines_are_refused_too(void **state)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);
	struct once o = { .rq = { .method = "GET" } };

	(void)state;
	buf_add_str(&text, "HTTP/1.1 200 OK\r\n");
	while (text.len < HTTP_HEADER_MAX)
		buf_add_str(&text, "X-Name: some value of some length\r\n");
	buf_add_str(&text, "Content-Length: 0\r\n\r\n");
	once_run(&o, &(struct answer){ .text = buf_str(&text) }, "/", NULL);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_CORRUPT, o.e.kind);
	assert_non_null(strstr(o.e.text, "bytes of header"));
	once_release(&o);
}

static void a_refused_connection_is_unavailable_and_hides_the_query(void **state)
{
	struct http *h = client();
	auto_http_response struct http_response rs = { 0 };
	char url[64], text[128];
	struct http_request rq = { .method = "GET", .url = text };
	struct err e = ERR_INIT;

	(void)state;
	close(listen_tcp(url, sizeof(url)));
	snprintf(text, sizeof(text), "%s/v2/?token=hunter2", url);
	assert_int_equal(-1, http_perform(h, NULL, &rq, &rs, &e));
	assert_int_equal(ERR_UNAVAILABLE, e.kind);
	snprintf(text, sizeof(text), "GET %s/v2/: connection refused", url);
	assert_string_equal(text, e.text);
	http_free(h);
}

static void a_connection_closed_too_early_is_unavailable(void **state)
{
	struct once o = { .rq = { .method = "GET" } }, half = { .rq = { .method = "GET" } };

	(void)state;
	once_run(&o, &(struct answer){ 0 }, "/", NULL);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_UNAVAILABLE, o.e.kind);
	assert_non_null(strstr(o.e.text, "closed without an answer"));
	once_release(&o);
	once_run(&half,
		 &(struct answer){ .text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal" }, "/",
		 NULL);
	assert_int_equal(-1, half.result);
	assert_int_equal(ERR_UNAVAILABLE, half.e.kind);
	assert_non_null(strstr(half.e.text, "closed before the answer's end"));
	once_release(&half);
}

static char *big_text(size_t n)
{
	char *big = mem_alloc(n + 1);

	memset(big, 'b', n);
	big[n] = '\0';
	return big;
}

/*
 * What servers do that refuse a body: they answer at once, and read no more. Whether they mean to keep
 * the connection or not, nobody waits for what cannot be sent.
 */
static void a_refusal_while_sending_is_the_answer(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 413 Big\r\nContent-Length: 7\r\n\r\ntoo big",
		"HTTP/1.1 413 Big\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big",
		"HTTP/1.1 401 Who\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big",
		"HTTP/1.1 500 No\r\nContent-Length: 7\r\n\r\ntoo big",
		"HTTP/1.1 307 Go\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big",
		"HTTP/1.0 503 No\r\nContent-Length: 7\r\n\r\ntoo big",
	};
	auto_free char *big = big_text(32 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct once o = { .rq = { .method = "PUT" }, .opt = { .stall_ms = 60000 } };
		struct text_body body;

		text_body_init(&body, big);
		o.rq.body = &body.base;
		once_run(&o, &(struct answer){ .text = answers[i], .deaf = true, .lingers = true },
			 "/", NULL);
		if (o.result < 0)
			fail_msg("%s", o.e.text);
		assert_int_equal(strtol(answers[i] + strlen("HTTP/1.1 "), NULL, 10), o.rs.status);
		assert_string_equal("too big", buf_str(&o.rs.body));
		assert_true(o.server.wasted < 16 << 20);
		assert_int_equal(body.opened, body.closed);
		once_release(&o);
	}
}

/* The reset may overtake the answer: then there was none, which is tried again. */
static void a_server_that_closes_while_we_send_gave_its_answer_or_none(void **state)
{
	struct once o = { .rq = { .method = "PUT" } };
	auto_free char *big = big_text(8 << 20);
	struct text_body body;

	(void)state;
	text_body_init(&body, big);
	o.rq.body = &body.base;
	once_run(&o,
		 &(struct answer){ .text = "HTTP/1.1 413 Big\r\nConnection: close\r\n"
					   "Content-Length: 0\r\n\r\n",
				   .deaf = true },
		 "/", NULL);
	if (o.result < 0)
		assert_int_equal(ERR_UNAVAILABLE, o.e.kind);
	else
		assert_int_equal(413, o.rs.status);
	assert_int_equal(body.opened, body.closed);
	once_release(&o);
}

static void a_unix_socket_is_talked_to_past_any_proxy(void **state)
{
	char dir[] = "/tmp/http_curl_XXXXXX";
	struct once o = { .rq = { .method = "GET" } };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(o.server.path, sizeof(o.server.path), "%s/s", dir);
	o.rq.unix_socket = o.server.path;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
		 "/v1.41/info", NULL);
	unsetenv("http_proxy");
	if (o.result < 0)
		fail_msg("%s", o.e.text);
	assert_true(saw(&o, "GET /v1.41/info HTTP/1.1\r\nHost: docker\r\n"));
	unlink(o.server.path);
	once_release(&o);

	struct http *h = client();
	o.rq.url = "http://docker/";
	assert_int_equal(-1, http_perform(h, NULL, &o.rq, &o.rs, &o.e));
	assert_int_equal(ERR_UNAVAILABLE, o.e.kind);
	assert_string_equal("GET http://docker/: no such socket", o.e.text);
	http_free(h);
	http_response_release(&o.rs);
	rmdir(dir);
}

struct fake_dial {
	struct dial base;
	const char *answer; /* NULL: there is no connection */
	int theirs;
	unsigned served;
};

static int fake_serve(struct dial *d, struct op *op, int fd, struct err *e)
{
	struct fake_dial *f = CONTAINER_OF(d, struct fake_dial, base);

	(void)op;
	if (!f->answer)
		return err_set(e, ERR_DENIED, "nobody lets us in");
	f->served++;
	f->theirs = dup(fd);
	assert_int_equal((ssize_t)strlen(f->answer), write(fd, f->answer, strlen(f->answer)));
	return 0;
}

static void what_somebody_else_serves_is_talked_with(void **state)
{
	struct fake_dial d = { .base.serve = fake_serve,
			       .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" };
	struct http_request rq = { .method = "GET", .url = "http://docker/_ping", .dial = &d.base };
	struct http_response rs = { 0 };
	struct err e = ERR_INIT;
	struct http *h = client();
	char seen[1000] = "";

	(void)state;
	assert_int_equal(0, dial_open(&d.base, &e));
	if (http_perform(h, NULL, &rq, &rs, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal("ok", buf_str(&rs.body));
	assert_true(read(d.theirs, seen, sizeof(seen) - 1) > 0);
	assert_memory_equal(seen, "GET /_ping HTTP/1.1\r\nHost: docker\r\n", 35);
	assert_int_equal(1, d.served);
	close(d.theirs);
	http_response_release(&rs);
	http_free(h);

	h = client();
	d.answer = NULL;
	assert_int_equal(-1, http_perform(h, NULL, &rq, &rs, &e));
	assert_int_equal(ERR_DENIED, e.kind);
	assert_string_equal("nobody lets us in", e.text);
	http_response_release(&rs);
	http_free(h);
	dial_close(&d.base);
}

static void loopback_is_talked_to_past_any_proxy(void **state)
{
	struct once o = { .rq = { .method = "GET" } };

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 204 OK\r\n\r\n" }, "/", NULL);
	unsetenv("http_proxy");
	assert_int_equal(0, o.result);
	once_release(&o);
}

static void the_upper_case_proxy_variable_counts_for_others(void **state)
{
	struct answer a = { .text = "HTTP/1.1 204 OK\r\n\r\n" };
	struct server s = { 0 };
	auto_http_response struct http_response rs = { 0 };
	struct http_request rq = { .method = "GET", .url = "http://registry.invalid/x" };
	struct err e = ERR_INIT;
	struct http *h;

	(void)state;
	server_start(&s, &a, 1);
	setenv("HTTP_PROXY", s.url, 1);
	h = client();
	unsetenv("HTTP_PROXY");
	assert_int_equal(0, http_perform(h, NULL, &rq, &rs, &e));
	server_join(&s);
	assert_non_null(strstr(buf_str(&s.seen), "GET http://registry.invalid/x HTTP/1.1\r\n"));
	buf_release(&s.seen);
	http_free(h);
}

/* A request for `url` through a proxy that gives one answer; the URL of the proxy holds `user`. */
struct proxied {
	struct server server;
	struct http_response rs;
	struct err e;
	int result;
};

static void proxied_run(struct proxied *x, const char *url, const char *user, const char *answer)
{
	struct answer a = { .text = answer };
	auto_free char *value = NULL;
	auto_strv struct strv headers = STRV_INIT;
	struct http_request rq = { .method = "GET", .url = url, .headers = &headers };
	struct http *h;

	strv_add(&headers, "Authorization: Bearer canary");
	server_start(&x->server, &a, 1);
	value = mem_printf("http://%s%s", user, x->server.url + strlen("http://"));
	setenv("ALL_PROXY", value, 1);
	h = client();
	unsetenv("ALL_PROXY");
	x->result = http_perform(h, NULL, &rq, &x->rs, &x->e);
	http_free(h);
	server_join(&x->server);
	assert_null(strstr(x->e.text, "hunter2"));
}

static void proxied_release(struct proxied *x)
{
	http_response_release(&x->rs);
	buf_release(&x->server.seen);
}

static void a_proxy_gets_its_own_password_and_no_other(void **state)
{
	struct proxied x = { 0 };

	(void)state;
	proxied_run(&x, "https://r.invalid/x", "joe:hunter2@", "HTTP/1.1 502 No\r\n\r\n");
	assert_non_null(strstr(buf_str(&x.server.seen), "CONNECT r.invalid:443 HTTP/1.1\r\n"));
	assert_non_null(
		strstr(buf_str(&x.server.seen), "Proxy-Authorization: Basic am9lOmh1bnRlcjI=\r\n"));
	assert_null(strstr(buf_str(&x.server.seen), "canary"));
	proxied_release(&x);
}

static void a_proxy_that_refuses_is_named(void **state)
{
	static const struct {
		const char *url, *user, *answer;
		enum err_kind kind;
		const char *says;
	} cases[] = {
		{ "https://r.invalid/", "", "HTTP/1.1 407 No\r\n\r\n", ERR_DENIED,
		  "wants a user and password (407): $ALL_PROXY" },
		{ "https://r.invalid/", "joe:hunter2@", "HTTP/1.1 407 No\r\n\r\n", ERR_DENIED,
		  "refuses the user and password in $ALL_PROXY (407)" },
		{ "http://r.invalid/", "", "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno",
		  ERR_DENIED, "wants a user and password (407): $ALL_PROXY" },
		{ "https://r.invalid/", "", "HTTP/1.1 403 No\r\n\r\n", ERR_DENIED,
		  "($ALL_PROXY) answered 403" },
		{ "https://r.invalid/", "", "HTTP/1.1 502 No\r\n\r\n", ERR_UNAVAILABLE,
		  "($ALL_PROXY) answered 502" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct proxied x = { 0 };

		proxied_run(&x, cases[i].url, cases[i].user, cases[i].answer);
		assert_int_equal(-1, x.result);
		assert_int_equal(cases[i].kind, x.e.kind);
		if (!strstr(x.e.text, cases[i].says) || !strstr(x.e.text, x.server.url))
			fail_msg("%s", x.e.text);
		proxied_release(&x);
	}
}

static void a_proxy_that_is_not_there_is_named(void **state)
{
	struct http_request rq = { .method = "GET", .url = "https://r.invalid/" };
	auto_http_response struct http_response rs = { 0 };
	struct err e = ERR_INIT;
	char url[64];
	struct http *h;

	(void)state;
	close(listen_tcp(url, sizeof(url)));
	setenv("HTTPS_PROXY", url, 1);
	h = client();
	unsetenv("HTTPS_PROXY");
	assert_int_equal(-1, http_perform(h, NULL, &rq, &rs, &e));
	assert_int_equal(ERR_UNAVAILABLE, e.kind);
	if (!strstr(e.text, "($HTTPS_PROXY): connection refused"))
		fail_msg("%s", e.text);
	http_free(h);
}

static void no_proxy_is_ours_to_read(void **state)
{
	struct http_request rq = { .method = "GET", .url = "http://10.99.0.1:1/" };
	struct answer a = { .text = "HTTP/1.1 204 OK\r\n\r\n" };
	auto_http_response struct http_response rs = { 0 };
	struct server s = { 0 };
	struct err e = ERR_INIT;
	struct http *h;

	(void)state;
	server_start(&s, &a, 1);
	setenv("HTTP_PROXY", s.url, 1);
	h = client();
	/* what comes into the environment later says nothing */
	setenv("NO_PROXY", "*", 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	assert_int_equal(0, http_perform(h, NULL, &rq, &rs, &e));
	unsetenv("HTTP_PROXY");
	unsetenv("http_proxy");
	unsetenv("NO_PROXY");
	server_join(&s);
	buf_release(&s.seen);
	http_free(h);
}

/* Two requests by one client; the server's answers say on how many connections. */
static size_t connections_for_two(const struct answer *answers, size_t n, struct text_body *body)
{
	struct server s = { 0 };
	struct http *h = client();
	struct http_request rq = { .method = "PUT", .body = &body->base };
	size_t accepted;

	server_start(&s, answers, n);
	rq.url = s.url;
	for (int i = 0; i < 2; i++) {
		auto_http_response struct http_response rs = { 0 };
		struct err e = ERR_INIT;

		if (http_perform(h, NULL, &rq, &rs, &e) < 0)
			fail_msg("%s", e.text);
		assert_int_equal(201 + i, rs.status);
	}
	server_join(&s);
	accepted = s.accepted;
	buf_release(&s.seen);
	http_free(h);
	return accepted;
}

static void a_connection_is_used_again(void **state)
{
	static const struct answer answers[] = {
		{ .text = "HTTP/1.1 201 Ok\r\nContent-Length: 0\r\n\r\n", .keep = true },
		{ .text = "HTTP/1.1 202 Ok\r\nContent-Length: 0\r\n\r\n" },
	};
	struct text_body body;

	(void)state;
	text_body_init(&body, "abc");
	assert_int_equal(1, connections_for_two(answers, 2, &body));
}

static void a_kept_connection_that_died_is_replaced_and_the_body_sent_again(void **state)
{
	static const struct answer answers[] = {
		{ .text = "HTTP/1.1 201 Ok\r\nContent-Length: 0\r\n\r\n", .keep = true },
		{ .text = NULL },
		{ .text = "HTTP/1.1 202 Ok\r\nContent-Length: 0\r\n\r\n" },
	};
	struct text_body body;

	(void)state;
	text_body_init(&body, "abc");
	assert_int_equal(2, connections_for_two(answers, 3, &body));
	assert_int_equal(3, body.opened);
	assert_int_equal(3, body.closed);
}

/* It was read to its end before the connection closed: perhaps it was done, too. */
static void what_is_to_be_sent_once_is_not_sent_again(void **state)
{
	static const struct answer answers[] = {
		{ .text = "HTTP/1.1 201 Ok\r\nContent-Length: 0\r\n\r\n", .keep = true },
		{ .text = NULL },
	};
	struct server s = { 0 };
	struct http *h = client();
	struct http_request rq = { .method = "POST", .body_bytes = SPAN_LIT("abc"), .once = true };
	struct err e = ERR_INIT;

	(void)state;
	server_start(&s, answers, 2);
	rq.url = s.url;
	for (int i = 0; i < 2; i++) {
		auto_http_response struct http_response rs = { 0 };

		assert_int_equal(i ? -1 : 0, http_perform(h, NULL, &rq, &rs, &e));
	}
	assert_int_equal(ERR_UNAVAILABLE, e.kind);
	assert_non_null(strstr(e.text, "connection closed without an answer"));
	server_join(&s);
	assert_int_equal(1, s.accepted);
	buf_release(&s.seen);
	http_free(h);
}

static int refuse_write(struct sink *k, const void *p, size_t n, struct err *e)
{
	(void)k, (void)p, (void)n;
	return err_set(e, ERR_IMPOSSIBLE, "disk full");
}

static void errors_of_sink_and_body_come_through_as_they_were(void **state)
{
	struct sink full = { .write = refuse_write };
	struct once o = { .rq = { .method = "GET", .out = &full } };
	struct http *h = client();
	struct text_body body;

	(void)state;
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" },
		 "/", NULL);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_IMPOSSIBLE, o.e.kind);
	assert_string_equal("disk full", o.e.text);
	once_release(&o);

	text_body_init(&body, "abc");
	body.refuses = true;
	o.rq = (struct http_request){ .method = "PUT", .url = "http://127.0.0.1:1/" };
	o.rq.body = &body.base;
	assert_int_equal(-1, http_perform(h, NULL, &o.rq, &o.rs, &o.e));
	assert_string_equal("no such body", o.e.text);
	assert_int_equal(0, body.closed);
	http_free(h);
}

static void a_body_shorter_than_promised_is_noticed(void **state)
{
	struct once o = { .rq = { .method = "PUT" } };
	struct text_body body;

	(void)state;
	text_body_init(&body, "abc");
	body.base.size_bytes = 5;
	o.rq.body = &body.base;
	once_run(&o, &(struct answer){ 0 }, "/", NULL);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_CORRUPT, o.e.kind);
	assert_non_null(strstr(o.e.text, "ended 2 bytes early"));
	assert_int_equal(1, body.closed);
	once_release(&o);
}

static void a_sink_takes_a_large_body(void **state)
{
	auto_buf struct buf got = BUF_INIT(8 << 20);
	struct buf_sink bs;
	struct once o = { .rq = { .method = "GET", .out = buf_sink_init(&bs, &got) } };

	(void)state;
	once_run(&o, &(struct answer){ .text = "HTTP/1.1 200 OK\r\n\r\n", .fill = 5 << 20 }, "/",
		 NULL);
	assert_int_equal(0, o.result);
	assert_int_equal(5 << 20, got.len);
	assert_int_equal(5 << 20, o.rs.body_bytes);
	assert_int_equal(0, o.rs.body.len);
	once_release(&o);
}

static void a_cancel_ends_a_wait_at_once(void **state)
{
	struct once o = { .rq = { .method = "GET" } };
	struct cancel cn;
	struct op op = { .cancel = &cn };

	(void)state;
	assert_int_equal(0, cancel_init(&cn, &o.e));
	once_run(&o, &(struct answer){ .cancels = &cn }, "/", &op);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_CANCELLED, o.e.kind);
	assert_false(saw(&o, "went on talking"));
	once_release(&o);

	/* and none is begun after it */
	struct http *h = client();
	o.rq.url = "http://127.0.0.1:1/";
	assert_int_equal(-1, http_perform(h, &op, &o.rq, &o.rs, &o.e));
	assert_int_equal(ERR_CANCELLED, o.e.kind);
	http_free(h);
	cancel_release(&cn);
}

static void a_limit_of_the_caller_is_a_timeout(void **state)
{
	struct once o = { .rq = { .method = "GET", .timeout_ms = 40 } };

	(void)state;
	once_run(&o, &(struct answer){ .silent = true }, "/", NULL);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_TIMEOUT, o.e.kind);
	once_release(&o);
}

/* What the client makes of a server that is silent for 100 ms, or for good. */
static void stall_run(struct once *o, const char *body, unsigned slow_ms)
{
	struct answer a = { .text = "HTTP/1.1 201 Ok\r\nContent-Length: 0\r\n\r\n",
			    .slow_ms = slow_ms,
			    .silent = !slow_ms };

	o->rq = (struct http_request){ .method = body ? "PUT" : "GET",
				       .body_bytes = span_of_str(body) };
	once_run(o, &a, "/", NULL);
}

static void a_server_that_falls_silent_is_left(void **state)
{
	struct once o = { .opt = { .stall_ms = 30, .answer_ms = 60000 } };

	(void)state;
	stall_run(&o, NULL, 0);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_UNAVAILABLE, o.e.kind);
	assert_non_null(strstr(o.e.text, "timed out: nothing came for too long"));
	once_release(&o);
}

static void the_answer_to_a_whole_body_may_take_longer(void **state)
{
	struct once o = { .opt = { .stall_ms = 30, .answer_ms = 60000 } };

	(void)state;
	stall_run(&o, "a large blob", 100);
	assert_int_equal(0, o.result);
	assert_int_equal(201, o.rs.status);
	once_release(&o);
}

/* 2 MiB: two seconds more. */
static void the_answer_to_a_large_body_may_take_longer_still(void **state)
{
	struct once o = { .opt = { .stall_ms = 60000, .answer_ms = 30 } };
	size_t n = 2u << 20;
	auto_free char *body = mem_alloc(n + 1);

	(void)state;
	memset(body, 'x', n);
	body[n] = '\0';
	stall_run(&o, body, 200);
	assert_int_equal(0, o.result);
	assert_int_equal(201, o.rs.status);
	once_release(&o);
}

static void the_answer_to_a_whole_body_has_a_limit_too(void **state)
{
	struct once o = { .opt = { .stall_ms = 60000, .answer_ms = 30 } };

	(void)state;
	stall_run(&o, "a large blob", 0);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_UNAVAILABLE, o.e.kind);
	once_release(&o);
}

/* The header is there, so the body has to flow: the short limit counts again. */
static void an_answer_that_stops_halfway_is_left_after_the_short_limit(void **state)
{
	struct once o = { .opt = { .stall_ms = 30, .answer_ms = 60000 },
			  .rq = { .method = "PUT", .body_bytes = SPAN_LIT("a large blob") } };
	struct answer a = { .text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
			    .then_silent = true };

	(void)state;
	once_run(&o, &a, "/", NULL);
	assert_int_equal(-1, o.result);
	assert_int_equal(ERR_UNAVAILABLE, o.e.kind);
	once_release(&o);
}

static void a_line_end_in_a_header_is_refused(void **state)
{
	auto_strv struct strv headers = STRV_INIT;
	auto_http_response struct http_response rs = { 0 };
	struct http_request rq = { .method = "GET", .url = "http://127.0.0.1:1/" };
	struct http *h = client();
	struct err e = ERR_INIT;

	(void)state;
	strv_add(&headers, "X: y\r\nAuthorization: z");
	rq.headers = &headers;
	assert_int_equal(-1, http_perform(h, NULL, &rq, &rs, &e));
	assert_int_equal(ERR_INPUT, e.kind);
	rq = (struct http_request){ .method = "GET", .url = "http://me:pw@127.0.0.1/" };
	assert_int_equal(-1, http_perform(h, NULL, &rq, &rs, &e));
	assert_int_equal(ERR_INPUT, e.kind);
	http_free(h);
}

struct visit {
	struct http *h;
	const char *url;
	bool good;
};

static void visit_run(void *item)
{
	struct visit *v = item;
	auto_http_response struct http_response rs = { 0 };
	struct err e = ERR_INIT;

	v->good = http_perform(v->h, NULL, &(struct http_request){ .method = "GET", .url = v->url },
			       &rs, &e) == 0 &&
		  rs.status == 200 && strcmp(buf_str(&rs.body), "ok") == 0;
}

static void many_threads_share_one_client(void **state)
{
	struct answer answers[40];
	struct visit visits[40];
	struct server s = { 0 };
	auto_pool struct pool *p = NULL;
	struct http *h = client();
	struct pool_batch b;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		answers[i] = (struct answer){ .text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
						      "Connection: close\r\n\r\nok" };
	server_start(&s, answers, ARRAY_LEN(answers));
	assert_int_equal(0, pool_new(&p, 4, &e));
	pool_batch_init(&b, p);
	for (size_t i = 0; i < ARRAY_LEN(visits); i++) {
		visits[i] = (struct visit){ .h = h, .url = s.url };
		pool_submit(&b, visit_run, &visits[i]);
	}
	pool_batch_wait(&b);
	server_join(&s);
	for (size_t i = 0; i < ARRAY_LEN(visits); i++)
		assert_true(visits[i].good);
	buf_release(&s.seen);
	http_free(h);
}

static void certificate_files_are_looked_at_when_the_client_is_made(void **state)
{
	struct http_curl_options missing = { .ca_file = "/nonexistent/ca.pem" };
	struct http_curl_options no_pem = { .ca_file = "/proc/self/comm" };
	struct err e = ERR_INIT;
	struct http *h;

	(void)state;
	assert_int_equal(-1, http_curl_new(&h, &missing, &e));
	assert_int_equal(ERR_ABSENT, e.kind);
	assert_int_equal(-1, http_curl_new(&h, &no_pem, &e));
	assert_int_equal(ERR_INPUT, e.kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_gives_status_headers_and_body),
		cmocka_unit_test(head_does_not_wait_for_a_body),
		cmocka_unit_test(put_sends_the_body_at_once_and_with_its_length),
		cmocka_unit_test(patch_and_small_bodies_work_the_same_way),
		cmocka_unit_test(requests_without_a_body_say_so),
		cmocka_unit_test(delete_is_sent_as_it_is),
		cmocka_unit_test(a_redirect_is_an_answer_like_any_other),
		cmocka_unit_test(only_the_final_answer_counts),
		cmocka_unit_test(an_endless_error_body_is_cut),
		cmocka_unit_test(a_good_body_over_the_ceiling_is_corrupt),
		cmocka_unit_test(a_header_without_an_end_is_no_answer),
		cmocka_unit_test(many_header_lines_are_refused_too),
		cmocka_unit_test(a_refused_connection_is_unavailable_and_hides_the_query),
		cmocka_unit_test(a_connection_closed_too_early_is_unavailable),
		cmocka_unit_test(a_refusal_while_sending_is_the_answer),
		cmocka_unit_test(a_server_that_closes_while_we_send_gave_its_answer_or_none),
		cmocka_unit_test(a_unix_socket_is_talked_to_past_any_proxy),
		cmocka_unit_test(what_somebody_else_serves_is_talked_with),
		cmocka_unit_test(loopback_is_talked_to_past_any_proxy),
		cmocka_unit_test(the_upper_case_proxy_variable_counts_for_others),
		cmocka_unit_test(a_proxy_gets_its_own_password_and_no_other),
		cmocka_unit_test(a_proxy_that_refuses_is_named),
		cmocka_unit_test(a_proxy_that_is_not_there_is_named),
		cmocka_unit_test(no_proxy_is_ours_to_read),
		cmocka_unit_test(a_connection_is_used_again),
		cmocka_unit_test(a_kept_connection_that_died_is_replaced_and_the_body_sent_again),
		cmocka_unit_test(what_is_to_be_sent_once_is_not_sent_again),
		cmocka_unit_test(errors_of_sink_and_body_come_through_as_they_were),
		cmocka_unit_test(a_body_shorter_than_promised_is_noticed),
		cmocka_unit_test(a_sink_takes_a_large_body),
		cmocka_unit_test(a_cancel_ends_a_wait_at_once),
		cmocka_unit_test(a_limit_of_the_caller_is_a_timeout),
		cmocka_unit_test(a_server_that_falls_silent_is_left),
		cmocka_unit_test(the_answer_to_a_whole_body_may_take_longer),
		cmocka_unit_test(the_answer_to_a_large_body_may_take_longer_still),
		cmocka_unit_test(the_answer_to_a_whole_body_has_a_limit_too),
		cmocka_unit_test(an_answer_that_stops_halfway_is_left_after_the_short_limit),
		cmocka_unit_test(a_line_end_in_a_header_is_refused),
		cmocka_unit_test(many_threads_share_one_client),
		cmocka_unit_test(certificate_files_are_looked_at_when_the_client_is_made),
	};

	/* the machine's own settings are not these tests' business */
	unsetenv("http_proxy");
	unsetenv("HTTP_PROXY");
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

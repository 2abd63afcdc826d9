/*
 * The script is a list of exchanges and a list of what came. The lock is held
 * while choosing an exchange and while recording, never while a body, a sink or
 * the hook of the test runs.
 */
#include "tests/fakes/http_script.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/mem.h"

#define SCRIPT_BODY_MAX (64u << 20)

struct step {
	struct http_exchange x; /* its strings are owned */
	unsigned left;
};

struct http_script {
	struct http base;
	pthread_mutex_t lock;
	pthread_t owner;
	bool unordered;
	struct step **steps;
	size_t n, cap;
	struct http_seen **seen;
	size_t nseen, seencap;
	char *problem;
};

static char *dup_bytes(const char *p, size_t *n)
{
	char *copy;

	if (!p)
		return NULL;
	if (!*n)
		*n = strlen(p);
	copy = mem_alloc(*n + 1);
	memcpy(copy, p, *n);
	copy[*n] = '\0';
	return copy;
}

void http_script_expect(struct http_script *s, const struct http_exchange *x)
{
	struct step *st = mem_zalloc(sizeof(*st));

	st->x = *x;
	st->left = x->times ? x->times : 1;
	st->x.method = mem_strdup(x->method);
	st->x.url = mem_strdup(x->url);
	st->x.unix_socket = mem_strdup(x->unix_socket);
	st->x.why = mem_strdup(x->why);
	st->x.body = dup_bytes(x->body, &st->x.body_len);
	st->x.answer = dup_bytes(x->answer, &st->x.answer_len);
	for (size_t i = 0; i < HTTP_SCRIPT_LINES; i++) {
		st->x.has[i] = mem_strdup(x->has[i]);
		st->x.lacks[i] = mem_strdup(x->lacks[i]);
		st->x.headers[i] = mem_strdup(x->headers[i]);
	}
	pthread_mutex_lock(&s->lock);
	MEM_GROW(s->steps, s->n, s->cap);
	s->steps[s->n++] = st;
	pthread_mutex_unlock(&s->lock);
}

static void step_free(struct step *st)
{
	free((char *)st->x.method);
	free((char *)st->x.url);
	free((char *)st->x.unix_socket);
	free((char *)st->x.why);
	free((char *)st->x.body);
	free((char *)st->x.answer);
	for (size_t i = 0; i < HTTP_SCRIPT_LINES; i++) {
		free((char *)st->x.has[i]);
		free((char *)st->x.lacks[i]);
		free((char *)st->x.headers[i]);
	}
	free(st);
}

/* Keeps the first deviation, and fails the test at once where that is possible. */
static int script_deviates(struct http_script *s, struct err *e, const char *fmt, ...)
	PRINTF_FMT(3, 4);
static int script_deviates(struct http_script *s, struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, ERR_CORRUPT, fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&s->lock);
	if (!s->problem)
		s->problem = mem_strdup(e->text);
	pthread_mutex_unlock(&s->lock);
	if (pthread_equal(pthread_self(), s->owner))
		fail_msg("http script: %s", e->text);
	return -1;
}

static bool has_line(const struct strv *headers, const char *part)
{
	for (size_t i = 0; headers && i < headers->n; i++)
		if (strstr(headers->v[i], part))
			return true;
	return false;
}

/* What of the request is not as expected; NULL: nothing. */
static const char *request_differs(const struct http_exchange *x, const struct http_request *rq)
{
	if (strcmp(x->method, rq->method) != 0)
		return "another method";
	if (strcmp(x->url, rq->url) != 0)
		return "another url";
	if (x->unix_socket && (!rq->unix_socket || strcmp(x->unix_socket, rq->unix_socket) != 0))
		return "another unix socket";
	for (size_t i = 0; i < HTTP_SCRIPT_LINES; i++) {
		if (x->has[i] && !has_line(rq->headers, x->has[i]))
			return x->has[i];
		if (x->lacks[i] && has_line(rq->headers, x->lacks[i]))
			return x->lacks[i];
	}
	return NULL;
}

/* The next exchange in order; in unordered mode the first that fits. Lock held. */
static struct step *script_next(struct http_script *s, const struct http_request *rq)
{
	for (size_t i = 0; i < s->n; i++) {
		struct step *st = s->steps[i];

		if (!st->left && !st->x.any_times)
			continue;
		if (!s->unordered || !request_differs(&st->x, rq))
			return st;
	}
	return NULL;
}

/* Takes the exchange for this request off the script. NULL: it is not in it. */
static const struct http_exchange *script_take(struct http_script *s, const struct http_request *rq,
					       struct err *e)
{
	const char *why = NULL;
	struct step *st;

	pthread_mutex_lock(&s->lock);
	st = script_next(s, rq);
	if (st)
		why = request_differs(&st->x, rq);
	if (st && !why && st->left)
		st->left--;
	pthread_mutex_unlock(&s->lock);
	if (!st)
		script_deviates(s, e, "unexpected request: %s %s", rq->method, rq->url);
	else if (why)
		script_deviates(s, e, "came %s %s, expected %s %s (%s)", rq->method, rq->url,
				st->x.method, st->x.url, why);
	return st && !why ? &st->x : NULL;
}

static struct http_seen *script_record(struct http_script *s, const struct http_request *rq)
{
	struct http_seen *seen = mem_zalloc(sizeof(*seen));

	seen->method = mem_strdup(rq->method);
	seen->url = mem_strdup(rq->url);
	seen->tls = rq->tls;
	seen->once = rq->once;
	if (rq->headers)
		strv_copy(&seen->headers, rq->headers);
	buf_init(&seen->body, SCRIPT_BODY_MAX);
	pthread_mutex_lock(&s->lock);
	MEM_GROW(s->seen, s->nseen, s->seencap);
	s->seen[s->nseen++] = seen;
	pthread_mutex_unlock(&s->lock);
	return seen;
}

/* Reads the request's body into seen, as the wire would. */
static int script_read_body(struct http_script *s, struct http_seen *seen,
			    const struct http_request *rq, struct err *e)
{
	struct source *in;
	int r;

	if (!rq->body) {
		buf_add_span(&seen->body, rq->body_bytes);
		return 0;
	}
	if (rq->body->open(rq->body, &in, e) < 0)
		return -1;
	r = io_read_all(in, &seen->body, e);
	rq->body->close(rq->body, in);
	if (r == 0 && seen->body.len != rq->body->size_bytes)
		return script_deviates(s, e, "%s %s: a body of %zu bytes that promised %ju",
				       rq->method, rq->url, seen->body.len,
				       (uintmax_t)rq->body->size_bytes);
	return r;
}

static int script_check_body(struct http_script *s, const struct http_exchange *x,
			     const struct http_seen *seen, struct err *e)
{
	if (!x->body || span_eq(buf_span(&seen->body), span_of(x->body, x->body_len)))
		return 0;
	return script_deviates(s, e, "%s %s: came the body '%s', expected '%s'", x->method, x->url,
			       buf_str(&seen->body), x->body);
}

static int script_answer(struct http_response *rs, const struct http_exchange *x,
			 const struct http_request *rq, struct err *e)
{
	auto_free char *status = mem_printf("HTTP/1.1 %ld Scripted", x->status);
	size_t count = 0;

	if (http_response_add_header(rs, &count, span_of_str(status), e) < 0)
		return -1;
	for (size_t i = 0; i < HTTP_SCRIPT_LINES; i++)
		if (x->headers[i] &&
		    http_response_add_header(rs, &count, span_of_str(x->headers[i]), e) < 0)
			return -1;
	if (!x->answer || strcmp(rq->method, "HEAD") == 0)
		return 0;
	/* in pieces, as a wire would: who looks at whole bodies only fails here */
	for (size_t done = 0; done < x->answer_len;) {
		size_t piece = (x->answer_len + 2) / 3;
		int r;

		if (piece > x->answer_len - done)
			piece = x->answer_len - done;
		r = http_response_add_body(rs, rq, x->answer + done, piece, e);
		if (r)
			return r < 0 ? -1 : 0;
		done += piece;
	}
	return 0;
}

static int script_perform(struct http *h, struct op *op, const struct http_request *rq,
			  struct http_response *rs, struct err *e)
{
	struct http_script *s = CONTAINER_OF(h, struct http_script, base);
	const struct http_exchange *x;
	struct http_seen *seen;

	if (op && cancel_check(op->cancel, e) < 0)
		return -1;
	x = script_take(s, rq, e);
	if (!x)
		return -1;
	seen = script_record(s, rq);
	if (!x->ignore_body &&
	    (script_read_body(s, seen, rq, e) < 0 || script_check_body(s, x, seen, e) < 0))
		return -1;
	if (x->then)
		x->then(x->arg);
	if (op && cancel_check(op->cancel, e) < 0)
		return -1;
	if (x->status && script_answer(rs, x, rq, e) < 0)
		return -1;
	if (x->fail)
		return err_set(e, x->fail, "%s " SPAN_FMT ": %s", rq->method,
			       (int)strcspn(rq->url, "?"), rq->url,
			       x->why ? x->why : "connection reset");
	return 0;
}

static void script_free_nothing(struct http *h)
{
	(void)h;
}

struct http_script *http_script_new(void)
{
	struct http_script *s = mem_zalloc(sizeof(*s));

	s->base = (struct http){ .perform = script_perform, .free = script_free_nothing };
	s->owner = pthread_self();
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void http_script_free(struct http_script *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		step_free(s->steps[i]);
	for (size_t i = 0; i < s->nseen; i++) {
		free(s->seen[i]->method);
		free(s->seen[i]->url);
		strv_release(&s->seen[i]->headers);
		buf_release(&s->seen[i]->body);
		free(s->seen[i]);
	}
	free(s->steps);
	free(s->seen);
	free(s->problem);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct http *http_script_http(struct http_script *s)
{
	return &s->base;
}

void http_script_unordered(struct http_script *s)
{
	s->unordered = true;
}

void http_script_done(struct http_script *s)
{
	if (s->problem)
		fail_msg("http script: %s", s->problem);
	for (size_t i = 0; i < s->n; i++) {
		const struct step *st = s->steps[i];

		if (st->left && !st->x.any_times)
			fail_msg("http script: %s %s did not come (%u times)", st->x.method,
				 st->x.url, st->left);
	}
}

const char *http_script_problem(struct http_script *s)
{
	return s->problem;
}

size_t http_script_count(struct http_script *s)
{
	return s->nseen;
}

const struct http_seen *http_script_seen(struct http_script *s, size_t i)
{
	assert_true(i < s->nseen);
	return s->seen[i];
}

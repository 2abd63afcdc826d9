/*
 * What every struct http has in common: the call, the look into an answer, and
 * the rules by which arriving lines and bytes become a response.
 */
#include "base/http.h"

#include <assert.h>
#include <time.h>

int http_perform(struct http *h, struct op *op, const struct http_request *rq,
		 struct http_response *rs, struct err *e)
{
	*rs = (struct http_response){ 0 };
	return h->perform(h, op, rq, rs, e);
}

void http_free(struct http *h)
{
	if (h)
		h->free(h);
}

void http_response_release(struct http_response *rs)
{
	strv_release(&rs->headers);
	buf_release(&rs->body);
	*rs = (struct http_response){ 0 };
}

const char *http_header(const struct http_response *rs, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < rs->headers.n; i++) {
		const char *line = rs->headers.v[i];

		if (strncmp(line, name, n) == 0 && line[n] == ':')
			return line[n + 1] == ' ' ? line + n + 2 : line + n + 1;
	}
	return NULL;
}

const char *http_status_name(long status)
{
	static const struct {
		long status;
		const char *name;
	} names[] = {
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 425, "Too Early" },
		{ 429, "Too Many Requests" },
		{ 499, "Client Closed Request" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].status == status)
			return names[i].name;
	return status >= 500 && status <= 599 ? "Server Error" : "Unexpected Answer";
}

bool http_is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

int http_date_parse(int64_t *seconds, const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!end || *end)
		return -1;
	*seconds = timegm(&tm);
	return 0;
}

/* "HTTP/1.1 200 OK": whatever came before (100 Continue, a proxy's answer) is forgotten. */
static int http_begin_answer(struct http_response *rs, struct span line, struct err *e)
{
	struct span version, code;
	uint64_t status;

	if (!span_word(&line, &version) || !span_word(&line, &code) ||
	    span_to_u64(&status, code) < 0 || status < 100 || status > 999)
		return err_set(e, ERR_CORRUPT, "answer with a broken status line");
	strv_release(&rs->headers);
	rs->headers = (struct strv)STRV_INIT;
	rs->status = (long)status;
	return 0;
}

int http_response_add_header(struct http_response *rs, size_t *seen, struct span line,
			     struct err *e)
{
	struct span name, value;
	char *text;

	*seen += line.n;
	if (*seen > HTTP_HEADER_MAX)
		return err_set(e, ERR_CORRUPT, "answer with more than %u bytes of header",
			       HTTP_HEADER_MAX);
	if (span_has_nul(line))
		return err_set(e, ERR_CORRUPT, "answer with a NUL byte in its header");
	line = span_rtrim(line);
	if (span_starts(line, "HTTP/"))
		return http_begin_answer(rs, line, e);
	/* a line without a colon ends the block or says nothing; trailers come too late */
	if (rs->body_bytes || !span_cut(line, ':', &name, &value))
		return 0;
	name = span_rtrim(name);
	value = span_trim(value);
	strv_addf(&rs->headers, "%.*s: %.*s", (int)name.n, name.p, (int)value.n, value.p);
	text = rs->headers.v[rs->headers.n - 1];
	for (size_t i = 0; i < name.n; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
	return 0;
}

int http_response_add_body(struct http_response *rs, const struct http_request *rq, const void *p,
			   size_t n, struct err *e)
{
	bool good = rs->status >= 200 && rs->status < 300;
	size_t room;

	rs->body_bytes += n;
	if (good && rq->out)
		return sink_write(rq->out, p, n, e);
	rs->body.max = !good ? HTTP_ERROR_BODY_MAX : rq->body_max ? rq->body_max : HTTP_BODY_MAX;
	assert(rs->body.len <= rs->body.max);
	room = rs->body.max - rs->body.len;
	if (n <= room) {
		buf_add(&rs->body, p, n);
		return 0;
	}
	if (good)
		return err_set(e, ERR_CORRUPT, "answer of more than %zu bytes", rs->body.max);
	buf_add(&rs->body, p, room);
	return 1;
}

int http_send_open(struct http_send *s, const struct http_request *rq, struct err *e)
{
	*s = (struct http_send){ .rq = rq, .left = rq->body_bytes.n };
	if (!rq->body) {
		s->in = span_source_init(&s->bytes, rq->body_bytes);
		return 0;
	}
	s->left = rq->body->size_bytes;
	if (rq->body->open(rq->body, &s->in, e) == 0)
		return 0;
	s->in = NULL;
	s->foreign = true;
	return -1;
}

ssize_t http_send_read(struct http_send *s, void *p, size_t n, struct err *e)
{
	ssize_t got;

	if (n > s->left)
		n = (size_t)s->left;
	if (!n)
		return 0;
	got = source_read(s->in, p, n, e);
	s->foreign = got < 0;
	if (got > 0)
		s->left -= (uint64_t)got;
	/* the other side would wait for the rest, and we for its answer */
	if (got == 0)
		return err_set(e, ERR_CORRUPT, "the body to send ended %ju bytes early",
			       (uintmax_t)s->left);
	return got;
}

void http_send_close(struct http_send *s)
{
	if (s->in && s->rq->body)
		s->rq->body->close(s->rq->body, s->in);
	s->in = NULL;
}

/*
 * Each try begins with an empty file: after a break, what came is worth nothing. The digest is
 * taken while the bytes pass.
 */
#include "oci/build/remote_url.h"

#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/http_retry.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"

#define REDIRECTS_MAX 10
#define TICK_MS	      100

struct fetch {
	struct sink base; /* what the wire writes into */
	struct op *op;
	struct http *http;
	const struct remote_file *what;
	const char *id;
	struct url at; /* where the redirects have led so far */
	struct http_response rs;
	int fd;
	struct hash hash;
	uint64_t done, total;
	int64_t told_ms;
};

static void fetch_release(struct fetch *f)
{
	url_release(&f->at);
	http_response_release(&f->rs);
	hash_release(&f->hash);
	fd_auto_close_(&f->fd);
}

static int fetch_write(struct sink *k, const void *p, size_t n, struct err *e)
{
	struct fetch *f = CONTAINER_OF(k, struct fetch, base);
	int64_t now = f->op->clock->mono_ms(f->op->clock);
	const char *length;

	if (fs_write_all(f->fd, p, n, f->what->shown, e) < 0)
		return -1;
	hash_update(&f->hash, p, n);
	f->done += n;
	if (now - f->told_ms < TICK_MS)
		return 0;
	length = http_header(&f->rs, "content-length");
	if (!length || span_to_u64(&f->total, span_of_str(length)) < 0)
		f->total = 0;
	f->told_ms = now;
	progress_tick(f->op->progress, f->id, f->done, f->total);
	return 0;
}

static int begin_again(struct fetch *f, struct err *e)
{
	if (ftruncate(f->fd, 0) < 0 || lseek(f->fd, 0, SEEK_SET) < 0)
		return err_sys(e, "empty a file");
	hash_release(&f->hash);
	hash_init(&f->hash);
	f->done = 0;
	f->base.write = fetch_write;
	f->base.failed = (struct err)ERR_INIT; /* a sink that failed stays so */
	return 0;
}

/* The password is for the server that was named, not for those it points to. */
static void add_user(struct strv *headers, const struct fetch *f)
{
	auto_free char *code = NULL;

	if (!f->what->user || !url_same_origin(&f->at, &f->what->url))
		return;
	code = base64_encode(span_of_str(f->what->user), false);
	strv_addf(headers, "Authorization: Basic %s", code);
	explicit_bzero(code, strlen(code));
}

static int ask_once(struct fetch *f, struct err *e)
{
	auto_strv struct strv headers = STRV_INIT;
	auto_buf struct buf url = BUF_INIT(BUF_SMALL);
	struct http_request rq = { .method = "GET", .headers = &headers, .out = &f->base };
	int r;

	if (begin_again(f, e) < 0)
		return -1;
	url_format(&url, &f->at);
	rq.url = buf_str(&url);
	add_user(&headers, f);
	r = http_perform(f->http, f->op, &rq, &f->rs, e);
	for (size_t i = 0; i < headers.n; i++)
		explicit_bzero(headers.v[i], strlen(headers.v[i]));
	return r;
}

/* Where an answer sends us, when it is such a place as we may go to. */
static int follow(struct fetch *f, const char *location, struct err *e)
{
	auto_url struct url next = { 0 };

	if (url_resolve(&next, &f->at, location, e) < 0) {
		e->kind = ERR_FAILED; /* the server's mistake */
		return err_wrap(e, "redirect");
	}
	if (strcmp(f->at.scheme, "https") == 0 && strcmp(next.scheme, "http") == 0)
		return err_set(e, ERR_DENIED, "refused to go from https to http://%s", next.host);
	if (!url_may_lead(&f->what->url, &next))
		return err_set(e, ERR_DENIED, "refused to go to the private address %s", next.host);
	log_info(f->op, "%s: redirected to %s", f->what->shown, next.host);
	url_release(&f->at);
	f->at = next;
	next = (struct url){ 0 };
	return 0;
}

static int refused(const struct fetch *f, struct err *e)
{
	enum err_kind kind = ERR_FAILED;

	if (f->rs.status == 404 || f->rs.status == 410)
		kind = ERR_ABSENT;
	if (f->rs.status == 401 || f->rs.status == 403 || f->rs.status == 407)
		kind = ERR_DENIED;
	return err_set(e, kind, "the server answered %ld", f->rs.status);
}

static int ask(struct fetch *f, struct err *e)
{
	struct http_retry retry = { .left = HTTP_RETRIES_DEFAULT };
	const char *location;
	int r;

	for (unsigned hops = 0;; hops++) {
		do {
			http_response_release(&f->rs);
			r = ask_once(f, e);
		} while (http_retry_again(&retry, f->op, &r, &f->rs, e));
		if (r < 0)
			return -1;
		location = http_header(&f->rs, "location");
		if (!http_is_redirect(f->rs.status) || !location)
			break;
		if (hops == REDIRECTS_MAX)
			return err_set(e, ERR_FAILED, "redirected more than %d times",
				       REDIRECTS_MAX);
		if (follow(f, location, e) < 0)
			return -1;
	}
	return f->rs.status == 200 || f->rs.status == 203 ? 0 : refused(f, e);
}

static int take(struct remote_got *out, struct fetch *f, const struct oci_digest *want,
		struct err *e)
{
	unsigned char raw[HASH_SHA256_LEN];
	const char *modified = http_header(&f->rs, "last-modified");
	struct remote_got got = { .size_bytes = f->done };

	hash_final(&f->hash, raw);
	oci_digest_of_raw(&got.digest, raw);
	if (want && !oci_digest_eq(want, &got.digest))
		return err_set(e, ERR_CORRUPT, "it has the digest %s, expected %s", got.digest.text,
			       want->text);
	if (!modified || http_date_parse(&got.mtime, modified) < 0 || got.mtime < 0)
		got.mtime = 0;
	if (close(fd_steal(&f->fd)) < 0)
		return err_sys(e, "close");
	*out = got;
	return 0;
}

int remote_url_fetch(struct remote_got *out, struct op *op, struct http *h,
		     const struct remote_file *what, const struct oci_digest *want, int dirfd,
		     const char *name, struct err *e)
{
	auto_free char *id = mem_printf("fetch %s", what->shown);
	CLEANUP(fetch_release)
	struct fetch f = { .op = op, .http = h, .what = what, .id = id, .fd = -1 };
	auto_buf struct buf start = BUF_INIT(BUF_SMALL);

	f.fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f.fd < 0)
		return err_sys(e, "create a file for '%s'", what->shown);
	url_format(&start, &what->url);
	if (url_parse(&f.at, buf_str(&start), e) < 0)
		return -1;
	progress_begin(op->progress, id, "fetch %s", what->shown);
	if (ask(&f, e) < 0 || take(out, &f, want, e) < 0) {
		unlinkat(dirfd, name, 0);
		err_wrap(e, "fetch '%s'", what->shown);
		progress_give_up(op->progress, id, e);
		return -1;
	}
	progress_end(op->progress, id, out->size_bytes);
	return 0;
}

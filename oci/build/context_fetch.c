/*
 * Streams are told by their first bytes, since they cannot be read twice; what is no archive is taken
 * for a Dockerfile, and its text says whether it is one.
 */
#include "oci/build/context_fetch.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/remote_git.h"
#include "oci/build/remote_url.h"
#include "oci/build/stdin.h"
#include "oci/dockerfile/parse.h"
#include "oci/layer/archive.h"

#define TAR_SCHEME "tar://"
#define DIR_SCHEME "dir://"
#define TAR_STDIN  TAR_SCHEME "stdin"

/* -- words ----------------------------------------------------------------------------- */

/* BuildKit's short form; a directory of that name goes before it. */
static bool is_github(const char *word)
{
	return span_starts(span_of_str(word), "github.com/") && access(word, F_OK) < 0;
}

bool context_is_stdin(const char *word)
{
	return strcmp(word, "-") == 0 || strcmp(word, TAR_STDIN) == 0;
}

bool context_is_fetched(const char *word)
{
	return context_is_stdin(word) || span_starts(span_of_str(word), TAR_SCHEME) ||
	       remote_kind_of(word) != REMOTE_NONE || is_github(word);
}

const char *context_dir_path(const char *word)
{
	struct span rest = span_of_str(word);

	return span_take(&rest, DIR_SCHEME) ? rest.p : word;
}

/* -- streams --------------------------------------------------------------------------- */

/* What was read ahead, then the rest. */
struct joined_source {
	struct source base;
	struct span_source head;
	struct source *rest;
};

static ssize_t joined_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct joined_source *s = CONTAINER_OF(base, struct joined_source, base);
	ssize_t got = source_read(&s->head.base, p, n, e);

	return got ? got : source_read(s->rest, p, n, e);
}

static int read_head(struct buf *head, struct source *in, struct err *e)
{
	char piece[ARCHIVE_HEAD];

	while (head->len < ARCHIVE_HEAD) {
		ssize_t n = source_read(in, piece, ARCHIVE_HEAD - head->len, e);

		if (n < 0)
			return -1;
		if (!n)
			break;
		buf_add(head, piece, (size_t)n);
	}
	return 0;
}

static int extract(struct context_fetched *f, const struct op *op, struct source *in, struct err *e)
{
	auto_close int fd = fs_open_dir(f->dir, e);

	return fd < 0 ? -1 : archive_extract(op, fd, in, e);
}

/* what: for messages. */
static int take_stream(struct context_fetched *f, const struct op *op, struct source *in,
		       bool must_be_archive, const char *what, struct err *e)
{
	auto_buf struct buf head = BUF_INIT(ARCHIVE_HEAD);
	struct joined_source all = { .base.read = joined_read, .rest = in };

	if (read_head(&head, in, e) < 0)
		return -1;
	if (!head.len)
		return err_set(e, ERR_INPUT, "%s is empty", what);
	span_source_init(&all.head, buf_span(&head));
	if (archive_looks_like(buf_span(&head)))
		return extract(f, op, &all.base, e) < 0 ? err_wrap(e, "%s", what) : 0;
	if (must_be_archive)
		return err_set(e, ERR_INPUT, "%s is no archive", what);
	f->has_text = true;
	if (io_read_all(&all.base, &f->text, e) == 0)
		return 0;
	return f->text.over ? dockerfile_too_long(what, buf_span(&f->text), e)
			    : err_wrap(e, "%s", what);
}

static int take_stdin(struct context_fetched *f, const struct op *op, bool must_be_archive,
		      struct err *e)
{
	struct stdin_source in;

	return take_stream(f, op, stdin_source_init(&in, op), must_be_archive, "standard input", e);
}

static int take_file(struct context_fetched *f, const struct op *op, int dirfd, const char *path,
		     bool must_be_archive, struct err *e)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	auto_free char *what = mem_printf("'%s'", f->shown);
	struct fd_source in;

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return take_stream(f, op, fd_source_init(&in, fd, f->shown), must_be_archive, what, e);
}

/* -- addresses ------------------------------------------------------------------------- */

static int take_address(struct context_fetched *f, struct op *op, struct http *h, const char *word,
			struct err *e)
{
	auto_remote_file struct remote_file what = { .user = NULL };
	auto_free char *path = mem_printf("%s.fetched", f->dir);
	struct remote_got got;
	int r;

	if (remote_file_parse(&what, word, e) < 0)
		return -1;
	if (!h)
		return err_set(e, ERR_IMPOSSIBLE, "nothing can be fetched here");
	if (remote_url_fetch(&got, op, h, &what, NULL, AT_FDCWD, path, e) < 0)
		return -1;
	r = take_file(f, op, AT_FDCWD, path, false, e);
	unlink(path);
	return r;
}

static int take_git(struct context_fetched *f, struct op *op, const char *word, bool keep_git_dir,
		    struct err *e)
{
	auto_remote_git struct remote_git what = { .address = NULL };
	struct remote_git_options opt = { .keep_git_dir = keep_git_dir };
	struct remote_commit commit;
	char *dir;

	if (remote_git_parse(&what, word, e) < 0)
		return -1;
	if (what.has_keep_git_dir)
		opt.keep_git_dir = what.keep_git_dir;
	opt.no_submodules = what.has_submodules && !what.submodules;
	opt.checksum = what.checksum;
	if (remote_git_fetch(&commit, op, &what, &opt, f->dir, e) < 0)
		return -1;
	dir = remote_git_subdir(&what, f->dir, e);
	if (!dir)
		return -1;
	free(f->dir);
	f->dir = dir;
	return 0;
}

static int take(struct context_fetched *f, struct op *op, struct http *h, const char *word,
		bool keep_git_dir, struct err *e)
{
	auto_free char *full = is_github(word) ? mem_printf("https://%s", word) : NULL;
	struct span file = span_of_str(word);

	if (context_is_stdin(word))
		return take_stdin(f, op, strcmp(word, "-") != 0, e);
	if (span_take(&file, TAR_SCHEME))
		return take_file(f, op, AT_FDCWD, file.p, true, e);
	if (full || remote_kind_of(word) == REMOTE_GIT)
		return take_git(f, op, full ? full : word, keep_git_dir, e);
	return take_address(f, op, h, word, e);
}

int context_fetch(struct context_fetched *out, struct op *op, struct http *h,
		  const struct workspace *ws, const char *word, const char *name, bool keep_git_dir,
		  struct err *e)
{
	struct context_fetched f = { .text = BUF_INIT(DOCKERFILE_MAX) };
	auto_buf struct buf shown = BUF_INIT(BUF_SMALL);

	url_redact(&shown, span_of_str(word));
	f.shown = mem_strdup(buf_str(&shown));
	f.dir = workspace_dir(ws, name, e);
	if (!f.dir || take(&f, op, h, word, keep_git_dir, e) < 0) {
		context_fetched_release(&f);
		return -1;
	}
	*out = f;
	return 0;
}

void context_fetched_release(struct context_fetched *f)
{
	free(f->dir);
	free(f->shown);
	buf_release(&f->text);
	*f = (struct context_fetched){ .dir = NULL };
}

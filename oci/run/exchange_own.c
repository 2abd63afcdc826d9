/*
 * Names alone tell what is where, so each step is one rename.
 */
#include "oci/run/exchange_own.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/move.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int exchange_own_must_be_unused(const struct exchange_place *p, struct err *e)
{
	struct stat st;

	if (fstatat(p->own_fd, EXCHANGE_JOB, &st, 0) < 0 &&
	    fstatat(p->own_fd, EXCHANGE_TREE, &st, 0) < 0)
		return 0;
	return err_set(e, ERR_FAILED, "'%s' says that files of the job are still elsewhere",
		       p->own);
}

int exchange_own_dir(const struct exchange_place *p, const char *what, size_t i, struct err *e)
{
	auto_free char *path = mem_printf("%s/%zu", what, i);
	int fd;

	if (fs_mkdir_p(p->own_fd, path, 0700, e) < 0)
		return -1;
	fd = openat(p->own_fd, path, DIR_FLAGS);
	return fd < 0 ? err_sys(e, "open '%s/%s'", p->own, path) : fd;
}

int exchange_journal_write(const struct exchange_place *p, const struct merged *m, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(MERGED_MAX);
	auto_close int fd = -1;

	merged_encode(&text, m);
	if (text.over)
		return err_set(e, ERR_FAILED, "too many names are kept");
	fd = openat(p->own_fd, EXCHANGE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0 || fs_write_all(fd, text.data, text.len, EXCHANGE_NEW, e) < 0)
		return fd < 0 ? err_sys(e, "make '%s/" EXCHANGE_NEW "'", p->own) : -1;
	return renameat(p->own_fd, EXCHANGE_NEW, p->own_fd, EXCHANGE_JOB) < 0
		       ? err_sys(e, "rename '%s/" EXCHANGE_NEW "'", p->own)
		       : 0;
}

int exchange_journal_turn(const struct exchange_place *p, bool is_in, struct err *e)
{
	const char *from = is_in ? EXCHANGE_JOB : EXCHANGE_TREE;
	const char *to = is_in ? EXCHANGE_TREE : EXCHANGE_JOB;

	return renameat(p->own_fd, from, p->own_fd, to) < 0
		       ? err_sys(e, "rename '%s/%s'", p->own, from)
		       : 0;
}

/* 1: read. 0: there is none. */
static int read_one(struct merged *m, const struct exchange_place *p, const char *name,
		    struct err *e)
{
	auto_buf struct buf text = BUF_INIT(MERGED_MAX);

	if (fs_read_file_no_link(p->own_fd, name, &text, e) < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (merged_decode(m, buf_span(&text), e) < 0)
		return err_wrap(e, "'%s/%s'", p->own, name);
	return 1;
}

int exchange_journal_read(struct merged *m, bool *is_in, const struct exchange_place *p,
			  struct err *e)
{
	int r = read_one(m, p, EXCHANGE_TREE, e);

	*is_in = r > 0;
	return r == 0 ? read_one(m, p, EXCHANGE_JOB, e) : r;
}

void exchange_own_clean(const struct exchange_place *p)
{
	static const char *const names[] = { EXCHANGE_NEW, EXCHANGE_JOB, "files", "trash" };
	auto_close int aside = openat(p->own_fd, "aside", DIR_FLAGS);
	auto_strv struct strv dirs = STRV_INIT;
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fs_remove_tree(p->own_fd, names[i], &ignored) < 0)
			err_clear(&ignored);
	if (aside >= 0 && move_names(&dirs, aside, NULL, &ignored) == 0)
		for (size_t i = 0; i < dirs.n; i++)
			unlinkat(aside, dirs.v[i], AT_REMOVEDIR);
	unlinkat(p->own_fd, "aside", AT_REMOVEDIR);
}

/*
 * Either ignore file may itself be ignored: that only keeps it out of the image.
 */
#include "oci/build/context.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rootdir.h"

#define IGNORE_FILE_MAX (1u << 20)

/* There is no file behind path; a link there would have hidden things that are now copied. */
static int check_dangling(const struct context *c, const char *path, struct err *e)
{
	struct err ignored = ERR_INIT;
	auto_close int fd =
		fs_open_beneath(c->fd, path, O_PATH | O_NOFOLLOW, 0, FS_IN_ROOT, &ignored);

	if (fd < 0)
		return 0;
	return err_set(e, ERR_INPUT, "'%s' in %s is a link to nothing in there", path, c->where);
}

/*
 * 1: there is such a file and it was taken; 0: there is none. outside: it is not looked for in the
 * context, and its links are the user's own.
 */
static int take_ignore_file(struct context *c, bool outside, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(IGNORE_FILE_MAX);

	if ((outside ? fs_read_file(AT_FDCWD, path, &text, e)
		     : fs_read_file_inside(c->fd, path, &text, e)) < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return outside ? 0 : check_dangling(c, path, e);
	}
	if (ignore_parse(&c->ignore, path, buf_span(&text), e) < 0)
		return -1;
	c->ignore_file = mem_strdup(path);
	return 1;
}

static int read_ignore(struct context *c, bool outside, const char *dockerfile, struct err *e)
{
	auto_free char *own = dockerfile ? mem_printf("%s.dockerignore", dockerfile) : NULL;
	int r = own ? take_ignore_file(c, outside, own, e) : 0;

	if (r == 0)
		r = take_ignore_file(c, false, ".dockerignore", e);
	return r < 0 ? -1 : 0;
}

int context_read_ignore(struct context *c, const char *dockerfile, struct err *e)
{
	return read_ignore(c, false, dockerfile, e);
}

int context_open(struct context *out, const char *dir, const char *dockerfile, struct err *e)
{
	auto_context struct context c = CONTEXT_INIT;

	rootdir_hold(); /* links on the way to it are this machine's, not a stage's */
	c.fd = fs_open_dir(dir, e);
	rootdir_release();
	if (c.fd < 0 && e->sys == ENOTDIR)
		return err_set(e, ERR_INPUT,
			       "build context: '%.200s' is not a directory "
			       "(-f names the Dockerfile, tar:// an archive)",
			       dir);
	if (c.fd < 0)
		return err_wrap(e, "build context");
	c.where = mem_printf("the context '%s'", dir);
	if (read_ignore(&c, true, dockerfile, e) < 0)
		return -1;
	*out = c;
	c = CONTEXT_INIT;
	return 0;
}

void context_release(struct context *c)
{
	fd_auto_close_(&c->fd);
	free(c->where);
	ignore_free(c->ignore);
	free(c->ignore_file);
	*c = CONTEXT_INIT;
}

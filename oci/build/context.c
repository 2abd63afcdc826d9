/*
 * Either ignore file may itself be ignored: that only keeps it out of the image.
 */
#include "oci/build/context.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"

#define IGNORE_FILE_MAX (1u << 20)

/* 1: there is such a file and it was taken; 0: there is none. */
static int take_ignore_file(struct context *c, int dirfd, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(IGNORE_FILE_MAX);

	if (fs_read_file(dirfd, path, &text, e) < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (ignore_parse(&c->ignore, path, buf_span(&text), e) < 0)
		return -1;
	c->ignore_file = mem_strdup(path);
	return 1;
}

static int read_ignore(struct context *c, const char *dockerfile, struct err *e)
{
	auto_free char *own = dockerfile ? mem_printf("%s.dockerignore", dockerfile) : NULL;
	int r = own ? take_ignore_file(c, AT_FDCWD, own, e) : 0;

	return r ? r : take_ignore_file(c, c->fd, ".dockerignore", e);
}

int context_open(struct context *out, const char *dir, const char *dockerfile, struct err *e)
{
	auto_context struct context c = CONTEXT_INIT;

	c.fd = fs_open_dir(dir, e);
	if (c.fd < 0)
		return err_wrap(e, "build context");
	c.where = mem_printf("the context '%s'", dir);
	if (read_ignore(&c, dockerfile, e) < 0)
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

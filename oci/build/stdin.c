/*
 * A terminal or a pipe may never end, so it is not read before there is something to read.
 */
#include "oci/build/stdin.h"

#include <errno.h>
#include <poll.h>

#include "base/cancel.h"

static ssize_t stdin_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct stdin_source *s = CONTAINER_OF(base, struct stdin_source, base);
	struct pollfd fds[2] = { { .fd = s->in.fd, .events = POLLIN },
				 { .fd = s->cancel ? s->cancel->fd : -1, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return cancel_check(s->cancel, e) < 0 ? -1 : source_read(&s->in.base, p, n, e);
}

struct source *stdin_source_init(struct stdin_source *s, const struct op *op)
{
	*s = (struct stdin_source){ .base.read = stdin_read, .cancel = op->cancel };
	fd_source_init(&s->in, STDIN_FILENO, "standard input");
	return &s->base;
}

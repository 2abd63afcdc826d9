/*
 * A Unix socket that is bound in a folder of its own and taken out of it again at once: its inode lives as long as the
 * socket, and /proc/self/fd leads to it. (An abstract one would be simpler, but libcurl keeps no connection to those.)
 */
#include "base/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define BACKLOG 64

/* -1: errno says why. */
static int bind_in(int fd, int dirfd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int place;

	/* not by the folder's name, which may be too long for an address */
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/s", dirfd);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	place = openat(dirfd, "s", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	unlinkat(dirfd, "s", 0);
	return place;
}

static int bind_nowhere(int fd, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	auto_free char *dir = mem_printf("%s/dial.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	auto_close int dirfd = -1;
	int place;

	if (!mkdtemp(dir))
		return err_sys(e, "make a folder '%s'", dir);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place = dirfd < 0 ? -1 : bind_in(fd, dirfd);
	if (place < 0)
		err_sys(e, "make a socket in '%s'", dir);
	rmdir(dir);
	return place;
}

int dial_watch(struct dial *d, int fd, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(d->fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? err_sys(e, "watch a descriptor") : 0;
}

static int dial_open_at(struct dial *d, struct err *e)
{
	d->fd = epoll_create1(EPOLL_CLOEXEC);
	if (d->fd < 0)
		return err_sys(e, "make an epoll");
	d->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->listening < 0)
		return err_sys(e, "make a socket");
	d->place = bind_nowhere(d->listening, e);
	if (d->place < 0)
		return -1;
	if (listen(d->listening, BACKLOG) < 0)
		return err_sys(e, "listen on a socket");
	snprintf(d->path, sizeof(d->path), "/proc/self/fd/%d", d->place);
	return dial_watch(d, d->listening, e);
}

int dial_open(struct dial *d, struct err *e)
{
	d->fd = d->listening = d->place = -1;
	if (dial_open_at(d, e) == 0)
		return 0;
	dial_close(d);
	return -1;
}

void dial_close(struct dial *d)
{
	fd_auto_close_(&d->fd);
	fd_auto_close_(&d->listening);
	fd_auto_close_(&d->place);
	d->fd = d->listening = d->place = -1;
}

static bool is_ours(int fd)
{
	struct ucred peer = { 0 };
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid == getpid();
}

int dial_serve(struct dial *d, struct op *op, struct err *e)
{
	if (d->look)
		d->look(d);
	for (;;) {
		auto_close int fd = accept4(d->listening, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return errno == EAGAIN ? 0 : err_sys(e, "take a connection");
		if (fd >= 0 && is_ours(fd) && d->serve(d, op, fd, e) < 0)
			return -1;
	}
}

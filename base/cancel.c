/*
 * The flag is what is looked at, the eventfd is what is polled beside other
 * descriptors. It is never read, so every waiter sees it readable. A part's descriptor is an epoll
 * over its own and its parent's, which is readable when one of them is.
 */
#include "base/cancel.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

int cancel_init(struct cancel *c, struct err *e)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return err_sys(e, "create an event descriptor");
	atomic_init(&c->signo, 0);
	c->fd = c->event = fd;
	c->parent = NULL;
	return 0;
}

static int watch(int epoll, int fd, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return err_sys(e, "watch an event descriptor");
	return 0;
}

int cancel_init_part(struct cancel *c, const struct cancel *parent, struct err *e)
{
	int both;

	if (cancel_init(c, e) < 0)
		return -1;
	if (!parent)
		return 0;
	c->parent = parent;
	both = epoll_create1(EPOLL_CLOEXEC);
	if (both < 0) {
		err_sys(e, "create an event descriptor");
		cancel_release(c);
		return -1;
	}
	c->fd = both;
	if (watch(both, c->event, e) < 0 || watch(both, parent->fd, e) < 0) {
		cancel_release(c);
		return -1;
	}
	return 0;
}

void cancel_release(struct cancel *c)
{
	if (c->event >= 0 && c->event != c->fd)
		close(c->event);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = c->event = -1;
}

void cancel_set(struct cancel *c, int signo)
{
	int saved = errno;
	int none = 0;
	ssize_t ignored;

	/* the first signal is the one to report */
	atomic_compare_exchange_strong(&c->signo, &none, signo);
	ignored = write(c->event, &(uint64_t){ 1 }, sizeof(uint64_t));
	(void)ignored;
	errno = saved;
}

/* What is set nearest counts; 0: nothing is. */
static int cancel_signo(const struct cancel *c)
{
	int signo = 0;

	for (; c && !signo; c = c->parent)
		signo = atomic_load(&c->signo);
	return signo;
}

bool cancel_is_set(const struct cancel *c)
{
	return cancel_signo(c) != 0;
}

int cancel_check(const struct cancel *c, struct err *e)
{
	int signo = cancel_signo(c);
	const char *name;

	if (!signo)
		return 0;
	if (signo == CANCEL_PEER)
		return err_set(e, ERR_CANCELLED, "stopped, since something else failed");
	name = sigabbrev_np(signo);
	if (!name)
		return err_set(e, ERR_CANCELLED, "stopped by signal %d", signo);
	return err_set(e, ERR_CANCELLED, "stopped by SIG%s", name);
}

/*
 * The flag is what is looked at, the eventfd is what is polled beside other
 * descriptors. It is never read, so every waiter sees it readable.
 */
#include "base/cancel.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

int cancel_init(struct cancel *c, struct err *e)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return err_sys(e, "create an event descriptor");
	atomic_init(&c->signo, 0);
	c->fd = fd;
	c->parent = NULL;
	return 0;
}

void cancel_release(struct cancel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void cancel_set(struct cancel *c, int signo)
{
	int saved = errno;
	int none = 0;
	ssize_t ignored;

	/* the first signal is the one to report */
	atomic_compare_exchange_strong(&c->signo, &none, signo);
	ignored = write(c->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
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
	name = sigabbrev_np(signo);
	if (!name)
		return err_set(e, ERR_CANCELLED, "stopped by signal %d", signo);
	return err_set(e, ERR_CANCELLED, "stopped by SIG%s", name);
}

/*
 * The descriptor is a copy, so it shows the same file whatever becomes of its name: published, or removed.
 * It is read at places of our own, since its offset is the writer's. It is closed as soon as nobody can read it:
 * a file that was removed takes room until then.
 */
#include "oci/image/arrival.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void arrival_init(struct arrival *a)
{
	*a = (struct arrival){ .fd = -1 };
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->moved, NULL);
}

/* Lock held, or nobody else is there. */
static void close_file(struct arrival *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

void arrival_release(struct arrival *a)
{
	close_file(a);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->moved);
}

/* -- who fetches --------------------------------------------------------------------- */

void arrival_begin(struct arrival *a, int fd)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	if (a->fd < 0 && !a->is_dropped && fd >= 0)
		a->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* none left: then it is read afterwards */
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
}

void arrival_grow(struct arrival *a, uint64_t bytes)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->bytes = bytes;
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
}

void arrival_drop(struct arrival *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->is_dropped = true;
	if (!a->is_read)
		close_file(a);
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
}

void arrival_end(struct arrival *a, bool is_good)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->is_over = true;
	a->is_good = is_good;
	if (!a->is_read)
		close_file(a);
	pthread_cond_signal(&a->moved);
	pthread_mutex_unlock(&a->lock);
}

/* -- who reads ----------------------------------------------------------------------- */

/* >0: bytes that are there and were not given; 0: that was all; -1: they are not the blob's. */
static int64_t await_bytes(struct arrival *a)
{
	int64_t r;

	pthread_mutex_lock(&a->lock);
	while (a->bytes == a->given && !a->is_dropped && !a->is_over)
		pthread_cond_wait(&a->moved, &a->lock);
	r = a->is_dropped || (a->is_over && !a->is_good) ? -1 : (int64_t)(a->bytes - a->given);
	pthread_mutex_unlock(&a->lock);
	return r;
}

static ssize_t arrival_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct arrival *a = CONTAINER_OF(base, struct arrival, base);
	int64_t there = await_bytes(a);
	ssize_t got;

	if (there < 0)
		return err_set(e, ERR_UNAVAILABLE, "it did not come whole");
	if (!there)
		return 0;
	if (n > (uint64_t)there)
		n = (size_t)there;
	do
		got = pread(a->fd, p, n, (off_t)a->given);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, "read what has come of it");
	if (!got)
		return err_set(e, ERR_CORRUPT, "what came of it is not there any more");
	a->given += (uint64_t)got;
	return got;
}

struct source *arrival_source(struct arrival *a)
{
	bool is_coming;

	pthread_mutex_lock(&a->lock);
	while (!(a->fd >= 0 && a->bytes) && !a->is_dropped && !a->is_over)
		pthread_cond_wait(&a->moved, &a->lock);
	is_coming = a->fd >= 0 && !a->is_dropped && !a->is_over;
	a->is_read = is_coming;
	pthread_mutex_unlock(&a->lock);
	if (!is_coming)
		return NULL;
	a->base = (struct source){ .read = arrival_read };
	a->given = 0;
	return &a->base;
}

void arrival_leave(struct arrival *a)
{
	pthread_mutex_lock(&a->lock);
	a->is_read = false;
	close_file(a);
	pthread_mutex_unlock(&a->lock);
}

bool arrival_was_dropped(struct arrival *a)
{
	bool is;

	pthread_mutex_lock(&a->lock);
	is = a->is_dropped;
	pthread_mutex_unlock(&a->lock);
	return is;
}

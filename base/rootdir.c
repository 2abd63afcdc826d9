/*
 * A lock for readers and a writer, by hand: pthread's own would let a thread that holds it wait for
 * itself when it wants it once more while a writer waits.
 */
#include "base/rootdir.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t nr_holders, nr_waiting;
static bool taken;
static _Thread_local size_t depth;

void rootdir_hold(void)
{
	if (depth++)
		return;
	pthread_mutex_lock(&lock);
	while (taken || nr_waiting)
		pthread_cond_wait(&changed, &lock);
	nr_holders++;
	pthread_mutex_unlock(&lock);
}

void rootdir_release(void)
{
	if (--depth)
		return;
	pthread_mutex_lock(&lock);
	nr_holders--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void rootdir_take(void)
{
	pthread_mutex_lock(&lock);
	nr_waiting++;
	while (taken || nr_holders)
		pthread_cond_wait(&changed, &lock);
	nr_waiting--;
	taken = true;
	pthread_mutex_unlock(&lock);
}

void rootdir_give(void)
{
	pthread_mutex_lock(&lock);
	taken = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

bool rootdir_is_taken(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = taken;
	pthread_mutex_unlock(&lock);
	return is;
}

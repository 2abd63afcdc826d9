/* Everything but the failed mounts are plain values. */
#include "registry/host.h"

#define MOUNT_FAILURES_MAX 2

void registry_host_init(struct registry_host *h)
{
	memset(h, 0, sizeof(*h));
	pthread_mutex_init(&h->lock, NULL);
}

void registry_host_release(struct registry_host *h)
{
	strv_release(&h->failed_mounts);
	pthread_mutex_destroy(&h->lock);
}

void registry_host_mount_failed(struct registry_host *h, const char *from)
{
	pthread_mutex_lock(&h->lock);
	strv_add(&h->failed_mounts, from);
	pthread_mutex_unlock(&h->lock);
}

bool registry_host_may_mount(struct registry_host *h, const char *from)
{
	unsigned n = 0;

	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->failed_mounts.n; i++)
		n += strcmp(h->failed_mounts.v[i], from) == 0;
	pthread_mutex_unlock(&h->lock);
	return n < MOUNT_FAILURES_MAX;
}

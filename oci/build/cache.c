/* What sources and the build share: results, the names of trees, and the lock. */
#include "oci/build/cache.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"

#define WAIT_MS 100

int cache_lock(const struct op *op, int dirfd, bool alone, struct err *e)
{
	bool told = false;
	int fd;

	while ((fd = alone ? fs_lock(dirfd, CACHE_LOCK, false, e)
			   : fs_lock_shared(dirfd, CACHE_LOCK, false, e)) < 0 &&
	       e->kind == ERR_LOCKED) {
		err_clear(e);
		if (cancel_check(op->cancel, e) < 0)
			return -1;
		if (!told)
			progress_note(op->progress,
				      alone ? "waiting for builds that use the cache"
					    : "waiting for the cache, which is being pruned");
		told = true;
		op->clock->sleep_ms(op->clock, WAIT_MS, op->cancel);
	}
	return fd;
}

void cache_result_copy(struct cache_result *to, const struct cache_result *from)
{
	*to = *from;
	oci_descriptor_copy(&to->blob, &from->blob);
	to->packing = mem_strdup(from->packing);
	to->created = mem_strdup(from->created);
	to->text = mem_strdup(from->text);
}

void cache_result_release(struct cache_result *r)
{
	oci_descriptor_release(&r->blob);
	free(r->packing);
	free(r->created);
	free(r->text);
	*r = (struct cache_result){ .packing = NULL };
}

void cache_chain_begin(struct oci_digest *out)
{
	oci_digest_of_bytes(out, SPAN_LIT("scratch"));
}

void cache_chain(struct oci_digest *out, const struct oci_digest *below,
		 const struct oci_digest *diff_id)
{
	unsigned char raw[HASH_SHA256_LEN];
	struct hash h;

	hash_init(&h);
	hash_update(&h, below->text, strlen(below->text));
	hash_update(&h, " ", 1);
	hash_update(&h, diff_id->text, strlen(diff_id->text));
	hash_final(&h, raw);
	oci_digest_of_raw(out, raw);
}

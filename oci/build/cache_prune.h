/*
 * What was not used for long goes out of cache/: results of steps and their layers, what was pulled,
 * unpacked bases, tables of contents, the directories of cache mounts. The store is nobody's cache.
 *
 * Builds hold the cache together (CACHE_LOCK); this has it alone, so nothing goes that is in use.
 */
#ifndef OCI_BUILD_CACHE_PRUNE_H
#define OCI_BUILD_CACHE_PRUNE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/op.h"

struct cache_prune {
	bool keeps_recent; /* only what limit asks for: age is not looked at */
	int64_t age_ns;	   /* unused for so long; 0: all */
	bool has_limit;
	uint64_t limit_bytes; /* afterwards at most so much, the longest unused first */
};
struct cache_pruned {
	size_t steps, blobs, trees, mounts, others;
	uint64_t bytes; /* of the disk */
};

/* Waits for builds that are under way. A root that is not there has no cache. */
int cache_prune(struct cache_pruned *out, const struct op *op, const char *root,
		const struct cache_prune *what, struct err *e) MUST_CHECK;
/* After a build: only when nobody else is there, and never an error. */
void cache_prune_to_limit(const struct op *op, const char *root, uint64_t limit_bytes);
/* "removed 3 steps, 4 layers and documents, 1 unpacked base: 12.3 MB" */
void cache_pruned_line(struct buf *out, const struct cache_pruned *got);

#endif

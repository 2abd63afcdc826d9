/*
 * Why a step was not found: its fields (cache_key.h) beside those of the last time that this
 * instruction was carried out in a stage of this name. Kept in cache/why of the root.
 */
#ifndef OCI_BUILD_CACHE_WHY_H
#define OCI_BUILD_CACHE_WHY_H

#include "oci/build/step.h"

/* Both owned by the caller. below: the id, or not set when it is not known; content NULL: not known yet. */
char *cache_why(const struct step *s, const struct cache_key *below, const struct buf *words,
		const struct buf *content) MUST_CHECK;
char *cache_why_path(const struct step *s) MUST_CHECK;
/* For the next time; what cannot be kept is not. */
void cache_why_keep(const struct op *op, const char *path, const struct cache_key *below,
		    const struct buf *words, const struct buf *content);

/* What differs first between two lists of fields, for people: "ENV A differs", "content changed: a/b";
 * NULL: nothing. Owned by the caller. */
char *cache_why_compare(struct span before, struct span now) MUST_CHECK;

#endif

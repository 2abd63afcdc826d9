/*
 * Keys of the step cache. What a step depends on is told as named fields, hashed in order, each
 * with its length; that is the step's *form*. A key is a form over the id of what lies below.
 *
 *	cache_text_init(&t, "RUN");
 *	cache_text_add(&t, "user", span_of_str(user)); cache_text_env(&t, &env); …
 *	cache_text_final(&form, &t);
 *	cache_key_of(&key, &below, &form, NULL, 0);
 *
 * The fields are remembered by name, so that the next build can say which of them differs.
 */
#ifndef OCI_BUILD_CACHE_KEY_H
#define OCI_BUILD_CACHE_KEY_H

#include "base/strv.h"
#include "oci/build/cache.h"

struct cache_text {
	struct hash h;
	struct buf fields; /* "NAME<tab>16 digits of its value's hash", a line each */
};
#define CACHE_FIELDS_MAX (256u << 10) /* what is more is not remembered */

void cache_text_init(struct cache_text *t, const char *kind);
void cache_text_add(struct cache_text *t, const char *name, struct span value);
void cache_text_add_str(struct cache_text *t, const char *name, const char *value); /* NULL: "" */
void cache_text_add_u64(struct cache_text *t, const char *name, uint64_t value);
void cache_text_list(struct cache_text *t, const char *name, const struct strv *list);
/* KEY=VALUE, a field "ENV KEY" each. */
void cache_text_env(struct cache_text *t, const struct strv *env);
/* The hash is used up, the fields stay. */
void cache_text_final(struct cache_key *form, struct cache_text *t);
void cache_text_release(struct cache_text *t);
#define auto_cache_text CLEANUP(cache_text_release)

/* deps: the layers (cache_chain) of other trees that the step reads. */
void cache_key_of(struct cache_key *out, const struct cache_key *below,
		  const struct cache_key *form, const struct oci_digest *deps, size_t nr_deps);
/*
 * The id of a tree that no step has made: of an image, or (nr 0) of nothing at all. Over blobs as well: an
 * image may claim well-known diff_ids for other layers.
 */
void cache_key_of_base(struct cache_key *out, const struct oci_descriptor *layers,
		       const struct oci_digest *diff_ids, size_t nr);
static inline bool cache_key_is_set(const struct cache_key *k)
{
	return k->hex[0];
}

#endif

/*
 * The step cache: what steps have made, by keys that say all that their result depends on.
 *
 * Each step that makes a layer has an *id*: a key over the id of what lies below, the resolved
 * instruction and the content of what it reads (cache_key.h). The results of a build are records; a
 * record is found under its id, and under other keys (aliases) that say the same in another way: a
 * COPY by the name of the stage it reads and not by the files. However it was found, the id is what
 * the keys of later steps are made of.
 *
 * An id says how a tree was made, not what is in it: a command may give something else each time.
 * So a result also says over which layers it was made (its `parent`), and is used over no others.
 *
 * Where results are looked for are sources: the local directory (cache_local.c), caches of others. All of
 * it is thread-safe.
 */
#ifndef OCI_BUILD_CACHE_H
#define OCI_BUILD_CACHE_H

#include "base/op.h"
#include "oci/image/store.h"

#define CACHE_LOCK "lock" /* in cache/: builds share it, who removes things has it alone */
/* Waits for it until cancelled. The lock, held until it is closed; dirfd is of cache/. */
int cache_lock(const struct op *op, int dirfd, bool alone, struct err *e) MUST_CHECK;

struct cache_key {
	char hex[HASH_SHA256_HEX + 1]; /* "": none */
};

struct cache_result {
	struct cache_key id;
	struct oci_digest parent;   /* cache_chain over the layers below, the base's among them */
	struct oci_descriptor blob; /* without annotations */
	struct oci_digest diff_id;
	char *packing; /* how blob came from the tar: "gzip 6"; any other is packed anew for an image */
	char *created; /* of the line of history: RFC 3339 */
	char *text;    /* the instruction, for people; at most CACHE_TEXT_MAX bytes */
};
#define CACHE_TEXT_MAX 200
void cache_result_copy(struct cache_result *to, const struct cache_result *from);
void cache_result_release(struct cache_result *r);
#define auto_cache_result CLEANUP(cache_result_release)

/* The name of what layers leave: of none, and with one more. */
void cache_chain_begin(struct oci_digest *out);
void cache_chain(struct oci_digest *out, const struct oci_digest *below,
		 const struct oci_digest *diff_id);

/* -- sources ------------------------------------------------------------------------ */

struct cache_source;
struct cache_source_ops {
	/* 1: *out (the caller's) has it; 0: it has not; -1: it cannot be read. A result that does not
	 * parse is none. */
	int (*find)(struct cache_source *s, const struct op *op, const struct cache_key *key,
		    struct cache_result *out, struct err *e);
	/* The blob of what it has found into the store, verified. ERR_ABSENT, ERR_CORRUPT, … */
	int (*fetch)(struct cache_source *s, const struct op *op, const struct cache_result *r,
		     struct oci_store *into, struct err *e);
	/* HOST/PATH of a repository that has the blob, so that a push can mount it. Owned by the caller;
	 * NULL: none. The member may be NULL. */
	char *(*origin)(struct cache_source *s, const struct cache_result *r);
	void (*free)(struct cache_source *s);
};
struct cache_source {
	const struct cache_source_ops *ops;
	const char *name; /* for messages: "the local cache", "registry/app:cache"; the source's */
};

/*
 * steps/ in dir (cache/ of the root): a file for each key, published by rename. Its blobs are in `blobs`
 * (cache/blobs); to fetch one into there only looks whether it is there. A result whose blob is not, or has
 * another size, is none, and is removed. A result that is found counts as used now.
 */
int cache_local_open(struct cache_source **out, const char *dir, struct oci_store *blobs,
		     struct err *e) MUST_CHECK;
/* Under key, which is r->id or an alias; what was there is replaced. */
int cache_local_put(struct cache_source *s, const struct cache_key *key,
		    const struct cache_result *r, struct err *e) MUST_CHECK;
/* Missing is fine. */
void cache_local_drop(struct cache_source *s, const struct cache_key *key);

static inline void cache_source_free(struct cache_source *s)
{
	if (s)
		s->ops->free(s);
}
DEFINE_AUTO(cache_source, cache_source_free)
#define auto_cache_source CLEANUP(cache_source_auto_)

/* -- what a build knows at its end ----------------------------------------------------- */

struct cache_record {
	struct cache_result result;
	struct cache_key *aliases; /* other keys that lead to it */
	size_t nr_aliases;
	size_t stage;	 /* index into the plan's stages */
	bool is_target;	 /* its layer is in an image of this build */
	bool is_hit;	 /* it was not made now */
	bool is_claimed; /* another's cache says so, and nobody has looked at the blob */
};

#endif

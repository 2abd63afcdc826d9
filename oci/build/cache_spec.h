/*
 * --cache-to and --cache-from, as docker buildx has them: where the results of steps are kept for
 * other machines, and where they are looked for. Owns its strings.
 */
#ifndef OCI_BUILD_CACHE_SPEC_H
#define OCI_BUILD_CACHE_SPEC_H

#include <stddef.h>

#include "base/cc.h"
#include "base/err.h"

struct build_options;

enum cache_kind {
	CACHE_REGISTRY, /* an image of its own in a registry; to read, also one with an inline cache */
	CACHE_LOCAL,	/* an OCI image layout in a directory */
	CACHE_INLINE, /* in the image's own manifest; only to write */
};
struct cache_spec {
	enum cache_kind kind;
	char *ref;  /* registry: in full; with a digest only to read */
	char *dir;  /* local */
	char *name; /* local: of the image in the layout, a tag; to read also a digest */
	/* to write */
	bool all_stages;    /* mode=max: of all stages; else what is in the image */
	bool may_fail;	    /* ignore-error=true */
	bool when_possible; /* inline: no output need be able to hold it */
	/* to read */
	int64_t ttl_ms; /* older results are none; 0: no limit */
};
struct cache_specs {
	struct cache_spec *v;
	size_t nr, cap;
};

/*
 * "type=registry,ref=R,mode=max", "type=local,dest=DIR", "type=inline", or a reference alone. Adds to
 * o->cache_to; compression=… speaks for all layers that are made. ERR_INPUT names what is not
 * known, or is known elsewhere and not carried out here.
 */
int cache_spec_parse_to(struct build_options *o, const char *text, struct err *e) MUST_CHECK;
/* "type=registry,ref=R", "type=local,src=DIR", or a reference alone: to o->cache_from. */
int cache_spec_parse_from(struct build_options *o, const char *text, struct err *e) MUST_CHECK;

/* Takes c over. */
void cache_specs_add(struct cache_specs *s, struct cache_spec *c);
void cache_specs_release(struct cache_specs *s);
void cache_spec_release(struct cache_spec *c);

/* How messages call it: "registry/app:cache", a directory. Borrowed. */
const char *cache_spec_name(const struct cache_spec *c);

#endif

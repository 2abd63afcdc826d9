/*
 * --cache-from: the results of builds elsewhere, out of one manifest in a registry or in a layout. It is
 * read once; blobs are fetched when somebody needs their bytes.
 *
 * Nothing in it is trusted beyond the layers that it gives: a blob is its digest and its diff_id, or it is
 * not used. A cache that cannot be read is empty, and a result whose blob cannot be had is none from then
 * on; each is told once, as a warning.
 */
#ifndef OCI_BUILD_CACHE_REMOTE_H
#define OCI_BUILD_CACHE_REMOTE_H

#include "oci/build/cache.h"
#include "oci/build/cache_spec.h"
#include "oci/image/platform.h"
#include "oci/image/source.h"

struct cache_remote_options { /* all borrowed, for as long as the source lives */
	struct op *op;
	const struct cache_spec *spec;
	struct image_source *registry;	      /* NULL: there is none */
	const struct oci_platform *platforms; /* built now: those of an index that are read */
	size_t nr_platforms;
};

struct cache_source *cache_remote_new(const struct cache_remote_options *opt) MUST_CHECK;
/* Begins to read it on op->pool, so that nobody has to wait for it later. From the thread that frees it. */
void cache_remote_begin(struct cache_source *s);

#endif

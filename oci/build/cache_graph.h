/*
 * What is known of the results of a build, in one image manifest: its layers are the results' blobs, and
 * annotations of each say under which keys it is found and all else of a cache_result. So a look-up
 * is one request, and every registry and every tool takes it for what it is: an image.
 *
 *	io.cbuild.cache.keys	the id, then aliases; 64 hex digits each, a space between
 *	io.cbuild.cache.parent	digest; not there under the first layer
 *	io.cbuild.cache.diff-id, .packing, .created, .text
 *
 * The same annotations on an image's own layers are an inline cache. What is read is a stranger's:
 * a layer whose annotations make no sense is no result, and says so only in the count.
 */
#ifndef OCI_BUILD_CACHE_GRAPH_H
#define OCI_BUILD_CACHE_GRAPH_H

#include "oci/build/cache.h"
#include "oci/image/config.h"
#include "oci/image/manifest.h"

#define CACHE_GRAPH_KEYS_MAX 8	  /* of one result */
#define CACHE_GRAPH_MAX	     2500 /* results: so that the manifest stays below 4 MiB */
#define CACHE_BLOB_MAX	     (UINT64_C(1) << 42)

struct cache_graph_key;
struct cache_graph { /* owns all */
	struct cache_record *v;
	size_t nr, cap;
	size_t nr_refused;	      /* layers with annotations of ours that make no sense */
	struct cache_graph_key *keys; /* sorted */
	size_t nr_keys, cap_keys;
};

/* Adds what m has. Results of equal id or alias: the first one counts. */
void cache_graph_read(struct cache_graph *g, const struct oci_manifest *m);
/* NULL: none. Borrowed, until something is added. */
const struct cache_record *cache_graph_find(const struct cache_graph *g,
					    const struct cache_key *key);
/* A copy of r. One that is there with the same id and blob gets what r has of aliases. */
void cache_graph_add(struct cache_graph *g, const struct cache_record *r);
void cache_graph_release(struct cache_graph *g);
#define auto_cache_graph CLEANUP(cache_graph_release)

/* The results as layers of m (empty), in the graph's order, and c's diff_ids with them. false: there are
 * more than CACHE_GRAPH_MAX, and the last ones are left out. */
bool cache_graph_write(struct oci_manifest *m, struct oci_config *c, const struct cache_graph *g);

/* What d, an image's layer, is to be found by. */
void cache_graph_annotate(struct oci_descriptor *d, const struct cache_record *r);

#endif

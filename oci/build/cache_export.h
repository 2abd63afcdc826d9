/*
 * --cache-to: what a build knows at its end, written where other builds will look. Only blobs that are
 * missing there are sent; those that this machine does not have either (they were found in a cache and
 * never needed) come from that cache then, or are mounted from it. What another's cache says of a layer goes
 * on into a directory when it was found true; into a registry that has the blob, as it is.
 */
#ifndef OCI_BUILD_CACHE_EXPORT_H
#define OCI_BUILD_CACHE_EXPORT_H

#include "oci/build/cache.h"
#include "oci/build/cache_spec.h"
#include "oci/image/manifest.h"
#include "oci/image/sink.h"

struct cache_export { /* all borrowed */
	struct op *op;
	struct image_sink *sink;	     /* NULL: nothing can be pushed */
	struct oci_store *work;		     /* where documents are made */
	struct oci_store *blobs;	     /* where this machine's results are */
	struct cache_source *const *sources; /* the others: where they came from */
	size_t nr_sources;
	const struct cache_record *records; /* of each stage in order */
	size_t nr_records;
};

/* To each of specs in turn; inline ones are cache_export_annotate's. One that fails and may is a warning. */
int cache_export_run(const struct cache_export *x, const struct cache_specs *specs, struct err *e)
	MUST_CHECK;

/* An image's manifest gets what is known of its layers: an inline cache. */
void cache_export_annotate(struct oci_manifest *m, const struct cache_record *records,
			   size_t nr_records);

#endif

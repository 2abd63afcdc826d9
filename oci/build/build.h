/*
 * Dockerfile -> image. Reads everything, plans, then carries out: for each stage its base, its
 * steps, its layers; then config, manifest, and the outputs, index.json last.
 *
 * State below root (--root):
 *	store/	the result: one OCI layout
 *	cache/blobs/	an OCI layout of what was pulled
 *	cache/trees/<sha256>/	unpacked bases, each complete or not there
 *	cache/trees/.gone-*, cache/mounts/.gone-*	what a killed prune left; removed by the next
 *	cache/toc/<sha256>	tables of contents of bases that were only looked at
 *	tmp/<id>/	one build's work, with a lock that tells the living from the dead
 * A build that is interrupted leaves store/ as it was; what a killed one left in tmp/ is removed by the next.
 */
#ifndef OCI_BUILD_BUILD_H
#define OCI_BUILD_BUILD_H

#include "base/err.h"
#include "base/op.h"
#include "oci/build/options.h"
#include "oci/build/weigh.h"
#include "oci/image/digest.h"
#include "oci/image/sink.h"
#include "oci/image/source.h"
#include "oci/run/sandbox.h"

struct http;

struct build_env {		      /* all borrowed */
	const char *root;	      /* made when missing */
	struct sandbox *sandbox;      /* NULL: none could be had, then … */
	const struct err *no_sandbox; /* … this says why */
	struct image_source *registry;
	struct image_sink *sink; /* NULL: nothing can be pushed */
	struct http *http;	 /* for what is fetched by its address; NULL: nothing can be */
};

struct build_result {
	/* of the first output that is an image, else as the store would have it */
	struct oci_digest manifest; /* or index */
	char *media_type;
	uint64_t manifest_size;
	struct oci_digest config;   /* of the first platform */
	uint64_t size_bytes;	    /* all documents and layers */
	struct oci_digest input;    /* when it was asked for, see input_digest.h */
	struct build_weight weight; /* when it was asked for */
	bool is_reused;		    /* nothing was built */
	struct strv names;	    /* full references that the image got */
	bool wrote_stdout;	    /* an output is there: nothing more may follow */
};

int oci_build(struct build_result *out, struct op *op, const struct build_env *env,
	      const struct build_options *opt, struct err *e) MUST_CHECK;
void build_result_release(struct build_result *r);

#endif

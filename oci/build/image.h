/*
 * Images that a build reads: found once each, their layers fetched and unpacked once on this
 * machine (cache/trees/), and only when somebody needs real files. Who only looks gets their tables
 * of contents (cache/toc/).
 *
 * Looked for in the tools' own store (unless --pull), then in the registry; a named context
 * (--build-context) says itself where. Thread-safe: whoever comes second waits for the first.
 */
#ifndef OCI_BUILD_IMAGE_H
#define OCI_BUILD_IMAGE_H

#include <pthread.h>

#include "base/hash.h"
#include "base/pool.h"
#include "oci/build/build.h"
#include "oci/build/workspace.h"
#include "oci/dockerfile/plan.h"
#include "oci/image/config.h"
#include "oci/image/manifest.h"
#include "oci/layer/toc.h"

struct record;

struct image {
	char *name;		      /* as the Dockerfile has it */
	struct oci_platform platform; /* asked for */
	struct image_source *source;  /* borrowed, or .own */
	struct image_source *own;
	char *ref; /* for source */
	struct oci_descriptor desc;
	struct oci_manifest manifest;
	struct oci_config *config;
	/* guarded by lock, and as they are once they are set */
	pthread_mutex_t lock;
	bool is_found, is_fetched, has_toc;
	char *tree; /* absolute path once unpacked */
	struct toc toc;
	struct toc_layers layers; /* for toc's trees */
};

struct images {
	const struct build_env *env;
	const struct build_options *opt;
	const struct workspace *ws;
	struct oci_store *blobs; /* cache/blobs; owned */
	pthread_mutex_t lock;	 /* of what follows */
	struct image **v;
	size_t nr, cap;
	size_t nr_spools; /* directories for files out of tables of contents */
	size_t nr_unpacks;
};

int images_open(struct images *im, const struct build_env *env, const struct build_options *opt,
		const struct workspace *ws, struct err *e) MUST_CHECK;
void images_release(struct images *im);

/* from: PLAN_IMAGE or PLAN_CONTEXT. *out stays im's. ERR_INPUT: that context is a directory. */
int images_get(struct image **out, struct op *op, struct images *im, const struct plan_source *from,
	       const struct oci_platform *platform, struct err *e) MUST_CHECK;
/* Has all layers in im->blobs. */
int images_fetch(struct op *op, struct images *im, struct image *img, struct err *e) MUST_CHECK;
/* Has the file system in img->tree. Of an image without layers: stays NULL. */
int images_unpack(struct op *op, struct images *im, struct image *img, struct err *e) MUST_CHECK;

/* The same into a directory of the caller's, with a record of it (layer/record.h); several may at
 * once. id: of the progress. 1: what came first was not the image's; now all of it is here: once more, into a
 * new directory and under a new id. It cannot happen twice. */
int images_unpack_into(struct op *op, struct images *im, struct image *img, const char *id,
		       int dirfd, struct record *record, struct err *e) MUST_CHECK;

bool images_is_unpacked(const struct images *im, const struct image *img);
/*
 * The image's files as a tree, owned by the caller, for one thread; NULL without layers. wanted: they are
 * wanted as a directory, or will be; else they come from there when they are there already.
 */
int images_tree(struct tree **out, struct op *op, struct images *im, struct image *img, bool wanted,
		struct err *e) MUST_CHECK;

/* What an image's tree and its table are known by in the cache. */
#define IMAGE_TREE_NAME (HASH_SHA256_HEX + 1)
void image_tree_name(char out[IMAGE_TREE_NAME], const struct image *img);

/* What stands behind NAME= in --build-context; NULL: nothing. Borrowed. */
const char *images_context(const struct build_options *opt, const char *name);
/* Is that a directory (and no image)? */
bool images_context_is_dir(const char *value);

#endif

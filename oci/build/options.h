/*
 * What a build is asked to do: filled by cmd/cbuild.c from the command line, read
 * by the whole room. Borrowed strings; lives as long as the build.
 */
#ifndef OCI_BUILD_OPTIONS_H
#define OCI_BUILD_OPTIONS_H

#include "base/strv.h"
#include "oci/build/annotation.h"
#include "oci/build/cache_spec.h"
#include "oci/build/run_options.h"
#include "oci/image/platform.h"
#include "oci/layer/pack.h"

enum build_output_type {
	BUILD_OUTPUT_IMAGE,	/* the tools' own store; with push a registry in its place */
	BUILD_OUTPUT_OCI,	/* an OCI image layout: a tar, or a directory */
	BUILD_OUTPUT_DOCKER,	/* the same for "docker load" */
	BUILD_OUTPUT_LOCAL,	/* the files in a directory */
	BUILD_OUTPUT_TAR,	/* the files in a tar */
	BUILD_OUTPUT_CACHEONLY, /* nowhere */
};
struct build_output {
	enum build_output_type type;
	char *dest;	   /* path; "-": standard output; NULL: none */
	bool is_dir;	   /* dest is a directory */
	bool thin;	   /* a layout without the layers that a base has in a registry */
	bool docker_types; /* media types of docker's schema 2 */
	bool push, push_by_digest;
	struct strv names; /* name=, as written; beside the -t ones */
	struct build_annotations annotations;
};

struct build_options {
	const char *context;		      /* a directory */
	const char *dockerfile;		      /* path; NULL: Dockerfile in the context */
	const char *target;		      /* NULL: the last stage */
	struct strv tags;		      /* -t, as written */
	struct strv build_args;		      /* KEY=VALUE (a bare KEY is resolved by cmd) */
	struct strv labels;		      /* KEY=VALUE */
	struct strv contexts;		      /* --build-context, NAME=VALUE */
	struct build_annotations annotations; /* --annotation: of every output */
	struct oci_platform *platforms;	      /* each once; none: this machine's */
	size_t nr_platforms, cap_platforms;
	bool no_cache;		     /* no step is looked for in the cache */
	struct strv no_cache_stages; /* none of these stages' */
	bool has_cache_limit;
	uint64_t cache_bytes;	  /* what stays of the cache after the build */
	uint64_t max_layer_bytes; /* what one layer may unpack to; 0: the default */
	bool git_modes;		  /* files of contexts have modes as git knows them */
	bool wants_weight;	  /* the result has its weight */
	bool has_input;		  /* the result has its input digest */
	const char *
		reuse_from; /* HOST/PATH: an image of the same input is taken from there. NULL: none */
	bool pull;	    /* ask the registry even for an image that our store has */
	bool has_epoch;
	int64_t epoch; /* SOURCE_DATE_EPOCH */
	/* of the layers that are made; outputs cannot differ in it */
	bool has_compression; /* somebody has chosen */
	enum layer_compression compression;
	int compression_level;	/* 0: the default */
	int64_t run_timeout_ms; /* 0: none */
	struct run_options run;
	struct build_output *outputs; /* none: the store */
	size_t nr_outputs, cap_outputs;
	struct cache_specs cache_from; /* --cache-from, in the order in which they are asked */
	struct cache_specs cache_to;   /* --cache-to */
};

void build_options_release(struct build_options *o);

/*
 * -o as docker buildx takes it: "type=oci,dest=x,…", a directory (type=local), "-" (type=tar to
 * standard output); fields may be quoted as in CSV. Adds to o->outputs. ERR_INPUT names what is not
 * known, or is known elsewhere and not carried out here.
 */
struct err;
int build_output_parse(struct build_options *o, const char *text, struct err *e) MUST_CHECK;
/* "gzip", "zstd" or "uncompressed", for all that is made. what: for messages. ERR_INPUT, also when something
 * else was chosen before. */
int build_compression_parse(struct build_options *o, struct span word, const char *what,
			    struct err *e) MUST_CHECK;
int build_level_parse(struct build_options *o, const char *value, const char *what, struct err *e)
	MUST_CHECK;
/* When all options are known: is the level one of this compression? ERR_INPUT. */
int build_compression_check(const struct build_options *o, struct err *e) MUST_CHECK;
/* "linux/amd64,linux/arm64", "local": added to o->platforms. */
int build_platforms_parse(struct build_options *o, const char *text, struct err *e) MUST_CHECK;
/* How messages call it: "out.tar", "the store". */
const char *build_output_name(const struct build_output *o);

#endif

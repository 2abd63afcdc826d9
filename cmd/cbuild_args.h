/*
 * The command line of cbuild: its table of options, and the way from there to what the build is
 * asked to do.
 */
#ifndef CMD_CBUILD_ARGS_H
#define CMD_CBUILD_ARGS_H

#include "cmd/opts.h"
#include "oci/build/cache_prune.h"
#include "oci/build/call.h"
#include "oci/build/options.h"

/* Borrowed from argv and the environment, but for what is said to be owned. */
struct cbuild_args {
	const char *file, *target, *iidfile, *metadata_file, *epoch, *authfile, *ca;
	const char *plain_http, *isolation, *digest_file, *dotenv, *compression;
	struct strv tags, build_args, labels, annotations, contexts, outputs, platforms;
	struct strv reports;
	struct strv mirrors, secrets, ssh, hosts, ulimits, allow, cache_from, cache_to,
		no_cache_filter;
	const char *network, *shm_size, *call, *prune, *cache_size, *max_layer_size;
	const char *code_quality, *context_modes, *reuse_from;
	bool pull, push, no_cache, check, print_input;
	unsigned compression_level, jobs;
	int64_t timeout_ms;
	/* kaniko's names; cbuild_kaniko.c */
	const char *context, *dockerfile, *tar_path, *oci_layout_path;
	struct strv destinations;
	bool no_push, no_push_cache, cache;
	const char *cache_repo;
	int64_t cache_ttl_ms;
	bool provenance, sbom;	/* docker's */
	char *found_dockerfile; /* owned */
	/* filled by cbuild_args_take */
	bool is_call;  /* nothing is to be built, but told */
	bool is_prune; /* nothing is to be built, but removed */
	struct cache_prune prune_what;
	struct build_call_options what;
};

extern const struct opt cbuild_opts[];

/* words: what is no option. Reads the environment for a --build-arg without a value. */
int cbuild_args_take(struct build_options *o, struct cbuild_args *a, const struct strv *words,
		     struct err *e) MUST_CHECK;
/* Paths that the build will look at while it works: contexts, caches, sockets of agents. */
void cbuild_args_places(struct strv *out, const struct build_options *o,
			const char *(*env)(const char *name));
/* For cbuild_args.c: names, Dockerfile and push, once o->context is known; outputs after all others. */
int cbuild_kaniko_take(struct build_options *o, struct cbuild_args *a, struct err *e) MUST_CHECK;
void cbuild_kaniko_outputs(struct build_options *o, const struct cbuild_args *a);
int cbuild_kaniko_caches(struct build_options *o, const struct cbuild_args *a, struct err *e)
	MUST_CHECK;
void cbuild_args_release(struct cbuild_args *a);

#endif

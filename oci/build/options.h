/*
 * What a build is asked to do: filled by cmd/cbuild.c from the command line, read
 * by the whole room. Borrowed strings; lives as long as the build.
 */
#ifndef OCI_BUILD_OPTIONS_H
#define OCI_BUILD_OPTIONS_H

#include "base/strv.h"
#include "oci/image/platform.h"

enum build_output_kind {
	BUILD_OUTPUT_STORE,   /* the tools' own store, under the -t names */
	BUILD_OUTPUT_OCI_DIR, /* type=oci,tar=false: an OCI layout directory */
	BUILD_OUTPUT_OCI_TAR, /* type=oci: a tar of one */
};
struct build_output {
	enum build_output_kind kind;
	char *dest; /* path; NULL for the store */
};

struct build_options {
	const char *context;	/* a directory */
	const char *dockerfile; /* path; NULL: Dockerfile in the context */
	const char *target;	/* NULL: the last stage */
	struct strv tags;	/* -t, as written */
	struct strv build_args; /* KEY=VALUE (a bare KEY is resolved by cmd) */
	struct strv labels;	/* KEY=VALUE */
	struct strv contexts;	/* --build-context, NAME=VALUE */
	struct oci_platform platform;
	bool pull; /* ask the registry even for an image that our store has */
	bool has_epoch;
	int64_t epoch;		/* SOURCE_DATE_EPOCH */
	int compression_level;	/* 0: the default */
	int64_t run_timeout_ms; /* 0: none */
	struct build_output *outputs;
	size_t nr_outputs, cap_outputs;
};

void build_options_release(struct build_options *o);

/* "type=oci,dest=x[,tar=false]": adds to o->outputs. ERR_INPUT names what is not known. */
struct err;
int build_output_parse(struct build_options *o, const char *text, struct err *e) MUST_CHECK;

#endif

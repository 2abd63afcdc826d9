/*
 * A Dockerfile looked at instead of built: buildx's --call. Runs nothing and stores nothing.
 */
#ifndef OCI_BUILD_CALL_H
#define OCI_BUILD_CALL_H

#include "base/buf.h"
#include "oci/build/build.h"

struct code_quality;

enum build_call {
	BUILD_CALL_CHECK,   /* its warnings, in all stages unless a target is given */
	BUILD_CALL_OUTLINE, /* what the target takes: arguments, secrets, sockets, caches */
	BUILD_CALL_TARGETS, /* its targets */
	BUILD_CALL_INPUT,   /* its input digest (input_digest.h) */
};
struct build_call_options {
	enum build_call call;
	bool json;
	struct code_quality
		*quality; /* of a check: what was found goes there, too. NULL: nowhere */
	const char *cwd, *project_dir; /* for paths in it, as code_quality_path takes them */
};

/* "check", "outline", "targets", each also with ",format=json" (or text). ERR_INPUT. */
int build_call_parse(struct build_call_options *out, const char *text, struct err *e) MUST_CHECK;

/*
 * The answer goes to out, whose ceiling should be REPORT_MAX. *warned: a check has found something.
 * A base that cannot be had is one of which nothing is known; the rest is as for oci_build. With
 * JSON, what cannot be built is told in out, too.
 */
int oci_build_call(struct buf *out, bool *warned, const struct op *op, const struct build_env *env,
		   const struct build_options *opt, const struct build_call_options *what,
		   struct err *e) MUST_CHECK;

#endif

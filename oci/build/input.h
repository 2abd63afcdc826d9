/*
 * What a build reads before all else: its context and the text of its Dockerfile, wherever they are.
 */
#ifndef OCI_BUILD_INPUT_H
#define OCI_BUILD_INPUT_H

#include "oci/build/build.h"
#include "oci/build/context.h"
#include "oci/build/workspace.h"

struct build_input {
	struct context context;
	struct buf text; /* of the Dockerfile */
	char *file;	 /* its name in messages */
};
#define BUILD_INPUT_INIT                                                                           \
	{                                                                                          \
		.context = CONTEXT_INIT                                                            \
	}

/* Must something be fetched? Then a workspace is needed. */
bool build_input_is_fetched(const struct build_options *opt);

/* ws: may be closed unless build_input_is_fetched. ERR_ABSENT: no context, no Dockerfile. */
int build_input_read(struct build_input *out, struct op *op, const struct build_env *env,
		     const struct build_options *opt, const struct workspace *ws, struct err *e)
	MUST_CHECK;
void build_input_release(struct build_input *in);

/*
 * Named contexts as opt has them, but those that lie elsewhere are in the workspace now: NAME=DIR.
 * shown: NAME=WORD for these, as messages may have it.
 */
int build_input_named(struct strv *out, struct strv *shown, struct op *op,
		      const struct build_env *env, const struct build_options *opt,
		      const struct workspace *ws, struct err *e) MUST_CHECK;

#define auto_build_input CLEANUP(build_input_release)

#endif

/*
 * A Dockerfile as it is written: stages and instructions, nothing expanded.
 * Made by parse.h, read by plan.h and oci/build. Owns all its strings.
 */
#ifndef OCI_DOCKERFILE_AST_H
#define OCI_DOCKERFILE_AST_H

#include "base/cc.h"
#include "base/span.h"
#include "base/strv.h"

enum dockerfile_kind {
	DOCKERFILE_ARG,
	DOCKERFILE_CMD,
	DOCKERFILE_COPY,
	DOCKERFILE_ENTRYPOINT,
	DOCKERFILE_ENV,
	DOCKERFILE_EXPOSE,
	DOCKERFILE_FROM,
	DOCKERFILE_LABEL,
	DOCKERFILE_RUN,
	DOCKERFILE_USER,
	DOCKERFILE_WORKDIR,
};

struct dockerfile_instr {
	enum dockerfile_kind kind;
	unsigned line; /* of the instruction's word, from 1 */
	char *text;    /* the logical line as the user wrote it, continuations folded */
	/*
	 * By kind, unexpanded, quotes kept where expansion wants them:
	 * RUN CMD ENTRYPOINT   exec form: the words; shell form: one word, the whole text
	 * ENV LABEL            key, value, key, value, …
	 * ARG                  "NAME" or "NAME=default", one word each
	 * COPY                 sources…, destination
	 * EXPOSE               words, sorted
	 * USER WORKDIR         one word, the rest of the line
	 * FROM                 the image word; name in `name`
	 */
	struct strv words;
	bool exec_form;
	char *from, *chown, *chmod; /* COPY's flags, raw; NULL: not given */
	char *platform;		    /* FROM's flag */
	char *name;		    /* FROM … AS name, lower case */
};

struct dockerfile_stage {
	struct dockerfile_instr from;
	struct dockerfile_instr *instrs;
	size_t nr, cap;
};

struct dockerfile {
	char *file;			      /* for messages */
	char escape;			      /* '\\' or '`' */
	struct dockerfile_instr *global_args; /* ARGs before the first FROM */
	size_t nr_global_args, cap_global_args;
	struct dockerfile_stage *stages;
	size_t nr_stages, cap_stages;
};

void dockerfile_instr_release(struct dockerfile_instr *i);
void dockerfile_free(struct dockerfile *d);
const char *dockerfile_kind_name(enum dockerfile_kind k); /* "COPY" */

DEFINE_AUTO(dockerfile, dockerfile_free)
#define auto_dockerfile CLEANUP(dockerfile_auto_)

#endif

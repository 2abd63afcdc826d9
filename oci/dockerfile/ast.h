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
	DOCKERFILE_ADD,
	DOCKERFILE_ARG,
	DOCKERFILE_CMD,
	DOCKERFILE_COPY,
	DOCKERFILE_ENTRYPOINT,
	DOCKERFILE_ENV,
	DOCKERFILE_EXPOSE,
	DOCKERFILE_FROM,
	DOCKERFILE_HEALTHCHECK,
	DOCKERFILE_LABEL,
	DOCKERFILE_MAINTAINER,
	DOCKERFILE_ONBUILD,
	DOCKERFILE_RUN,
	DOCKERFILE_SHELL,
	DOCKERFILE_STOPSIGNAL,
	DOCKERFILE_USER,
	DOCKERFILE_VOLUME,
	DOCKERFILE_WORKDIR,
};

/* <<NAME and its body. */
struct dockerfile_heredoc {
	char *name;    /* the delimiter, quotes undone: what COPY calls the file */
	char *body;    /* with its last line end; "<<-" has its tabs taken off */
	bool expand;   /* the delimiter was not quoted */
	unsigned line; /* of the body's first line */
};

enum dockerfile_mount_type {
	DOCKERFILE_MOUNT_BIND,
	DOCKERFILE_MOUNT_CACHE,
	DOCKERFILE_MOUNT_TMPFS,
	DOCKERFILE_MOUNT_SECRET,
	DOCKERFILE_MOUNT_SSH,
};
/* RUN --mount. Values as they are written, unexpanded; NULL: not given. */
struct dockerfile_mount {
	enum dockerfile_mount_type type;
	char *target, *source, *from, *id, *env, *sharing, *size, *mode, *uid, *gid;
	bool has_readonly, readonly; /* ro, rw and their long forms; else the type's default */
	bool required;
};

struct dockerfile_health {
	bool none; /* HEALTHCHECK NONE */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
	uint64_t retries;
};

struct dockerfile_instr {
	enum dockerfile_kind kind;
	unsigned line;	    /* of the instruction's word, from 1 */
	unsigned last_line; /* of its last physical line, here-documents among them */
	char *keyword;	    /* the instruction's word as it is spelt */
	char *text;	    /* the logical line as the user wrote it, continuations folded */
	char *doc;	    /* the comment right above; NULL: none */
	/*
	 * By kind, unexpanded, quotes kept where expansion wants them:
	 * RUN CMD ENTRYPOINT   exec form: the words; shell form: one word, the whole text
	 *                      (RUN with here-documents: what the shell gets; with `script`
	 *                      "/dev/pipes/NAME", where it finds that)
	 * HEALTHCHECK          the same; nothing for NONE
	 * SHELL                the words
	 * ENV LABEL            key, value, key, value, …
	 * ARG                  "NAME" or "NAME=default", one word each
	 * ADD COPY             sources…, destination; a source that is a here-document is "<<NAME",
	 *                      and heredocs has its body
	 * EXPOSE               words, sorted
	 * VOLUME               words
	 * USER WORKDIR MAINTAINER STOPSIGNAL   one word, the rest of the line
	 * ONBUILD              one word, the instruction with its here-documents
	 * FROM                 the image word; name in `name`
	 */
	struct strv words;
	bool exec_form;
	bool legacy_pair; /* ENV, LABEL: "KEY value" without '=' */
	struct dockerfile_heredoc *heredocs;
	size_t nr_heredocs, cap_heredocs;
	char *script; /* RUN: a lone here-document with "#!", to be run as a file; else NULL */

	/* Flags, raw; NULL, false or empty: not given. */
	char *from, *chown, *chmod;	 /* COPY, ADD */
	char *checksum;			 /* ADD */
	bool link, parents;		 /* COPY, ADD --link */
	bool keep_git_dir;		 /* ADD */
	bool has_unpack, unpack;	 /* ADD */
	struct strv exclude;		 /* COPY, ADD */
	char *network, *security;	 /* RUN */
	struct dockerfile_mount *mounts; /* RUN */
	size_t nr_mounts, cap_mounts;
	struct dockerfile_health health; /* HEALTHCHECK */
	char *platform;			 /* FROM */
	char *name;			 /* FROM … AS name, lower case */
	char *as_keyword, *raw_name;	 /* AS and name as they are spelt */
};

struct dockerfile_stage {
	struct dockerfile_instr from;
	struct dockerfile_instr *instrs;
	size_t nr, cap;
};

struct dockerfile {
	char *file;		       /* for messages */
	char *text;		       /* the whole file, for messages */
	char escape;		       /* '\\' or '`' */
	char *check, *syntax;	       /* the directives' values; NULL: none */
	unsigned *empty_continuations; /* lines that are empty inside an instruction */
	size_t nr_empty, cap_empty;
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

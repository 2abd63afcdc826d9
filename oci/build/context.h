/*
 * A build context: a directory and what its .dockerignore keeps away. Nothing in it changes after
 * it was opened, so that several threads may read it; each takes a source_tree of its own.
 */
#ifndef OCI_BUILD_CONTEXT_H
#define OCI_BUILD_CONTEXT_H

#include <sys/types.h>

#include "oci/dockerfile/ignore.h"

struct context {
	int fd;		       /* -1: none */
	char *where;	       /* for messages: "the context 'DIR'" */
	struct ignore *ignore; /* NULL: nothing is ignored */
	char *ignore_file;     /* where its patterns are */
	bool git_modes;	       /* its files have modes as git knows them */
	dev_t skip_dev;	       /* a directory that is never part of it (our own state) */
	ino_t skip_ino;	       /* 0: none */
};
#define CONTEXT_INIT ((struct context){ .fd = -1 })

/*
 * dockerfile: the Dockerfile's path, whose own <dockerfile>.dockerignore goes before
 * .dockerignore; NULL: only the latter is looked for. ERR_ABSENT: no such directory.
 */
int context_open(struct context *out, const char *dir, const char *dockerfile, struct err *e)
	MUST_CHECK;
/* The same two files for a context that was opened by other means; dockerfile: a path inside it. */
int context_read_ignore(struct context *c, const char *dockerfile, struct err *e) MUST_CHECK;
void context_release(struct context *c);
#define auto_context CLEANUP(context_release)

#endif

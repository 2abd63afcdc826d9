/*
 * Contexts that are no directory of this machine: standard input, archives, addresses. What they
 * hold is put into the build's workspace and is a directory from there on.
 *
 *	-			a tar (by its first bytes), else a Dockerfile
 *	tar://FILE		a tar; tar://stdin is one on standard input
 *	http://… https://…	a tar, else a Dockerfile
 *	https://….git#REF:DIR …	a git repository, in all forms of remote.h; github.com/… is one, too
 */
#ifndef OCI_BUILD_CONTEXT_FETCH_H
#define OCI_BUILD_CONTEXT_FETCH_H

#include "base/buf.h"
#include "base/http.h"
#include "base/op.h"
#include "oci/build/workspace.h"

/* Is word one of these? Else it is a directory, which may be written "dir://PATH". */
bool context_is_fetched(const char *word);
/* The directory's path without "dir://". Borrows. */
const char *context_dir_path(const char *word);
/* Does it read standard input? */
bool context_is_stdin(const char *word);

struct context_fetched {
	char *dir;	 /* absolute */
	bool has_text;	 /* it is no context but a Dockerfile; dir is empty then */
	struct buf text; /* … this one */
	char *shown;	 /* the word without secrets, for messages */
};

/*
 * name: the directory that is made in ws. ERR_INPUT: nothing, or what no context may hold;
 * else as remote_url.h and remote_git.h tell.
 */
int context_fetch(struct context_fetched *out, struct op *op, struct http *h,
		  const struct workspace *ws, const char *word, const char *name, bool keep_git_dir,
		  struct err *e) MUST_CHECK;
void context_fetched_release(struct context_fetched *f);
#define auto_context_fetched CLEANUP(context_fetched_release)

#endif

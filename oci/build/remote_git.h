/*
 * A git repository's files at one commit, fetched by the git program into a directory: modes 0755 and
 * 0644, every time the commit's, so that the same commit gives the same bytes anywhere.
 *
 * git runs without the user's and the machine's configuration, without prompts and hooks, and over
 * http, https, ssh and git:// only, submodules among it.
 */
#ifndef OCI_BUILD_REMOTE_GIT_H
#define OCI_BUILD_REMOTE_GIT_H

#include "base/op.h"
#include "base/span.h"
#include "oci/build/remote.h"

struct remote_git_options {
	bool keep_git_dir;
	bool no_submodules;
	const char *checksum; /* the commit's first digits; NULL: any */
};
struct remote_commit {
	char id[65];
	int64_t time;
};

/*
 * Into dir, an empty directory (absolute). ERR_IMPOSSIBLE: there is no git here. ERR_ABSENT: no such
 * repository, branch, tag or commit. ERR_DENIED, ERR_UNAVAILABLE as git told. ERR_CORRUPT: another
 * commit than the checksum says.
 */
int remote_git_fetch(struct remote_commit *out, struct op *op, const struct remote_git *what,
		     const struct remote_git_options *opt, const char *dir, struct err *e)
	MUST_CHECK;

/* The directory that `what` asks for in dir, where it was fetched to; links lead around in there only.
 * Owned by the caller. ERR_INPUT: there is none. */
char *remote_git_subdir(const struct remote_git *what, const char *dir, struct err *e) MUST_CHECK;

/*
 * Which line of `git ls-remote` a ref means: a full name, else a branch, else a tag, else what is below
 * refs/. False: none. Borrows from listing.
 */
struct remote_ref {
	struct span name, object;
};
bool remote_git_pick(struct remote_ref *out, struct span listing, const char *ref);

#endif

/*
 * Words that mean something far away: addresses of files and of git repositories, as ADD and
 * contexts have them. Text only: nothing is fetched here (remote_url.h, remote_git.h).
 *
 * User information in an address is a secret: it goes to the server and nowhere else. `shown` is
 * the word without it, for messages and history.
 */
#ifndef OCI_BUILD_REMOTE_H
#define OCI_BUILD_REMOTE_H

#include "base/err.h"
#include "base/url.h"

enum remote_kind {
	REMOTE_NONE, /* a path like any other */
	REMOTE_FILE, /* http:// or https:// */
	REMOTE_GIT,  /* these with a path that ends in ".git"; git://, ssh://, user@host:path */
};
enum remote_kind remote_kind_of(const char *word);

struct remote_file {
	struct url url;
	char *user; /* "user:password"; NULL: none */
	char *name; /* what the file is called: the path's last part; NULL: it has none */
	char *shown;
};
int remote_file_parse(struct remote_file *out, const char *word, struct err *e) MUST_CHECK;
void remote_file_release(struct remote_file *f);

struct remote_git {
	char *address;	/* for git; of user information only ssh's user name is left */
	char *user;	/* "user:password" for http and https; NULL: none */
	char *ref;	/* NULL: where the repository's HEAD leads */
	char *subdir;	/* NULL: all of it */
	char *checksum; /* the commit's first digits; NULL: any */
	bool has_keep_git_dir, keep_git_dir;
	bool has_submodules, submodules;
	char *shown;
};
/*
 * "ADDRESS[#REF[:SUBDIR]]", or "ADDRESS?KEY=VALUE&…" with ref, branch, tag, commit (checksum),
 * subdir, submodules, keep-git-dir.
 */
int remote_git_parse(struct remote_git *out, const char *word, struct err *e) MUST_CHECK;
void remote_git_release(struct remote_git *g);

/* Is it some digits of a commit's name? */
bool remote_is_commit(const char *text);

#define auto_remote_file CLEANUP(remote_file_release)
#define auto_remote_git	 CLEANUP(remote_git_release)

#endif

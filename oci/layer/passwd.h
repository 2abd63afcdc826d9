/*
 * Users and groups of a tree, from its own /etc/passwd and /etc/group (never libc's NSS): opened
 * inside the tree, regular files only, at most 10 MiB. A file that is missing has no lines.
 */
#ifndef OCI_LAYER_PASSWD_H
#define OCI_LAYER_PASSWD_H

#include "oci/layer/tree.h"

#define PASSWD_GROUPS_MAX 1024
#define PASSWD_FILE_MAX	  (10u << 20)

struct passwd_user {
	uint32_t uid, gid;
	uint32_t *groups; /* supplementary, gid among them */
	size_t nr_groups;
	char *home; /* "/" when not known */
};

/*
 * For RUN: "" (which is "0"), "name", "uid", "name:group", "uid:gid". ERR_INPUT: unknown name.
 * Without a group those of the files count; with one it is the only one. A uid that the file
 * does not know has gid 0. Two numbers are taken as they are.
 */
int passwd_user_find(struct passwd_user *out, struct tree *t, const char *user, struct err *e)
	MUST_CHECK;
void passwd_user_release(struct passwd_user *u);

/*
 * For COPY --chown=: "user[:group]". An unknown name is ERR_INPUT. Without a group: a name's own
 * group, and for a number the same number. ":group" leaves the user 0.
 */
int passwd_owner_find(uint32_t *uid, uint32_t *gid, struct tree *t, const char *chown,
		      struct err *e) MUST_CHECK;

#define auto_passwd_user CLEANUP(passwd_user_release)

#endif

/*
 * Users and groups of a tree, from its own /etc/passwd and /etc/group (never libc's NSS): opened
 * inside the tree, regular files only, at most 10 MiB. Facts build 1.5 "USER resolution" and 1.7 "--chown".
 */
#ifndef OCI_LAYER_PASSWD_H
#define OCI_LAYER_PASSWD_H

#include "base/err.h"
#include "base/span.h"

#define PASSWD_GROUPS_MAX 1024

struct passwd_user {
	uint32_t uid, gid;
	uint32_t *groups;	/* supplementary, gid among them */
	size_t nr_groups;
	char *home;		/* "/" when not known */
};

/* For RUN: "", "name", "uid", "name:group", "uid:gid". ERR_INPUT: unknown name. */
int passwd_user_find(struct passwd_user *out, int root_fd, const char *user, struct err *e) MUST_CHECK;
void passwd_user_release(struct passwd_user *u);

/* For COPY --chown=: "user[:group]". An unknown name is ERR_INPUT. */
int passwd_owner_find(uint32_t *uid, uint32_t *gid, int root_fd, const char *chown, struct err *e) MUST_CHECK;

#define auto_passwd_user CLEANUP(passwd_user_release)

#endif

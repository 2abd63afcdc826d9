/*
 * A RUN's mounts where nothing can be mounted, in a tree that is changed in place; what it sees is the same, as
 * far as renames and copies go:
 *
 *	bind	a copy, or the directory itself when it is this RUN's alone; what is written there is lost,
 *		also where a mount would have refused it
 *	cache	the cache's directory itself, moved there and back; on another file system a copy, copied
 *		back. So it is one RUN's at a time
 *	tmpfs	an empty directory, not in memory
 *	file	a file of its mode and owner, gone afterwards wherever it was moved. In a tree that is "/"
 *		it is in memory (secret_dir.h, and a link to it) if it is a secret and that is there
 *	ssh	the socket itself
 *
 * In a chroot also /etc/resolv.conf and /etc/hosts, a /dev with a few devices, and an empty /proc and
 * /sys, so that what a RUN writes there stays out of the layer, as with mounts.
 *
 * For the monitor, which is alive when main is killed: nothing of this is left then either.
 */
#ifndef OCI_RUN_EMULATE_H
#define OCI_RUN_EMULATE_H

#include "oci/run/spec.h"

struct emulate_from {
	const struct run_spec *spec;
	const int *fds;			/* of its mounts that are BIND, in their order */
	int root_fd;			/* the tree */
	bool is_in_root;		/* it is "/", with the machine's /dev, /proc and /sys */
	int aside_fd;			/* helper.h */
	int memory_fd;			/* helper.h */
	int stop_fd;			/* anything on it ends long copies: ERR_CANCELLED */
	int err_fd;			/* for a line about what the RUN does without */
	struct span resolv_conf, hosts; /* of this machine, before any tree was "/" */
};

struct emulate;
int emulate_make(struct emulate **out, const struct emulate_from *from, struct err *e) MUST_CHECK;
/* When all that the RUN started is dead. Frees m. An error: the tree is not what it has to be. */
int emulate_undo(struct emulate *m, struct err *e) MUST_CHECK;

#endif

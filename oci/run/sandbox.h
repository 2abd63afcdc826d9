/*
 * Where a stage's tree can be seen whole and a command can be run in it. An
 * interface: sandbox_ns.h (namespaces and overlayfs) and others carry it out; tests
 * have tests/fakes/fake_sandbox.h.
 *
 *	sandbox_choose() in main, before any thread (choose.h)
 *	-> prepare() -> tree_open() -> [read and write below tree->root_fd] | run()* -> tree_close()
 *
 * A tree is a stack of read-only directories and one upper directory that takes
 * all changes: upper_fd is what oci/layer/changes.h reads after the step.
 * Thread-safe; one tree is one thread's at a time.
 */
#ifndef OCI_RUN_SANDBOX_H
#define OCI_RUN_SANDBOX_H

#include "base/err.h"
#include "base/op.h"
#include "oci/run/spec.h"

struct sandbox;

struct sandbox_tree {
	int root_fd;  /* the merged view */
	int upper_fd; /* what changed; -1 for a read-only tree */
	void *state;  /* the sandbox's */
};

struct sandbox_ops {
	/* May be NULL: nothing is to be found out. */
	int (*prepare)(struct sandbox *s, const char *dir, struct err *e);
	/*
	 * lowers: directories, topmost first, absolute paths; may be empty.
	 * dir: an existing empty directory of the caller's, for upper/ and work/ and to mount on. Until tree_close
	 * it shows the tree, so nothing in it may be reached by its path; then the upper directory is dir/upper and
	 * stays (it is the next step's lower). read_only: no upper.
	 */
	int (*tree_open)(struct sandbox *s, struct sandbox_tree *out, const struct strv *lowers,
			 const char *dir, bool read_only, struct err *e);
	void (*tree_close)(struct sandbox *s, struct sandbox_tree *t);
	/*
	 * Runs spec in the tree to its end. *status is waitpid's. Output lines go to op->progress
	 * under spec->progress_id. ERR_CANCELLED, ERR_TIMEOUT: it and all its children are dead.
	 * ERR_IMPOSSIBLE: RUN cannot be had here (says why). ERR_FAILED: the command could not be started
	 * ("exec '/bin/sh': no such file").
	 */
	int (*run)(struct sandbox *s, struct op *op, struct sandbox_tree *t,
		   const struct run_spec *spec, int *status, struct err *e);
	void (*free)(struct sandbox *s);
};
struct sandbox {
	const struct sandbox_ops *ops;
	char how[256]; /* what it is, for people: "ns (root, overlayfs)" */
	/*
	 * It cannot show directories over each other. tree_open then gets exactly one lower, which holds
	 * the whole tree and is changed in place: upper_fd is -1, and the caller finds out himself what a RUN
	 * has changed (oci/build/flat.h). When the tree is closed the directory is all the RUN left, without
	 * mount points or anything else of ours; inodes are the same, but ctimes of the names at its top may not be.
	 */
	bool is_flat;
	/*
	 * It has neither namespaces nor mounts: a RUN has our network, host name and /dev/shm, so
	 * --network=none and --shm-size cannot be had; its mounts are made of renames and copies
	 * (emulate.h), so a cache is one RUN's at a time. NULL: it has. Else its name, for messages.
	 */
	const char *bare;
	/*
	 * A directory with mount points and nothing else, for the lowest place of a tree in which something
	 * is RUN: what an image lacks of them is there then, and need not be made in the tree for each RUN,
	 * for which overlayfs copies directories. NULL: there is none. The sandbox's, until the
	 * directory of prepare() goes.
	 */
	char *ground;
	const char *flat_dir; /* where such directories must lie; NULL: anywhere. The sandbox's */
};

/*
 * Once, before the first tree: what can be done is found out by doing it, in dir, an empty directory of
 * the caller's (who removes what is left in it) where its trees will be, too. is_flat and how are settled
 * afterwards.
 */
int sandbox_prepare(struct sandbox *s, const char *dir, struct err *e) MUST_CHECK;
int sandbox_tree_open(struct sandbox *s, struct sandbox_tree *out, const struct strv *lowers,
		      const char *dir, bool read_only, struct err *e) MUST_CHECK;
void sandbox_tree_close(struct sandbox *s, struct sandbox_tree *t); /* twice is fine */
int sandbox_run(struct sandbox *s, struct op *op, struct sandbox_tree *t,
		const struct run_spec *spec, int *status, struct err *e) MUST_CHECK;
void sandbox_free(struct sandbox *s); /* NULL is fine */

#endif

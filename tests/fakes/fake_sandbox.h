/*
 * A sandbox without mounts and processes. A tree is one directory that is root and upper at
 * once: what the lowers hold is copied into it (so that an unchanged entry is equal to what lies
 * below, and leaves no trace in a layer). Deletions are therefore not seen. A run is a call
 * of on_run; without one it succeeds.
 *
 * When base.is_flat is set, a tree is the one directory that it is given.
 *
 *	struct fake_sandbox f;
 *	fake_sandbox_init(&f);
 *	f.on_run = …;
 *	… .sandbox = &f.base …
 */
#ifndef TESTS_FAKES_FAKE_SANDBOX_H
#define TESTS_FAKES_FAKE_SANDBOX_H

#include <stdatomic.h>

#include "oci/run/sandbox.h"

struct fake_sandbox {
	struct sandbox base;
	/* As sandbox_ops.run; *status is 0 before. */
	int (*on_run)(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		      int *status, struct err *e);
	void *arg;			 /* for on_run, which several threads may be in */
	_Atomic(struct cancel *) cancel; /* of the build that runs */
	atomic_uint opened, closed, runs;
};

void fake_sandbox_init(struct fake_sandbox *f);

#endif

/*
 * What to run in a tree: everything a RUN sees, nothing else. Travels to the
 * helper process as bytes (spec.c), so it holds no pointers to shared things.
 */
#ifndef OCI_RUN_SPEC_H
#define OCI_RUN_SPEC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

#define RUN_SPEC_MAX   (4u << 20)
#define RUN_GROUPS_MAX 1024

struct run_spec {
	struct strv argv; /* argv[0] is looked up in env's PATH, inside the tree */
	struct strv env;  /* the whole environment */
	char *cwd;	  /* absolute; made (0755, root) when missing */
	char *hostname;
	uint32_t uid, gid;
	uint32_t *groups;
	size_t nr_groups;
	int64_t timeout_ms; /* 0: none; kept by the parent */
	char *progress_id;  /* for the parent's LINE events */
};

void run_spec_release(struct run_spec *s);
/* ERR_INPUT: over RUN_SPEC_MAX. */
int run_spec_encode(struct buf *out, const struct run_spec *s, struct err *e) MUST_CHECK;
/* ERR_CORRUPT: not what encode wrote. */
int run_spec_decode(struct run_spec *out, struct span bytes, struct err *e) MUST_CHECK;

#define auto_run_spec CLEANUP(run_spec_release)

#endif

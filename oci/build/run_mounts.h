/*
 * RUN --mount: from the Dockerfile's words to the mounts of a run_spec, and what has to be held as
 * long as the RUN goes on.
 */
#ifndef OCI_BUILD_RUN_MOUNTS_H
#define OCI_BUILD_RUN_MOUNTS_H

#include "oci/build/run_cache.h"
#include "oci/build/step.h"

struct run_mounts {
	struct sandbox *sandbox;
	struct sandbox_tree *views; /* sources that had to be mounted themselves */
	size_t nr_views, cap_views;
	struct run_cache_hold *caches; /* each once, by key */
	size_t nr_caches;
	int agents_fd; /* the directory with the sockets of agents, -1: none */
	size_t nr_agents;
};
#define RUN_MOUNTS_INIT                                                                            \
	{                                                                                          \
		.agents_fd = -1                                                                    \
	}

/* Adds to spec: mounts, and what they bring of environment, agents and texts to hide. cwd is set. */
int run_mounts_add(struct run_mounts *m, struct run_spec *spec, struct step *s, struct err *e)
	MUST_CHECK;
void run_mounts_release(struct run_mounts *m);
#define auto_run_mounts CLEANUP(run_mounts_release)

/*
 * What a bind mount shows, to be mounted: a directory or a file (O_PATH); -1. source: a path inside
 * it, NULL is all of it. writable: what is written there is lost with m. name: for directories in the
 * workspace. (run_bind.c)
 */
int run_bind_open(struct run_mounts *m, struct step *s, const struct plan_source *from,
		  const char *source, bool writable, const char *name, struct err *e) MUST_CHECK;
/* What of it is listed, all in one place; its bytes stay where they are, as long as the stage. */
struct layer_listing;
int run_bind_list(struct layer_listing *out, struct step *s, const struct plan_source *from,
		  const char *source, struct err *e) MUST_CHECK;
/* A copy of that in dir, which is empty; it must be a directory. */
int run_bind_copy(const char *dir, struct step *s, const struct plan_source *from,
		  const char *source, struct err *e) MUST_CHECK;

#endif

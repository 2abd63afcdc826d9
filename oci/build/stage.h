/*
 * One FROM and what follows: its base, its layers so far, its state. A step that touches files
 * opens the stage's tree, works in it, and commits: what changed becomes a layer.
 *
 * Stages are built one after the other by one thread.
 */
#ifndef OCI_BUILD_STAGE_H
#define OCI_BUILD_STAGE_H

#include "oci/build/job.h"

struct stage {
	const struct plan_stage *plan;
	size_t index;
	bool is_packed; /* its layers go into the image */
	struct state state;
	struct image *image;   /* at the bottom; NULL: nothing */
	struct layer **layers; /* lowest first */
	size_t nr, cap;
	size_t nr_inherited;	  /* the first ones are an earlier stage's */
	struct source_tree files; /* what COPY --from sees; opened when first asked for */
	struct sandbox_tree view; /* behind files, when it is mounted */
	bool has_view;
};

/* Carries out all of plan->stages[index]. */
int stage_build(struct job *j, size_t index, struct err *e) MUST_CHECK;
void stage_release(struct job *j, struct stage *st);

/* A tree to be changed by one step. */
struct stage_tree {
	struct sandbox *sandbox; /* NULL: not open */
	struct sandbox_tree tree;
	struct strv lowers;
	char *dir;
};
/* name: a directory of the workspace, "s0-3". */
int stage_tree_open(struct stage_tree *out, struct job *j, struct stage *st, const char *name,
		    struct err *e) MUST_CHECK;
/* what: for messages. Packing may still be under way afterwards. */
int stage_tree_commit(struct stage_tree *t, struct job *j, struct stage *st, const char *what,
		      struct err *e) MUST_CHECK;
void stage_tree_close(struct stage_tree *t); /* twice is fine */
#define auto_stage_tree CLEANUP(stage_tree_close)

/* The files of a finished stage, or of an image; st's. */
int stage_files(const struct source_tree **out, struct job *j, struct stage *st, struct err *e)
	MUST_CHECK;

/* An entry of the image's history, with the time of now. */
void stage_history(const struct job *j, struct stage *st, const char *created_by, bool has_layer);

#endif

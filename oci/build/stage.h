/*
 * One FROM and what follows: its base, its layers so far, its state. A step that changes files puts
 * them into a layer builder over the stage's tree, or (RUN) opens the stage as a directory and
 * works in it; either way it commits, and what changed becomes a layer.
 *
 * A stage is built by one thread. Of a finished one, whoever comes FROM it or reads it may use
 * stage_view, stage_lowers and stage_files from any thread.
 */
#ifndef OCI_BUILD_STAGE_H
#define OCI_BUILD_STAGE_H

#include "oci/build/cache_book.h"
#include "oci/build/flat.h"
#include "oci/build/job.h"
#include "oci/build/sources.h"
#include "oci/build/stack.h"
#include "oci/build/view.h"
#include "oci/layer/builder.h"

struct stage {
	const struct plan_stage *plan;
	size_t index;
	bool will_run; /* it RUNs something, or one that is FROM it: the base is unpacked sooner or later */
	bool is_packed; /* its layers go into the image */
	struct state state;
	struct image *image;   /* at the bottom; NULL: nothing */
	struct layer **layers; /* lowest first */
	size_t nr, cap;
	size_t nr_inherited; /* the first ones are an earlier stage's */
	struct stack *stack; /* the layers' directories */
	size_t at;	     /* the step under way, of plan->steps */
	struct view own;     /* what its steps see */
	/* in the step cache */
	struct cache_ref ref;
	bool has_missed;
	struct cache_step
		next; /* what the next layer will be known by: of the step that is under way */
	struct sources sources;
	/* what others see as a directory; opened when first asked for */
	pthread_mutex_t files_lock;
	int files_fd; /* -1: not open */
	struct sandbox_tree mounted;
	bool is_mounted;
	/* in a flat sandbox: what RUN works in; and another for what came after the last one */
	struct flat flat, flat_after;
};

/* Before anything else. */
void stage_init(struct stage *st, const struct plan_stage *plan, size_t index);
/* Carries out all of plan->stages[index]. */
int stage_build(struct job *j, size_t index, struct err *e) MUST_CHECK;
void stage_release(struct job *j, struct stage *st);

/* What is there by now. Borrowed until the next commit. */
int stage_now(struct tree **out, struct job *j, struct stage *st, struct err *e) MUST_CHECK;
/* Brings v up to what st has by now; v may be empty. */
int stage_view(struct view *v, struct job *j, const struct stage *st, struct err *e) MUST_CHECK;

/* What b holds becomes the next layer; b is used up. name: of a directory in the workspace, should
 * one be needed. what: for messages. Packing may still be under way afterwards. */
int stage_commit(struct job *j, struct stage *st, struct layer_builder *b, const char *name,
		 const char *what, struct err *e) MUST_CHECK;

/*
 * Of a step that is about to make a layer: what that will be known by; borrowed until it is
 * committed. seen: as in struct cache_step. A step that does not say makes one that is not kept, and
 * nor are those over it.
 */
void stage_will_make(struct stage *st, const struct cache_form *forms, size_t nr_forms,
		     struct content_seen *seen);
/* A layer that was found is the next one, nothing is carried out. */
struct step;
void stage_take(struct step *s, const struct cache_result *r, struct cache_source *from,
		const struct cache_form *forms, size_t nr_forms);
/* Where an image's tree stands. */
void stage_ref_of_image(struct cache_ref *out, const struct image *img);

/* The same tree as directories, topmost first: listed layers are laid down, the base is unpacked. */
int stage_lowers(struct strv *out, struct job *j, const struct stage *st, struct err *e) MUST_CHECK;

/* A directory to be changed by one step. */
struct stage_tree {
	struct sandbox *sandbox; /* NULL: not open */
	struct sandbox_tree tree;
	struct strv lowers;
	char *dir;
};
/* name: a directory of the workspace, "s0-3". */
int stage_tree_open(struct stage_tree *out, struct job *j, struct stage *st, const char *name,
		    struct err *e) MUST_CHECK;
/* As stage_commit. */
int stage_tree_commit(struct stage_tree *t, struct job *j, struct stage *st, const char *what,
		      struct err *e) MUST_CHECK;
void stage_tree_close(struct stage_tree *t); /* twice is fine */
#define auto_stage_tree CLEANUP(stage_tree_close)

/* The files of a finished stage as one directory, read-only; *fd stays st's. */
int stage_files(int *fd, struct job *j, struct stage *st, struct err *e) MUST_CHECK;

/* An entry of the image's history, with the time of its layer. Without a layer it gets one in the end:
 * equal builds that only change the configuration are then equal images. */
void stage_history(const struct job *j, struct stage *st, const char *created_by, bool has_layer);

#endif

/*
 * The files of a stage as a tree: its layers over its base, nothing mounted. One thread's; others
 * that look at the same layers have views of their own.
 */
#ifndef OCI_BUILD_VIEW_H
#define OCI_BUILD_VIEW_H

#include "oci/build/layer.h"

struct view {
	bool has_base; /* it was asked for; it may be NULL all the same */
	struct tree *base;
	struct tree **layers; /* lowest first */
	size_t nr, cap;
	struct tree *all;
};

/* base: taken over; NULL: nothing below. */
void view_set_base(struct view *v, struct tree *base);
/* Those of the nr layers that it has not got yet. The tree that was there before is gone then. */
int view_add(struct view *v, struct layer *const *layers, size_t nr, struct err *e) MUST_CHECK;
/* All of it; the view's. */
struct tree *view_tree(struct view *v);
void view_release(struct view *v);

#endif

/*
 * The directories of a stage's layers as overlayfs gets them: however many layers there are, only few
 * directories. Each time enough of them have come together, they are made one (oci/layer/merge.h); each
 * time enough of those have come together, these are; and so on.
 *
 * Thread-safe: a finished stage's is asked for by whoever reads that stage.
 */
#ifndef OCI_BUILD_STACK_H
#define OCI_BUILD_STACK_H

#include "oci/build/layer.h"
#include "oci/build/workspace.h"

#define STACK_FANOUT 32

struct stack;
/* ws is borrowed. name: unlike all others of the build. below: of the stage it is
 * FROM, whose layers are its first ones; or NULL. */
struct stack *stack_new(const struct workspace *ws, const char *name, struct stack *below);
void stack_free(struct stack *s); /* NULL is fine */

/*
 * Adds the directories to out, topmost first, and base, which lies below all (NULL: nothing does). layers: lowest
 * first, more of the same ones each time; what is not laid down is. Directories once told stay as long as
 * the workspace.
 */
int stack_lowers(struct strv *out, struct stack *s, const struct op *op,
		 struct layer *const *layers, size_t nr, const char *base, struct err *e)
	MUST_CHECK;

#endif

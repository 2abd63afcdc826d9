/*
 * The interface's front: which sandbox it is, is the ops' affair.
 */
#include "oci/run/sandbox.h"

int sandbox_prepare(struct sandbox *s, const char *dir, struct err *e)
{
	return s->ops->prepare ? s->ops->prepare(s, dir, e) : 0;
}

int sandbox_tree_open(struct sandbox *s, struct sandbox_tree *out, const struct strv *lowers,
		      const char *dir, bool read_only, struct err *e)
{
	*out = (struct sandbox_tree){ .root_fd = -1, .upper_fd = -1 };
	return s->ops->tree_open(s, out, lowers, dir, read_only, e);
}

void sandbox_tree_close(struct sandbox *s, struct sandbox_tree *t)
{
	if (!t->state)
		return;
	s->ops->tree_close(s, t);
	*t = (struct sandbox_tree){ .root_fd = -1, .upper_fd = -1 };
}

int sandbox_run(struct sandbox *s, struct op *op, struct sandbox_tree *t,
		const struct run_spec *spec, int *status, struct err *e)
{
	return s->ops->run(s, op, t, spec, status, e);
}

void sandbox_free(struct sandbox *s)
{
	if (s)
		s->ops->free(s);
}

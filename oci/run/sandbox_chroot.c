/*
 * A tree is just the directory. What mounts cover while a RUN runs lies in the caller's dir, which
 * is beside the tree.
 */
#include "oci/run/sandbox_chroot.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/supervise.h"

struct sandbox_chroot {
	struct sandbox base;
	struct helper helper;
};

struct chroot_tree {
	int aside_fd;
};

static struct sandbox_chroot *chroot_of(struct sandbox *s)
{
	return CONTAINER_OF(s, struct sandbox_chroot, base);
}

static int chroot_tree_open(struct sandbox *s, struct sandbox_tree *out, const struct strv *lowers,
			    const char *dir, bool read_only, struct err *e)
{
	auto_close int root = -1;
	auto_close int aside = -1;
	struct chroot_tree *t;

	(void)s;
	(void)read_only; /* who reads does not write */
	if (lowers->n != 1)
		return err_set(e, ERR_FAILED, "a chroot is of one directory, not %zu", lowers->n);
	root = fs_open_dir(lowers->v[0], e);
	if (root < 0)
		return -1;
	aside = fs_open_dir(dir, e);
	if (aside < 0)
		return -1;
	/* travels to the RUN's monitor, so that nobody removes what it still has to put back when we are killed
	 * (workspace.c); where there are no locks that is not prevented */
	(void)!flock(aside, LOCK_SH);
	t = mem_zalloc(sizeof(*t));
	t->aside_fd = fd_steal(&aside);
	out->root_fd = fd_steal(&root);
	out->state = t;
	return 0;
}

static void chroot_tree_close(struct sandbox *s, struct sandbox_tree *t)
{
	struct chroot_tree *state = t->state;

	(void)s;
	close(t->root_fd);
	close(state->aside_fd);
	free(state);
}

static int chroot_run(struct sandbox *s, struct op *op, struct sandbox_tree *t,
		      const struct run_spec *spec, int *status, struct err *e)
{
	const struct chroot_tree *state = t->state;
	const struct supervise how = { .helper_sock = chroot_of(s)->helper.sock,
				       .kind = HELPER_BARE,
				       .root_fd = t->root_fd,
				       .aside_fd = state->aside_fd,
				       .memory_fd = state->aside_fd };

	return supervise_run(&how, op, spec, status, e);
}

static void chroot_free(struct sandbox *s)
{
	helper_stop(&chroot_of(s)->helper);
	free(chroot_of(s));
}

static const struct sandbox_ops chroot_ops = {
	.tree_open = chroot_tree_open,
	.tree_close = chroot_tree_close,
	.run = chroot_run,
	.free = chroot_free,
};

/* To where we are already: changes nothing, and tells whether we may. */
static int check_rights(struct err *e)
{
	if (chroot("/") < 0) {
		err_sys(e, "chroot");
		e->kind = ERR_IMPOSSIBLE;
		return err_wrap(e, "--isolation=chroot needs root with CAP_SYS_CHROOT");
	}
	return 0;
}

int sandbox_chroot_open(struct sandbox **out, char **how, struct err *e)
{
	struct sandbox_chroot *s;
	struct helper helper;

	if (check_rights(e) < 0 || helper_start(&helper, true, e) < 0)
		return -1;
	s = mem_zalloc(sizeof(*s));
	s->base.ops = &chroot_ops;
	s->base.is_flat = true;
	s->base.bare = "chroot";
	s->helper = helper;
	if (how)
		*how = mem_strdup("chroot (no /proc, no /sys, the network and host name of this "
				  "machine)");
	*out = &s->base;
	return 0;
}

/*
 * The parent's side of namespaces: overlay mounts in our own mount namespace
 * (any thread may make them); each RUN is the helper's (supervise.h).
 */
#include "oci/run/sandbox_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/helper.h"
#include "oci/run/overlay.h"
#include "oci/run/supervise.h"
#include "oci/run/userns.h"

struct sandbox_ns {
	struct sandbox base;
	struct userns userns;
	struct helper helper;
};

static struct sandbox_ns *ns_of(struct sandbox *s)
{
	return CONTAINER_OF(s, struct sandbox_ns, base);
}

/* -- trees ------------------------------------------------------------------- */

static int make_and_open(const char *dir, const char *name, struct err *e)
{
	auto_free char *path = mem_printf("%s/%s", dir, name);
	int fd;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

/* overlayfs wants one lower directory, two for a read-only view: empty ones fill the gap. */
static int lowers_fill(struct strv *out, const struct strv *lowers, const char *dir, size_t least,
		       struct err *e)
{
	strv_copy(out, lowers);
	while (out->n < least) {
		auto_free char *name = mem_printf("empty-%zu", out->n);
		auto_close int empty = make_and_open(dir, name, e);

		if (empty < 0)
			return -1;
		strv_addf(out, "%s/%s", dir, name);
	}
	return 0;
}

/* What is mounted on dir by now. Takes out->upper_fd when it fails. */
static int open_mounted(struct sandbox_tree *out, const char *dir, struct err *e)
{
	out->root_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->root_fd >= 0) {
		out->state = mem_strdup(dir);
		return 0;
	}
	err_sys(e, "open '%s'", dir);
	fd_auto_close_(&out->upper_fd);
	overlay_unmount(dir);
	return -1;
}

/* No layers over each other: the one directory there is becomes a mount, which a root has to be. */
static int flat_tree_open(struct sandbox_tree *out, const struct strv *lowers, const char *dir,
			  bool read_only, struct err *e)
{
	if (lowers->n != 1)
		return err_set(e, ERR_FAILED, "without overlayfs a tree is one directory, not %zu",
			       lowers->n);
	if (overlay_bind(dir, lowers->v[0], read_only, e) < 0)
		return -1;
	out->upper_fd = -1;
	return open_mounted(out, dir, e);
}

/* The directory is the mount point, too: what is in it is open by then, and back when it is unmounted. */
static int ns_tree_open(struct sandbox *s, struct sandbox_tree *out, const struct strv *lowers,
			const char *dir, bool read_only, struct err *e)
{
	auto_strv struct strv all = STRV_INIT;
	auto_close int upper = -1;
	auto_close int work = -1;

	if (s->is_flat)
		return flat_tree_open(out, lowers, dir, read_only, e);
	if (lowers_fill(&all, lowers, dir, read_only ? 2 : 1, e) < 0)
		return -1;
	if (!read_only && ((upper = make_and_open(dir, "upper", e)) < 0 ||
			   (work = make_and_open(dir, "work", e)) < 0))
		return -1;
	if (overlay_mount(dir, &all, upper, work, ns_of(s)->userns.inside, e) < 0)
		return -1;
	out->upper_fd = fd_steal(&upper);
	return open_mounted(out, dir, e);
}

static void ns_tree_close(struct sandbox *s, struct sandbox_tree *t)
{
	(void)s;
	close(t->root_fd);
	if (t->upper_fd >= 0)
		close(t->upper_fd);
	overlay_unmount(t->state);
	free(t->state);
}

static int ns_run(struct sandbox *s, struct op *op, struct sandbox_tree *t,
		  const struct run_spec *spec, int *status, struct err *e)
{
	const struct supervise how = { .helper_sock = ns_of(s)->helper.sock,
				       .kind = HELPER_NS,
				       .root_fd = t->root_fd,
				       .aside_fd = t->root_fd,
				       .memory_fd = t->root_fd };

	return supervise_run(&how, op, spec, status, e);
}

static int ground_make(struct sandbox *s, const char *dir, struct err *e)
{
	static const char *const dirs[] = { "ground", "ground/proc", "ground/sys", "ground/dev",
					    "ground/etc" };
	static const char *const files[] = { "ground/etc/hosts", "ground/etc/resolv.conf" };
	auto_close int fd = fs_open_dir(dir, e);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (mkdirat(fd, dirs[i], 0755) < 0)
			return err_sys(e, "make '%s/%s'", dir, dirs[i]);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (fs_write_unsynced(fd, files[i], SPAN_LIT(""), 0644, e) < 0)
			return -1;
	free(s->ground);
	s->ground = mem_printf("%s/ground", dir);
	return 0;
}

static int ns_prepare(struct sandbox *s, const char *dir, struct err *e)
{
	const struct userns *u = &ns_of(s)->userns;

	if (overlay_probe(dir, u->inside, e) == 0) {
		snprintf(s->how, sizeof(s->how), "ns (%s, overlayfs)", u->how);
		return ground_make(s, dir, e);
	}
	if (e->kind != ERR_IMPOSSIBLE)
		return -1;
	s->is_flat = true;
	snprintf(s->how, sizeof(s->how), "ns (%s, no overlayfs: %s)", u->how, strerror(e->sys));
	err_clear(e);
	return 0;
}

static void ns_free(struct sandbox *s)
{
	helper_stop(&ns_of(s)->helper);
	free(s->ground);
	free(ns_of(s));
}

static const struct sandbox_ops ns_ops = {
	.prepare = ns_prepare,
	.tree_open = ns_tree_open,
	.tree_close = ns_tree_close,
	.run = ns_run,
	.free = ns_free,
};

int sandbox_ns_open(struct sandbox **out, char **how, struct err *e)
{
	struct userns u;
	struct sandbox_ns *s;
	struct helper helper;

	if (userns_enter(&u, e) < 0 || helper_start(&helper, u.can_setgroups, e) < 0)
		return -1;
	s = mem_zalloc(sizeof(*s));
	s->base.ops = &ns_ops;
	s->userns = u;
	s->helper = helper;
	if (how)
		*how = mem_printf("ns (%s)", u.how);
	*out = &s->base;
	return 0;
}

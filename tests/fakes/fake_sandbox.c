/*
 * cp -a makes the copies: it keeps owners, times to the nanosecond and hard links.
 */
#include "tests/fakes/fake_sandbox.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

static struct fake_sandbox *fake_of(struct sandbox *s)
{
	return CONTAINER_OF(s, struct fake_sandbox, base);
}

static int fill(const char *root, const struct strv *lowers, struct err *e)
{
	for (size_t i = lowers->n; i-- > 0;) {
		auto_free char *copy = mem_printf("cp -a '%s/.' '%s'", lowers->v[i], root);

		if (system(copy) != 0)
			return err_set(e, ERR_FAILED, "%s", copy);
	}
	return 0;
}

#define INSIDE "in-the-sandbox"

/* As a sandbox's mount points: there only while the tree is open. */
static int open_flat(struct fake_sandbox *f, struct sandbox_tree *out, const struct strv *lowers,
		     struct err *e)
{
	auto_close int inside = -1;

	if (lowers->n != 1)
		return err_set(e, ERR_FAILED, "%zu directories for a flat sandbox", lowers->n);
	out->root_fd = fs_open_dir(lowers->v[0], e);
	if (out->root_fd < 0)
		return -1;
	inside = openat(out->root_fd, INSIDE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (inside < 0)
		return err_sys(e, "create '" INSIDE "'");
	f->opened++;
	out->upper_fd = -1;
	out->state = f;
	return 0;
}

static int fake_tree_open(struct sandbox *s, struct sandbox_tree *out, const struct strv *lowers,
			  const char *dir, bool read_only, struct err *e)
{
	auto_free char *root = mem_printf("%s/%s", dir, read_only ? "view" : "upper");
	auto_close int fd = -1;

	if (s->is_flat)
		return open_flat(fake_of(s), out, lowers, e);
	if (mkdir(root, 0755) < 0)
		return err_sys(e, "make '%s'", root);
	if (fill(root, lowers, e) < 0)
		return -1;
	fd = fs_open_dir(root, e);
	if (fd < 0)
		return -1;
	fake_of(s)->opened++;
	out->upper_fd = read_only ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	out->root_fd = fd_steal(&fd);
	out->state = fake_of(s);
	return 0;
}

static void fake_tree_close(struct sandbox *s, struct sandbox_tree *t)
{
	fake_of(s)->closed++;
	if (s->is_flat)
		unlinkat(t->root_fd, INSIDE, 0);
	fd_auto_close_(&t->root_fd);
	fd_auto_close_(&t->upper_fd);
}

static int fake_run(struct sandbox *s, struct op *op, struct sandbox_tree *t,
		    const struct run_spec *spec, int *status, struct err *e)
{
	struct fake_sandbox *f = fake_of(s);

	f->cancel = op->cancel;
	f->runs++;
	*status = 0;
	return f->on_run ? f->on_run(f, t, spec, status, e) : 0;
}

static void fake_free(struct sandbox *s)
{
	(void)s;
}

void fake_sandbox_init(struct fake_sandbox *f)
{
	static const struct sandbox_ops ops = {
		.tree_open = fake_tree_open,
		.tree_close = fake_tree_close,
		.run = fake_run,
		.free = fake_free,
	};

	*f = (struct fake_sandbox){ .base = { .ops = &ops } };
}

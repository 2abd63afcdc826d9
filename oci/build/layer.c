/*
 * Runs on any thread: all it needs is in struct layer.
 */
#include "oci/build/layer.h"

#include "base/fs.h"
#include "base/mem.h"

struct lower_fds {
	int *v;
	size_t nr;
};

static void lower_fds_close(struct lower_fds *l)
{
	while (l->nr)
		close(l->v[--l->nr]);
	free(l->v);
}

static int lower_fds_open(struct lower_fds *out, const struct strv *lowers, struct err *e)
{
	out->v = mem_resize(NULL, lowers->n + 1, sizeof(*out->v));
	for (size_t i = 0; i < lowers->n; i++) {
		int fd = fs_open_dir(lowers->v[i], e);

		if (fd < 0)
			return -1;
		out->v[out->nr++] = fd;
	}
	return 0;
}

static int pack(struct layer *l, struct err *e)
{
	auto_close int upper = fs_open_dir(l->upper, e);
	CLEANUP(lower_fds_close) struct lower_fds fds = { .nr = 0 };
	auto_changes struct layer_changes changes = { 0 };

	if (upper < 0 || lower_fds_open(&fds, &l->lowers, e) < 0 ||
	    layer_changes_from_upper(&changes, l->op, upper, fds.v, fds.nr, e) < 0)
		return -1;
	return layer_pack(&l->blob, &l->diff_id, l->op, &changes, upper, l->into, l->opt, e);
}

static void pack_run(void *item)
{
	struct layer *l = item;

	l->r = pack(l, &l->err);
	if (l->r < 0)
		err_wrap(&l->err, "%s", l->what);
}

void layer_pack_begin(struct layer *l, struct pool_batch *batch)
{
	pool_submit(batch, pack_run, l);
}

void layer_free(struct layer *l)
{
	if (!l)
		return;
	free(l->upper);
	strv_release(&l->lowers);
	free(l->what);
	oci_descriptor_release(&l->blob);
	free(l);
}

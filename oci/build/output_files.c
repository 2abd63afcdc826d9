/*
 * The stage's tree becomes one list of everything in it, which is written as a layer is, or laid
 * out. The base is unpacked for that: all of its bytes are wanted.
 */
#include "oci/build/output_files.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/layer/put_out.h"
#include "oci/layer/tree_changes.h"
#include "oci/layer/write.h"

/* One image's files: the list reads from the view. */
struct files {
	struct view view;
	struct layer_changes list;
};

static void files_release(struct files *f)
{
	layer_changes_release(&f->list);
	view_release(&f->view);
}

/* Where the files are from does not matter any more, so neither does when they were changed. */
static void set_times(struct layer_changes *c, const struct layer_write_options *opt)
{
	for (size_t i = 0; opt->has_epoch && i < c->nr; i++)
		c->v[i].st.st_mtim = (struct timespec){ .tv_sec = opt->epoch };
}

static int files_open(struct files *f, struct job *j, const struct stage *st, struct err *e)
{
	struct tree *base = NULL;

	if (st->image && images_tree(&base, j->op, &j->images, st->image, !job_is_flat(j), e) < 0)
		return -1;
	view_set_base(&f->view, base);
	if (view_add(&f->view, st->layers, st->nr, e) < 0 ||
	    layer_changes_from_tree(&f->list, j->op, view_tree(&f->view), e) < 0)
		return -1;
	set_times(&f->list, &j->pack_opt.write);
	return 0;
}

/* "linux_arm_v7" */
static char *folder_of(const struct output_image *img)
{
	char text[100];

	oci_platform_format(text, &img->platform);
	for (char *p = text; *p; p++)
		*p = *p == '/' ? '_' : *p;
	return mem_strdup(text);
}

/* -- a tar ------------------------------------------------------------------------------ */

static void move_below(struct layer_changes *c, const char *folder)
{
	for (size_t i = 0; i < c->nr; i++) {
		struct layer_change *x = &c->v[i];
		char *path = mem_printf("%s/%s", folder, x->path);

		free(x->path);
		x->path = path;
		if (!x->hard_link)
			continue;
		path = mem_printf("%s/%s", folder, x->link);
		free(x->link);
		x->link = path;
	}
}

/* All that is in files, in folders when there are several, as one list; they keep what it reads. */
static void join(struct layer_changes *out, struct job *j, struct files *files,
		 const struct output_images *all)
{
	const struct layer_write_options *opt = &j->pack_opt.write;
	int64_t now =
		opt->has_epoch ? opt->epoch : j->op->clock->wall_ns(j->op->clock) / 1000000000;

	for (size_t i = 0; i < all->nr; i++) {
		struct layer_changes *from = &files[i].list;

		if (all->nr > 1) {
			auto_free char *folder = folder_of(&all->v[i]);

			move_below(from, folder);
			MEM_GROW(out->v, out->nr, out->cap);
			out->v[out->nr++] = (struct layer_change){
				.kind = LAYER_ENTRY,
				.path = STEAL(&folder),
				.st = { .st_mode = S_IFDIR | 0755, .st_mtim.tv_sec = now },
			};
		}
		for (size_t k = 0; k < from->nr; k++) {
			MEM_GROW(out->v, out->nr, out->cap);
			out->v[out->nr++] = from->v[k];
		}
		from->nr = 0; /* the entries are out's */
	}
}

static int write_tar(struct job *j, const struct layer_changes *list, const char *dest,
		     struct err *e)
{
	auto_free char *dir = output_tar_dir(dest);
	auto_close int to = -1;
	auto_tmpfile struct tmpfile t = TMPFILE_INIT; /* released before its directory */
	const char *slash = strrchr(dest, '/');
	struct fd_sink out;

	if (strcmp(dest, "-") == 0) {
		j->has_begun_stdout = true;
		return layer_write(j->op, list, -1,
				   fd_sink_init(&out, STDOUT_FILENO, "standard output"), NULL, e);
	}
	to = fs_open_dir(dir, e);
	if (to < 0 || tmpfile_open(&t, to, 0644, e) < 0 ||
	    layer_write(j->op, list, -1, fd_sink_init(&out, t.fd, dest), NULL, e) < 0)
		return -1;
	return tmpfile_publish(&t, slash ? slash + 1 : dest, false, e);
}

/* -- a directory ------------------------------------------------------------------------ */

static int put_out(struct job *j, const struct layer_changes *list, const char *dest, struct err *e)
{
	auto_close int to = -1;
	size_t devices;

	if (fs_mkdir_p(AT_FDCWD, dest, 0755, e) < 0)
		return -1;
	to = fs_open_dir(dest, e);
	if (to < 0 || layer_put_out(&devices, j->op, list, to, e) < 0)
		return -1;
	if (devices)
		progress_warn(j->op->progress, "output '%s': %zu devices were left out", dest,
			      devices);
	return 0;
}

static int put_out_all(struct job *j, struct files *files, const struct output_images *all,
		       const char *dest, struct err *e)
{
	for (size_t i = 0; i < all->nr; i++) {
		auto_free char *folder = all->nr > 1 ? folder_of(&all->v[i]) : mem_strdup("");
		auto_free char *path =
			*folder ? mem_printf("%s/%s", dest, folder) : mem_strdup(dest);

		if (put_out(j, &files[i].list, path, e) < 0)
			return -1;
	}
	return 0;
}

/* --------------------------------------------------------------------------------------- */

static int write_all(struct job *j, struct files *files, const struct output_images *all,
		     const struct build_output *o, struct err *e)
{
	auto_changes struct layer_changes list = { 0 };

	for (size_t i = 0; i < all->nr; i++)
		if (files_open(&files[i], j, all->v[i].stage, e) < 0)
			return -1;
	if (o->type == BUILD_OUTPUT_LOCAL)
		return put_out_all(j, files, all, o->dest, e);
	join(&list, j, files, all);
	return write_tar(j, &list, o->dest, e);
}

int output_files_write(struct job *j, const struct output_images *all, const struct build_output *o,
		       struct err *e)
{
	struct files *files = mem_zalloc((all->nr + 1) * sizeof(*files));
	int r = write_all(j, files, all, o, e);

	for (size_t i = 0; i < all->nr; i++)
		files_release(&files[i]);
	free(files);
	return r;
}

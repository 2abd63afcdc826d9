/*
 * Where a bind mount's files are. A stage's or an image's tree is a directory already (mounted,
 * where it is several layers), so nothing is copied. The build context is copied into the
 * workspace, since .dockerignore has a say there, all in it is root's, and modes may be git's; but
 * where that would make no difference it is mounted itself.
 * A source leads nowhere outside its tree, whatever links are in it.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/build/copier.h"
#include "oci/build/run_mounts.h"
#include "oci/layer/lay.h"

static bool is_directory_context(const struct job *j, const struct plan_source *from)
{
	return from->kind == PLAN_NONE ||
	       (from->kind == PLAN_CONTEXT &&
		images_context_is_dir(images_context(j->opt, from->ref)));
}

/* -- copied ------------------------------------------------------------------------ */

/* Not as COPY finds things: a source is a name and no pattern. */
static int find_source(struct tree_place *out, const struct source_tree *tree, const char *source,
		       struct err *e)
{
	int hidden;

	if (tree_resolve(out, tree->tree, source, e) < 0)
		return -1;
	hidden = out->exists ? source_is_hidden(tree, out->path, out->st.st_mode, e) : 0;
	if (hidden > 0)
		return err_set(e, ERR_INPUT, "'%s' is in %s, but '%s' excludes it", source,
			       tree->where, tree->ignore_file);
	if (hidden == 0 && !out->exists)
		return err_set(e, ERR_INPUT, "'%s' is not in %s", source, tree->where);
	return hidden;
}

/* The builder, owned by the caller. */
static struct layer_builder *put_source(struct step *s, const struct source_tree *tree,
					const struct source_match *m, bool as_roots,
					const char *dest, struct err *e)
{
	struct timespec now;
	auto_layer_builder struct layer_builder *b = NULL;
	auto_copier struct copier c = { .op = s->job->op, .from = tree, .has_owner = as_roots };

	job_now(s->job, &now);
	b = layer_builder_new(NULL, &now);
	c.to = b;
	return copier_put(&c, m, dest, S_ISDIR(m->st.st_mode), true, e) < 0 ? NULL : STEAL(&b);
}

/*
 * source into dir: a directory becomes dir itself (*file is NULL then), anything else a file in it
 * (*file: its name, owned by the caller).
 */
static int copy_source(char **file, const char *dir, struct step *s, const struct plan_source *from,
		       const char *source, struct err *e)
{
	const char *path = source ? source : "/";
	auto_listing struct layer_listing listing = LISTING_INIT;
	auto_tree_place struct tree_place found = { 0 };
	auto_close int dirfd = fs_open_dir(dir, e);
	bool as_roots = is_directory_context(s->job, from);
	const struct layer_lay_options opt = { .tree_fd = -1, .progress_id = s->id };
	const struct source_tree *tree;
	const struct stat *st = &found.st;
	auto_layer_builder struct layer_builder *b = NULL;

	if (dirfd < 0 || sources_get(&tree, &s->stage->sources, s->job, s->stage, from, e) < 0 ||
	    find_source(&found, tree, path, e) < 0)
		return -1;

	const struct source_match m = { .path = (char *)path, .real = found.path, .st = *st };

	b = put_source(s, tree, &m, as_roots, S_ISDIR(st->st_mode) ? "/" : "/file", e);
	if (!b || layer_builder_list(&listing, b, e) < 0 ||
	    layer_lay_down_listing(s->job->op, &listing, dirfd, &opt, e) < 0)
		return -1;
	*file = S_ISDIR(st->st_mode) ? NULL : mem_strdup("file");
	if (*file)
		return 0;
	if (fchown(dirfd, as_roots ? 0 : st->st_uid, as_roots ? 0 : st->st_gid) < 0 ||
	    fchmod(dirfd, st->st_mode & 07777) < 0)
		return err_sys(e, "set the mode of the mount of '%s'", path);
	return 0;
}

int run_bind_list(struct layer_listing *out, struct step *s, const struct plan_source *from,
		  const char *source, struct err *e)
{
	const char *path = source ? source : "/";
	auto_tree_place struct tree_place found = { 0 };
	auto_layer_builder struct layer_builder *b = NULL;
	const struct source_tree *tree;

	if (sources_get(&tree, &s->stage->sources, s->job, s->stage, from, e) < 0 ||
	    find_source(&found, tree, path, e) < 0)
		return -1;

	const struct source_match m = { .path = (char *)path, .real = found.path, .st = found.st };

	b = put_source(s, tree, &m, is_directory_context(s->job, from),
		       S_ISDIR(found.st.st_mode) ? "/dir" : "/file", e);
	return b ? layer_builder_list(out, b, e) : -1;
}

int run_bind_copy(const char *dir, struct step *s, const struct plan_source *from,
		  const char *source, struct err *e)
{
	auto_free char *file = NULL;

	if (copy_source(&file, dir, s, from, source, e) < 0)
		return -1;
	return file ? err_set(e, ERR_INPUT, "'%s' is no directory", source) : 0;
}

static int open_copy(struct step *s, const struct plan_source *from, const char *source,
		     const char *name, struct err *e)
{
	auto_free char *dir = workspace_dir(&s->job->ws, name, e);
	auto_free char *file = NULL;
	auto_free char *path = NULL;
	int fd;

	if (!dir || copy_source(&file, dir, s, from, source, e) < 0)
		return -1;
	path = file ? mem_printf("%s/%s", dir, file) : mem_strdup(dir);
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

/* -- as it is ---------------------------------------------------------------------- */

static bool is_roots(const struct stat *st)
{
	return st->st_uid == 0 && st->st_gid == 0 &&
	       (S_ISDIR(st->st_mode) || S_ISREG(st->st_mode) || S_ISLNK(st->st_mode));
}

/* All below fd is root's and one file system, and our own state is not there. 1, 0, -1. */
static int is_plain(int fd, const struct context *c, struct err *e)
{
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", c->where);
	if (!is_roots(&st) || (st.st_dev == c->skip_dev && st.st_ino == c->skip_ino))
		return 0;
	if (!S_ISDIR(st.st_mode))
		return 1;
	if (walk_open(&walk, fd, e) < 0)
		return -1;
	while ((r = walk_next(walk, &ent, e)) > 0)
		if (!is_roots(&ent.st) || ent.st.st_dev != st.st_dev ||
		    (ent.st.st_dev == c->skip_dev && ent.st.st_ino == c->skip_ino))
			return 0;
	return r < 0 ? -1 : 1;
}

/* -1 without an error: it has to be copied. */
static int open_context_itself(const struct step *s, const struct plan_source *from,
			       const char *source)
{
	const struct context *c = &s->job->context;
	struct err ignored = ERR_INIT;
	auto_close int fd = -1;

	if (from->kind != PLAN_NONE || c->ignore || c->git_modes)
		return -1;
	fd = fs_open_beneath(c->fd, source ? source : "", O_RDONLY | O_NONBLOCK, 0, FS_IN_ROOT,
			     &ignored);
	return fd >= 0 && is_plain(fd, c, &ignored) > 0 ? fd_steal(&fd) : -1;
}

/* -- mounted ----------------------------------------------------------------------- */

static int image_dir(char **dir, struct step *s, const struct plan_source *from, struct err *e)
{
	struct job *j = s->job;
	struct image *img;

	if (images_get(&img, j->op, &j->images, from, &s->stage->plan->platform, e) < 0 ||
	    images_unpack(j->op, &j->images, img, e) < 0)
		return -1;
	if (!img->tree)
		return err_set(e, ERR_INPUT, "image '%s' has no files", img->name);
	*dir = mem_strdup(img->tree);
	return 0;
}

static int lowers_of(struct strv *out, struct step *s, const struct plan_source *from,
		     struct err *e)
{
	char *dir;

	if (from->kind == PLAN_SCRATCH)
		return 0;
	if (from->kind == PLAN_STAGE)
		return stage_lowers(out, s->job, &s->job->stages[from->stage], e);
	if (image_dir(&dir, s, from, e) < 0)
		return -1;
	strv_take(out, dir);
	return 0;
}

/* A view that may be written, with an upper directory that nobody reads afterwards. */
/* Where nothing can lie over anything: files of their own. */
static int open_writable_flat(struct step *s, const struct plan_source *from, const char *name,
			      struct err *e)
{
	const struct stage none = { .index = s->stage->index };
	struct stage image = none;

	if (from->kind == PLAN_STAGE)
		return flat_copy(s->job, &s->job->stages[from->stage], name, e);
	if (from->kind != PLAN_SCRATCH && images_get(&image.image, s->job->op, &s->job->images,
						     from, &s->stage->plan->platform, e) < 0)
		return -1;
	return flat_copy(s->job, &image, name, e);
}

static int open_writable(struct run_mounts *m, struct step *s, const struct plan_source *from,
			 const char *name, struct err *e)
{
	auto_strv struct strv lowers = STRV_INIT;
	auto_free char *dir = NULL;

	if (job_is_flat(s->job))
		return open_writable_flat(s, from, name, e);
	if (lowers_of(&lowers, s, from, e) < 0)
		return -1;
	dir = workspace_dir(&s->job->ws, name, e);
	if (!dir)
		return -1;
	MEM_GROW(m->views, m->nr_views, m->cap_views);
	m->sandbox = s->job->env->sandbox;
	if (sandbox_tree_open(m->sandbox, &m->views[m->nr_views], &lowers, dir, false, e) < 0)
		return -1;
	return fcntl(m->views[m->nr_views++].root_fd, F_DUPFD_CLOEXEC, 0);
}

/* A stage's own view is opened once and stays as long as the stage. */
static int open_read_only(struct step *s, const struct plan_source *from, struct err *e)
{
	auto_free char *dir = NULL;
	int fd;

	if (from->kind == PLAN_STAGE)
		return stage_files(&fd, s->job, &s->job->stages[from->stage], e) < 0
			       ? -1
			       : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return image_dir(&dir, s, from, e) < 0 ? -1 : fs_open_dir(dir, e);
}

static const char *where_of(const struct step *s, const struct plan_source *from)
{
	if (from->kind == PLAN_STAGE)
		return s->job->stages[from->stage].plan->name;
	return from->ref ? from->ref : "scratch";
}

/* Where nothing is mounted it has to be a copy anyway: one that is the RUN's alone and can be moved. */
static int open_for_bare(struct step *s, const struct plan_source *from, const char *source,
			 const char *name, struct err *e)
{
	auto_free char *empty = NULL;

	if (from->kind != PLAN_SCRATCH)
		return open_copy(s, from, source, name, e);
	empty = workspace_dir(&s->job->ws, name, e);
	return empty ? fs_open_dir(empty, e) : -1;
}

int run_bind_open(struct run_mounts *m, struct step *s, const struct plan_source *from,
		  const char *source, bool writable, const char *name, struct err *e)
{
	auto_close int root = -1;
	int fd;

	if (s->job->env->sandbox->bare)
		return open_for_bare(s, from, source, name, e);
	if (is_directory_context(s->job, from)) {
		fd = writable ? -1 : open_context_itself(s, from, source);
		return fd >= 0 ? fd : open_copy(s, from, source, name, e);
	}
	root = writable || from->kind == PLAN_SCRATCH ? open_writable(m, s, from, name, e)
						      : open_read_only(s, from, e);
	if (root < 0)
		return -1;
	fd = fs_open_beneath(root, source ? source : "", O_PATH, 0, FS_IN_ROOT, e);
	if (fd < 0 && e->kind == ERR_ABSENT)
		return err_set(e, ERR_INPUT, "'%s' is not in '%s'", source, where_of(s, from));
	return fd < 0 ? err_wrap(e, "'%s'", where_of(s, from)) : fd;
}

/*
 * Resolving goes one part after the other, from the root each time: a link's text is put in front
 * of what is still to go. Trees are as deep as people make them, so that this costs little.
 */
#include "oci/layer/tree.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"

#define PATH_BYTES_MAX (64u << 10)

int tree_look(struct tree *t, const char *path, struct tree_node *out, struct err *e)
{
	*out = (struct tree_node){ .link = NULL };
	return t->ops->look(t, path, out, e);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_sorted(const struct strv *s)
{
	for (size_t i = 1; i < s->n; i++)
		if (by_bytes(&s->v[i - 1], &s->v[i]) > 0)
			return false;
	return true;
}

int tree_list_marks(struct tree *t, const char *dir, struct strv *names, struct strv *deleted,
		    struct err *e)
{
	strv_release(names);
	if (t->ops->list(t, dir, names, deleted, e) < 0)
		return -1;
	if (!is_sorted(names))
		strv_sort(names);
	return 0;
}

int tree_list(struct tree *t, const char *dir, struct strv *names, struct err *e)
{
	return tree_list_marks(t, dir, names, NULL, e);
}

int tree_origin(struct tree *t, const char *path, struct tree_origin *out, struct err *e)
{
	*out = (struct tree_origin){ .dirfd = -1 };
	return t->ops->origin(t, path, out, e);
}

void tree_origin_release(struct tree_origin *o)
{
	free(o->path);
	*o = (struct tree_origin){ .dirfd = -1 };
}

int tree_origin_open(const struct tree_origin *o, struct err *e)
{
	return fs_open_beneath(o->dirfd, o->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0,
			       FS_NO_LINKS, e);
}

int tree_open_file(struct tree *t, const char *path, struct err *e)
{
	auto_tree_origin struct tree_origin o = { .dirfd = -1 };
	auto_close int fd = -1;
	struct stat st;

	if (tree_origin(t, path, &o, e) < 0)
		return -1;
	fd = tree_origin_open(&o, e);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FAILED, "'%s' was replaced by something that is no file",
			       path);
	return fd_steal(&fd);
}

void tree_free(struct tree *t)
{
	if (t)
		t->ops->free(t);
}

/* -- resolving ---------------------------------------------------------------- */

struct walker {
	struct tree *tree;
	struct buf at; /* resolved so far */
	char *text;    /* owned: holds rest */
	struct span rest;
	unsigned links;
	bool missing; /* at is not there, so nothing below it is */
	struct stat st;
};

static void walker_release(struct walker *w)
{
	buf_release(&w->at);
	free(w->text);
}

/* The next part that means something; false at the end. */
static bool take_part(struct walker *w, struct span *part)
{
	while (span_split(&w->rest, '/', part))
		if (part->n && !span_eq_str(*part, "."))
			return true;
	return false;
}

static void drop_last(struct walker *w)
{
	ptrdiff_t slash = span_rfind(buf_span(&w->at), '/');

	w->at.len = slash < 0 ? 0 : (size_t)slash;
	if (w->at.data)
		w->at.data[w->at.len] = '\0';
	w->missing = false; /* what is above was there, or will be found missing again */
	w->st.st_mode = S_IFDIR;
}

static int follow(struct walker *w, const char *target, struct err *e)
{
	char *text;

	if (++w->links > TREE_LINKS_MAX)
		return err_set(e, ERR_INPUT, "'%s': too many links", buf_str(&w->at));
	if (strlen(target) + w->rest.n > PATH_BYTES_MAX)
		return err_set(e, ERR_INPUT, "a path of more than %u bytes", PATH_BYTES_MAX);
	text = mem_printf("%s/%.*s", target, (int)w->rest.n, w->rest.n ? w->rest.p : "");
	if (*target == '/')
		buf_reset(&w->at);
	else
		drop_last(w);
	free(w->text);
	w->text = text;
	w->rest = span_of_str(text);
	return 0;
}

/* A path below something that is no directory is not there for a tree; people want to know why. */
static int no_way_through(const struct walker *w, struct err *e)
{
	err_set(e, ERR_INPUT, "'/%s': what is above it is not a directory", buf_str(&w->at));
	e->sys = ENOTDIR;
	return -1;
}

static int step(struct walker *w, struct span part, struct err *e)
{
	bool below_other = w->at.len && !w->missing && !S_ISDIR(w->st.st_mode);
	struct tree_node node;
	int r;

	if (span_eq_str(part, "..")) {
		drop_last(w);
		return 0;
	}
	if (w->at.len)
		buf_add_char(&w->at, '/');
	buf_add_span(&w->at, part);
	if (w->at.over)
		return err_set(e, ERR_INPUT, "a path of more than %u bytes", PATH_BYTES_MAX);
	if (below_other)
		return no_way_through(w, e);
	if (w->missing)
		return 0;
	r = tree_look(w->tree, buf_str(&w->at), &node, e);
	if (r < 0)
		return -1;
	w->missing = !r;
	w->st = node.st;
	return r && S_ISLNK(node.st.st_mode) ? follow(w, node.link, e) : 0;
}

/* Looks once more: ".." and links move `at` without looking at where it is then. */
static int finish(struct tree_place *out, struct walker *w, struct err *e)
{
	struct tree_node node = { .link = NULL };
	int r = w->missing ? 0 : tree_look(w->tree, buf_str(&w->at), &node, e);

	if (r < 0)
		return -1;
	*out = (struct tree_place){ .path = mem_strdup(buf_str(&w->at)),
				    .exists = r > 0,
				    .st = node.st };
	return 0;
}

int tree_resolve(struct tree_place *out, struct tree *t, const char *path, struct err *e)
{
	CLEANUP(walker_release)
	struct walker w = { .tree = t, .at = BUF_INIT(PATH_BYTES_MAX), .text = mem_strdup(path) };
	struct span part;

	w.rest = span_of_str(w.text);
	while (take_part(&w, &part))
		if (step(&w, part, e) < 0)
			return -1;
	return finish(out, &w, e);
}

void tree_place_release(struct tree_place *p)
{
	free(p->path);
	*p = (struct tree_place){ .path = NULL };
}

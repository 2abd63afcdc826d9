/*
 * A directory is copied along a walk with a stack of the directories that are open. One of them is
 * put when something goes into it that is not left out, and gets its time once more when it
 * is left, since filling it changes that.
 */
#include "oci/build/copier.h"

#include "base/cancel.h"
#include "base/hash.h"
#include "base/mem.h"
#include "oci/layer/path.h"

#define DEPTH_MAX 512

struct level {
	char *from; /* in the source tree */
	char *to;
	bool is_put;
	struct layer_file file;
};

struct tree_copy {
	struct copier *c;
	const struct source_match *m;
	size_t skip;	      /* how many bytes of a level's `from` are the source's own path */
	struct level *levels; /* [0] is the destination itself */
	size_t nr, cap;
};

static char *join(const char *dir, const char *name)
{
	return *dir ? mem_printf("%s/%s", dir, name) : mem_strdup(name);
}

/* -- files with several names -------------------------------------------------- */

struct link_slot {
	dev_t dev;
	ino_t ino;
	uint64_t nr; /* 0: free */
};

static struct link_slot *link_slot_of(struct link_slot *slots, size_t size, dev_t dev, ino_t ino)
{
	size_t i = (size_t)(ino * UINT64_C(0x9e3779b97f4a7c15)) & (size - 1);

	while (slots[i].nr && (slots[i].ino != ino || slots[i].dev != dev))
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static void links_grow(struct copier *c)
{
	size_t size = c->cap_links ? 2 * c->cap_links : 64;
	struct link_slot *bigger = mem_zalloc(size * sizeof(*bigger));

	for (size_t i = 0; i < c->cap_links; i++) {
		struct link_slot *s = &c->links[i];

		if (s->nr)
			*link_slot_of(bigger, size, s->dev, s->ino) = *s;
	}
	free(c->links);
	c->links = bigger;
	c->cap_links = size;
}

/* The number that all names of this file have in the builder. */
static uint64_t file_number(struct copier *c, const struct stat *st)
{
	struct link_slot *slot;

	if (2 * (c->nr_links + 1) > c->cap_links)
		links_grow(c);
	slot = link_slot_of(c->links, c->cap_links, st->st_dev, st->st_ino);
	if (!slot->nr) {
		*slot = (struct link_slot){ st->st_dev, st->st_ino, ++c->nr_files };
		c->nr_links++;
	}
	return slot->nr;
}

void copier_release(struct copier *c)
{
	free(c->links);
	c->links = NULL;
	c->nr_links = c->cap_links = 0;
}

/* -- what was seen ----------------------------------------------------------------- */

/* Of a directory no times: what is ignored comes and goes in it. */
static void see(struct copier *c, const char *from, const struct tree_node *node)
{
	const struct stat *st = &node->st;
	auto_buf struct buf text = BUF_INIT(SIZE_MAX);

	if (!c->seen)
		return;
	buf_addf(&text, "%s%c%o %u %u ", from, '\0', (unsigned)st->st_mode, (unsigned)st->st_uid,
		 (unsigned)st->st_gid);
	if (!S_ISDIR(st->st_mode))
		buf_addf(&text, "%ju %jd %jd.%ld %jd.%ld %s", (uintmax_t)st->st_ino,
			 (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
			 (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec,
			 node->link ? node->link : "");
	buf_add_char(&text, '\0');
	hash_update(c->seen, text.data, text.len);
}

/* -- one entry --------------------------------------------------------------------- */

/* Without where its bytes are. */
static struct layer_file file_of(const struct copier *c, const struct tree_node *node)
{
	struct layer_file f = { .st = node->st,
				.link = node->link,
				.capability = node->capability };

	if (c->has_owner) {
		f.st.st_uid = c->uid;
		f.st.st_gid = c->gid;
	}
	if (c->mode && !S_ISLNK(f.st.st_mode))
		f.st.st_mode = (f.st.st_mode & S_IFMT) | chmod_apply(c->mode, f.st.st_mode);
	return f;
}

/* 1: there, 0: not. */
static int look_there(struct copier *c, const char *to, struct tree_node *node, struct err *e)
{
	return tree_look(layer_builder_tree(c->to), to, node, e);
}

static int look_from(struct copier *c, const char *from, struct tree_node *node, struct err *e)
{
	int r = tree_look(c->from->tree, from, node, e);

	if (r == 0)
		err_set(e, ERR_FAILED, "'%s' in %s: gone while it was copied", from,
			c->from->where);
	return r > 0 ? 0 : -1;
}

/* Anything but a directory. What is there and is no directory is replaced, never followed. */
static int put_other(struct copier *c, const char *from, const char *to,
		     const struct tree_node *node, struct err *e)
{
	struct layer_file f = file_of(c, node);
	/* borrowed until the next look, and another look may come */
	auto_free char *capability = f.capability.n ? span_dup(f.capability) : NULL;
	auto_tree_origin struct tree_origin origin = { .path = NULL };
	struct tree_node there;
	int r;

	f.capability.p = capability;
	see(c, from, node);
	if (S_ISSOCK(node->st.st_mode))
		return 0; /* means nothing without its process */
	r = look_there(c, to, &there, e);
	if (r < 0)
		return -1;
	if (r && S_ISDIR(there.st.st_mode))
		return err_set(e, ERR_INPUT, "cannot replace the directory '/%s' with a file", to);
	if (S_ISREG(node->st.st_mode)) {
		if (tree_origin(c->from->tree, from, &origin, e) < 0)
			return -1;
		f.origin = origin;
		if (node->st.st_nlink > 1)
			f.same = file_number(c, &node->st);
	}
	return layer_builder_put(c->to, to, &f, e);
}

/* A list of chmod's says how to change a mode, and where there is no source there is none. */
static mode_t octal_mode(const struct copier *c)
{
	return c->mode && c->mode->is_octal ? c->mode->mode : 0755;
}

/* A directory that COPY makes on its own account, without a source. */
static struct layer_file made_dir(const struct copier *c, mode_t mode)
{
	struct layer_file f = { .st = { .st_mode = S_IFDIR | mode } };

	if (c->has_owner) {
		f.st.st_uid = c->uid;
		f.st.st_gid = c->gid;
	}
	return f;
}

static int no_directory(const char *path, struct err *e)
{
	return err_set(e, ERR_INPUT, "cannot copy a directory to '/%s': not a directory", path);
}

/* -- directories ------------------------------------------------------------------- */

static void level_release(struct level *l)
{
	free(l->from);
	free(l->to);
}

static void tree_copy_release(struct tree_copy *t)
{
	while (t->nr)
		level_release(&t->levels[--t->nr]);
	free(t->levels);
}

static int level_put(struct tree_copy *t, struct level *l, struct err *e)
{
	struct tree_node there;
	int r;

	l->is_put = true;
	if (l == t->levels) /* the destination; what leads there is made, too */
		return layer_builder_make_dirs(t->c->to, l->to, &l->file, e);
	r = look_there(t->c, l->to, &there, e);
	if (r < 0)
		return -1;
	if (r && !S_ISDIR(there.st.st_mode))
		return no_directory(l->to, e);
	return layer_builder_put(t->c->to, l->to, &l->file, e);
}

/* All directories that are open: something goes into the last one. */
static int put_levels(struct tree_copy *t, struct err *e)
{
	for (size_t i = 0; i < t->nr; i++)
		if (!t->levels[i].is_put && level_put(t, &t->levels[i], e) < 0)
			return -1;
	return 0;
}

static int push(struct tree_copy *t, const char *from, const char *to, struct layer_file file,
		struct err *e)
{
	if (t->nr == DEPTH_MAX)
		return err_set(e, ERR_INPUT, "'%s': directories are nested more than %d deep", from,
			       DEPTH_MAX);
	MEM_GROW(t->levels, t->nr, t->cap);
	t->levels[t->nr++] =
		(struct level){ .from = mem_strdup(from), .to = mem_strdup(to), .file = file };
	return 0;
}

/* Done with it: times last. The root of an image has no entry. */
static int pop(struct tree_copy *t, struct err *e)
{
	struct level *l = &t->levels[--t->nr];
	int r = 0;

	if (l->is_put && *l->to)
		r = layer_builder_put(t->c->to, l->to, &l->file, e);
	if (r == 0 && t->c->is_alone)
		layer_builder_close(t->c->to, l->to);
	level_release(l);
	return r;
}

enum verdict { TAKE, ENTER, LEAVE };

static enum verdict ask(const struct ignore *ig, const char *path, bool is_dir)
{
	if (!ignore_is_excluded(ig, path))
		return TAKE;
	return is_dir && ignore_may_hold_included(ig, path) ? ENTER : LEAVE;
}

/* Whether an entry is copied; ENTER: a directory of which only something below it may be. */
static enum verdict judge(const struct tree_copy *t, const char *from, bool is_dir)
{
	const char *below = from + t->skip;
	const enum verdict all[] = {
		ask(t->c->from->ignore, from, is_dir),
		ask(t->c->exclude, below, is_dir),
		ask(t->m->only, below, is_dir),
	};
	enum verdict worst = TAKE;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i] > worst)
			worst = all[i];
	return worst;
}

static int copy_names(struct tree_copy *t, struct err *e);

static int copy_entry(struct tree_copy *t, const char *name, struct err *e)
{
	const struct level *in = &t->levels[t->nr - 1];
	auto_free char *from = join(in->from, name), *to = join(in->to, name);
	struct tree_node node;
	enum verdict verdict;

	if (look_from(t->c, from, &node, e) < 0)
		return -1;
	verdict = judge(t, from, S_ISDIR(node.st.st_mode));
	if (verdict == LEAVE)
		return 0;
	if (!S_ISDIR(node.st.st_mode))
		return put_levels(t, e) < 0 ? -1 : put_other(t->c, from, to, &node, e);
	see(t->c, from, &node);
	if (push(t, from, to, file_of(t->c, &node), e) < 0 ||
	    (verdict == TAKE && put_levels(t, e) < 0) || copy_names(t, e) < 0)
		return -1;
	return pop(t, e);
}

/* What is in the last directory. */
static int copy_names(struct tree_copy *t, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (cancel_check(t->c->op->cancel, e) < 0 ||
	    tree_list(t->c->from->tree, t->levels[t->nr - 1].from, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (copy_entry(t, names.v[i], e) < 0)
			return -1;
	return 0;
}

/* Where dest leads; a directory, when it is there. */
static int resolve_dest(struct tree_place *at, struct copier *c, const char *dest, struct err *e)
{
	if (tree_resolve(at, layer_builder_tree(c->to), dest, e) < 0)
		return -1;
	return at->exists && !S_ISDIR(at->st.st_mode) ? no_directory(at->path, e) : 0;
}

int copier_make_dest(char **real, struct copier *c, const char *dest, struct err *e)
{
	const struct layer_file dir = made_dir(c, 0755);
	auto_tree_place struct tree_place at = { 0 };

	if (resolve_dest(&at, c, dest, e) < 0 ||
	    (!at.exists && layer_builder_make_dirs(c->to, at.path, &dir, e) < 0))
		return -1;
	*real = STEAL(&at.path);
	return 0;
}

/*
 * The contents of a directory; the directory's own time, but nothing else of it: what is there
 * stays as it is. Where only some of it is asked for there must be some, or nothing is made.
 */
static int put_dir(struct copier *c, const struct source_match *m, const char *dest, struct err *e)
{
	CLEANUP(tree_copy_release)
	struct tree_copy t = { .c = c, .m = m, .skip = *m->real ? strlen(m->real) + 1 : 0 };
	auto_tree_place struct tree_place at = { 0 };
	struct layer_file file = made_dir(c, octal_mode(c));

	if (resolve_dest(&at, c, dest, e) < 0)
		return -1;
	if (at.exists)
		file.st = at.st;
	file.st.st_mtim = m->st.st_mtim;
	if (push(&t, m->real, at.path, file, e) < 0 || (!m->only && put_levels(&t, e) < 0) ||
	    copy_names(&t, e) < 0)
		return -1;
	return pop(&t, e);
}

/* -- files --------------------------------------------------------------------------- */

/* A file to dir/name; dir is made when missing. */
static int put_file_at(struct copier *c, const struct source_match *m, const char *dir,
		       const char *name, struct err *e)
{
	const struct layer_file made = made_dir(c, octal_mode(c));
	auto_free char *to = join(dir, name);
	struct tree_node node;

	if (*dir && layer_builder_make_dirs(c->to, dir, &made, e) < 0)
		return -1;
	return look_from(c, m->real, &node, e) < 0 ? -1 : put_other(c, m->real, to, &node, e);
}

/* --exclude keeps a file away by its name, though docker only does so below a directory. */
static bool is_left_out(const struct copier *c, const struct source_match *m)
{
	return ignore_is_excluded(c->exclude, layer_path_last(m->path));
}

static int put_file(struct copier *c, const struct source_match *m, const char *dest, bool as_dir,
		    bool only_one, struct err *e)
{
	auto_tree_place struct tree_place at = { 0 };
	auto_free char *dir = NULL;
	bool is_dir;

	if (is_left_out(c, m))
		return 0;
	if (tree_resolve(&at, layer_builder_tree(c->to), dest, e) < 0)
		return -1;
	is_dir = at.exists && S_ISDIR(at.st.st_mode);
	if (as_dir && at.exists && !is_dir)
		return err_set(e, ERR_INPUT, "'/%s' is not a directory", at.path);
	if (as_dir || is_dir)
		return put_file_at(c, m, at.path, layer_path_last(m->path), e);
	if (!only_one)
		return err_set(e, ERR_INPUT,
			       "several files are copied: the destination '/%s' must be a "
			       "directory and end with /",
			       at.path);
	dir = span_dup(layer_path_dir(at.path));
	return put_file_at(c, m, dir, layer_path_last(at.path), e);
}

int copier_see(struct copier *c, const struct source_match *m, struct err *e)
{
	struct tree_node node;

	if (is_left_out(c, m))
		return 0;
	if (look_from(c, m->real, &node, e) < 0)
		return -1;
	see(c, m->real, &node);
	return 0;
}

int copier_put(struct copier *c, const struct source_match *m, const char *dest, bool as_dir,
	       bool only_one, struct err *e)
{
	copier_release(c);
	if (S_ISDIR(m->st.st_mode))
		return put_dir(c, m, dest, e);
	return put_file(c, m, dest, as_dir, only_one, e);
}

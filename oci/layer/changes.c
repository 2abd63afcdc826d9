/*
 * The upper directory is walked once and each name compared with what was below it.
 * What is equal is dropped at once, with two exceptions that are decided after the walk:
 * a directory stays when something in it does, and all names of one file stay when
 * one of them does (else the layer would turn a hard link into a copy).
 */
#include "oci/layer/changes.h"

#include <fcntl.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/layer/change_list.h"
#include "oci/layer/compare.h"
#include "oci/layer/marks.h"
#include "oci/layer/path.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_stack.h"

/* A directory that the walk is in. */
struct level {
	size_t at; /* its index in the list; CHANGE_ROOT */
	bool cut;  /* of what is below, nothing is seen but what is found here, too */
	char *path;
	struct strv names; /* cut: what is below, sorted; those before `next` were come by */
	size_t next;
};

struct scan {
	struct change_list list;
	struct level *levels; /* [0] is the root, … */
	size_t nr_levels, cap_levels;
	struct tree *below, **lowers;
	size_t nr_lowers;
	const struct op *op;
};

/* One entry of the upper directory. */
struct found {
	const struct walk_entry *ent;
	struct marks marks;
	struct tree_node node; /* its link points to link */
	char link[TAR_LINK_MAX + 1];
};

static void level_release(struct level *v)
{
	free(v->path);
	strv_release(&v->names);
}

static void scan_release(struct scan *s)
{
	while (s->nr_levels)
		level_release(&s->levels[--s->nr_levels]);
	free(s->levels);
	tree_free(s->below);
	for (size_t i = 0; i < s->nr_lowers; i++)
		tree_free(s->lowers[i]);
	free(s->lowers);
	change_list_release(&s->list);
}

static void push_level(struct scan *s, size_t at, const char *path)
{
	MEM_GROW(s->levels, s->nr_levels, s->cap_levels);
	s->levels[s->nr_levels++] = (struct level){ .at = at, .path = mem_strdup(path) };
}

static struct level *level_of(const struct scan *s, const struct walk_entry *ent)
{
	return &s->levels[ent->depth];
}

/*
 * Overlayfs says of a directory that is new in the place of another that it is opaque; in a layer
 * that is one deletion for each name that is gone, as other builders write it. Those that sort
 * before `name` (NULL: all) are told now, so that the list stays in order.
 */
static void tell_gone(struct scan *s, struct level *v, const char *name)
{
	for (; v->next < v->names.n; v->next++) {
		const char *below = v->names.v[v->next];
		int order = name ? strcmp(below, name) : -1;

		if (order > 0)
			return;
		if (order < 0)
			change_list_add(&s->list, LAYER_DELETED,
					mem_printf("%s/%s", v->path, below), v->at);
	}
}

/* The walk goes on at this depth: what is deeper was left. */
static void leave_levels(struct scan *s, size_t depth)
{
	while (s->nr_levels > depth + 1) {
		struct level *v = &s->levels[s->nr_levels - 1];

		tell_gone(s, v, NULL);
		level_release(v);
		s->nr_levels--;
	}
}

static size_t add(struct scan *s, enum layer_change_kind kind, const struct found *f)
{
	size_t at =
		change_list_add(&s->list, kind, mem_strdup(f->ent->path), level_of(s, f->ent)->at);
	struct layer_change *c = &s->list.out.v[at];

	if (kind == LAYER_DELETED)
		return at;
	c->st = f->ent->st;
	c->link = mem_strdup(f->node.link);
	if (f->marks.capability_len)
		c->capability = mem_alloc(f->marks.capability_len);
	if (f->marks.capability_len)
		memcpy(c->capability, f->marks.capability, f->marks.capability_len);
	c->capability_len = f->marks.capability_len;
	return at;
}

static int read_link(struct found *f, struct err *e)
{
	ssize_t n = readlinkat(f->ent->dirfd, f->ent->name, f->link, sizeof(f->link) - 1);

	if (n < 0)
		return err_sys(e, "read link '%s'", f->ent->path);
	f->link[n] = '\0';
	f->node.link = f->link;
	return 0;
}

/* below: what was there before, NULL: nothing. */
static int take_dir(struct scan *s, const struct found *f, const struct tree_node *below,
		    struct err *e)
{
	bool has_below = below && S_ISDIR(below->st.st_mode);
	bool cut = has_below && (f->marks.opaque || level_of(s, f->ent)->cut);
	size_t at = add(s, LAYER_ENTRY, f);

	s->list.notes[at].keep = !below || !compare_attributes(&f->node, below);
	push_level(s, at, f->ent->path);
	s->levels[s->nr_levels - 1].cut = cut;
	return cut ? tree_list(s->below, f->ent->path, &s->levels[s->nr_levels - 1].names, e) : 0;
}

/* Attributes are equal. */
static int same_content(struct scan *s, const struct found *f, struct err *e)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
	auto_close int now = -1, below = -1;

	if (!S_ISREG(f->node.st.st_mode) || !f->node.st.st_size)
		return 1;
	now = openat(f->ent->dirfd, f->ent->name, flags);
	if (now < 0)
		return err_sys(e, "open '%s'", f->ent->path);
	below = tree_open_file(s->below, f->ent->path, e);
	return below < 0 ? -1 : compare_content(now, below, f->ent->path, e);
}

static int take_other(struct scan *s, const struct found *f, const struct tree_node *below,
		      struct err *e)
{
	int equal = below && compare_attributes(&f->node, below) ? same_content(s, f, e) : 0;
	bool has_names = f->ent->st.st_nlink > 1;
	size_t at;

	if (equal < 0)
		return -1;
	if (equal && !has_names)
		return 0;
	at = add(s, LAYER_ENTRY, f);
	s->list.notes[at].keep = !equal;
	s->list.notes[at].file = has_names ? f->ent->st.st_ino : 0;
	return 0;
}

static int refuse_names(const struct walk_entry *ent, const struct marks *m, struct err *e)
{
	if (strncmp(ent->name, LAYER_WHITEOUT, strlen(LAYER_WHITEOUT)) == 0)
		return err_set(e, ERR_INPUT,
			       "'%s': in a layer names that begin with '%s' mean a deletion",
			       ent->path, LAYER_WHITEOUT);
	if (m->redirect)
		return err_set(
			e, ERR_IMPOSSIBLE,
			"'%s' has its content in another layer: the overlay was mounted with "
			"redirect_dir or metacopy",
			ent->path);
	return 0;
}

static int find(struct found *f, const struct walk_entry *ent, struct err *e)
{
	*f = (struct found){ .ent = ent, .node.st = ent->st };
	if (marks_read(&f->marks, ent->dirfd, ent->name, &ent->st, e) < 0 ||
	    refuse_names(ent, &f->marks, e) < 0)
		return -1;
	f->node.capability = span_of(f->marks.capability, f->marks.capability_len);
	return S_ISLNK(ent->st.st_mode) ? read_link(f, e) : 0;
}

static int take(struct scan *s, const struct walk_entry *ent, struct err *e)
{
	struct tree_node below;
	struct found f;
	int r;

	leave_levels(s, ent->depth);
	tell_gone(s, level_of(s, ent), ent->name);
	if (find(&f, ent, e) < 0)
		return -1;
	r = tree_look(s->below, ent->path, &below, e);
	if (r < 0)
		return -1;
	/* a socket means nothing without its process, but what it stands in front of is gone */
	if (f.marks.whiteout || S_ISSOCK(ent->st.st_mode)) {
		if (r)
			add(s, LAYER_DELETED, &f);
		return 0;
	}
	if (!S_ISDIR(ent->st.st_mode))
		return take_other(s, &f, r ? &below : NULL, e);
	return take_dir(s, &f, r ? &below : NULL, e);
}

static int open_lowers(struct scan *s, const int *fds, size_t nr, struct err *e)
{
	static const struct tree_dir_options opt = { .is_upper = true };

	s->lowers = mem_resize(NULL, nr + 1, sizeof(struct tree *));
	for (; s->nr_lowers < nr; s->nr_lowers++)
		if (tree_dir_open(&s->lowers[s->nr_lowers], fds[s->nr_lowers], &opt, e) < 0)
			return -1;
	s->below = tree_stack_new(s->lowers, nr);
	return 0;
}

static int scan_upper(struct scan *s, int upper_fd, struct err *e)
{
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&w, upper_fd, e) < 0)
		return -1;
	push_level(s, CHANGE_ROOT, "");
	while ((r = walk_next(w, &ent, e)) > 0) {
		if (cancel_check(s->op ? s->op->cancel : NULL, e) < 0)
			return -1;
		if (take(s, &ent, e) < 0)
			return -1;
	}
	leave_levels(s, 0);
	return r;
}

int layer_changes_from_upper(struct layer_changes *out, const struct op *op, int upper_fd,
			     const int *lower_fds, size_t nr_lowers, struct err *e)
{
	CLEANUP(scan_release) struct scan s = { .op = op };

	if (open_lowers(&s, lower_fds, nr_lowers, e) < 0 || scan_upper(&s, upper_fd, e) < 0)
		return err_wrap(e, "look for what changed");
	change_list_finish(out, &s.list);
	return 0;
}

/* -- names that were parted ---------------------------------------------------------- */

/* What a write has made has the time of its last change; what was copied up has an older one. */
static bool may_be_copied_up(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1 &&
	       (st->st_mtim.tv_sec != st->st_ctim.tv_sec ||
		st->st_mtim.tv_nsec != st->st_ctim.tv_nsec);
}

/* 1: it is what one of several names below shows; 0: not. */
static int is_parted(struct scan *s, const struct walk_entry *ent, const int *fds, size_t nr,
		     struct err *e)
{
	struct tree_node below;
	struct found f;
	int r;

	if (!s->below && open_lowers(s, fds, nr, e) < 0)
		return -1;
	r = tree_look(s->below, ent->path, &below, e);
	if (r <= 0 || below.st.st_nlink < 2)
		return r < 0 ? -1 : 0;
	if (find(&f, ent, e) < 0)
		return -1;
	return !f.marks.whiteout && compare_attributes(&f.node, &below) ? same_content(s, &f, e)
									: 0;
}

/* Nothing of below is seen in it. */
static int is_opaque(const struct walk_entry *ent, struct err *e)
{
	struct marks m;

	return marks_read(&m, ent->dirfd, ent->name, &ent->st, e) < 0 ? -1 : m.opaque;
}

static int take_away(const struct walk_entry *ent, struct err *e)
{
	struct timespec times[2];
	struct stat dir;

	if (fstat(ent->dirfd, &dir) < 0 || unlinkat(ent->dirfd, ent->name, 0) < 0)
		return err_sys(e, "remove the unchanged '%s'", ent->path);
	times[0] = dir.st_atim;
	times[1] = dir.st_mtim;
	return futimens(ent->dirfd, times) < 0 ? err_sys(e, "set times at '%s'", ent->path) : 0;
}

int layer_rejoin_names(const struct op *op, int upper_fd, const int *lower_fds, size_t nr_lowers,
		       struct err *e)
{
	CLEANUP(scan_release) struct scan s = { .op = op };
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&w, upper_fd, e) < 0)
		return -1;
	while ((r = walk_next(w, &ent, e)) > 0) {
		if (cancel_check(op ? op->cancel : NULL, e) < 0)
			return -1;
		if (S_ISDIR(ent.st.st_mode) && (r = is_opaque(&ent, e)) > 0)
			walk_skip(w);
		else if (may_be_copied_up(&ent.st) &&
			 (r = is_parted(&s, &ent, lower_fds, nr_lowers, e)) > 0)
			r = take_away(&ent, e);
		if (r < 0)
			break;
	}
	return r < 0 ? err_wrap(e, "look for names that were parted") : 0;
}

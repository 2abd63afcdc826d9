/*
 * The upper directory is walked once and each name compared with what was below it.
 * What is equal is dropped at once, with two exceptions that are decided after the walk:
 * a directory stays when something in it does, and all names of one file stay when
 * one of them does (else the layer would turn a hard link into a copy).
 */
#include "oci/layer/changes.h"

#include <errno.h>

#include "base/cancel.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/layer/compare.h"
#include "oci/layer/lower.h"
#include "oci/layer/marks.h"
#include "oci/layer/path.h"

#define NONE SIZE_MAX

/* What is known of out->v[i] beside itself. */
struct note {
	size_t parent; /* index of its directory; NONE: the root */
	bool keep;
	bool hides; /* a directory in which nothing from below is seen */
};

struct scan {
	struct layer_changes *out;
	struct note *notes; /* as many as out->v */
	size_t cap;
	size_t *parents; /* per depth: the index of the directory we are in */
	size_t cap_parents;
	struct lower lower;
	const struct op *op;
};

static void scan_release(struct scan *s)
{
	free(s->notes);
	free(s->parents);
	lower_release(&s->lower);
}

static void change_release(struct layer_change *c)
{
	free(c->path);
	free(c->link);
	free(c->capability);
	free(c->origin_path);
}

void layer_changes_release(struct layer_changes *c)
{
	for (size_t i = 0; i < c->nr; i++)
		change_release(&c->v[i]);
	free(c->v);
	*c = (struct layer_changes){ 0 };
}

static size_t parent_of(const struct scan *s, const struct walk_entry *ent)
{
	return ent->depth ? s->parents[ent->depth - 1] : NONE;
}

static struct note *add(struct scan *s, enum layer_change_kind kind, const struct walk_entry *ent)
{
	struct layer_changes *out = s->out;
	struct note *note;

	MEM_GROW(out->v, out->nr, out->cap);
	MEM_GROW(s->notes, out->nr, s->cap);
	out->v[out->nr] = (struct layer_change){ .kind = kind, .path = mem_strdup(ent->path) };
	if (kind != LAYER_DELETED)
		out->v[out->nr].st = ent->st;
	note = &s->notes[out->nr];
	*note = (struct note){ .parent = parent_of(s, ent), .keep = true };
	out->nr++;
	return note;
}

static int read_link(char **out, const struct walk_entry *ent, struct err *e)
{
	char target[TAR_LINK_MAX];
	ssize_t n = readlinkat(ent->dirfd, ent->name, target, sizeof(target));

	if (n < 0)
		return err_sys(e, "read link '%s'", ent->path);
	*out = mem_strndup(target, (size_t)n);
	return 0;
}

static void set_capability(struct layer_change *c, const struct marks *m)
{
	if (!m->capability_len)
		return;
	c->capability = mem_alloc(m->capability_len);
	memcpy(c->capability, m->capability, m->capability_len);
	c->capability_len = m->capability_len;
}

static void enter_dir(struct scan *s, const struct walk_entry *ent)
{
	if (ent->depth >= s->cap_parents) {
		s->cap_parents = 2 * ent->depth + 16;
		s->parents = mem_resize(s->parents, s->cap_parents, sizeof(*s->parents));
	}
	s->parents[ent->depth] = s->out->nr - 1;
}

/* below: what was there before, NULL: nothing. */
static void take_dir(struct scan *s, const struct walk_entry *ent, const struct compare_side *now,
		     const struct compare_side *below, bool hidden)
{
	bool replaces = now->marks->opaque && below && S_ISDIR(below->st->st_mode);
	struct note *note = add(s, replaces ? LAYER_OPAQUE : LAYER_ENTRY, ent);

	note->keep = replaces || !below || !compare_attributes(now, below);
	note->hides = hidden || now->marks->opaque;
	enter_dir(s, ent);
}

static int take_other(struct scan *s, const struct walk_entry *ent, const struct compare_side *now,
		      const struct compare_side *below, struct err *e)
{
	int equal = below ? compare_entries(now, below, e) : 0;
	struct layer_change *c;

	if (equal < 0)
		return err_wrap(e, "'%s'", ent->path);
	if (equal && ent->st.st_nlink < 2)
		return 0;
	add(s, LAYER_ENTRY, ent)->keep = !equal;
	c = &s->out->v[s->out->nr - 1];
	set_capability(c, now->marks);
	return S_ISLNK(ent->st.st_mode) ? read_link(&c->link, ent, e) : 0;
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

static int take(struct scan *s, const struct walk_entry *ent, struct err *e)
{
	size_t parent = parent_of(s, ent);
	bool hidden = parent != NONE && s->notes[parent].hides;
	struct lower_hit hit;
	struct marks m;
	struct compare_side now = { ent->dirfd, ent->name, &ent->st, &m }, below;
	int found = 0;

	if (marks_read(&m, ent->dirfd, ent->name, &ent->st, e) < 0 || refuse_names(ent, &m, e) < 0)
		return -1;
	if (!hidden)
		found = lower_find(&s->lower, ent->path, &hit, e);
	if (found < 0)
		return -1;
	/* a socket means nothing without its process, but what it stands in front of is gone */
	if (m.whiteout || S_ISSOCK(ent->st.st_mode)) {
		if (found)
			add(s, LAYER_DELETED, ent);
		return 0;
	}
	if (found)
		below = (struct compare_side){ hit.dirfd, hit.name, &hit.st, &hit.marks };
	if (!S_ISDIR(ent->st.st_mode))
		return take_other(s, ent, &now, found ? &below : NULL, e);
	take_dir(s, ent, &now, found ? &below : NULL, hidden);
	return 0;
}

static int scan_upper(struct scan *s, int upper_fd, struct err *e)
{
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&w, upper_fd, e) < 0)
		return -1;
	while ((r = walk_next(w, &ent, e)) > 0) {
		if (cancel_check(s->op ? s->op->cancel : NULL, e) < 0)
			return -1;
		if (take(s, &ent, e) < 0)
			return -1;
	}
	return r;
}

struct name_of_file {
	ino_t ino;
	size_t at;
};

static int by_file(const void *a, const void *b)
{
	const struct name_of_file *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* The names of one file, in path order: the first carries the content. */
static void link_names(struct scan *s, const struct name_of_file *names, size_t n)
{
	struct layer_change *v = s->out->v;
	bool keep = false;

	for (size_t i = 0; i < n; i++)
		keep |= s->notes[names[i].at].keep;
	for (size_t i = 0; i < n; i++) {
		struct layer_change *c = &v[names[i].at];

		s->notes[names[i].at].keep = keep;
		if (!i)
			continue;
		c->hard_link = true;
		free(c->link);
		c->link = mem_strdup(v[names[0].at].path);
	}
}

static void link_all(struct scan *s)
{
	auto_free struct name_of_file *names = NULL;
	size_t nr = 0, cap = 0;

	for (size_t i = 0; i < s->out->nr; i++) {
		const struct layer_change *c = &s->out->v[i];

		if (c->kind != LAYER_ENTRY || S_ISDIR(c->st.st_mode) || c->st.st_nlink < 2)
			continue;
		MEM_GROW(names, nr, cap);
		names[nr++] = (struct name_of_file){ c->st.st_ino, i };
	}
	if (!nr)
		return;
	qsort(names, nr, sizeof(*names), by_file);
	for (size_t i = 0, end; i < nr; i = end) {
		for (end = i + 1; end < nr && names[end].ino == names[i].ino; end++)
			;
		link_names(s, names + i, end - i);
	}
}

/* Children stand behind their directory, so one way from the end reaches every ancestor. */
static void keep_parents(struct scan *s)
{
	for (size_t i = s->out->nr; i-- > 0;)
		if (s->notes[i].keep && s->notes[i].parent != NONE)
			s->notes[s->notes[i].parent].keep = true;
}

static void drop_others(struct scan *s)
{
	struct layer_changes *out = s->out;
	size_t n = 0;

	for (size_t i = 0; i < out->nr; i++) {
		struct layer_change *c = &out->v[i];

		if (!s->notes[i].keep) {
			change_release(c);
			continue;
		}
		if (c->kind == LAYER_ENTRY && S_ISREG(c->st.st_mode) && !c->hard_link)
			out->bytes += (uint64_t)c->st.st_size;
		out->v[n++] = *c;
	}
	out->nr = n;
}

int layer_changes_from_upper(struct layer_changes *out, const struct op *op, int upper_fd,
			     const int *lower_fds, size_t nr_lowers, struct err *e)
{
	auto_changes struct layer_changes got = { 0 };
	CLEANUP(scan_release) struct scan s = { .out = &got, .op = op };

	lower_init(&s.lower, lower_fds, nr_lowers);
	if (scan_upper(&s, upper_fd, e) < 0)
		return err_wrap(e, "look for what changed");
	link_all(&s);
	keep_parents(&s);
	drop_others(&s);
	*out = got;
	got = (struct layer_changes){ 0 };
	return 0;
}

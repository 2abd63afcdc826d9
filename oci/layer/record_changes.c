/*
 * A walk compares what it sees with the record and notes what is different; then a second way through
 * the names, in memory and only to where something is different, makes the list in its order.
 *
 * ctime and inode as recorded: nothing has happened to it. Otherwise attributes decide, and last the
 * bytes: a file that was only touched is no change.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/cancel.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/layer/change_list.h"
#include "oci/layer/compare.h"
#include "oci/layer/marks.h"
#include "oci/layer/path.h"
#include "oci/layer/record_parts.h"

/* A name of a file that has several. */
struct alias {
	uint64_t ino;
	uint32_t at;
	bool is_old; /* it was a name of this file before */
};

struct look {
	struct record *r;
	const struct op *op;
	const struct strv *skip;
	dev_t dev;
	uint32_t *dirs; /* by depth: those that the walk is in */
	size_t cap_dirs;
	struct record_inode *found;
	uint32_t nr_found, cap_found;
	struct alias *aliases;
	size_t nr_aliases, cap_aliases;
	struct change_list list;
	struct buf path; /* of the directory whose changes are listed */
};

static void look_release(struct look *l)
{
	for (uint32_t i = 0; i < l->nr_found; i++)
		if (l->found[i].content == RECORD_LINK)
			free(l->found[i].link);
	free(l->found);
	free(l->dirs);
	free(l->aliases);
	change_list_release(&l->list);
	buf_release(&l->path);
}

/* -- what is there --------------------------------------------------------------------- */

static int read_link(struct record_inode *n, const struct walk_entry *ent, struct err *e)
{
	char link[TAR_LINK_MAX + 1];
	ssize_t len = readlinkat(ent->dirfd, ent->name, link, sizeof(link) - 1);

	if (len < 0)
		return err_sys(e, "read link '%s'", ent->path);
	n->link = mem_strndup(link, (size_t)len);
	n->content = RECORD_LINK;
	return 0;
}

/* All that is to be known of it, but what a file holds. */
static int examine(struct look *l, struct record_inode *n, const struct walk_entry *ent,
		   struct err *e)
{
	struct marks marks = { .capability_len = 0 };

	if (S_ISLNK(ent->st.st_mode) && read_link(n, ent, e) < 0)
		return -1;
	if (S_ISREG(ent->st.st_mode) && marks_read(&marks, ent->dirfd, ent->name, &ent->st, e) < 0)
		return -1;
	record_fill(l->r, n, &ent->st, span_of(marks.capability, marks.capability_len));
	return 0;
}

static int digest_of(unsigned char out[HASH_SHA256_LEN], int fd, const struct op *op,
		     const char *path, struct err *e)
{
	auto_free char *piece = mem_alloc(IO_CHUNK);
	struct fd_source from;
	struct source *in = fd_source_init(&from, fd, path);
	struct hash h;
	ssize_t n;

	hash_init(&h);
	while ((n = source_read(in, piece, IO_CHUNK, e)) > 0) {
		hash_update(&h, piece, (size_t)n);
		if (cancel_check(op ? op->cancel : NULL, e) < 0) {
			n = -1;
			break;
		}
	}
	if (n == 0)
		hash_final(&h, out);
	else
		hash_release(&h);
	return (int)n;
}

/* The bytes are what the record says. 1, 0 or -1. */
static int same_bytes(const struct look *l, const struct record_inode *n,
		      const struct walk_entry *ent, struct err *e)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	unsigned char raw[HASH_SHA256_LEN];
	auto_close int fd = -1, origin = -1;

	if (n->content == RECORD_UNKNOWN ||
	    (n->content == RECORD_ORIGIN && !n->origin->origin_path))
		return 0;
	fd = openat(ent->dirfd, ent->name, flags);
	if (fd < 0)
		return err_sys(e, "open '%s'", ent->path);
	if (n->content == RECORD_DIGEST)
		return digest_of(raw, fd, l->op, ent->path, e) < 0
			       ? -1
			       : memcmp(raw, n->digest, RECORD_DIGEST_LEN) == 0;
	const struct tree_origin at = { .dirfd = n->origin->origin_fd,
					.path = n->origin->origin_path };

	origin = tree_origin_open(&at, e);
	return origin < 0 ? -1 : compare_content(fd, origin, ent->path, e);
}

static bool same_text(const struct record_inode *a, const struct record_inode *b)
{
	if (a->content != RECORD_LINK || b->content != RECORD_LINK)
		return a->content != RECORD_LINK && b->content != RECORD_LINK;
	return strcmp(a->link, b->link) == 0;
}

/* now: examined. 1: nothing but times that prove nothing is different; 0; -1. */
static int is_equal(const struct look *l, const struct record_inode *was,
		    const struct record_inode *now, const struct walk_entry *ent, struct err *e)
{
	if (!record_same_attributes(l->r, was, now) || !same_text(was, now))
		return 0;
	if (!S_ISREG(now->mode) || !now->size)
		return 1;
	return same_bytes(l, was, ent, e);
}

/* -- what the walk notes ------------------------------------------------------------------ */

static struct record_seen *seen_of(struct look *l, uint32_t at)
{
	struct record *r = l->r;

	while (at >= r->cap_seen)
		MEM_GROW(r->seen, r->cap_seen, r->cap_seen);
	while (r->nr_seen <= at)
		r->seen[r->nr_seen++] = (struct record_seen){ .sight = RECORD_UNSEEN };
	return &r->seen[at];
}

/* A directory with something different in it, and those above it. */
static void mark_way(struct look *l, uint32_t dir)
{
	for (; dir != NAMES_NONE; dir = l->r->names.v[dir].dir) {
		struct record_seen *s = seen_of(l, dir);

		if (s->leads)
			return;
		s->leads = true;
	}
}

/* Takes n over. */
static void note_found(struct look *l, uint32_t at, const struct record_inode *n)
{
	MEM_GROW(l->found, l->nr_found, l->cap_found);
	l->found[l->nr_found++] = *n;
	seen_of(l, at)->found = l->nr_found;
	mark_way(l, l->r->names.v[at].dir);
}

static void note(struct look *l, uint32_t at, enum record_sight sight,
		 const struct record_inode *now)
{
	struct record_seen *s = seen_of(l, at);

	s->sight = (uint8_t)sight;
	s->is_dir = S_ISDIR(now->mode);
	s->facts = record_facts_hash(l->r, now);
}

/* It was touched: the record follows, so that nobody has to look at it again. */
static void settle(struct look *l, uint32_t at, const struct record_inode *now)
{
	struct record_inode *was = record_inode_of(l->r, at);
	struct record_inode n = *was;

	n.ino = now->ino;
	n.ctime = now->ctime;
	n.ctime_ns = now->ctime_ns;
	if (was->names == 1 || was->ino == now->ino) {
		*was = n;
		return;
	}
	if (n.content == RECORD_LINK)
		n.link = mem_strdup(n.link);
	record_put(l->r, at, &n);
}

static int take_new(struct look *l, uint32_t at, const struct walk_entry *ent, struct err *e)
{
	struct record_inode now = { .content = RECORD_UNKNOWN };

	if (examine(l, &now, ent, e) < 0)
		return -1;
	note(l, at, RECORD_NEW, &now);
	note_found(l, at, &now);
	return 0;
}

static void drop_link(struct record_inode *n)
{
	if (n->content == RECORD_LINK)
		free(n->link);
}

static int take_known(struct look *l, uint32_t at, const struct walk_entry *ent, struct err *e)
{
	struct record_inode *was = record_inode_of(l->r, at);
	struct record_inode now = { .content = RECORD_UNKNOWN, .capability = was->capability };
	int equal;

	record_fill(l->r, &now, &ent->st, record_capability_of(l->r, was));
	if (now.ino == was->ino && now.ctime == was->ctime && now.ctime_ns == was->ctime_ns &&
	    record_same_attributes(l->r, was, &now)) {
		now.content = was->content;
		now.link = was->link; /* borrowed: its text is a fact */
		note(l, at, RECORD_SAME, &now);
		return 0;
	}
	if (examine(l, &now, ent, e) < 0)
		return -1;
	equal = is_equal(l, was, &now, ent, e);
	if (equal < 0) {
		drop_link(&now);
		return -1;
	}
	note(l, at, equal ? RECORD_SAME : RECORD_CHANGED, &now);
	if (!equal) {
		note_found(l, at, &now);
		return 0;
	}
	settle(l, at, &now);
	drop_link(&now);
	return 0;
}

/* -- the walk -------------------------------------------------------------------------------- */

/* Is something mounted on the name? Overlays of several file systems give their files other devices. */
static bool is_mount(const struct look *l, const struct walk_entry *ent)
{
	struct statx x;

	if (ent->st.st_dev == l->dev)
		return false;
	if (S_ISDIR(ent->st.st_mode))
		return true;
	if (statx(ent->dirfd, ent->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &x) < 0 ||
	    !(x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return true;
	return x.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

static int refuse(const struct walk_entry *ent, struct err *e)
{
	if (strncmp(ent->name, LAYER_WHITEOUT, strlen(LAYER_WHITEOUT)) == 0)
		return err_set(e, ERR_INPUT,
			       "'%s': in a layer names that begin with '%s' mean a deletion",
			       ent->path, LAYER_WHITEOUT);
	if (S_ISCHR(ent->st.st_mode) && ent->st.st_rdev == makedev(0, 0))
		return err_set(e, ERR_INPUT, "'%s': a device 0:0 cannot be in a layer", ent->path);
	return 0;
}

static void pass_over(struct look *l, struct walk *w, uint32_t at)
{
	if (record_has(l->r, at))
		seen_of(l, at)->sight = RECORD_PASSED_OVER;
	walk_skip(w);
}

static void enter_dir(struct look *l, size_t depth, uint32_t at)
{
	while (depth >= l->cap_dirs)
		MEM_GROW(l->dirs, l->cap_dirs, l->cap_dirs);
	l->dirs[depth] = at;
}

static int take(struct look *l, struct walk *w, const struct walk_entry *ent, struct err *e)
{
	uint32_t dir = l->dirs[ent->depth];
	uint32_t at = names_find(&l->r->names, dir, span_of_str(ent->name));
	bool is_old;
	int r;

	if (is_mount(l, ent) || (l->skip && l->skip->n && strv_has(l->skip, ent->path))) {
		pass_over(l, w, at);
		return 0;
	}
	if (refuse(ent, e) < 0)
		return -1;
	/* a socket means nothing without its process, but what it stands in place of is gone */
	if (S_ISSOCK(ent->st.st_mode))
		return 0;
	if (at == NAMES_NONE)
		at = record_add_name(l->r, dir, ent->name);
	is_old = record_has(l->r, at) && record_inode_of(l->r, at)->ino == ent->st.st_ino;
	r = record_has(l->r, at) ? take_known(l, at, ent, e) : take_new(l, at, ent, e);
	if (r < 0)
		return -1;
	if (S_ISDIR(ent->st.st_mode)) {
		enter_dir(l, ent->depth + 1, at);
	} else if (ent->st.st_nlink > 1) {
		MEM_GROW(l->aliases, l->nr_aliases, l->cap_aliases);
		l->aliases[l->nr_aliases++] = (struct alias){ ent->st.st_ino, at, is_old };
	}
	return 0;
}

static int walk_all(struct look *l, int root_fd, struct err *e)
{
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	struct stat st;
	int r;

	if (fstat(root_fd, &st) < 0)
		return err_sys(e, "look at the tree");
	l->dev = st.st_dev;
	seen_of(l, NAMES_ROOT)->is_dir = true;
	enter_dir(l, 0, NAMES_ROOT);
	if (walk_open(&w, root_fd, e) < 0)
		return -1;
	while ((r = walk_next(w, &ent, e)) > 0)
		if (cancel_check(l->op ? l->op->cancel : NULL, e) < 0 || take(l, w, &ent, e) < 0)
			return -1;
	return r;
}

/* -- what follows from it ---------------------------------------------------------------------- */

static int by_ino(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* The name is listed as it is recorded. */
static void list_as_it_was(struct look *l, uint32_t at)
{
	struct record_inode n = *record_inode_of(l->r, at);

	if (n.content == RECORD_LINK)
		n.link = mem_strdup(n.link);
	note_found(l, at, &n);
}

static void set_is_link(struct look *l, uint32_t at, bool is_link)
{
	if (!seen_of(l, at)->found)
		list_as_it_was(l, at);
	l->found[seen_of(l, at)->found - 1].names = is_link ? 2 : 1;
}

/* Of the names that the file had before, the first in the list's order. */
static uint32_t first_old(const struct look *l, const struct alias *v, size_t n)
{
	auto_free char *first = NULL;
	uint32_t at = NAMES_NONE;

	for (size_t i = 0; i < n; i++) {
		char *path = v[i].is_old ? names_path(&l->r->names, v[i].at) : NULL;

		if (!path || (first && layer_path_compare(first, path) < 0)) {
			free(path);
			continue;
		}
		free(first);
		first = path;
		at = v[i].at;
	}
	return at;
}

/*
 * The names of one file, one of them listed. A file that had several names before gets a copy of
 * its own for each of them that changes, as in an overlay, which cannot change what lies below. A
 * file that had one, or none, is listed with all its names, or a layer would make copies of it.
 */
static void list_aliases(struct look *l, const struct alias *v, size_t n)
{
	uint32_t source = first_old(l, v, n);
	size_t nr_old = 0;

	for (size_t i = 0; i < n; i++)
		nr_old += v[i].is_old;
	for (size_t i = 0; i < n; i++) {
		bool is_link = nr_old < 2 || !v[i].is_old || (v[i].at == source && nr_old < n);

		if (is_link || seen_of(l, v[i].at)->found)
			set_is_link(l, v[i].at, is_link);
	}
}

static void find_aliases(struct look *l)
{
	struct alias *v = l->aliases;

	if (l->nr_aliases)
		qsort(v, l->nr_aliases, sizeof(*v), by_ino);
	for (size_t i = 0, end; i < l->nr_aliases; i = end) {
		bool found = false;

		for (end = i; end < l->nr_aliases && v[end].ino == v[i].ino; end++)
			found |= seen_of(l, v[end].at)->found != 0;
		if (found)
			list_aliases(l, v + i, end - i);
	}
}

/* In the record, in a directory that is still one, and not seen: deleted. */
static bool is_missing(struct look *l, uint32_t at)
{
	const struct record *r = l->r;
	uint32_t dir = r->names.v[at].dir;

	return r->names.v[at].text && record_has(r, at) && seen_of(l, at)->sight == RECORD_UNSEEN &&
	       seen_of(l, dir)->is_dir &&
	       (dir == NAMES_ROOT || (seen_of(l, dir)->sight != RECORD_UNSEEN &&
				      seen_of(l, dir)->sight != RECORD_PASSED_OVER));
}

static void find_missing(struct look *l)
{
	for (uint32_t i = NAMES_ROOT + 1; i < l->r->names.nr; i++)
		if (is_missing(l, i))
			mark_way(l, l->r->names.v[i].dir);
}

/* -- the list ------------------------------------------------------------------------------------ */

static void fill_stat(struct stat *st, const struct record_inode *n)
{
	*st = (struct stat){
		.st_mode = n->mode,
		.st_uid = n->uid,
		.st_gid = n->gid,
		.st_ino = n->ino,
		.st_nlink = 1,
		.st_mtim = { .tv_sec = n->mtime, .tv_nsec = n->mtime_ns },
		.st_ctim = { .tv_sec = n->ctime, .tv_nsec = n->ctime_ns },
	};
	if (S_ISREG(n->mode))
		st->st_size = (off_t)n->size;
	else
		st->st_rdev = n->size;
}

static void fill_change(struct look *l, size_t i, struct record_inode *n, bool is_found)
{
	struct layer_change *c = &l->list.out.v[i];
	struct span capability = record_capability_of(l->r, n);

	fill_stat(&c->st, n);
	if (n->content == RECORD_LINK)
		c->link = is_found ? STEAL(&n->link) : mem_strdup(n->link);
	if (is_found && c->link)
		n->content = RECORD_UNKNOWN;
	if (!capability.n)
		return;
	c->capability = mem_alloc(capability.n);
	memcpy(c->capability, capability.p, capability.n);
	c->capability_len = capability.n;
}

static void list_content(struct look *l, uint32_t dir, size_t parent);

static void list_name(struct look *l, uint32_t at, size_t parent)
{
	const struct record_seen s = *seen_of(l, at);
	size_t i;

	if (is_missing(l, at)) {
		change_list_add(&l->list, LAYER_DELETED, mem_strdup(buf_str(&l->path)), parent);
		return;
	}
	if (!s.found && !s.leads)
		return;
	i = change_list_add(&l->list, LAYER_ENTRY, mem_strdup(buf_str(&l->path)), parent);
	if (s.found)
		fill_change(l, i, &l->found[s.found - 1], true);
	else
		fill_change(l, i, record_inode_of(l->r, at), false);
	l->list.notes[i].keep = s.found != 0;
	if (s.found && l->found[s.found - 1].names > 1)
		l->list.notes[i].file = l->found[s.found - 1].ino;
	if (s.is_dir && s.leads)
		list_content(l, at, i);
}

/* Only as deep as walks go. */
static void list_content(struct look *l, uint32_t dir, size_t parent)
{
	size_t nr, len = l->path.len;
	auto_free uint32_t *in = names_sorted(&l->r->names, dir, &nr);

	for (size_t i = 0; i < nr; i++) {
		if (len)
			buf_add_char(&l->path, '/');
		buf_add_str(&l->path, l->r->names.v[in[i]].text);
		list_name(l, in[i], parent);
		l->path.len = len;
		l->path.data[len] = '\0';
	}
}

int record_changes(struct layer_changes *out, struct record *r, const struct op *op, int root_fd,
		   const struct strv *skip, struct err *e)
{
	CLEANUP(look_release)
	struct look l = { .r = r, .op = op, .skip = skip, .path = BUF_INIT(SIZE_MAX) };

	r->nr_seen = 0;
	if (walk_all(&l, root_fd, e) < 0)
		return err_wrap(e, "look for what changed");
	find_aliases(&l);
	find_missing(&l);
	buf_add_str(&l.path, "");
	list_content(&l, NAMES_ROOT, CHANGE_ROOT);
	change_list_finish(out, &l.list);
	return 0;
}

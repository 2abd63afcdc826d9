/*
 * Names in one table (names.h), inodes in another. Whoever fills a tree knows a directory by its
 * inode (links on the way to it were followed by the kernel), so directories are found by that, too.
 */
#include "oci/layer/record.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/mem.h"
#include "oci/layer/record_parts.h"

#define NO_INODE RECORD_NONE

/* -- directories by inode ------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static struct record_dir *dir_slot(const struct record *r, uint64_t ino)
{
	uint32_t i = (uint32_t)mix(ino) & (r->size_dirs - 1);

	while (r->dirs[i].ino && r->dirs[i].ino != ino)
		i = (i + 1) & (r->size_dirs - 1);
	return &r->dirs[i];
}

static bool is_dir(const struct record *r, uint32_t at)
{
	return record_has(r, at) && S_ISDIR(record_inode_of(r, at)->mode);
}

/* A number may have been removed since, and be another name by now. */
static bool is_true(const struct record *r, const struct record_dir *d)
{
	return d->ino && is_dir(r, d->at) && record_inode_of(r, d->at)->ino == d->ino;
}

static void grow_dirs(struct record *r)
{
	struct record_dir *old = r->dirs;
	uint32_t size = r->size_dirs;

	r->size_dirs = size ? 2 * size : 64;
	r->dirs = mem_zalloc(r->size_dirs * sizeof(*r->dirs));
	r->nr_dirs = 0;
	for (uint32_t i = 0; i < size; i++) {
		if (!is_true(r, &old[i]))
			continue;
		*dir_slot(r, old[i].ino) = old[i];
		r->nr_dirs++;
	}
	free(old);
}

static void put_dir(struct record *r, uint32_t at)
{
	uint64_t ino = record_inode_of(r, at)->ino;
	struct record_dir *d;

	if (2 * r->nr_dirs >= r->size_dirs)
		grow_dirs(r);
	d = dir_slot(r, ino);
	r->nr_dirs += !d->ino;
	*d = (struct record_dir){ .ino = ino, .at = at };
}

/* NAMES_NONE: e says so. */
static uint32_t dir_of(const struct record *r, ino_t ino, struct err *e)
{
	const struct record_dir *d = dir_slot(r, ino);

	if (is_true(r, d))
		return d->at;
	err_set(e, ERR_FAILED, "a directory (inode %llu) is not in the record of the tree",
		(unsigned long long)ino);
	return NAMES_NONE;
}

/* -- inodes ------------------------------------------------------------------------------- */

static uint32_t new_inode(struct record *r)
{
	uint32_t i = r->free_inode;

	if (i != NO_INODE) {
		r->free_inode = r->inodes[i].next_free;
		return i;
	}
	MEM_GROW(r->inodes, r->nr_inodes, r->cap_inodes);
	return r->nr_inodes++;
}

static void clear_content(struct record_inode *n)
{
	if (n->content == RECORD_LINK)
		free(n->link);
	n->content = RECORD_UNKNOWN;
}

/* A name gives up its inode. */
static void leave_inode(struct record *r, uint32_t at)
{
	uint32_t i = r->inode[at];
	struct record_inode *n;

	r->inode[at] = NO_INODE;
	if (i == NO_INODE)
		return;
	n = &r->inodes[i];
	n->ctime_ns = RECORD_NO_TIME; /* of the names that are left */
	if (--n->names)
		return;
	clear_content(n);
	n->next_free = r->free_inode;
	r->free_inode = i;
}

static uint32_t keep_capability(struct record *r, struct span bytes)
{
	struct record_capability *c;

	if (!bytes.n || bytes.n > sizeof(c->bytes))
		return 0;
	MEM_GROW(r->capabilities, r->nr_capabilities, r->cap_capabilities);
	c = &r->capabilities[r->nr_capabilities++];
	memcpy(c->bytes, bytes.p, bytes.n);
	c->len = (uint32_t)bytes.n;
	return r->nr_capabilities;
}

struct span record_capability_of(const struct record *r, const struct record_inode *n)
{
	const struct record_capability *c;

	if (!n->capability)
		return span_of(NULL, 0);
	c = &r->capabilities[n->capability - 1];
	return span_of((const char *)c->bytes, c->len);
}

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

static uint64_t size_of(const struct stat *st)
{
	if (is_device(st->st_mode))
		return st->st_rdev;
	return S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
}

void record_fill(struct record *r, struct record_inode *n, const struct stat *st,
		 struct span capability)
{
	n->ino = st->st_ino;
	n->mtime = st->st_mtim.tv_sec;
	n->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	n->ctime = st->st_ctim.tv_sec;
	n->ctime_ns = (uint32_t)st->st_ctim.tv_nsec;
	n->mode = st->st_mode;
	n->uid = st->st_uid;
	n->gid = st->st_gid;
	n->size = size_of(st);
	if (!span_eq(record_capability_of(r, n), capability))
		n->capability = keep_capability(r, capability);
	if (st->st_ctim.tv_sec > r->newest.tv_sec ||
	    (st->st_ctim.tv_sec == r->newest.tv_sec && st->st_ctim.tv_nsec > r->newest.tv_nsec))
		r->newest = st->st_ctim;
}

/* As compare.c: a layer's times are whole seconds. */
static bool same_time(const struct record_inode *a, const struct record_inode *b)
{
	return a->mtime == b->mtime && (a->mtime_ns == b->mtime_ns || !a->mtime_ns || !b->mtime_ns);
}

bool record_same_attributes(const struct record *r, const struct record_inode *a,
			    const struct record_inode *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->size == b->size &&
	       same_time(a, b) &&
	       (a->capability == b->capability ||
		span_eq(record_capability_of(r, a), record_capability_of(r, b)));
}

static uint64_t hash_text(uint64_t h, struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
	return mix(h);
}

uint64_t record_facts_hash(const struct record *r, const struct record_inode *n)
{
	uint64_t h = mix(n->mode | (uint64_t)n->uid << 32);

	h = mix(h ^ n->gid);
	h = mix(h ^ (uint64_t)n->mtime);
	h = mix(h ^ n->size);
	if (n->content == RECORD_LINK)
		h = hash_text(h, span_of_str(n->link));
	return n->capability ? hash_text(h, record_capability_of(r, n)) : h;
}

/* -- names ---------------------------------------------------------------------------------- */

uint32_t record_add_name(struct record *r, uint32_t dir, const char *name)
{
	uint32_t at = names_add(&r->names, dir, span_of_str(name));

	while (at >= r->cap_names)
		MEM_GROW(r->inode, r->cap_names, r->cap_names);
	r->inode[at] = NO_INODE;
	return at;
}

uint32_t record_find(const struct record *r, const char *path)
{
	struct span rest = span_of_str(path), part;
	uint32_t at = NAMES_ROOT;

	while (at != NAMES_NONE && rest.n && span_split(&rest, '/', &part))
		at = names_find(&r->names, at, part);
	return at;
}

static void remove_name(struct record *r, uint32_t at)
{
	leave_inode(r, at);
	names_remove(&r->names, at);
}

/* What is in a name, and the name itself when it is not `top`. */
static void drop_below(struct record *r, uint32_t top)
{
	uint32_t i = top;

	for (;;) {
		uint32_t up = r->names.v[i].dir;

		if (r->names.v[i].first != NAMES_NONE) {
			i = r->names.v[i].first;
			continue;
		}
		if (i == top)
			return;
		remove_name(r, i);
		i = up;
	}
}

void record_drop_content(struct record *r, uint32_t at)
{
	drop_below(r, at);
}

void record_drop(struct record *r, uint32_t at)
{
	drop_below(r, at);
	remove_name(r, at);
}

void record_put(struct record *r, uint32_t at, const struct record_inode *n)
{
	uint32_t i = new_inode(r);

	leave_inode(r, at);
	r->inodes[i] = *n;
	r->inodes[i].names = 1;
	r->inode[at] = i;
	if (S_ISDIR(n->mode))
		put_dir(r, at);
}

void record_share(struct record *r, uint32_t at, uint32_t to)
{
	uint32_t i = r->inode[to];

	if (r->inode[at] == i)
		return;
	leave_inode(r, at);
	r->inodes[i].names++;
	r->inode[at] = i;
}

/* -- filling ---------------------------------------------------------------------------------- */

int record_new(struct record **out, int root_fd, struct err *e)
{
	struct record_inode root = { .content = RECORD_UNKNOWN };
	struct record *r;
	struct stat st;

	if (fstat(root_fd, &st) < 0)
		return err_sys(e, "look at the tree");
	r = mem_zalloc(sizeof(*r));
	r->free_inode = NO_INODE;
	names_init(&r->names);
	grow_dirs(r);
	MEM_GROW(r->inode, r->cap_names, r->cap_names);
	r->inode[NAMES_ROOT] = NO_INODE;
	record_fill(r, &root, &st, span_of(NULL, 0));
	record_put(r, NAMES_ROOT, &root);
	*out = r;
	return 0;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->names.nr; i++)
		if (r->names.v[i].text)
			leave_inode(r, i);
	names_release(&r->names);
	free(r->inode);
	free(r->inodes);
	free(r->capabilities);
	free(r->dirs);
	free(r->seen);
	free(r);
}

size_t record_nr(const struct record *r)
{
	return r->names.nr_there;
}

static void set_content(struct record_inode *n, const struct record_facts *f)
{
	if (f->link) {
		n->link = mem_strdup(f->link);
		n->content = RECORD_LINK;
	} else if (f->origin) {
		n->origin = f->origin;
		n->content = RECORD_ORIGIN;
	} else if (f->digest) {
		memcpy(n->digest, f->digest, RECORD_DIGEST_LEN);
		n->content = RECORD_DIGEST;
	}
}

/* The name, made when it is not there, with nothing in it unless it stays a directory. */
static uint32_t make_room(struct record *r, uint32_t dir, const char *name, mode_t mode)
{
	uint32_t at = names_find(&r->names, dir, span_of_str(name));

	record_inode_of(r, dir)->stale = true;
	if (at == NAMES_NONE)
		return record_add_name(r, dir, name);
	if (!S_ISDIR(mode) || !is_dir(r, at))
		record_drop_content(r, at);
	return at;
}

int record_set(struct record *r, ino_t dir, const char *name, const struct record_facts *f,
	       struct err *e)
{
	struct record_inode n = { .stale = S_ISDIR(f->st->st_mode) };
	uint32_t in = dir_of(r, dir, e);

	if (in == NAMES_NONE)
		return -1;
	record_fill(r, &n, f->st, f->capability);
	set_content(&n, f);
	record_put(r, make_room(r, in, name, f->st->st_mode), &n);
	return 0;
}

int record_link(struct record *r, ino_t dir, const char *name, ino_t to_dir, const char *to,
		const struct stat *st, struct err *e)
{
	uint32_t in = dir_of(r, dir, e);
	uint32_t from = in == NAMES_NONE ? NAMES_NONE : dir_of(r, to_dir, e);
	struct record_inode *n;

	if (from == NAMES_NONE)
		return -1;
	from = names_find(&r->names, from, span_of_str(to));
	if (!record_has(r, from))
		return err_set(e, ERR_FAILED, "'%s' is not in the record of the tree", to);
	record_share(r, make_room(r, in, name, st->st_mode), from);
	n = record_inode_of(r, from);
	record_fill(r, n, st, record_capability_of(r, n));
	return 0;
}

int record_remove(struct record *r, ino_t dir, const char *name, struct err *e)
{
	uint32_t in = dir_of(r, dir, e), at;

	if (in == NAMES_NONE)
		return -1;
	at = names_find(&r->names, in, span_of_str(name));
	record_inode_of(r, in)->stale = true;
	if (at != NAMES_NONE)
		record_drop(r, at);
	return 0;
}

static int refresh(struct record *r, int root_fd, uint32_t at, struct err *e)
{
	auto_free char *path = names_path(&r->names, at);
	struct record_inode *n = record_inode_of(r, at);
	struct stat st;

	if (fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_FAILED, "'%s' is no directory any more", path);
	record_fill(r, n, &st, span_of(NULL, 0));
	n->stale = false;
	return 0;
}

int record_refresh(struct record *r, int root_fd, struct err *e)
{
	for (uint32_t i = NAMES_ROOT + 1; i < r->names.nr; i++)
		if (r->names.v[i].text && record_has(r, i) && record_inode_of(r, i)->stale &&
		    refresh(r, root_fd, i, e) < 0)
			return -1;
	return 0;
}

/* -- the clock ---------------------------------------------------------------------------------- */

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

void record_wait_clock(const struct record *r)
{
	const struct timespec bit = { .tv_nsec = 1000000 };
	int64_t newest = ns_of(&r->newest);
	struct timespec now;

	/* a clock that was set back by more than a tick does not come round while we wait */
	for (int tries = 0; tries < 20; tries++) {
		if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0 || ns_of(&now) > newest)
			return;
		nanosleep(&bit, NULL);
	}
}

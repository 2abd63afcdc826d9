/*
 * Names and inodes as on a disk: a hard link is a second name of one inode. The directory of the last
 * entry is remembered: a tar lists a directory's files one after the other.
 */
#include "oci/layer/toc_place.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "oci/layer/passwd.h"
#include "oci/layer/path.h"

#define LINKS_MAX      40  /* as the kernel */
#define NAME_BYTES_MAX 255 /* as every file system */
#define TEXTS_MAX      (4 * PASSWD_FILE_MAX)
#define DEPTH_MAX      200 /* of whiteouts over what a layer set itself: as place_hide.c */

/* -- names and inodes ------------------------------------------------------------- */

static struct toc_inode *inode_of(const struct toc_place *p, uint32_t at)
{
	return &p->inodes[p->at[at].inode];
}

static bool is_dir(const struct toc_place *p, uint32_t at)
{
	return S_ISDIR(inode_of(p, at)->mode);
}

static uint32_t new_inode(struct toc_place *p)
{
	uint32_t i = p->free_inode;

	if (i != NAMES_NONE) {
		p->free_inode = p->inodes[i].next_free;
	} else {
		MEM_GROW(p->inodes, p->nr_inodes, p->cap_inodes);
		i = p->nr_inodes++;
	}
	p->inodes[i] = (struct toc_inode){ .names = 0 };
	return i;
}

static void inode_clear(struct toc_inode *n)
{
	free(n->link);
	free(n->capability);
	free(n->text);
	n->link = n->text = NULL;
	n->capability = NULL;
}

static void drop_inode(struct toc_place *p, uint32_t i)
{
	struct toc_inode *n = &p->inodes[i];

	if (--n->names)
		return;
	p->bytes -= n->link ? strlen(n->link) : 0;
	p->text_bytes -= n->text_len;
	inode_clear(n);
	n->next_free = p->free_inode;
	p->free_inode = i;
}

static int too_much(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "more than %u names, or %llu bytes of them", TOC_NAMES_MAX,
		       (unsigned long long)TOC_BYTES_MAX);
}

/* A name for inode in dir, which has none of that name. */
static int add_name(uint32_t *out, struct toc_place *p, uint32_t dir, const char *name,
		    uint32_t inode, struct err *e)
{
	size_t n = strlen(name), path_len = p->at[dir].path_len + 1 + n;
	uint32_t at;

	if (n > NAME_BYTES_MAX || path_len > LAYER_PATH_MAX)
		return err_set(e, ERR_CORRUPT, "its name is too long");
	if (p->names.nr_there >= TOC_NAMES_MAX || p->names.text_bytes > TOC_BYTES_MAX ||
	    p->bytes > TOC_BYTES_MAX)
		return too_much(e);
	at = names_add(&p->names, dir, span_of(name, n));
	while (at >= p->cap_at)
		MEM_GROW(p->at, p->cap_at, p->cap_at);
	p->at[at] = (struct toc_name){ .inode = inode, .path_len = (uint32_t)path_len };
	p->inodes[inode].names++;
	p->bytes += path_len;
	*out = at;
	return 0;
}

/* It has nothing in it. */
static void remove_name(struct toc_place *p, uint32_t at)
{
	p->bytes -= p->at[at].path_len;
	drop_inode(p, p->at[at].inode);
	names_remove(&p->names, at);
}

static void forget_dir(struct toc_place *p)
{
	free(STEAL(&p->dir));
}

/* A name and all below it. */
static void remove_tree(struct toc_place *p, uint32_t top)
{
	uint32_t i = top;

	forget_dir(p);
	for (;;) {
		uint32_t up = p->names.v[i].dir;

		if (p->names.v[i].first != NAMES_NONE) {
			i = p->names.v[i].first;
			continue;
		}
		remove_name(p, i);
		if (i == top)
			return;
		i = up;
	}
}

void toc_place_init(struct toc_place *p)
{
	*p = (struct toc_place){ .free_inode = NAMES_NONE };
	names_init(&p->names);
	buf_init(&p->path, LAYER_PATH_MAX);
	buf_init(&p->target, LAYER_PATH_MAX);
	MEM_GROW(p->at, 0, p->cap_at);
	p->at[NAMES_ROOT] = (struct toc_name){ .inode = new_inode(p) };
	p->inodes[0].mode = S_IFDIR | 0755;
	p->inodes[0].names = 1;
}

void toc_place_release(struct toc_place *p)
{
	for (uint32_t i = 0; i < p->nr_inodes; i++)
		inode_clear(&p->inodes[i]);
	free(p->inodes);
	free(p->at);
	names_release(&p->names);
	forget_dir(p);
	buf_release(&p->path);
	buf_release(&p->target);
}

void toc_place_next_layer(struct toc_place *p)
{
	p->where.layer++;
	p->where.entry = 0;
	forget_dir(p); /* it is not of the next layer yet */
}

/* -- paths ------------------------------------------------------------------------ */

struct walker {
	const struct toc_place *p;
	uint32_t at; /* a directory, but for the last name that was found */
	char *text;  /* owned: holds rest */
	struct span rest;
	unsigned links;
};

/* What link says goes before the rest of the path. */
static int follow(struct walker *w, const char *link)
{
	char *text;

	if (++w->links > LINKS_MAX)
		return ELOOP;
	if (*link == '/')
		w->at = NAMES_ROOT;
	text = mem_printf("%s/%.*s", link, (int)w->rest.n, w->rest.n ? w->rest.p : "");
	free(w->text);
	w->text = text;
	w->rest = span_of_str(text);
	return 0;
}

static int step(struct walker *w, struct span part)
{
	const struct toc_place *p = w->p;
	uint32_t next;

	if (!is_dir(p, w->at))
		return ENOTDIR;
	if (!part.n || span_eq_str(part, "."))
		return 0;
	if (span_eq_str(part, "..")) {
		w->at = w->at == NAMES_ROOT ? NAMES_ROOT : p->names.v[w->at].dir;
		return 0;
	}
	if (part.n > NAME_BYTES_MAX)
		return ENAMETOOLONG;
	next = names_find(&p->names, w->at, part);
	if (next == NAMES_NONE)
		return ENOENT;
	if (S_ISLNK(inode_of(p, next)->mode))
		return follow(w, inode_of(p, next)->link);
	w->at = next;
	return 0;
}

/* The directory that path leads to, links followed inside the root: 0, or ENOENT, ENOTDIR, ELOOP… */
static int resolve_dir(uint32_t *out, const struct toc_place *p, struct span path)
{
	struct walker w = { .p = p, .at = NAMES_ROOT, .text = span_dup(path) };
	struct span part;
	int sys = 0;

	w.rest = span_of_str(w.text);
	while (!sys && span_split(&w.rest, '/', &part))
		sys = step(&w, part);
	free(w.text);
	if (!sys && !is_dir(p, w.at))
		sys = ENOTDIR;
	if (!sys)
		*out = w.at;
	return sys;
}

static int cannot(int sys, const char *what, struct span path, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "%s '" SPAN_FMT "': %s", what, SPAN_ARG(path),
		       strerror(sys));
}

static int make_dir(uint32_t *out, struct toc_place *p, uint32_t dir, struct span path,
		    struct err *e)
{
	auto_free char *text = span_dup(path);
	const char *name = layer_path_last(text);
	uint32_t inode;

	/* a link to nothing */
	if (names_find(&p->names, dir, span_of_str(name)) != NAMES_NONE)
		return cannot(EEXIST, "create directory", path, e);
	inode = new_inode(p);
	p->inodes[inode].mode = S_IFDIR | 0755;
	return add_name(out, p, dir, name, inode, e);
}

/* All parts of path, the missing ones made. */
static int make_dirs(uint32_t *out, struct toc_place *p, struct span path, struct err *e)
{
	struct span rest = path, part;
	uint32_t at = NAMES_ROOT;

	while (span_split(&rest, '/', &part)) {
		struct span upto = span_of(path.p, (size_t)(part.p + part.n - path.p));
		uint32_t next;
		int sys = resolve_dir(&next, p, upto);

		if (sys && sys != ENOENT)
			return cannot(sys, "open", upto, e);
		if (sys && make_dir(&next, p, at, upto, e) < 0)
			return -1;
		at = next;
	}
	*out = at;
	return 0;
}

/* This directory and all above it are of this layer now. */
static void touch_upwards(struct toc_place *p, uint32_t at)
{
	for (; p->at[at].touched != p->where.layer + 1; at = p->names.v[at].dir) {
		p->at[at].touched = p->where.layer + 1;
		if (at == NAMES_ROOT)
			return;
	}
}

static int go_to_dir(uint32_t *out, struct toc_place *p, struct err *e)
{
	struct span dir = layer_path_dir(buf_str(&p->path));
	uint32_t at = 0;
	int sys;

	if (p->dir && span_eq_str(dir, p->dir)) {
		*out = p->dir_at;
		return 0;
	}
	sys = resolve_dir(&at, p, dir);
	if (sys && sys != ENOENT)
		return cannot(sys, "open", dir, e);
	if (sys && make_dirs(&at, p, dir, e) < 0)
		return -1;
	touch_upwards(p, at);
	forget_dir(p);
	p->dir = span_dup(dir);
	p->dir_at = *out = at;
	return 0;
}

/* -- whiteouts ---------------------------------------------------------------------- */

static bool is_touched(const struct toc_place *p, uint32_t at)
{
	return p->at[at].touched == p->where.layer + 1;
}

/* A name that is there, unless this layer has set it. */
static int hide(struct toc_place *p, uint32_t at, unsigned depth, struct err *e)
{
	if (!is_touched(p, at)) {
		remove_tree(p, at);
		return 0;
	}
	if (is_dir(p, at) && depth >= DEPTH_MAX)
		return err_set(e, ERR_CORRUPT, "a whiteout over more than %d levels", DEPTH_MAX);
	for (uint32_t i = p->names.v[at].first, next; i != NAMES_NONE; i = next) {
		next = p->names.v[i].next;
		if (hide(p, i, depth + 1, e) < 0)
			return -1;
	}
	return 0;
}

static int place_whiteout(struct toc_place *p, enum layer_whiteout kind, const char *hidden,
			  struct err *e)
{
	struct span dir = layer_path_dir(buf_str(&p->path));
	uint32_t at;
	int sys;

	if (kind == WHITEOUT_IGNORED)
		return 0;
	if (kind == WHITEOUT_BAD)
		return err_set(e, ERR_CORRUPT, "a whiteout of no name");
	sys = resolve_dir(&at, p, dir);
	if (sys == ENOENT || sys == ENOTDIR)
		return 0; /* a directory that is not there has nothing to hide */
	if (sys)
		return cannot(sys, "open", dir, e);
	if (kind == WHITEOUT_OPAQUE) {
		for (uint32_t i = p->names.v[at].first, next; i != NAMES_NONE; i = next) {
			next = p->names.v[i].next;
			if (hide(p, i, 0, e) < 0)
				return -1;
		}
		return 0;
	}
	at = names_find(&p->names, at, span_of_str(hidden));
	return at == NAMES_NONE ? 0 : hide(p, at, 0, e);
}

/* -- entries ------------------------------------------------------------------------ */

static void set_inode(struct toc_inode *n, const struct tar_entry *ent)
{
	n->uid = ent->uid;
	n->gid = ent->gid;
	n->mtime = (struct timespec){ .tv_sec = ent->mtime, .tv_nsec = ent->mtime_nsec };
}

/* A file that is kept whole. */
static int read_text(struct toc_place *p, struct toc_inode *n, const struct tar_entry *ent,
		     struct tar_reader *from, struct err *e)
{
	struct span piece;
	uint64_t at;
	int r;

	n->text = mem_zalloc(ent->size_bytes + 1);
	n->text_len = ent->size_bytes;
	p->text_bytes += n->text_len;
	while ((r = tar_reader_data(from, &piece, &at, e)) > 0) {
		if (at > ent->size_bytes || piece.n > ent->size_bytes - at)
			return err_set(e, ERR_CORRUPT, "it has more bytes than its header says");
		memcpy(n->text + at, piece.p, piece.n);
	}
	return r;
}

static bool is_kept_whole(const struct toc_place *p, const struct tar_entry *ent)
{
	const char *path = buf_str(&p->path);

	return ent->size_bytes <= PASSWD_FILE_MAX && p->text_bytes + ent->size_bytes <= TEXTS_MAX &&
	       (strcmp(path, "etc/passwd") == 0 || strcmp(path, "etc/group") == 0);
}

static int fill_file(struct toc_place *p, struct toc_inode *n, const struct tar_entry *ent,
		     struct tar_reader *from, struct err *e)
{
	n->mode = S_IFREG | ent->mode;
	n->size = ent->size_bytes;
	n->where = p->where;
	n->capability_len = (uint32_t)ent->capability.n;
	if (ent->capability.n) {
		n->capability = mem_alloc(ent->capability.n);
		memcpy(n->capability, ent->capability.p, ent->capability.n);
	}
	return is_kept_whole(p, ent) ? read_text(p, n, ent, from, e) : 0;
}

static int fill_link(struct toc_place *p, struct toc_inode *n, const struct tar_entry *ent,
		     struct err *e)
{
	if (!*ent->link)
		return err_set(e, ERR_CORRUPT, "a link to nothing");
	n->mode = S_IFLNK | 0777;
	n->link = mem_strdup(ent->link);
	p->bytes += strlen(n->link);
	return 0;
}

static int fill_node(struct toc_inode *n, const struct tar_entry *ent, struct err *e)
{
	mode_t type = ent->type == TAR_CHAR ? S_IFCHR : ent->type == TAR_BLOCK ? S_IFBLK : S_IFIFO;

	if (ent->type == TAR_CHAR && !ent->dev_major && !ent->dev_minor)
		return err_set(e, ERR_CORRUPT, "a device 0:0 cannot be in a layer");
	n->mode = type | ent->mode;
	n->rdev = type == S_IFIFO ? 0 : makedev(ent->dev_major, ent->dev_minor);
	return 0;
}

static int fill(struct toc_place *p, uint32_t inode, const struct tar_entry *ent,
		struct tar_reader *from, struct err *e)
{
	struct toc_inode *n = &p->inodes[inode];

	set_inode(n, ent);
	switch (ent->type) {
	case TAR_DIR:
		n->mode = S_IFDIR | ent->mode;
		return 0;
	case TAR_FILE:
		return fill_file(p, n, ent, from, e);
	case TAR_SYMLINK:
		return fill_link(p, n, ent, e);
	default:
		return fill_node(n, ent, e);
	}
}

/* What a hard link is a name of. */
static int find_target(uint32_t *inode, struct toc_place *p, struct err *e)
{
	const char *target = buf_str(&p->target);
	uint32_t dir, at;
	int sys = resolve_dir(&dir, p, layer_path_dir(target));

	if (sys)
		return cannot(sys, "link to", span_of_str(target), e);
	at = names_find(&p->names, dir, span_of_str(layer_path_last(target)));
	if (at == NAMES_NONE)
		return cannot(ENOENT, "link to", span_of_str(target), e);
	if (is_dir(p, at))
		return cannot(EPERM, "link to", span_of_str(target), e);
	*inode = p->at[at].inode;
	return 0;
}

/* Before anything is removed: is there something to link to, and is it not the name itself? */
static int check_hard_link(struct toc_place *p, const struct tar_entry *ent, struct err *e)
{
	if (layer_path_clean(&p->target, ent->link, e) < 0)
		return -1;
	if (!p->target.len || strcmp(buf_str(&p->target), buf_str(&p->path)) == 0)
		return err_set(e, ERR_CORRUPT, "a hard link to '%s'", ent->link);
	return 0;
}

/* What is in the way goes. *out: a directory that stays. */
static void make_room(uint32_t *out, struct toc_place *p, uint32_t dir, const char *name,
		      enum tar_type type)
{
	uint32_t at = names_find(&p->names, dir, span_of_str(name));

	*out = NAMES_NONE;
	if (at == NAMES_NONE)
		return;
	if (is_dir(p, at) && type == TAR_DIR)
		*out = at;
	else if (is_dir(p, at) || S_ISLNK(inode_of(p, at)->mode))
		remove_tree(p, at);
	else
		remove_name(p, at);
}

static int place_new(struct toc_place *p, uint32_t dir, const struct tar_entry *ent,
		     struct tar_reader *from, struct err *e)
{
	const char *name = layer_path_last(buf_str(&p->path));
	uint32_t at, inode = 0;

	if (ent->type == TAR_HARD_LINK && check_hard_link(p, ent, e) < 0)
		return -1;
	make_room(&at, p, dir, name, ent->type);
	if (at != NAMES_NONE) {
		touch_upwards(p, at);
		return fill(p, p->at[at].inode, ent, from, e);
	}
	if (ent->type == TAR_HARD_LINK && find_target(&inode, p, e) < 0)
		return -1;
	if (ent->type != TAR_HARD_LINK) {
		inode = new_inode(p);
		if (fill(p, inode, ent, from, e) < 0)
			return -1;
	}
	if (add_name(&at, p, dir, name, inode, e) < 0)
		return -1;
	p->at[at].touched = p->where.layer + 1;
	return 0;
}

static int place_cleaned(struct toc_place *p, const struct tar_entry *ent, struct tar_reader *from,
			 struct err *e)
{
	const char *hidden = NULL;
	enum layer_whiteout kind = layer_whiteout_of(layer_path_last(buf_str(&p->path)), &hidden);
	uint32_t dir = 0;

	if (kind != WHITEOUT_NONE)
		return place_whiteout(p, kind, hidden, e);
	return go_to_dir(&dir, p, e) < 0 ? -1 : place_new(p, dir, ent, from, e);
}

int toc_place_entry(struct toc_place *p, const struct tar_entry *ent, struct tar_reader *from,
		    struct err *e)
{
	if (layer_path_clean(&p->path, ent->path, e) < 0)
		return -1;
	/* the root is the runtime's own */
	if (p->path.len && place_cleaned(p, ent, from, e) < 0)
		return err_wrap(e, "'%s'", buf_str(&p->path));
	p->where.entry++;
	return 0;
}

/*
 * A byte that says what comes, then a name, then what is known of it. Paths are not repeated: a directory stays
 * entered until LEAVE. Where files' bytes are is mostly told by one ORIGIN for many: the
 * directory in which each has its own name.
 */
#include "oci/layer/listing.h"

#include <assert.h>

#include "base/mem.h"
#include "oci/layer/path.h"
#include "oci/layer/tree_list.h"
#include "oci/layer/varint.h"

enum mark {
	LEAVE,	/* the directory that was entered last */
	ENTER,	/* a directory that is no entry */
	ORIGIN, /* a descriptor and a directory: what the files behind it refer to */
};
enum entry_bits {
	ENTRY = 0x80, /* it is no mark */
	KIND = 0x03,
	HARD_LINK = 0x04,
	HAS_CAPABILITY = 0x08,
	HAS_ORIGIN = 0x10, /* its bytes have a name in ORIGIN, … */
	OTHER_NAME = 0x20, /* … which is not its own */
};
static_assert((int)LAYER_OPAQUE <= (int)KIND, "every kind of change fits");

void listing_release(struct layer_listing *l)
{
	buf_release(&l->bytes);
	buf_release(&l->origin_dir);
	*l = LISTING_INIT;
}

/* -- making ------------------------------------------------------------------------------- */

/* With its NUL, so that it can be shown where it lies. */
static void put_text(struct buf *b, const char *text)
{
	size_t n = strlen(text);

	varint_add(b, n);
	buf_add(b, text, n + 1);
}

static bool has_bytes(const struct layer_change *c)
{
	return c->kind == LAYER_ENTRY && S_ISREG(c->st.st_mode) && !c->hard_link;
}

static void put_origin_dir(struct layer_listing *l, const struct layer_change *c)
{
	struct span dir = layer_path_dir(c->origin_path);

	if (l->has_origin && l->origin_fd == c->origin_fd && span_eq(dir, buf_span(&l->origin_dir)))
		return;
	l->has_origin = true;
	l->origin_fd = c->origin_fd;
	buf_reset(&l->origin_dir);
	buf_add_span(&l->origin_dir, dir);
	buf_add_char(&l->bytes, ORIGIN);
	varint_add(&l->bytes, varint_zigzag(c->origin_fd));
	put_text(&l->bytes, buf_str(&l->origin_dir));
}

static void put_stat(struct buf *b, const struct stat *st)
{
	varint_add(b, st->st_mode);
	varint_add(b, st->st_uid);
	varint_add(b, st->st_gid);
	varint_add(b, varint_zigzag(st->st_mtim.tv_sec));
	varint_add(b, (uint64_t)st->st_mtim.tv_nsec);
	varint_add(b, st->st_nlink);
	if (S_ISREG(st->st_mode))
		varint_add(b, (uint64_t)st->st_size);
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		varint_add(b, st->st_rdev);
}

void listing_add(struct layer_listing *l, const struct layer_change *c)
{
	const char *name = layer_path_last(c->path);
	struct buf *b = &l->bytes;
	int flags = ENTRY | (int)c->kind | (c->hard_link ? HARD_LINK : 0) |
		    (c->capability_len ? HAS_CAPABILITY : 0);

	if (has_bytes(c)) {
		put_origin_dir(l, c);
		l->file_bytes += (uint64_t)c->st.st_size;
		flags |= HAS_ORIGIN;
		if (strcmp(name, layer_path_last(c->origin_path)) != 0)
			flags |= OTHER_NAME;
	}
	l->nr++;
	buf_add_char(b, (char)flags);
	put_text(b, name);
	if (c->kind == LAYER_DELETED)
		return;
	put_stat(b, &c->st);
	if (c->hard_link || S_ISLNK(c->st.st_mode))
		put_text(b, c->link);
	if (flags & OTHER_NAME)
		put_text(b, layer_path_last(c->origin_path));
	if (!c->capability_len)
		return;
	varint_add(b, c->capability_len);
	buf_add(b, c->capability, c->capability_len);
}

void listing_enter(struct layer_listing *l, const char *name)
{
	buf_add_char(&l->bytes, ENTER);
	put_text(&l->bytes, name);
}

void listing_leave(struct layer_listing *l)
{
	buf_add_char(&l->bytes, LEAVE);
}

void listing_join(struct layer_listing *l, const struct layer_listing *from)
{
	buf_add_span(&l->bytes, buf_span(&from->bytes));
	l->nr += from->nr;
	l->file_bytes += from->file_bytes;
	l->has_origin = false;
}

void listing_settle(struct layer_listing *l)
{
	assert(!l->bytes.over);
	buf_release(&l->origin_dir);
	l->has_origin = false;
	if (!l->bytes.data)
		return;
	l->bytes.cap = l->bytes.len + 1;
	l->bytes.data = mem_resize(l->bytes.data, l->bytes.cap, 1);
}

struct listing_mark listing_mark(const struct layer_listing *l)
{
	return (struct listing_mark){ l->bytes.len, l->nr, l->file_bytes };
}

void listing_back(struct layer_listing *l, const struct listing_mark *m)
{
	l->bytes.len = m->len;
	l->nr = m->nr;
	l->file_bytes = m->file_bytes;
	l->has_origin = false;
}

/* -- reading ------------------------------------------------------------------------------ */

/* What listing_add has put there is whole. */
static uint64_t take_number(struct span *rest)
{
	uint64_t v;

	(void)varint_take(rest, &v);
	return v;
}

static char *take_text(struct span *rest)
{
	size_t n = take_number(rest);
	char *text = (char *)rest->p;

	*rest = span_sub(*rest, n + 1);
	return text;
}

static void join(struct buf *path, size_t dir_len, const char *name)
{
	path->len = dir_len;
	if (dir_len)
		buf_add_char(path, '/');
	buf_add_str(path, name);
}

static void take_stat(struct span *rest, struct stat *st)
{
	st->st_mode = (mode_t)take_number(rest);
	st->st_uid = (uid_t)take_number(rest);
	st->st_gid = (gid_t)take_number(rest);
	st->st_mtim.tv_sec = varint_unzigzag(take_number(rest));
	st->st_mtim.tv_nsec = (long)take_number(rest);
	st->st_nlink = take_number(rest);
	if (S_ISREG(st->st_mode)) {
		st->st_size = (off_t)take_number(rest);
		st->st_blocks = (st->st_size + 511) / 512;
	} else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		st->st_rdev = take_number(rest);
	}
}

static void take_origin_dir(struct listing_cursor *at)
{
	at->origin_fd = (int)varint_unzigzag(take_number(&at->rest));
	buf_reset(&at->origin);
	buf_add_str(&at->origin, take_text(&at->rest));
	at->origin_dir_len = at->origin.len;
}

static void leave(struct listing_cursor *at)
{
	while (at->dir_len && at->path.data[at->dir_len - 1] != '/')
		at->dir_len--;
	if (at->dir_len)
		at->dir_len--;
}

static void take_rest(struct listing_cursor *at, int flags, const char *name)
{
	struct layer_change *c = &at->now;

	take_stat(&at->rest, &c->st);
	c->st.st_ino = ++at->nr;
	if (c->hard_link || S_ISLNK(c->st.st_mode))
		c->link = take_text(&at->rest);
	if (flags & HAS_ORIGIN) {
		join(&at->origin, at->origin_dir_len,
		     flags & OTHER_NAME ? take_text(&at->rest) : name);
		c->origin_path = at->origin.data;
		c->origin_fd = at->origin_fd;
	}
	if (flags & HAS_CAPABILITY) {
		c->capability_len = take_number(&at->rest);
		c->capability = (char *)at->rest.p;
		at->rest = span_sub(at->rest, c->capability_len);
	}
	if (S_ISDIR(c->st.st_mode))
		at->dir_len = at->path.len;
}

static const struct layer_change *take_entry(struct listing_cursor *at, int flags)
{
	const char *name = take_text(&at->rest);

	join(&at->path, at->dir_len, name);
	at->now = (struct layer_change){ .kind = (enum layer_change_kind)(flags & KIND),
					 .path = at->path.data,
					 .hard_link = flags & HARD_LINK,
					 .origin_fd = -1 };
	if (at->now.kind != LAYER_DELETED)
		take_rest(at, flags, name);
	return &at->now;
}

static const struct layer_change *next(struct layer_change_reader *r)
{
	return listing_next(CONTAINER_OF(r, struct listing_cursor, reader));
}

void listing_begin(struct listing_cursor *at, const struct layer_listing *l)
{
	assert(!l->bytes.over); /* or entries that count are not there */
	*at = (struct listing_cursor){ .reader.next = next,
				       .rest = buf_span(&l->bytes),
				       .path = BUF_INIT(SIZE_MAX),
				       .origin = BUF_INIT(SIZE_MAX) };
}

const struct layer_change *listing_next(struct listing_cursor *at)
{
	while (at->rest.n) {
		int what = (unsigned char)*at->rest.p;

		at->rest = span_sub(at->rest, 1);
		if (what & ENTRY)
			return take_entry(at, what);
		if (what == LEAVE)
			leave(at);
		else if (what == ORIGIN)
			take_origin_dir(at);
		else {
			join(&at->path, at->dir_len, take_text(&at->rest));
			at->dir_len = at->path.len;
		}
	}
	return NULL;
}

void listing_end(struct listing_cursor *at)
{
	buf_release(&at->path);
	buf_release(&at->origin);
}

/* -- as an array ---------------------------------------------------------------------------- */

static void *copy_bytes(const void *p, size_t n)
{
	return n ? span_dup(span_of(p, n)) : NULL;
}

void listing_expand(struct layer_changes *out, const struct layer_listing *l)
{
	auto_listing_cursor struct listing_cursor at;
	const struct layer_change *c;

	*out = (struct layer_changes){ .v = mem_resize(NULL, l->nr + 1, sizeof(*out->v)),
				       .cap = l->nr + 1,
				       .bytes = l->file_bytes };
	listing_begin(&at, l);
	while ((c = listing_next(&at))) {
		struct layer_change *to = &out->v[out->nr++];

		*to = *c;
		to->path = mem_strdup(c->path);
		to->link = mem_strdup(c->link);
		to->origin_path = mem_strdup(c->origin_path);
		to->capability = copy_bytes(c->capability, c->capability_len);
		if (c->hard_link)
			to->st = layer_changes_find(out, c->link)->st;
	}
}

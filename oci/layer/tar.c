/*
 * Reading through libarchive: its tar format only, no filter but the one that a caller
 * names (filter_source), so nothing is guessed and no other program is started.
 *
 * libarchive turns names of pax headers into the process's character set. Layers
 * are bytes, not text: the thread is put into the "C" locale around each header, in which
 * every name that is not plain ASCII fails to convert, and then libarchive gives the bytes as
 * they are, with a warning.
 */
#include "oci/layer/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <sys/stat.h>

#include "base/mem.h"

#define DEV_MAJOR_MAX 0xfff /* Linux: 12 and 20 bits */
#define DEV_MINOR_MAX 0xfffff

struct tar_reader {
	struct archive *a;
	struct archive_entry *entry; /* borrowed from a */
	struct source *in;
	struct err in_failed; /* why in gave no more */
	locale_t c_locale;
	char *piece;
};

static ssize_t give_piece(struct archive *a, void *ctx, const void **p)
{
	struct tar_reader *r = ctx;
	size_t n = 0;

	/* whole pieces: the gunzip below may give less at a time */
	while (n < TAR_PIECE) {
		ssize_t got = source_read(r->in, r->piece + n, TAR_PIECE - n, &r->in_failed);

		if (got < 0) {
			archive_set_error(a, EIO, "the stream failed");
			return ARCHIVE_FATAL;
		}
		if (!got)
			break;
		n += (size_t)got;
	}
	*p = r->piece;
	return (ssize_t)n;
}

static int fail(struct tar_reader *r, struct err *e)
{
	const char *why = archive_error_string(r->a);

	if (r->in_failed.kind) {
		*e = r->in_failed;
		return -1;
	}
	return err_set(e, ERR_CORRUPT, "read the tar: %s", why ? why : "it is damaged");
}

static struct tar_reader *reader_new(struct source *in)
{
	struct tar_reader *r = mem_zalloc(sizeof(*r));

	r->in = in;
	r->piece = mem_alloc(TAR_PIECE);
	r->a = archive_read_new();
	r->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!r->a || !r->c_locale)
		abort(); /* no memory */
	return r;
}

void tar_reader_close(struct tar_reader *r)
{
	if (!r)
		return;
	archive_read_free(r->a);
	freelocale(r->c_locale);
	free(r->piece);
	free(r);
}

static int open_stream(struct tar_reader *r, struct err *e)
{
	if (archive_read_open(r->a, r, NULL, give_piece, NULL) != ARCHIVE_OK)
		return fail(r, e);
	return 0;
}

int tar_reader_open(struct tar_reader **out, struct source *in, struct err *e)
{
	auto_tar_reader struct tar_reader *r = reader_new(in);

	if (archive_read_support_format_tar(r->a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(r->a) != ARCHIVE_OK)
		return fail(r, e);
	if (open_stream(r, e) < 0)
		return -1;
	*out = STEAL(&r);
	return 0;
}

/* Warnings other than about names mean that a part of a header was dropped. */
static bool is_about_names(struct archive *a)
{
	const char *why = archive_error_string(a);

	return why && (strstr(why, "converted") || strstr(why, "SCHILY.acl"));
}

static int next_header(struct tar_reader *r)
{
	locale_t old = uselocale(r->c_locale);
	int res = archive_read_next_header(r->a, &r->entry);

	uselocale(old);
	return res;
}

static int entry_type(struct tar_entry *ent, struct archive_entry *in)
{
	if (archive_entry_hardlink(in)) {
		ent->type = TAR_HARD_LINK;
		ent->link = archive_entry_hardlink(in);
		return 0;
	}
	switch (archive_entry_filetype(in)) {
	case AE_IFREG:
		ent->type = TAR_FILE;
		return 0;
	case AE_IFDIR:
		ent->type = TAR_DIR;
		return 0;
	case AE_IFLNK:
		ent->type = TAR_SYMLINK;
		ent->link = archive_entry_symlink(in);
		return ent->link ? 0 : -1;
	case AE_IFCHR:
		ent->type = TAR_CHAR;
		return 0;
	case AE_IFBLK:
		ent->type = TAR_BLOCK;
		return 0;
	case AE_IFIFO:
		ent->type = TAR_FIFO;
		return 0;
	default:
		return -1;
	}
}

static int take_id(uint32_t *out, int64_t id)
{
	if (id < 0 || id >= UINT32_MAX) /* (uid_t)-1 means "leave it" to chown */
		return -1;
	*out = (uint32_t)id;
	return 0;
}

static int take_numbers(struct tar_entry *ent, struct archive_entry *in)
{
	if (take_id(&ent->uid, archive_entry_uid(in)) < 0 ||
	    take_id(&ent->gid, archive_entry_gid(in)) < 0 || archive_entry_size(in) < 0)
		return -1;
	ent->size_bytes = ent->type == TAR_FILE ? (uint64_t)archive_entry_size(in) : 0;
	ent->mode = archive_entry_perm(in) & 07777;
	ent->mtime = archive_entry_mtime(in);
	ent->mtime_nsec = (uint32_t)archive_entry_mtime_nsec(in);
	if (ent->mtime_nsec > 999999999)
		return -1;
	if (ent->type != TAR_CHAR && ent->type != TAR_BLOCK)
		return 0;
	if (archive_entry_rdevmajor(in) > DEV_MAJOR_MAX ||
	    archive_entry_rdevminor(in) > DEV_MINOR_MAX)
		return -1;
	ent->dev_major = (uint32_t)archive_entry_rdevmajor(in);
	ent->dev_minor = (uint32_t)archive_entry_rdevminor(in);
	return 0;
}

/* All other attributes stay behind; above all the marks of overlayfs. */
static int take_capability(struct tar_entry *ent, struct archive_entry *in)
{
	const char *name;
	const void *value;
	size_t n;

	archive_entry_xattr_reset(in);
	while (archive_entry_xattr_next(in, &name, &value, &n) == ARCHIVE_OK) {
		if (!name || strcmp(name, "security.capability") != 0)
			continue;
		if (!n || n > TAR_CAPABILITY_MAX)
			return -1;
		ent->capability = span_of(value, n);
	}
	return 0;
}

int tar_reader_next(struct tar_reader *r, struct tar_entry *ent, struct err *e)
{
	struct tar_entry got = { 0 };
	int res = next_header(r);

	if (res == ARCHIVE_EOF)
		return 0;
	if (res != ARCHIVE_OK && (res != ARCHIVE_WARN || !is_about_names(r->a)))
		return fail(r, e);
	got.path = archive_entry_pathname(r->entry);
	if (!got.path)
		return err_set(e, ERR_CORRUPT, "read the tar: an entry has no name");
	if (entry_type(&got, r->entry) < 0)
		return err_set(e, ERR_CORRUPT,
			       "read the tar: '%.200s' is of no type a layer can hold", got.path);
	if (got.link && strlen(got.link) >= TAR_LINK_MAX)
		return err_set(e, ERR_CORRUPT,
			       "read the tar: '%.200s' links to a name over %d bytes", got.path,
			       TAR_LINK_MAX);
	if (take_numbers(&got, r->entry) < 0)
		return err_set(e, ERR_CORRUPT, "read the tar: '%.200s' has a number out of range",
			       got.path);
	if (take_capability(&got, r->entry) < 0)
		return err_set(e, ERR_CORRUPT, "read the tar: '%.200s' has no valid capability",
			       got.path);
	*ent = got;
	return 1;
}

int tar_reader_data(struct tar_reader *r, struct span *piece, uint64_t *at, struct err *e)
{
	const void *p;
	int64_t offset;
	size_t n;
	int res = archive_read_data_block(r->a, &p, &n, &offset);

	if (res == ARCHIVE_EOF)
		return 0;
	if (res != ARCHIVE_OK || offset < 0)
		return fail(r, e);
	*piece = span_of(p, n);
	*at = (uint64_t)offset;
	return 1;
}

static ssize_t filter_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct filter_source *s = CONTAINER_OF(base, struct filter_source, base);
	uint64_t at;

	while (!s->piece.n) {
		int r = tar_reader_data(s->raw, &s->piece, &at, e);

		if (r <= 0)
			return r;
	}
	if (n > s->piece.n)
		n = s->piece.n;
	memcpy(p, s->piece.p, n);
	s->piece = span_sub(s->piece, n);
	return (ssize_t)n;
}

static int support_filter(struct archive *a, enum tar_filter filter)
{
	switch (filter) {
	case TAR_XZ:
		return archive_read_support_filter_xz(a);
	case TAR_BZIP2:
		return archive_read_support_filter_bzip2(a);
	}
	return ARCHIVE_FATAL;
}

int filter_source_init(struct filter_source *s, enum tar_filter filter, struct source *in,
		       struct err *e)
{
	static const char *const names[] = { "xz", "bzip2" }; /* as enum tar_filter */

	*s = (struct filter_source){ .base.read = filter_read, .raw = reader_new(in) };
	/* a warning means that it would run a program of that name */
	if (support_filter(s->raw->a, filter) != ARCHIVE_OK)
		return err_set(e, ERR_IMPOSSIBLE, "this libarchive cannot decompress %s",
			       names[filter]);
	if (archive_read_support_format_raw(s->raw->a) != ARCHIVE_OK)
		return fail(s->raw, e);
	if (open_stream(s->raw, e) < 0)
		return -1;
	return next_header(s->raw) == ARCHIVE_OK ? 0 : fail(s->raw, e);
}

void filter_source_release(struct filter_source *s)
{
	tar_reader_close(s->raw);
	s->raw = NULL;
}

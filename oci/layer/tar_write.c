/*
 * ustar headers (POSIX.1-1988) and, where a value does not fit into one, a pax
 * header before it (POSIX.1-2001) with just the records that are needed. Written
 * here and not by libarchive because the bytes are our promise: they decide
 * the digest.
 */
#include "oci/layer/tar.h"

#include <assert.h>

#include "base/buf.h"

#define BLOCK	   512
#define PATH_LEN   100
#define PREFIX_LEN 155
#define PAX_MAX	   (64u << 10) /* two names of 4096 bytes and some numbers */
#define CAPABILITY "SCHILY.xattr.security.capability"
#define SIZE_BITS  33 /* 11 octal digits */
#define ID_BITS	   21 /* 7 */

/* Where things are in a block. */
struct ustar {
	char name[PATH_LEN], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type,
		link[PATH_LEN], magic[6], version[2], uname[32], gname[32], dev_major[8],
		dev_minor[8], prefix[PREFIX_LEN], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

static const char zeros[2 * BLOCK];

/* len - 1 octal digits and a NUL; what does not fit is in the pax header, and 0 here. */
static void put_octal(char *field, size_t len, uint64_t v)
{
	char digits[24];

	if (v >> (3 * (len - 1)))
		v = 0;
	snprintf(digits, sizeof(digits), "%0*llo", (int)(len - 1), (unsigned long long)v);
	memcpy(field, digits, len);
}

static void put_text(char *field, size_t len, const char *text, size_t n)
{
	memcpy(field, text, n < len ? n : len);
}

static void seal(struct ustar *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	put_octal(h->checksum, 7, sum); /* six digits, NUL, the blank that is there */
}

static void header_init(struct ustar *h, char type)
{
	*h = (struct ustar){ .type = type };
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	put_octal(h->mode, sizeof(h->mode), 0);
	put_octal(h->uid, sizeof(h->uid), 0);
	put_octal(h->gid, sizeof(h->gid), 0);
	put_octal(h->size, sizeof(h->size), 0);
	put_octal(h->mtime, sizeof(h->mtime), 0);
	put_octal(h->dev_major, sizeof(h->dev_major), 0);
	put_octal(h->dev_minor, sizeof(h->dev_minor), 0);
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool is_utf8(struct span s)
{
	while (s.n) {
		size_t n = utf8_len(s);

		if (!n)
			return false;
		s = span_sub(s, n);
	}
	return true;
}

/* "<length> key=value\n"; the length counts its own digits. */
static void pax_record(struct buf *b, const char *key, struct span value)
{
	size_t rest = strlen(key) + value.n + 3, len = rest + 1;

	for (;;) {
		size_t digits = (size_t)snprintf(NULL, 0, "%zu", len);

		if (rest + digits == len)
			break;
		len = rest + digits;
	}
	buf_addf(b, "%zu %s=", len, key);
	buf_add_span(b, value);
	buf_add_char(b, '\n');
}

static void pax_number(struct buf *b, const char *key, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)v);

	pax_record(b, key, span_of(text, (size_t)n));
}

/* Cuts a long name at a '/' so that it fits prefix and name; false: it cannot. */
static bool split_name(struct span path, struct span *prefix, struct span *name)
{
	ptrdiff_t at;

	*prefix = span_of("", 0);
	*name = path;
	if (path.n <= PATH_LEN)
		return true;
	/* the last '/' that leaves something behind it and a prefix that is short enough */
	at = span_rfind(span_head(path, path.n - 1 < PREFIX_LEN + 1 ? path.n - 1 : PREFIX_LEN + 1),
			'/');
	if (at <= 0 || path.n - (size_t)at - 1 > PATH_LEN)
		return false;
	*prefix = span_head(path, (size_t)at);
	*name = span_sub(path, (size_t)at + 1);
	return true;
}

/* Records in the order of their keys. */
static void pax_records(struct buf *b, const struct tar_entry *ent, struct span path, bool fits)
{
	struct span link = span_of_str(ent->link);

	if (ent->capability.n)
		pax_record(b, CAPABILITY, ent->capability);
	if (ent->gid >> ID_BITS)
		pax_number(b, "gid", ent->gid);
	if (!is_utf8(path) || !is_utf8(link))
		pax_record(b, "hdrcharset", SPAN_LIT("BINARY"));
	if (link.n > PATH_LEN || !is_ascii(link))
		pax_record(b, "linkpath", link);
	if (ent->mtime < 0 || ent->mtime >> SIZE_BITS)
		pax_number(b, "mtime", ent->mtime);
	if (!fits || !is_ascii(path))
		pax_record(b, "path", path);
	if (ent->size_bytes >> SIZE_BITS)
		pax_number(b, "size", (int64_t)ent->size_bytes);
	if (ent->uid >> ID_BITS)
		pax_number(b, "uid", ent->uid);
}

static int write_pax(struct sink *out, const struct buf *records, struct err *e)
{
	struct ustar h;

	header_init(&h, 'x');
	put_text(h.name, sizeof(h.name), "././@PaxHeader", 14);
	put_octal(h.size, sizeof(h.size), records->len);
	seal(&h);
	if (sink_write(out, &h, sizeof(h), e) < 0 ||
	    sink_write(out, records->data, records->len, e) < 0)
		return -1;
	return tar_write_padding(out, records->len, e);
}

static void fill(struct ustar *h, const struct tar_entry *ent, struct span prefix, struct span name)
{
	static const char types[] = {
		[TAR_FILE] = '0',  [TAR_HARD_LINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
		[TAR_BLOCK] = '4', [TAR_DIR] = '5',	  [TAR_FIFO] = '6',
	};
	struct span link = span_of_str(ent->link);

	header_init(h, types[ent->type]);
	put_text(h->name, sizeof(h->name), name.p, name.n);
	if (prefix.n)
		put_text(h->prefix, sizeof(h->prefix), prefix.p, prefix.n);
	if (link.n)
		put_text(h->link, sizeof(h->link), link.p, link.n);
	put_octal(h->mode, sizeof(h->mode), ent->mode & 07777);
	put_octal(h->uid, sizeof(h->uid), ent->uid);
	put_octal(h->gid, sizeof(h->gid), ent->gid);
	if (ent->type == TAR_FILE)
		put_octal(h->size, sizeof(h->size), ent->size_bytes);
	if (ent->mtime > 0)
		put_octal(h->mtime, sizeof(h->mtime), (uint64_t)ent->mtime);
	if (ent->type == TAR_CHAR || ent->type == TAR_BLOCK) {
		put_octal(h->dev_major, sizeof(h->dev_major), ent->dev_major);
		put_octal(h->dev_minor, sizeof(h->dev_minor), ent->dev_minor);
	}
}

int tar_write_header(struct sink *out, const struct tar_entry *ent, struct err *e)
{
	auto_buf struct buf path = BUF_INIT(TAR_LINK_MAX + 512);
	auto_buf struct buf records = BUF_INIT(PAX_MAX);
	struct span prefix, name;
	struct ustar h;
	bool fits;

	assert(ent->type == TAR_FILE || !ent->size_bytes);
	buf_add_str(&path, ent->path);
	if (ent->type == TAR_DIR)
		buf_add_char(&path, '/');
	if (path.over || strlen(ent->link ? ent->link : "") >= TAR_LINK_MAX)
		return err_set(e, ERR_INPUT, "write '%.60s…': the name is too long for a layer",
			       ent->path);
	fits = split_name(buf_span(&path), &prefix, &name);
	pax_records(&records, ent, buf_span(&path), fits);
	if (records.len && write_pax(out, &records, e) < 0)
		return -1;
	fill(&h, ent, prefix, name);
	seal(&h);
	return sink_write(out, &h, sizeof(h), e);
}

int tar_write_padding(struct sink *out, uint64_t size_bytes, struct err *e)
{
	size_t over = (size_t)(size_bytes % BLOCK);

	return over ? sink_write(out, zeros, BLOCK - over, e) : 0;
}

int tar_write_end(struct sink *out, struct err *e)
{
	return sink_write(out, zeros, 2 * BLOCK, e);
}

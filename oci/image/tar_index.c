/* One header after the other; no byte of a file's content is read. */
#include "oci/image/tar_index.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/span.h"

#define BLOCK	     512u
#define EXTENDED_MAX (64u << 10) /* a pax header or a long name */

struct header { /* as POSIX has it */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], owner[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

struct reader {
	int fd;
	uint64_t at, end;
	struct tar_index *out;
	/* what stands before a member and is about it */
	char *name, *link;
	uint64_t size;
	bool has_size;
};

static int broken(const struct reader *r, const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the tar file is broken at byte %ju: %s", (uintmax_t)r->at,
		       why);
}

static int no_tar(struct err *e)
{
	return err_set(e, ERR_INPUT, "it is not a tar file");
}

static void forget(struct reader *r)
{
	free(r->name);
	free(r->link);
	r->name = r->link = NULL;
	r->has_size = false;
}

/* -- fields ---------------------------------------------------------------------- */

static struct span field(const char *p, size_t n)
{
	return span_of(p, strnlen(p, n));
}

/* Octal with blanks around, or, from GNU, binary with the first bit set. */
static bool number(uint64_t *out, const char *p, size_t n)
{
	const unsigned char *b = (const unsigned char *)p;
	struct span digits = span_trim(field(p, n));

	*out = 0;
	if (b[0] == 0x80) {
		for (size_t i = 1; i < n; i++) {
			if (*out >> 55)
				return false;
			*out = *out << 8 | b[i];
		}
		return true;
	}
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '7' || *out >> 60)
			return false;
		*out = *out << 3 | (uint64_t)(digits.p[i] - '0');
	}
	return true;
}

static bool checksum_is_right(const struct header *h)
{
	const unsigned char *b = (const unsigned char *)h;
	uint64_t want, sum = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		bool own =
			i >= offsetof(struct header, checksum) && i < offsetof(struct header, type);

		sum += own ? ' ' : b[i];
	}
	return number(&want, h->checksum, sizeof(h->checksum)) && want == sum;
}

static bool is_zero(const struct header *h)
{
	const char *b = (const char *)h;

	for (size_t i = 0; i < BLOCK; i++)
		if (b[i])
			return false;
	return true;
}

static int read_at(const struct reader *r, void *p, size_t n, uint64_t at, struct err *e)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(r->fd, (char *)p + done, n - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read");
		if (got == 0)
			return broken(r, "unexpected end", e);
		done += (size_t)got;
	}
	return 0;
}

/* -- what stands before a member ------------------------------------------------------ */

static void set_text(char **to, struct span text)
{
	free(*to);
	*to = span_dup(text);
}

/* One "LENGTH KEY=VALUE\n". */
static int take_record(struct reader *r, struct span *rest, struct err *e)
{
	struct span length, tail, record, key, value;
	uint64_t n;

	if (!span_cut(*rest, ' ', &length, &tail) || span_to_u64(&n, length) < 0 || n > rest->n ||
	    n <= length.n + 1)
		return broken(r, "an extended header that is none", e);
	record = span_head(span_sub(*rest, length.n + 1), n - length.n - 1);
	*rest = span_sub(*rest, n);
	if (!span_ends(record, "\n") ||
	    !span_cut(span_head(record, record.n - 1), '=', &key, &value) || span_has_nul(value))
		return broken(r, "an extended header that is none", e);
	if (span_eq_str(key, "path"))
		set_text(&r->name, value);
	else if (span_eq_str(key, "linkpath"))
		set_text(&r->link, value);
	else if (span_starts(key, "GNU.sparse."))
		return broken(r, "a sparse file", e);
	else if (span_eq_str(key, "size")) {
		if (span_to_u64(&r->size, value) < 0)
			return broken(r, "a size that is none", e);
		r->has_size = true;
	}
	return 0;
}

static int take_extended(struct reader *r, char type, uint64_t size, struct err *e)
{
	auto_free char *text = NULL;
	struct span rest;

	if (size > EXTENDED_MAX)
		return broken(r, "an extended header that is too long", e);
	text = mem_alloc(size + 1);
	if (read_at(r, text, size, r->at + BLOCK, e) < 0)
		return -1;
	rest = span_of(text, size);
	if (type == 'L')
		set_text(&r->name, field(text, size));
	else if (type == 'K')
		set_text(&r->link, field(text, size));
	else
		while (rest.n)
			if (take_record(r, &rest, e) < 0)
				return -1;
	return 0;
}

/* -- members -------------------------------------------------------------------------- */

/* "./a//b/" is "a/b"; NULL: it leads out, or is none. */
static char *clean_name(struct span name)
{
	auto_free char *text = NULL;
	auto_free char *clean = NULL;

	if (!name.n || name.n > TAR_INDEX_NAME_MAX || name.p[0] == '/')
		return NULL;
	text = span_dup(name);
	clean = fs_path_clean(text);
	if (strcmp(clean, "..") == 0 || strncmp(clean, "../", 3) == 0)
		return NULL;
	return STEAL(&clean);
}

static char *name_of(const struct reader *r, const struct header *h)
{
	struct span name = field(h->name, sizeof(h->name));
	struct span prefix = field(h->prefix, sizeof(h->prefix));
	auto_free char *whole = NULL;

	if (r->name)
		return clean_name(span_of_str(r->name));
	/* GNU's own format has other things where POSIX has the prefix */
	if (!prefix.n || memcmp(h->magic, "ustar", sizeof(h->magic)) != 0)
		return clean_name(name);
	whole = mem_printf(SPAN_FMT "/" SPAN_FMT, SPAN_ARG(prefix), SPAN_ARG(name));
	return clean_name(span_of_str(whole));
}

static int add_member(struct reader *r, const struct header *h, uint64_t size, struct err *e)
{
	struct tar_index *x = r->out;
	struct tar_member m = { .at = r->at + BLOCK, .size_bytes = size };

	if (x->nr == TAR_INDEX_MEMBERS_MAX)
		return broken(r, "too many members", e);
	m.name = name_of(r, h);
	if (!m.name)
		return broken(r, "a member whose name is too long or leads outside", e);
	m.is_hard = h->type == '1';
	if (h->type == '2' || m.is_hard)
		m.link = r->link ? mem_strdup(r->link) : span_dup(field(h->link, sizeof(h->link)));
	MEM_GROW(x->v, x->nr, x->cap);
	x->v[x->nr++] = m;
	return 0;
}

static bool is_regular(char type)
{
	return type == '0' || type == '\0' || type == '7';
}

static int take_member(struct reader *r, const struct header *h, uint64_t size, struct err *e)
{
	if (h->type == 'S')
		return broken(r, "a sparse file", e);
	if (!is_regular(h->type) && size)
		return broken(r, "content where none can be", e);
	if (is_regular(h->type) || h->type == '1' || h->type == '2')
		return add_member(r, h, size, e);
	return 0;
}

static bool is_about_next(char type)
{
	return type == 'x' || type == 'L' || type == 'K';
}

/* What follows the header, in bytes. */
static int size_of(uint64_t *out, const struct reader *r, const struct header *h, struct err *e)
{
	if (!number(out, h->size, sizeof(h->size)))
		return broken(r, "a size that is none", e);
	if (r->has_size && !is_about_next(h->type) && h->type != 'g')
		*out = r->size;
	if (*out > r->end - r->at - BLOCK)
		return broken(r, "a member that is longer than the file", e);
	return 0;
}

static int take(struct reader *r, const struct header *h, uint64_t size, struct err *e)
{
	int n;

	if (is_about_next(h->type))
		return take_extended(r, h->type, size, e);
	if (h->type == 'g') /* about all members: nothing that concerns us */
		return 0;
	n = take_member(r, h, size, e);
	forget(r);
	return n;
}

/* 1: a member or what is about one; 0: the end. */
static int read_one(struct reader *r, struct err *e)
{
	struct header h;
	uint64_t size;

	if (r->at == r->end)
		return 0;
	if (r->end - r->at < BLOCK)
		return r->at ? broken(r, "unexpected end", e) : no_tar(e);
	if (read_at(r, &h, BLOCK, r->at, e) < 0)
		return -1;
	if (is_zero(&h))
		return 0;
	if (!checksum_is_right(&h))
		return r->at ? broken(r, "a header that is none", e) : no_tar(e);
	if (size_of(&size, r, &h, e) < 0 || take(r, &h, size, e) < 0)
		return -1;
	r->at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
	if (r->at > r->end) /* the last one need not be filled up */
		r->at = r->end;
	return 1;
}

/* -- all of it -------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tar_member *)a)->name, ((const struct tar_member *)b)->name);
}

static int sort_members(struct tar_index *x, struct err *e)
{
	if (x->nr)
		qsort(x->v, x->nr, sizeof(*x->v), by_name);
	for (size_t i = 1; i < x->nr; i++)
		if (strcmp(x->v[i - 1].name, x->v[i].name) == 0)
			return err_set(e, ERR_CORRUPT, "the tar file holds '%s' twice",
				       x->v[i].name);
	return 0;
}

/* A hard link becomes another name of the bytes: who writes a tar has them under the first name. */
static int resolve_hard(struct tar_index *x, struct tar_member *m, struct err *e)
{
	auto_free char *name = clean_name(span_of_str(m->link));
	const struct tar_member *to = name ? tar_index_find(x, name) : NULL;

	if (!to || to->is_hard || to->link || to->at > m->at)
		return err_set(
			e, ERR_CORRUPT,
			"'%s' in the tar file is a hard link to '%s', which is no file before it",
			m->name, m->link);
	m->at = to->at;
	m->size_bytes = to->size_bytes;
	free(STEAL(&m->link));
	return 0;
}

static int resolve_all_hard(struct tar_index *x, struct err *e)
{
	for (size_t i = 0; i < x->nr; i++)
		if (x->v[i].is_hard && resolve_hard(x, &x->v[i], e) < 0)
			return -1;
	return 0;
}

int tar_index_read(struct tar_index *out, int fd, struct err *e)
{
	auto_tar_index struct tar_index x = { 0 };
	struct reader r = { .fd = fd, .out = &x };
	struct stat st;
	int n;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	r.end = (uint64_t)st.st_size;
	if (!r.end)
		return err_set(e, ERR_INPUT, "it is empty, not a tar file");
	do {
		n = read_one(&r, e);
	} while (n > 0);
	forget(&r);
	if (n < 0 || sort_members(&x, e) < 0 || resolve_all_hard(&x, e) < 0)
		return -1;
	*out = x;
	x = (struct tar_index){ 0 };
	return 0;
}

void tar_index_release(struct tar_index *x)
{
	for (size_t i = 0; i < x->nr; i++) {
		free(x->v[i].name);
		free(x->v[i].link);
	}
	free(x->v);
	*x = (struct tar_index){ 0 };
}

const struct tar_member *tar_index_find(const struct tar_index *x, const char *name)
{
	struct tar_member key = { .name = (char *)name };

	return x->nr ? bsearch(&key, x->v, x->nr, sizeof(*x->v), by_name) : NULL;
}

const struct tar_member *tar_index_follow(const struct tar_index *x, const char *name)
{
	const struct tar_member *m = tar_index_find(x, name);
	auto_free char *joined = NULL;
	auto_free char *target = NULL;
	const char *slash;

	if (!m || !m->link)
		return m;
	slash = strrchr(m->name, '/');
	joined = mem_printf("%.*s%s", slash ? (int)(slash + 1 - m->name) : 0, m->name, m->link);
	target = clean_name(span_of_str(joined));
	m = target ? tar_index_find(x, target) : NULL;
	return m && !m->link ? m : NULL;
}

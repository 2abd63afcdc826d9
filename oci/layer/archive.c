/*
 * What both ways of taking an archive apart share is the tar reader; on a disk the entries are put
 * by place.h, as a layer's are, but for what only a layer may hold.
 */
#include "oci/layer/archive.h"

#include <errno.h>

#include "base/cancel.h"
#include "oci/layer/path.h"
#include "oci/layer/place.h"
#include "oci/layer/stream.h"

#define BLOCK	   512
#define SUM_AT	   148
#define SUM_LENGTH 8

/* -- is it one? ------------------------------------------------------------------ */

static int first_entry(struct source *in, struct err *e)
{
	auto_layer_stream struct layer_stream stream = { .has_gunzip = false };
	auto_tar_reader struct tar_reader *r = NULL;
	struct tar_entry ent;

	if (layer_stream_open(&stream, in, e) < 0 || tar_reader_open(&r, stream.tar, e) < 0)
		return -1;
	return tar_reader_next(r, &ent, e);
}

int archive_detect(int fd, struct err *e)
{
	struct fd_source in;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "read from the beginning");
	r = first_entry(fd_source_init(&in, fd, "file"), e);
	if (r < 0 && e->kind != ERR_CORRUPT)
		return -1;
	if (r < 0)
		err_clear(e);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "read from the beginning");
	return r > 0;
}

/* The sum over the header, its own field taken as blanks; old programs added signed bytes. */
static bool is_tar_header(const unsigned char *block)
{
	struct span field = span_of(block + SUM_AT, SUM_LENGTH);
	uint32_t want, sum = 0;
	int32_t signed_sum = 0;

	while (field.n && (field.p[field.n - 1] == '\0' || field.p[field.n - 1] == ' '))
		field.n--;
	field = span_ltrim(field);
	if (!field.n)
		return false;
	want = 0;
	for (size_t i = 0; i < field.n; i++) {
		if (field.p[i] < '0' || field.p[i] > '7')
			return false;
		want = want << 3 | (uint32_t)(field.p[i] - '0');
	}
	for (size_t i = 0; i < BLOCK; i++) {
		unsigned char c = i >= SUM_AT && i < SUM_AT + SUM_LENGTH ? ' ' : block[i];

		sum += c;
		signed_sum += (signed char)c;
	}
	return want == sum || (int32_t)want == signed_sum;
}

bool archive_looks_like(struct span head)
{
	static const struct span magics[] = {
		SPAN_LIT("\x1f\x8b\x08"),
		SPAN_LIT("BZh"),
		SPAN_LIT("\xfd"
			 "7zXZ\0"),
		SPAN_LIT("\x28\xb5\x2f\xfd"),
	};

	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (head.n >= magics[i].n && memcmp(head.p, magics[i].p, magics[i].n) == 0)
			return true;
	return head.n >= BLOCK && is_tar_header((const unsigned char *)head.p);
}

/* -- onto a disk ----------------------------------------------------------------- */

/* What place.h would take, but no context may hold. */
static int check_entry(const struct tar_entry *ent, struct err *e)
{
	struct span rest = span_of_str(ent->path), part;

	if (ent->type == TAR_CHAR || ent->type == TAR_BLOCK || ent->type == TAR_FIFO)
		return err_set(e, ERR_INPUT, "'%.200s' is a device or a fifo", ent->path);
	if (ent->type == TAR_FILE && ent->size_bytes > ARCHIVE_FILE_MAX)
		return err_set(e, ERR_INPUT, "'%.200s' says it has %ju bytes", ent->path,
			       (uintmax_t)ent->size_bytes);
	while (span_split(&rest, '/', &part)) {
		if (span_starts(part, LAYER_WHITEOUT))
			return err_set(e, ERR_INPUT, "'%.200s': no name may begin with '.wh.'",
				       ent->path);
		if (span_eq_str(part, ".."))
			return err_set(e, ERR_INPUT, "'%.200s' leads outside", ent->path);
	}
	return 0;
}

static int extract_entry(struct place *p, struct tar_entry *ent, struct tar_reader *r,
			 struct err *e)
{
	if (check_entry(ent, e) < 0)
		return -1;
	ent->uid = geteuid();
	ent->gid = getegid();
	ent->capability = span_of(NULL, 0);
	if (ent->mtime < 0)
		ent->mtime = 0;
	return place_entry(p, ent, r, e);
}

static int extract_all(struct place *p, const struct op *op, struct tar_reader *r, struct err *e)
{
	struct tar_entry ent;
	int more;

	for (unsigned n = 0; (more = tar_reader_next(r, &ent, e)) > 0; n++) {
		if (cancel_check(op->cancel, e) < 0)
			return -1;
		if (n == ARCHIVE_ENTRIES_MAX)
			return err_set(e, ERR_INPUT, "it has more than %u entries", n);
		if (extract_entry(p, &ent, r, e) < 0)
			return -1;
	}
	return more < 0 ? -1 : place_finish(p, e);
}

int archive_extract(const struct op *op, int dirfd, struct source *in, struct err *e)
{
	auto_layer_stream struct layer_stream stream = { .has_gunzip = false };
	auto_tar_reader struct tar_reader *r = NULL;
	struct place p;
	int result;

	if (layer_stream_open(&stream, in, e) < 0 || tar_reader_open(&r, stream.tar, e) < 0)
		return -1;
	if (place_open(&p, op, dirfd, NULL, e) < 0)
		return -1;
	result = extract_all(&p, op, r, e);
	place_release(&p);
	return result;
}

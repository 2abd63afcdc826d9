/*
 * The first bytes are read ahead and given again, so that whoever decompresses sees all.
 */
#include "oci/layer/stream.h"

static ssize_t peek_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct peek_source *s = CONTAINER_OF(base, struct peek_source, base);
	size_t left = s->n - s->given;

	if (!left)
		return source_read(s->in, p, n, e);
	if (n > left)
		n = left;
	memcpy(p, s->head + s->given, n);
	s->given += n;
	return (ssize_t)n;
}

static int peek_init(struct peek_source *s, struct source *in, struct err *e)
{
	*s = (struct peek_source){ .base.read = peek_read, .in = in };
	while (s->n < sizeof(s->head)) {
		ssize_t r = source_read(in, s->head + s->n, sizeof(s->head) - s->n, e);

		if (r < 0)
			return -1;
		if (!r)
			break;
		s->n += (size_t)r;
	}
	return 0;
}

static bool begins_with(const struct peek_source *s, struct span magic)
{
	return s->n >= magic.n && memcmp(s->head, magic.p, magic.n) == 0;
}

/* A frame, or one to be skipped (any of 16 numbers), which may come first. */
static bool is_zstd(const struct peek_source *s)
{
	return begins_with(s, SPAN_LIT("\x28\xb5\x2f\xfd")) ||
	       (s->n >= 4 && (s->head[0] & 0xf0) == 0x50 &&
		memcmp(s->head + 1, "\x2a\x4d\x18", 3) == 0);
}

/* 1: is compressed in a way that libarchive reads. */
static int find_filter(enum tar_filter *out, const struct peek_source *s)
{
	static const struct {
		struct span magic;
		enum tar_filter filter;
	} known[] = {
		{ SPAN_LIT("\xfd"
			   "7zXZ\0"),
		  TAR_XZ },
		{ SPAN_LIT("BZh"), TAR_BZIP2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (begins_with(s, known[i].magic)) {
			*out = known[i].filter;
			return 1;
		}
	return 0;
}

int layer_stream_open(struct layer_stream *s, struct source *blob, struct err *e)
{
	enum tar_filter filter;

	if (peek_init(&s->peek, blob, e) < 0)
		return -1;
	s->tar = &s->peek.base;
	if (begins_with(&s->peek, SPAN_LIT("\x1f\x8b"))) {
		s->has_gunzip = true;
		s->tar = gunzip_source_init(&s->gunzip, s->tar);
	} else if (is_zstd(&s->peek)) {
		s->has_zstd = true;
		s->tar = zstd_source_init(&s->zstd, s->tar);
	} else if (find_filter(&filter, &s->peek)) {
		s->has_filter = true;
		if (filter_source_init(&s->filter, filter, s->tar, e) < 0)
			return -1;
		s->tar = &s->filter.base;
	}
	return 0;
}

bool layer_stream_is_compressed(const struct layer_stream *s)
{
	return s->has_gunzip || s->has_zstd || s->has_filter;
}

void layer_stream_release(struct layer_stream *s)
{
	if (s->has_gunzip)
		gunzip_source_release(&s->gunzip);
	if (s->has_zstd)
		zstd_source_release(&s->zstd);
	if (s->has_filter)
		filter_source_release(&s->filter);
	s->has_gunzip = s->has_zstd = s->has_filter = false;
}

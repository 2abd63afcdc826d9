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

static bool begins(const struct peek_source *s, const char *magic, size_t n)
{
	return s->n >= n && memcmp(s->head, magic, n) == 0;
}

int layer_stream_open(struct layer_stream *s, struct source *blob, struct err *e)
{
	if (peek_init(&s->peek, blob, e) < 0)
		return -1;
	s->tar = &s->peek.base;
	if (begins(&s->peek, "\x1f\x8b", 2)) {
		s->has_gunzip = true;
		s->tar = gunzip_source_init(&s->gunzip, s->tar);
	} else if (begins(&s->peek, "\x28\xb5\x2f\xfd", 4)) {
		s->has_unzstd = true;
		if (unzstd_source_init(&s->unzstd, s->tar, e) < 0)
			return -1;
		s->tar = &s->unzstd.base;
	} else if (begins(&s->peek, "BZh", 3) || begins(&s->peek,
							"\xfd"
							"7zXZ",
							5)) {
		return err_set(e, ERR_IMPOSSIBLE,
			       "layers compressed with bzip2 or xz are not supported");
	}
	return 0;
}

void layer_stream_release(struct layer_stream *s)
{
	if (s->has_gunzip)
		gunzip_source_release(&s->gunzip);
	if (s->has_unzstd)
		unzstd_source_release(&s->unzstd);
	s->has_gunzip = s->has_unzstd = false;
}

/*
 * Paths as text only; nothing here looks at a disk. Right for paths of an image
 * (always '/', no links asked), not for finding out what a path leads to.
 */
#include "base/buf.h"
#include "base/fs.h"

/* Takes the last component of out off, but not past `keep` bytes of it. */
static void drop_last(struct buf *out, size_t keep)
{
	while (out->len > keep && out->data[out->len - 1] != '/')
		out->len--;
	if (out->len > keep)
		out->len--;
	out->data[out->len] = '\0';
}

static void add_component(struct buf *out, struct span name, bool rooted)
{
	if (out->len > (rooted ? 1 : 0))
		buf_add_char(out, '/');
	buf_add_span(out, name);
}

char *fs_path_clean(const char *path)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	struct span rest = span_of_str(path), name;
	bool rooted = span_starts(rest, "/");
	size_t keep = rooted ? 1 : 0; /* what ".." cannot take back: "/" or leading "../.." */

	if (rooted)
		buf_add_char(&out, '/');
	while (span_split(&rest, '/', &name)) {
		if (!name.n || span_eq_str(name, "."))
			continue;
		if (!span_eq_str(name, "..")) {
			add_component(&out, name, rooted);
		} else if (out.len > keep) {
			drop_last(&out, keep);
		} else if (!rooted) {
			add_component(&out, name, rooted);
			keep = out.len;
		}
	}
	if (!out.len)
		buf_add_char(&out, '.');
	return buf_steal(&out);
}

char *fs_path_join(const char *a, const char *b)
{
	auto_buf struct buf both = BUF_INIT(SIZE_MAX);

	buf_add_str(&both, a);
	if (*a && *b)
		buf_add_char(&both, '/');
	buf_add_str(&both, b);
	return fs_path_clean(buf_str(&both));
}

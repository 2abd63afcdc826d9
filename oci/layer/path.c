/*
 * A name is taken apart at '/', and put together again from the parts that
 * mean something. ".." is refused and not resolved: no tool writes it, and what
 * it means beside symbolic links is a matter of opinion.
 */
#include "oci/layer/path.h"

int layer_path_clean(struct buf *out, const char *name, struct err *e)
{
	struct span rest = span_of_str(name), part;

	buf_reset(out);
	buf_add_str(out, "");
	if (rest.n > LAYER_PATH_MAX)
		return err_set(e, ERR_CORRUPT, "name '%.60s…' is longer than %d bytes", name,
			       LAYER_PATH_MAX);
	while (span_split(&rest, '/', &part)) {
		if (!part.n || span_eq_str(part, "."))
			continue;
		if (span_eq_str(part, ".."))
			return err_set(e, ERR_CORRUPT, "name '%s' holds '..'", name);
		if (out->len)
			buf_add_char(out, '/');
		buf_add_span(out, part);
	}
	return 0;
}

enum layer_whiteout layer_whiteout_of(const char *name, const char **hidden)
{
	struct span rest = span_of_str(name);

	if (!span_take(&rest, LAYER_WHITEOUT))
		return WHITEOUT_NONE;
	if (strcmp(name, LAYER_OPAQUE_MARK) == 0)
		return WHITEOUT_OPAQUE;
	if (span_starts(rest, LAYER_WHITEOUT))
		return WHITEOUT_IGNORED;
	if (!rest.n || span_eq_str(rest, ".") || span_eq_str(rest, ".."))
		return WHITEOUT_BAD;
	*hidden = rest.p;
	return WHITEOUT_NAME;
}

const char *layer_path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct span layer_path_dir(const char *path)
{
	const char *last = layer_path_last(path);

	return span_of(path, last == path ? 0 : (size_t)(last - path - 1));
}

/* '/' comes before every other byte. */
static int rank(char c)
{
	return c == '/' ? 1 : c ? (unsigned char)c + 1 : 0;
}

int layer_path_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return rank(*a) - rank(*b);
}

void layer_whiteout_path(struct buf *out, const char *path)
{
	const char *last = layer_path_last(path);

	buf_reset(out);
	buf_add(out, path, (size_t)(last - path));
	buf_add_str(out, LAYER_WHITEOUT);
	buf_add_str(out, last);
}

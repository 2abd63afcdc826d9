/*
 * A file of lines, "NAME<tab>HASH": words first, then (behind a line "content") what was read. It is only
 * ever compared, and its names are told; nothing else depends on it.
 */
#include "oci/build/cache_why.h"

#include <errno.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define BELOW	     "what lies below"
#define CONTENT_MARK "content\n"

char *cache_why_path(const struct step *s)
{
	struct cache_text t;
	struct cache_key key;

	cache_text_init(&t, "why");
	cache_text_add_str(&t, "stage", s->stage->plan->name);
	cache_text_add_str(&t, "text", s->instr->text);
	cache_text_final(&key, &t);
	cache_text_release(&t);
	return mem_printf("%s/cache/why/%s", s->job->ws.root, key.hex);
}

static void join(struct buf *out, const struct cache_key *below, const struct buf *words,
		 const struct buf *content)
{
	if (*below->hex)
		buf_addf(out, BELOW "\t%.16s\n", below->hex);
	buf_add_span(out, buf_span(words));
	if (!content)
		return;
	buf_add_str(out, CONTENT_MARK);
	buf_add_span(out, buf_span(content));
}

void cache_why_keep(const struct op *op, const char *path, const struct cache_key *below,
		    const struct buf *words, const struct buf *content)
{
	auto_buf struct buf text = BUF_INIT(2 * CACHE_FIELDS_MAX);
	auto_free char *dir =
		span_dup(span_head(span_of_str(path), (size_t)(strrchr(path, '/') - path)));
	struct err why = ERR_INIT;
	auto_close int fd = -1;

	join(&text, below, words, content);
	fd = fs_open_dir(dir, &why);
	if (fd < 0 && fs_mkdir_p(AT_FDCWD, dir, 0700, &why) == 0)
		fd = fs_open_dir(dir, &why);
	if (fd < 0 ||
	    fs_write_unsynced(fd, strrchr(path, '/') + 1, buf_span(&text), 0600, &why) < 0)
		log_info(op, "what a step depends on: %s", why.text);
}

/* -- comparing ------------------------------------------------------------------------------ */

static bool next_field(struct span *rest, struct span *name, struct span *value)
{
	struct span line;

	if (!span_line(rest, &line))
		return false;
	span_cut(line, '\t', name, value);
	return true;
}

/* Names that are fields of a file's are its path. */
static char *say(struct span name, bool is_content, const char *what)
{
	ptrdiff_t slash = span_find(name, '/');

	/* the first part only keeps sources apart */
	if (is_content && slash < 0)
		return mem_strdup("content changed");
	if (is_content) {
		name = span_sub(name, (size_t)slash + 1);
		return mem_printf("content changed: " SPAN_FMT, SPAN_ARG(name));
	}
	return mem_printf(SPAN_FMT " %s", SPAN_ARG(name), what);
}

/* The field of this name from here on. */
static bool has_name(struct span list, struct span name)
{
	struct span other, value;

	while (next_field(&list, &other, &value))
		if (span_eq(other, name))
			return true;
	return false;
}

/* Fields without the first, if that is of what lies below. */
static struct span above(struct span fields)
{
	struct span rest = fields, name, value;

	return next_field(&rest, &name, &value) && span_eq_str(name, BELOW) ? rest : fields;
}

char *cache_why_compare(struct span before, struct span now)
{
	struct span a, b, va, vb;
	bool content = false;

	if (above(now).p == now.p) /* it is not known yet, and no reason */
		before = above(before);
	for (;;) {
		struct span rest = before;
		bool has_a = next_field(&before, &a, &va), has_b = next_field(&now, &b, &vb);

		if (!has_a && !has_b)
			return NULL;
		if (has_a && has_b && span_eq(a, b)) {
			content |= span_eq_str(a, "content");
			if (span_eq(va, vb) || span_eq_str(a, "entries"))
				continue;
			return say(a, content, "differs");
		}
		if (has_b && (!has_a || !has_name(rest, b)))
			return say(b, content, "is new");
		return say(a, content, "is gone");
	}
}

static struct span words_of(const struct buf *fields)
{
	const char *mark = strstr(buf_str(fields), "\n" CONTENT_MARK);

	return mark ? span_head(buf_span(fields), (size_t)(mark + 1 - buf_str(fields)))
		    : buf_span(fields);
}

char *cache_why(const struct step *s, const struct cache_key *below, const struct buf *words,
		const struct buf *content)
{
	auto_buf struct buf before = BUF_INIT(2 * CACHE_FIELDS_MAX);
	auto_buf struct buf now = BUF_INIT(2 * CACHE_FIELDS_MAX);
	auto_free char *path = cache_why_path(s);
	struct err ignored = ERR_INIT;
	char *what;

	if (fs_read_file_no_link(AT_FDCWD, path, &before, &ignored) < 0)
		return mem_strdup("first build of this step");
	join(&now, below, words, content);
	what = cache_why_compare(content ? buf_span(&before) : words_of(&before), buf_span(&now));
	return what ? what : mem_strdup("its result is not kept any more");
}

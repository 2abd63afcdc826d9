/*
 * A word is cut at its first part with a wildcard: what is before is a path whose links are
 * followed, what is behind is matched part by part against sorted directories, where no link is
 * entered. Every match is then followed once more, so that a link stands for what it leads to.
 */
#include "oci/build/context.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/build/inroot.h"

#define IGNORE_FILE_MAX (1u << 20)
#define MATCHES_MAX	100000

/* -- opening ----------------------------------------------------------------- */

/* 1: there is such a file and it was taken; 0: there is none. */
static int take_ignore_file(struct source_tree *t, int dirfd, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(IGNORE_FILE_MAX);

	if (fs_read_file(dirfd, path, &text, e) < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (ignore_parse(&t->ignore, path, buf_span(&text), e) < 0)
		return -1;
	t->ignore_file = mem_strdup(path);
	return 1;
}

static int read_ignore(struct source_tree *t, const char *dockerfile, struct err *e)
{
	auto_free char *own = dockerfile ? mem_printf("%s.dockerignore", dockerfile) : NULL;
	int r = own ? take_ignore_file(t, AT_FDCWD, own, e) : 0;

	return r ? r : take_ignore_file(t, t->fd, ".dockerignore", e);
}

int context_open(struct source_tree *out, const char *dir, const char *dockerfile, struct err *e)
{
	auto_source_tree struct source_tree t = SOURCE_TREE_INIT;

	t.fd = fs_open_dir(dir, e);
	if (t.fd < 0)
		return err_wrap(e, "build context");
	t.where = mem_printf("the context '%s'", dir);
	t.is_context = true;
	if (read_ignore(&t, dockerfile, e) < 0)
		return -1;
	*out = t;
	t = (struct source_tree)SOURCE_TREE_INIT;
	return 0;
}

void source_tree_release(struct source_tree *t)
{
	fd_auto_close_(&t->fd);
	free(t->where);
	ignore_free(t->ignore);
	free(t->ignore_file);
	*t = (struct source_tree)SOURCE_TREE_INIT;
}

/* -- one path ------------------------------------------------------------------ */

/* Excluded, and nothing below it is brought back. */
static bool is_hidden(const struct source_tree *t, const char *path, const struct stat *st)
{
	if (!*path || !ignore_is_excluded(t->ignore, path))
		return false;
	return !S_ISDIR(st->st_mode) || !ignore_may_hold_included(t->ignore, path);
}

static int absent(const struct source_tree *t, const char *path, const char *real, struct err *e)
{
	if (strcmp(path, real) != 0)
		return err_set(e, ERR_INPUT, "'%s' is not in %s: links lead to '/%s' in there",
			       path, t->where, real);
	return err_set(e, ERR_INPUT, "'%s' is not in %s", path, t->where);
}

static int hidden(const struct source_tree *t, const char *path, const char *rule_path,
		  struct err *e)
{
	unsigned line = ignore_line_of(t->ignore, rule_path);

	return err_set(e, ERR_INPUT, "'%s' is not in %s: %s:%u excludes it", path, t->where,
		       t->ignore_file, line);
}

static void add_match(struct source_matches *out, const char *path, struct inroot *at)
{
	MEM_GROW(out->v, out->nr, out->cap);
	out->v[out->nr++] = (struct source_match){ .path = mem_strdup(path),
						   .real = STEAL(&at->path),
						   .st = at->st };
}

/* by_wildcard: what is ignored or leads nowhere is passed over. */
static int match_path(struct source_matches *out, const struct source_tree *t, const char *path,
		      bool by_wildcard, struct err *e)
{
	auto_inroot struct inroot at = { 0 };

	if (inroot_resolve(&at, t->fd, path, e) < 0)
		return err_wrap(e, "'%s' in %s", path, t->where);
	if (!at.exists)
		return by_wildcard ? 0 : absent(t, path, at.path, e);
	if (is_hidden(t, path, &at.st))
		return by_wildcard ? 0 : hidden(t, path, path, e);
	if (is_hidden(t, at.path, &at.st))
		return by_wildcard ? 0 : hidden(t, path, at.path, e);
	if (out->nr == MATCHES_MAX)
		return err_set(e, ERR_INPUT, "more than %d sources", MATCHES_MAX);
	add_match(out, path, &at);
	return 0;
}

/* -- wildcards ----------------------------------------------------------------- */

struct globber {
	struct source_matches *out;
	const struct source_tree *t;
};

static char *join(const char *dir, const char *name)
{
	return *dir ? mem_printf("%s/%s", dir, name) : mem_strdup(name);
}

static int glob_dir(const struct globber *g, const char *shown, const char *real,
		    struct span pattern, struct err *e);

/* One entry of a directory against the first part of pattern. */
static int glob_entry(const struct globber *g, const char *shown, const char *real,
		      const struct walk_entry *ent, struct span pattern, struct err *e)
{
	auto_free char *path = NULL, *below = NULL;
	struct span part, rest;
	bool more = span_cut(pattern, '/', &part, &rest);
	int matches = glob_match(part, span_of_str(ent->name));

	if (matches < 0)
		return err_set(e, ERR_INPUT, "'" SPAN_FMT "' is not a pattern", SPAN_ARG(pattern));
	if (!matches)
		return 0;
	path = join(shown, ent->name);
	if (!more)
		return match_path(g->out, g->t, path, true, e);
	if (!S_ISDIR(ent->st.st_mode))
		return 0;
	below = join(real, ent->name);
	return glob_dir(g, path, below, rest, e);
}

static int glob_dir(const struct globber *g, const char *shown, const char *real,
		    struct span pattern, struct err *e)
{
	auto_close int fd =
		fs_open_beneath(g->t->fd, real, O_RDONLY | O_DIRECTORY, 0, FS_NO_LINKS, e);
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	int r;

	if (fd < 0 || walk_open(&w, fd, e) < 0)
		return -1;
	while ((r = walk_next(w, &ent, e)) > 0) {
		walk_skip(w);
		if (glob_entry(g, shown, real, &ent, pattern, e) < 0)
			return -1;
	}
	return r;
}

/* *pattern begins behind the last '/' before the first wildcard. */
static char *cut_literal(const char *path, struct span *pattern)
{
	struct span rest = span_of_str(path), part;
	size_t end = 0;

	while (span_split(&rest, '/', &part) && !glob_has_meta(part))
		end = (size_t)(part.p + part.n - path) + 1;
	*pattern = span_of_str(path + end);
	return mem_strndup(path, end ? end - 1 : 0);
}

static int match_wildcards(struct source_matches *out, const struct source_tree *t,
			   const char *path, struct err *e)
{
	const struct globber g = { .out = out, .t = t };
	auto_inroot struct inroot at = { 0 };
	auto_free char *literal = NULL;
	struct span pattern;

	literal = cut_literal(path, &pattern);
	if (glob_match(pattern, SPAN_LIT("")) < 0)
		return err_set(e, ERR_INPUT, "'%s' is not a pattern", path);
	if (inroot_resolve(&at, t->fd, literal, e) < 0)
		return err_wrap(e, "'%s' in %s", path, t->where);
	if (!at.exists || !S_ISDIR(at.st.st_mode))
		return 0;
	return glob_dir(&g, literal, at.path, pattern, e);
}

int source_match_word(struct source_matches *out, const struct source_tree *t, const char *word,
		      struct err *e)
{
	auto_free char *rooted = mem_printf("/%s", word);
	auto_free char *clean = fs_path_clean(rooted);
	const char *path = clean + 1; /* cannot begin with ".." any more */

	if (glob_has_meta(span_of_str(path)))
		return match_wildcards(out, t, path, e);
	return match_path(out, t, path, false, e);
}

void source_matches_release(struct source_matches *m)
{
	for (size_t i = 0; i < m->nr; i++) {
		free(m->v[i].path);
		free(m->v[i].real);
	}
	free(m->v);
	*m = (struct source_matches){ 0 };
}

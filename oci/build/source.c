/*
 * A word is cut at its first part with a wildcard: what is before is a path whose links are
 * followed, what is behind is matched part by part against sorted directories, where no link is
 * entered. Every match is then followed once more, so that a link stands for what it leads to.
 */
#include "oci/build/source.h"

#include "base/fs.h"
#include "base/mem.h"
#include "oci/dockerfile/message.h"
#include "oci/layer/path.h"
#include "oci/layer/tree_dir.h"

#define MATCHES_MAX 100000

int source_tree_of_context(struct source_tree *out, const struct context *c, struct err *e)
{
	const struct tree_dir_options opt = { .of_root = true,
					      .git_modes = c->git_modes,
					      .skip_dev = c->skip_dev,
					      .skip_ino = c->skip_ino };
	struct tree *tree;

	if (tree_dir_open(&tree, c->fd, &opt, e) < 0)
		return -1;
	*out = (struct source_tree){ .tree = tree,
				     .owned = true,
				     .where = mem_strdup(c->where),
				     .ignore = c->ignore,
				     .ignore_file = c->ignore_file };
	return 0;
}

void source_tree_release(struct source_tree *t)
{
	if (t->owned)
		tree_free(t->tree);
	free(t->where);
	*t = (struct source_tree){ 0 };
}

static char *join(const char *dir, const char *name)
{
	return *dir ? mem_printf("%s/%s", dir, name) : mem_strdup(name);
}

/* -- .dockerignore --------------------------------------------------------------- */

static int holds_included(const struct source_tree *t, const char *dir, struct err *e);

/* 1: path, which is in an excluded directory, is brought back, or something below it. */
static int is_included(const struct source_tree *t, const char *path, struct err *e)
{
	struct tree_node node;
	int r;

	if (!ignore_is_excluded(t->ignore, path))
		return 1;
	if (!ignore_may_hold_included(t->ignore, path))
		return 0;
	r = tree_look(t->tree, path, &node, e);
	return r > 0 && S_ISDIR(node.st.st_mode) ? holds_included(t, path, e) : r < 0 ? -1 : 0;
}

static int holds_included(const struct source_tree *t, const char *dir, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (tree_list(t->tree, dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = join(dir, names.v[i]);
		int r = is_included(t, path, e);

		if (r)
			return r;
	}
	return 0;
}

int source_is_hidden(const struct source_tree *t, const char *path, mode_t mode, struct err *e)
{
	int r;

	if (!*path || !ignore_is_excluded(t->ignore, path))
		return 0;
	if (!S_ISDIR(mode) || !ignore_may_hold_included(t->ignore, path))
		return 1;
	r = holds_included(t, path, e);
	return r < 0 ? -1 : !r;
}

/* -- what to say of what is not there ---------------------------------------------- */

/* The nearest name to the part of path that is not there: "app/reqs.txt"; "" when none is near. */
static int nearest(char out[MESSAGE_HINT_MAX], const struct source_tree *t, const char *path,
		   struct err *e)
{
	struct span dir = layer_path_dir(path);
	auto_free char *above = span_dup(dir);
	auto_tree_place struct tree_place at = { 0 };
	auto_strv struct strv names = STRV_INIT, near = STRV_INIT;
	struct message_guess guess = { .word = span_of_str(layer_path_last(path)) };

	*out = '\0';
	if (tree_resolve(&at, t->tree, above, e) < 0)
		return -1;
	if (!at.exists)
		return *above ? nearest(out, t, above, e) : 0;
	if (!S_ISDIR(at.st.st_mode))
		return 0;
	if (tree_list(t->tree, at.path, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *real = join(at.path, names.v[i]);

		if (!ignore_is_excluded(t->ignore, real))
			message_guess_add(&guess, names.v[i]);
	}
	if (!guess.best)
		return 0;
	strv_take(&near, join(above, guess.best));
	guess.best = near.v[0];
	message_guess_hint(out, &guess);
	return 0;
}

static int absent(const struct source_tree *t, const char *path, const char *real, struct err *e)
{
	char hint[MESSAGE_HINT_MAX];
	struct err ignored = ERR_INIT;

	if (nearest(hint, t, path, &ignored) < 0)
		*hint = '\0';
	if (strcmp(path, real) != 0)
		return err_set(e, ERR_INPUT, "'%s' is not in %s: links lead to '/%s' in there%s",
			       path, t->where, real, hint);
	return err_set(e, ERR_INPUT, "'%s' is not in %s%s", path, t->where, hint);
}

static int hidden(const struct source_tree *t, const char *path, const char *rule_path,
		  struct err *e)
{
	char hint[MESSAGE_HINT_MAX];
	struct err ignored = ERR_INIT;

	if (nearest(hint, t, path, &ignored) < 0)
		*hint = '\0';
	return err_set(e, ERR_INPUT, "'%s' is not in %s: %s:%u \"%s\" excludes it%s", path,
		       t->where, t->ignore_file, ignore_line_of(t->ignore, rule_path),
		       ignore_pattern_of(t->ignore, rule_path), hint);
}

/* -- one path ------------------------------------------------------------------------ */

static void add_match(struct source_matches *out, const char *path, struct tree_place *at)
{
	MEM_GROW(out->v, out->nr, out->cap);
	out->v[out->nr] = (struct source_match){ .path = mem_strdup(path),
						 .real = STEAL(&at->path),
						 .st = at->st };
	out->nr++;
}

/* The name of a link may be ignored, and what it leads to. NULL: neither is; borrowed. */
static int ignored_name(const char **out, const struct source_tree *t, const char *path,
			const struct tree_place *at, struct err *e)
{
	int r = source_is_hidden(t, at->path, at->st.st_mode, e);

	*out = NULL;
	if (r < 0)
		return -1;
	if (r)
		*out = at->path;
	if (strcmp(path, at->path) != 0 && ignore_is_excluded(t->ignore, path) &&
	    !ignore_may_hold_included(t->ignore, path))
		*out = path;
	return 0;
}

/* 1: it is there, 0: it is not, and by_wildcard, so that it does not matter; -1. */
static int find_path(struct tree_place *at, const struct source_tree *t, const char *path,
		     bool by_wildcard, struct err *e)
{
	const char *ignored;

	if (tree_resolve(at, t->tree, path, e) < 0)
		return err_wrap(e, "'%s' in %s", path, t->where);
	if (!at->exists)
		return by_wildcard ? 0 : absent(t, path, at->path, e);
	if (ignored_name(&ignored, t, path, at, e) < 0)
		return -1;
	if (ignored)
		return by_wildcard ? 0 : hidden(t, path, ignored, e);
	return 1;
}

static int match_path(struct source_matches *out, const struct source_tree *t, const char *path,
		      bool by_wildcard, struct err *e)
{
	auto_tree_place struct tree_place at = { 0 };
	int r = find_path(&at, t, path, by_wildcard, e);

	if (r <= 0)
		return r;
	if (out->nr == MATCHES_MAX)
		return err_set(e, ERR_INPUT, "more than %d sources", MATCHES_MAX);
	add_match(out, path, &at);
	return 0;
}

/* -- wildcards ------------------------------------------------------------------------- */

/* As docker looks for them: a '\' alone makes no pattern. */
static bool has_wildcard(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '*' || s.p[i] == '?' || s.p[i] == '[')
			return true;
		if (s.p[i] == '\\')
			i++;
	}
	return false;
}

struct globber {
	struct source_matches *out;
	const struct source_tree *t;
};

static int glob_dir(const struct globber *g, const char *shown, const char *real,
		    struct span pattern, struct err *e);

/* One entry of a directory against the first part of pattern. */
static int glob_entry(const struct globber *g, const char *shown, const char *real,
		      const char *name, struct span pattern, struct err *e)
{
	auto_free char *path = NULL, *below = NULL;
	struct span part, rest;
	bool more = span_cut(pattern, '/', &part, &rest);
	int matches = glob_match(part, span_of_str(name));
	struct tree_node node;
	int r;

	if (matches < 0)
		return err_set(e, ERR_INPUT, "'" SPAN_FMT "' is not a pattern", SPAN_ARG(pattern));
	if (!matches)
		return 0;
	path = join(shown, name);
	if (!more)
		return match_path(g->out, g->t, path, true, e);
	below = join(real, name);
	r = tree_look(g->t->tree, below, &node, e);
	if (r <= 0 || !S_ISDIR(node.st.st_mode))
		return r < 0 ? -1 : 0;
	return glob_dir(g, path, below, rest, e);
}

static int glob_dir(const struct globber *g, const char *shown, const char *real,
		    struct span pattern, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (tree_list(g->t->tree, real, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (glob_entry(g, shown, real, names.v[i], pattern, e) < 0)
			return -1;
	return 0;
}

/* *pattern begins behind the last '/' before the first wildcard. */
static char *cut_literal(const char *path, struct span *pattern)
{
	struct span rest = span_of_str(path), part;
	size_t end = 0;

	while (span_split(&rest, '/', &part) && !has_wildcard(part))
		end = (size_t)(part.p + part.n - path) + 1;
	*pattern = span_of_str(path + end);
	return mem_strndup(path, end ? end - 1 : 0);
}

static int match_wildcards(struct source_matches *out, const struct source_tree *t,
			   const char *path, struct err *e)
{
	const struct globber g = { .out = out, .t = t };
	auto_tree_place struct tree_place at = { 0 };
	auto_free char *literal = NULL;
	struct span pattern;

	literal = cut_literal(path, &pattern);
	if (glob_match(pattern, SPAN_LIT("")) < 0)
		return err_set(e, ERR_INPUT, "'%s' is not a pattern", path);
	if (tree_resolve(&at, t->tree, literal, e) < 0)
		return err_wrap(e, "'%s' in %s", path, t->where);
	if (!at.exists || !S_ISDIR(at.st.st_mode))
		return 0;
	return glob_dir(&g, literal, at.path, pattern, e);
}

/* Below the root and without what leads out of it; owned by the caller. */
static char *clean_word(const char *word)
{
	auto_free char *rooted = mem_printf("/%s", word);
	auto_free char *clean = fs_path_clean(rooted);

	return mem_strdup(clean + 1);
}

int source_match_word(struct source_matches *out, const struct source_tree *t, const char *word,
		      struct err *e)
{
	auto_free char *path = clean_word(word);

	if (has_wildcard(span_of_str(path)))
		return match_wildcards(out, t, path, e);
	return match_path(out, t, path, false, e);
}

/* -- --parents ---------------------------------------------------------------------------- */

/* Nothing but pattern, and all below what it matches. */
static int only_pattern(struct ignore **out, const char *pattern, struct err *e)
{
	auto_strv struct strv rules = STRV_INIT;

	strv_add(&rules, "**");
	strv_addf(&rules, "!%s", *pattern ? pattern : "**");
	return ignore_of_patterns(out, "--parents", &rules, e);
}

/* Without wildcards it must be there, by its own name: links on the way are not entered. */
static int require(const struct source_tree *t, const char *pivot, const char *pattern,
		   struct err *e)
{
	auto_free char *path = *pattern ? join(pivot, pattern) : mem_strdup(pivot);
	auto_tree_place struct tree_place at = { 0 };
	struct tree_node node;
	int r = tree_look(t->tree, path, &node, e);

	if (r < 0)
		return -1;
	if (!r)
		return find_path(&at, t, path, false, e) < 0
			       ? -1
			       : err_set(e, ERR_INPUT,
					 "'%s' in %s: --parents copies no path through a link (that "
					 "leads to '%s')",
					 path, t->where, at.path);
	r = source_is_hidden(t, path, node.st.st_mode, e);
	return r > 0 ? hidden(t, path, path, e) : r;
}

int source_match_parents(struct source_matches *out, const struct source_tree *t, const char *word,
			 struct err *e)
{
	const char *dot = strstr(word, "/./");
	auto_free char *before = mem_strndup(word, dot ? (size_t)(dot - word) : 0);
	auto_free char *pivot = clean_word(before), *pattern = clean_word(dot ? dot + 3 : word);
	size_t first = out->nr;
	int r = source_match_word(out, t, pivot, e);

	if (r < 0)
		return -1;
	for (size_t i = first; i < out->nr; i++) {
		struct source_match *m = &out->v[i];

		if (!S_ISDIR(m->st.st_mode))
			return err_set(e, ERR_INPUT,
				       "'%s' in %s: not a directory, but '/./' follows", m->path,
				       t->where);
		if (only_pattern(&m->only, pattern, e) < 0)
			return -1;
		if (!has_wildcard(span_of_str(pivot)) && !has_wildcard(span_of_str(pattern)) &&
		    require(t, m->real, pattern, e) < 0)
			return -1;
	}
	return 0;
}

void source_matches_release(struct source_matches *m)
{
	for (size_t i = 0; i < m->nr; i++) {
		free(m->v[i].path);
		free(m->v[i].real);
		ignore_free(m->v[i].only);
	}
	free(m->v);
	*m = (struct source_matches){ 0 };
}

/*
 * Patterns become short programs for a set-of-states matcher: no backtracking,
 * so a hostile pattern costs its length times the path's and no more. One pass
 * over a path also tells whether one of its parents matches, which is how a
 * pattern "dir" takes in all that is below dir.
 *
 * The language is that of moby's patternmatcher: a star stays inside one
 * component, "**" is any number of whole components in the middle of a pattern
 * and anything at all at its end.
 */
#include "oci/dockerfile/ignore.h"

#include "base/fs.h"
#include "base/mem.h"
#include "oci/dockerfile/glob.h"
#include "oci/dockerfile/message.h"

#define IGNORE_PATTERN_MAX 4096 /* no path is longer */
#define IGNORE_RULES_MAX   65536

enum token_kind {
	TOKEN_CHAR,    /* .code */
	TOKEN_ANY,     /* '?': any but '/' */
	TOKEN_STAR,    /* any number of any but '/' */
	TOKEN_CLASS,   /* .code: where it begins in the rule's text, behind '[' */
	TOKEN_DIRS,    /* skip the next token, or enter it */
	TOKEN_IN_DIRS, /* any number of characters, the last one a '/' */
	TOKEN_REST,    /* any number of any */
};

struct token {
	enum token_kind kind;
	uint32_t code;
};

struct rule {
	char *text; /* cleaned, without '!' */
	unsigned line;
	bool includes; /* "!" */
	struct token *tokens;
	size_t nr, cap;
};

struct ignore {
	struct rule *rules;
	size_t nr, cap;
};

static void add_token(struct rule *r, enum token_kind kind, uint32_t code)
{
	MEM_GROW(r->tokens, r->nr, r->cap);
	r->tokens[r->nr++] = (struct token){ kind, code };
}

/* Behind "**". The pattern's first token and a plain rest make it any text before that rest. */
static void add_double_star(struct rule *r, struct span *rest)
{
	bool first = !r->nr, slash = span_take(rest, "/");

	if (!rest->n) {
		add_token(r, TOKEN_REST, 0);
	} else if (first && !slash && !glob_has_meta(*rest)) {
		add_token(r, TOKEN_REST, 0);
	} else {
		add_token(r, TOKEN_DIRS, 0);
		add_token(r, TOKEN_IN_DIRS, 0);
	}
}

/* text is valid as a glob. */
static void compile(struct rule *r)
{
	struct span whole = span_of_str(r->text), rest = whole;

	while (rest.n) {
		if (span_take(&rest, "**")) {
			add_double_star(r, &rest);
		} else if (span_take(&rest, "*")) {
			add_token(r, TOKEN_STAR, 0);
		} else if (span_take(&rest, "?")) {
			add_token(r, TOKEN_ANY, 0);
		} else if (span_take(&rest, "[")) {
			add_token(r, TOKEN_CLASS, (uint32_t)(rest.p - whole.p));
			if (glob_take_class(&rest, 0) < 0)
				return;
		} else {
			span_take(&rest, "\\");
			add_token(r, TOKEN_CHAR, glob_take_char(&rest));
		}
	}
}

/* The set of tokens that may come next; [nr] is "all of the pattern seen". */
struct states {
	bool at[IGNORE_PATTERN_MAX + 2];
	bool any;
};

/* What can be reached without a character; it is always further on, so one pass does. */
static void close_states(const struct rule *r, struct states *s)
{
	s->any = s->at[r->nr];
	for (size_t i = 0; i < r->nr; i++) {
		enum token_kind kind = r->tokens[i].kind;

		if (!s->at[i])
			continue;
		s->any = true;
		if (kind == TOKEN_DIRS)
			s->at[i + 2] = true;
		if (kind == TOKEN_DIRS || kind == TOKEN_STAR || kind == TOKEN_REST)
			s->at[i + 1] = true;
	}
}

static void step_token(const struct rule *r, size_t i, uint32_t c, struct states *to)
{
	struct span class;

	switch (r->tokens[i].kind) {
	case TOKEN_CHAR:
		to->at[i + 1] |= c == r->tokens[i].code;
		break;
	case TOKEN_ANY:
		to->at[i + 1] |= c != '/';
		break;
	case TOKEN_STAR:
		to->at[i] |= c != '/';
		break;
	case TOKEN_CLASS:
		class = span_of_str(r->text + r->tokens[i].code);
		to->at[i + 1] |= glob_take_class(&class, c) == 1;
		break;
	case TOKEN_IN_DIRS:
		to->at[i] = true;
		to->at[i + 1] |= c == '/';
		break;
	case TOKEN_REST:
		to->at[i] = true;
		break;
	case TOKEN_DIRS:
		break;
	}
}

enum reach {
	REACH_NO,
	REACH_BELOW, /* path is no match, but longer paths that begin with it can be */
	REACH_MATCH, /* path or one of its parents matches */
};

static enum reach rule_reach(const struct rule *r, struct span path)
{
	struct states both[2];
	size_t now = 0, size = (r->nr + 1) * sizeof(both[0].at[0]);

	memset(both[0].at, 0, size);
	both[0].at[0] = true;
	close_states(r, &both[0]);
	while (path.n && both[now].any) {
		uint32_t c = glob_take_char(&path);

		if (c == '/' && both[now].at[r->nr])
			return REACH_MATCH;
		memset(both[!now].at, 0, size);
		for (size_t i = 0; i < r->nr; i++)
			if (both[now].at[i])
				step_token(r, i, c, &both[!now]);
		now = !now;
		close_states(r, &both[now]);
	}
	if (both[now].any && both[now].at[r->nr])
		return REACH_MATCH;
	return both[now].any ? REACH_BELOW : REACH_NO;
}

/* Cleaned like a path; a pattern from the root is one from the context's root. */
static char *clean_pattern(struct span text)
{
	auto_free char *raw = span_dup(text);
	auto_free char *clean = fs_path_clean(raw);

	return mem_strdup(clean[0] == '/' && clean[1] ? clean + 1 : clean);
}

static int parse_pattern(struct ignore *ig, const char *file, unsigned nr, struct span line,
			 struct err *e)
{
	struct rule r = { .line = nr };
	struct span pattern = span_trim(line);

	if (!pattern.n)
		return 0;
	if (ig->nr == IGNORE_RULES_MAX)
		return message_wrong(e, file, nr, "more than %d patterns", IGNORE_RULES_MAX);
	r.includes = span_take(&pattern, "!");
	pattern = span_trim(pattern);
	if (!pattern.n)
		return message_wrong(e, file, nr, "illegal exclusion pattern: '!'");
	if (pattern.n > IGNORE_PATTERN_MAX)
		return message_wrong(e, file, nr, "a pattern of more than %d bytes",
				     IGNORE_PATTERN_MAX);
	r.text = clean_pattern(pattern);
	if (!glob_is_valid(span_of_str(r.text))) {
		free(r.text);
		return message_wrong(e, file, nr, "syntax error in pattern '" MESSAGE_FMT "'",
				     MESSAGE_ARG(pattern));
	}
	compile(&r);
	MEM_GROW(ig->rules, ig->nr, ig->cap);
	ig->rules[ig->nr++] = r;
	return 0;
}

int ignore_parse(struct ignore **out, const char *file, struct span text, struct err *e)
{
	auto_ignore struct ignore *ig = mem_zalloc(sizeof(*ig));
	struct span line;

	if (span_has_nul(text))
		return message_wrong(e, file, 0, "a NUL byte: this is not text");
	span_take(&text, "\xef\xbb\xbf");
	for (unsigned nr = 1; span_line(&text, &line); nr++)
		if (!span_starts(line, "#") && parse_pattern(ig, file, nr, line, e) < 0)
			return -1;
	*out = STEAL(&ig);
	return 0;
}

int ignore_of_patterns(struct ignore **out, const char *what, const struct strv *patterns,
		       struct err *e)
{
	auto_ignore struct ignore *ig = mem_zalloc(sizeof(*ig));

	for (size_t i = 0; i < patterns->n; i++)
		if (parse_pattern(ig, what, 0, span_of_str(patterns->v[i]), e) < 0)
			return -1;
	*out = STEAL(&ig);
	return 0;
}

void ignore_free(struct ignore *ig)
{
	if (!ig)
		return;
	for (size_t i = 0; i < ig->nr; i++) {
		free(ig->rules[i].text);
		free(ig->rules[i].tokens);
	}
	free(ig->rules);
	free(ig);
}

/*
 * The rule that has the last word when it excludes, else NULL. A rule that could
 * not change the verdict so far is not looked at.
 */
static const struct rule *excluding_rule(const struct ignore *ig, const char *path)
{
	const struct rule *by = NULL;

	for (size_t i = 0; ig && i < ig->nr; i++) {
		const struct rule *r = &ig->rules[i];

		if (r->includes == (by != NULL) && rule_reach(r, span_of_str(path)) == REACH_MATCH)
			by = r->includes ? NULL : r;
	}
	return by;
}

static bool is_root(const char *path)
{
	return !*path || strcmp(path, ".") == 0;
}

bool ignore_is_excluded(const struct ignore *ig, const char *path)
{
	return !is_root(path) && excluding_rule(ig, path);
}

unsigned ignore_line_of(const struct ignore *ig, const char *path)
{
	const struct rule *by = is_root(path) ? NULL : excluding_rule(ig, path);

	return by ? by->line : 0;
}

const char *ignore_pattern_of(const struct ignore *ig, const char *path)
{
	const struct rule *by = is_root(path) ? NULL : excluding_rule(ig, path);

	return by ? by->text : "";
}

bool ignore_may_hold_included(const struct ignore *ig, const char *dir)
{
	const struct rule *by = is_root(dir) ? NULL : excluding_rule(ig, dir);
	auto_free char *below = NULL;

	if (!by)
		return true;
	below = mem_printf("%s/", dir);
	/* only what comes after the excluding rule can overrule it */
	for (const struct rule *r = by + 1; r < ig->rules + ig->nr; r++)
		if (r->includes && rule_reach(r, span_of_str(below)) != REACH_NO)
			return true;
	return false;
}

bool ignore_has_exceptions(const struct ignore *ig)
{
	for (size_t i = 0; ig && i < ig->nr; i++)
		if (ig->rules[i].includes)
			return true;
	return false;
}

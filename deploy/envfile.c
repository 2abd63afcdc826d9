/*
 * A line at a time. docker's own tools disagree about quotes (`stack deploy` keeps them in the
 * value, `compose up` does not); here they are what people who write them mean.
 */
#include "deploy/envfile.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/mem.h"
#include "deploy/expand.h"
#include "deploy/mask.h"

struct envfile {
	const char *file;
	unsigned line;
	struct strv known; /* the environment, and above it what was read */
	const struct strv *env;
	struct strv *warnings;
	size_t made;
};

static int expand_value(char **out, struct envfile *f, const char *text, struct err *e)
{
	auto_expand struct expand x = { .env = &f->known,
					.grammar = EXPAND_COMPOSE,
					.made = f->made };
	int r = expand_text(out, &x, text, e);

	f->made = x.made;
	for (size_t i = 0; r == 0 && i < x.unset.n; i++)
		strv_addf(f->warnings,
			  "%s:%u: variable '%s' is not set, nothing stands in its place", f->file,
			  f->line, x.unset.v[i]);
	return r;
}

/* '#' begins a comment where a blank stands before it. */
static struct span cut_comment(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '#' && (i == 0 || isspace((unsigned char)value.p[i - 1])))
			return span_rtrim(span_head(value, i));
	return span_rtrim(value);
}

/* Behind a closing quote only a comment may stand. */
static int check_rest(struct span rest, struct err *e)
{
	if (cut_comment(rest).n)
		return err_set(e, ERR_INPUT, "something stands behind the closing quote");
	return 0;
}

static int single_quoted(char **out, struct span rest, struct err *e)
{
	ptrdiff_t end = span_find(rest, '\'');

	if (end < 0)
		return err_set(e, ERR_INPUT, "a quote is not closed on its line");
	if (check_rest(span_sub(rest, (size_t)end + 1), e) < 0)
		return -1;
	*out = span_dup(span_head(rest, (size_t)end));
	return 0;
}

static void undo_backslash(struct buf *b, char c)
{
	static const char from[] = "nrt", to[] = "\n\r\t";
	const char *at = c ? strchr(from, c) : NULL;

	if (at)
		buf_add_char(b, to[at - from]);
	else if (c == '$')
		buf_add_str(b, "$$");
	else if (c == '"' || c == '\\')
		buf_add_char(b, c);
	else
		buf_addf(b, "\\%c", c);
}

static int double_quoted(char **out, struct envfile *f, struct span rest, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(2 * DEPLOY_ENVFILE_MAX);
	size_t i = 0;

	for (; i < rest.n && rest.p[i] != '"'; i++) {
		if (rest.p[i] == '\\' && i + 1 < rest.n)
			undo_backslash(&text, rest.p[++i]);
		else
			buf_add_char(&text, rest.p[i]);
	}
	if (i == rest.n)
		return err_set(e, ERR_INPUT, "a quote is not closed on its line");
	if (check_rest(span_sub(rest, i + 1), e) < 0)
		return -1;
	return expand_value(out, f, buf_str(&text), e);
}

static int read_value(char **out, struct envfile *f, struct span value, struct err *e)
{
	auto_free char *plain = NULL;

	value = span_ltrim(value);
	if (span_take(&value, "'"))
		return single_quoted(out, value, e);
	if (span_take(&value, "\""))
		return double_quoted(out, f, value, e);
	plain = span_dup(cut_comment(value));
	return expand_value(out, f, plain, e);
}

static int check_name(struct span name, struct err *e)
{
	if (!name.n)
		return err_set(e, ERR_INPUT, "has no name; write KEY=value");
	for (size_t i = 0; i < name.n; i++)
		if (isspace((unsigned char)name.p[i]))
			return err_set(e, ERR_INPUT, "has a blank in its name");
	return 0;
}

/* Half of a value that has several lines looks like a name, too: only what is written as names are is told. */
static void warn_unset(struct envfile *f, const char *name)
{
	bool plain = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name);

	if (plain)
		strv_addf(f->warnings, "%s:%u: variable '%s' is not set and left out", f->file,
			  f->line, name);
	else
		strv_addf(f->warnings,
			  "%s:%u: a name without a value, which is not set either, is left out",
			  f->file, f->line);
}

static int read_line(struct strv *out, struct envfile *f, struct span line, struct err *e)
{
	auto_free char *name = NULL, *value = NULL;
	struct span key, rest, exported;
	const char *ours;
	bool has_value;

	line = span_trim(line);
	if (!line.n || line.p[0] == '#')
		return 0;
	exported = line;
	if (span_take(&exported, "export ") || span_take(&exported, "export\t"))
		line = span_ltrim(exported);
	has_value = span_cut(line, '=', &key, &rest);
	key = span_rtrim(has_value ? key : cut_comment(key));
	if (check_name(key, e) < 0)
		return -1;
	name = span_dup(key);
	ours = f->env ? strv_env_get(f->env, name) : NULL;
	if (has_value && read_value(&value, f, rest, e) < 0)
		return -1;
	if (!has_value && !ours) {
		warn_unset(f, name);
		return 0;
	}
	strv_env_set(out, name, has_value ? value : ours);
	if (!ours)
		strv_env_set(&f->known, name, strv_env_get(out, name));
	return 0;
}

int deploy_envfile_read(struct strv *out, const char *file, struct span text,
			const struct strv *env, struct strv *warnings, struct err *e)
{
	/* its name may be a variable's value */
	auto_free char *shown = mask_text(span_of_str(file));
	struct envfile f = { .file = shown, .env = env, .warnings = warnings };
	struct span line;
	int r = 0;

	if (span_has_nul(text))
		return err_set(e, ERR_INPUT, "%s: holds a NUL character", f.file);
	if (env)
		strv_copy(&f.known, env);
	span_take(&text, "\xef\xbb\xbf");
	while (r == 0 && span_line(&text, &line)) {
		f.line++;
		r = read_line(out, &f, line, e);
	}
	strv_release(&f.known);
	return r < 0 ? err_wrap(e, "%s:%u", f.file, f.line) : 0;
}

/*
 * Directives end at the first line that is anything else; an unknown key makes a line a comment,
 * and so ends them, too. A first line with "#!" is passed over, but behind it escape= is a
 * comment, as in docker.
 */
#include "oci/dockerfile/directive.h"

#include "base/excerpt.h"
#include "base/json.h"
#include "oci/dockerfile/message.h"

enum key {
	KEY_ESCAPE,
	KEY_SYNTAX,
	KEY_CHECK,
	NR_KEYS,
};

static const char *const names[] = { "escape", "syntax", "check" };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "MARK key = value"; false: not of that form. */
static bool cut_directive(struct span line, const char *mark, struct span *key, struct span *value)
{
	line = span_ltrim(line);
	if (!span_take(&line, mark) || !span_cut(line, '=', key, value))
		return false;
	*key = span_trim(*key);
	*value = span_trim(*value);
	if (!key->n || !value->n || (key->p[0] >= '0' && key->p[0] <= '9'))
		return false;
	for (size_t i = 0; i < key->n; i++)
		if (!is_alnum(key->p[i]))
			return false;
	return true;
}

static enum key find_key(struct span key)
{
	enum key k = 0;

	while (k < NR_KEYS && !span_eq_nocase(key, names[k]))
		k++;
	return k;
}

static int set_escape(struct directives *d, struct span value, struct err *e)
{
	if (!span_eq_str(value, "\\") && !span_eq_str(value, "`"))
		return err_set(e, ERR_INPUT,
			       "invalid escape token '" MESSAGE_FMT "' does not match ` or \\",
			       MESSAGE_ARG(value));
	d->escape = value.p[0];
	return 0;
}

static int not_a_dockerfile(const char *file, struct span frontend, struct err *e)
{
	return message_wrong(e, file, 1,
			     "this is written for the frontend '" MESSAGE_FMT
			     "', which is never fetched: only Dockerfiles are read",
			     MESSAGE_ARG(frontend));
}

/* Ways of naming a frontend that only files in other languages have. */
static int refuse_other_languages(const char *file, struct span text, struct err *e)
{
	struct span rest = text, line, key, value;
	struct err ignored = ERR_INIT;
	auto_json json_t *root = NULL;
	const char *frontend = NULL;

	while (span_line(&rest, &line) && cut_directive(line, "//", &key, &value))
		if (find_key(key) == KEY_SYNTAX)
			return not_a_dockerfile(file, value, e);
	if (!span_starts(span_ltrim(text), "{"))
		return 0;
	root = json_load_span(text, text.n, file, &ignored);
	if (root && json_opt_str(&frontend, root, "syntax", "", NULL, &ignored) == 0 && frontend)
		return not_a_dockerfile(file, span_of_str(frontend), e);
	return 0;
}

static int take(struct directives *d, enum key k, struct span value, bool has_program,
		struct err *e)
{
	if (k == KEY_SYNTAX)
		d->syntax = value;
	else if (k == KEY_CHECK)
		d->check = value;
	else if (!has_program)
		return set_escape(d, value, e);
	return 0;
}

int directives_read(struct directives *out, const char *file, struct span text, struct err *e)
{
	struct directives d = { .escape = '\\' };
	struct span rest = text, line, key, value;
	bool seen[NR_KEYS] = { false }, has_program = span_starts(text, "#!");
	int r = 0;

	if (has_program && span_line(&rest, &line))
		d.lines = 1;
	if (refuse_other_languages(file, rest, e) < 0)
		return -1;
	while (r == 0 && span_line(&rest, &line) && cut_directive(line, "#", &key, &value)) {
		enum key k = find_key(key);

		if (k == NR_KEYS)
			break;
		d.lines++;
		r = seen[k] ? err_set(e, ERR_INPUT, "only one %s parser directive can be used",
				      names[k])
			    : take(&d, k, value, has_program, e);
		seen[k] = true;
		if (r < 0)
			excerpt_word(e, file, text, d.lines, d.lines, value);
	}
	if (r < 0)
		return err_wrap(e, "%s:%u", file, d.lines);
	*out = d;
	return 0;
}

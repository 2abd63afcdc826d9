/*
 * Any word might be a host or a database that is called like a program, so only the first is sure to be one, or the
 * first behind sudo and the like that is no option's value; of others the options count besides any other's.
 */
#include "deploy/mask_command.h"

#include <ctype.h>

#include "base/cc.h"

struct span mask_bare(struct span word)
{
	while (word.n && strchr("\"'`([{$", word.p[0]))
		word = span_sub(word, 1);
	while (word.n && strchr("\"'`)]},;", word.p[word.n - 1]))
		word = span_head(word, word.n - 1);
	return word;
}

/* -- where a command ends ----------------------------------------------------------- */

bool mask_ends_command(struct span word, bool is_item)
{
	static const char *const separators[] = { "|", "||", "&", "&&", ";" };

	return span_in_nocase(word, separators, ARRAY_LEN(separators)) ||
	       (!is_item && span_ends(word, ";"));
}

static bool begins_command(struct span word, size_t i, bool is_address)
{
	if (word.p[i] == '&')
		return !is_address;
	if (word.p[i] == '(') /* not COUNT(1) */
		return (i > 0 && strchr("$<>", word.p[i - 1])) ||
		       deploy_secret_program(span_sub(word, i + 1));
	return strchr("`;|", word.p[i]);
}

struct span mask_last_command(struct mask_command *c, struct span word)
{
	struct span plain = mask_bare(word);
	size_t begin = (size_t)(plain.p - word.p);
	bool is_address = memmem(word.p, word.n, "://", 3);

	for (size_t i = word.n; i-- > begin;) {
		bool is_quote = word.p[i] == '"' || word.p[i] == '\'';
		ptrdiff_t opens = is_quote ? span_rfind(span_head(word, i), word.p[i]) : -1;

		if (opens >= 0) {
			i = (size_t)opens;
		} else if (i < begin + plain.n && begins_command(word, i, is_address)) {
			*c = (struct mask_command){ 0 };
			return span_sub(plain, i + 1 - begin);
		}
	}
	return plain;
}

/* -- its program -------------------------------------------------------------------- */

/* Who takes a password takes somebody's. */
static bool names_user(struct span word)
{
	static const char *const words[] = { "--user", "--username", "login" };

	return span_in_nocase(word, words, ARRAY_LEN(words)) || span_starts(word, "--user=") ||
	       span_starts(word, "--username=") || span_starts(word, "-u") ||
	       span_starts(word, "-U");
}

/* A=b in front of a command, 5 of "timeout 5". */
static bool is_before_program(struct span word)
{
	return isdigit((unsigned char)word.p[0]) || span_find(word, '=') > 0;
}

static void set_program(struct mask_command *c, const struct secret_program *p, bool sure)
{
	c->program = p;
	c->is_sure = sure;
	c->is_named = c->is_named || sure;
}

static void take_name(struct mask_command *c, struct span word, bool behind_option)
{
	ptrdiff_t slash = span_rfind(word, '/');
	struct span name = span_sub(word, (size_t)(slash + 1));
	const struct secret_program *p = deploy_secret_program(name);

	if (span_find(name, ':') >= 0) /* mysql:3306 */
		p = NULL;
	if (!c->is_named && deploy_runs_another(name)) {
		set_program(c, p, true);
		c->is_named = false;
	} else if (!c->is_named && !behind_option) {
		if (!is_before_program(word))
			set_program(c, p, true);
	} else if (p && !(c->is_sure && c->program) && !(c->is_named && behind_option)) {
		set_program(c, p, false);
	}
}

static void take_option(struct mask_command *c, struct span word)
{
	c->behind_option = true;
	if (deploy_runs_next(word) && !(c->program && c->is_sure))
		c->is_named = c->behind_option = false;
}

void mask_look_for_program(struct mask_command *c, struct span plain)
{
	bool behind_option = c->behind_option;

	c->behind_option = false;
	if (plain.n && plain.p[0] == '-')
		take_option(c, plain);
	else if (plain.n)
		take_name(c, plain, behind_option);
	c->has_user |= names_user(plain);
}

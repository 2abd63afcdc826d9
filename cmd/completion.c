/*
 * For each shell a script with places in it: %t is the tool, %c its commands, %n the names of all
 * options, %o a line for each option. Texts are quoted for the shell, though they are our own: an
 * apostrophe in a help text must not end a word.
 */
#include "cmd/completion.h"

enum value {
	VALUE_NONE, /* the option takes none */
	VALUE_ANY,  /* nobody can guess it */
	VALUE_FILE,
	VALUE_DIR,
	VALUE_WORDS, /* one of those in .arg */
};

static enum value value_of(const struct opt *o)
{
	if (o->kind == OPT_KIND_FLAG || o->kind == OPT_KIND_COUNT)
		return VALUE_NONE;
	if (strchr(o->arg, '|'))
		return VALUE_WORDS;
	if (strcmp(o->arg, "FILE") == 0)
		return VALUE_FILE;
	return strcmp(o->arg, "DIR") == 0 || strcmp(o->arg, "CONTEXT") == 0 ? VALUE_DIR : VALUE_ANY;
}

static bool is_word(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'a' || s.p[i] > 'z')
			return false;
	return s.n > 0;
}

/* "auto none" of "auto|none"; of "N|all" what is no name for something else. */
static void add_words(struct buf *out, const char *arg)
{
	struct span rest = span_of_str(arg), word;
	const char *blank = "";

	while (span_split(&rest, '|', &word))
		if (is_word(word)) {
			buf_addf(out, "%s" SPAN_FMT, blank, SPAN_ARG(word));
			blank = " ";
		}
}

/* For between apostrophes; with a backslash before each of special. */
static void add_quoted(struct buf *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (strchr(special, *text))
			buf_add_char(out, '\\');
		if (*text == '\'')
			buf_add_str(out, "'\\''");
		else
			buf_add_char(out, *text);
	}
}

typedef void add_option(struct buf *out, const struct completion *c, const struct opt *o);

static void each_option(struct buf *out, const struct completion *c, add_option *add)
{
	for (size_t i = 0; i < c->nr; i++)
		for (const struct opt *o = c->tables[i].opts; o->kind != OPT_KIND_END; o++)
			add(out, c, o);
}

static void add_commands(struct buf *out, const struct completion *c)
{
	for (size_t i = 0; i < c->commands->n; i++)
		buf_addf(out, "%s%s", i ? " " : "", c->commands->v[i]);
}

/* -- bash ----------------------------------------------------------------------------------- */

static void bash_name(struct buf *out, const struct completion *c, const struct opt *o)
{
	(void)c;
	buf_addf(out, " --%s", o->name);
}

/* What may stand behind it; of "--prune[=AGE]" the next word is no part. */
static void bash_option(struct buf *out, const struct completion *c, const struct opt *o)
{
	enum value value = value_of(o);

	if (value == VALUE_NONE || o->kind == OPT_KIND_MAYBE)
		return;
	buf_add_char(out, '\t');
	if (o->letter)
		buf_addf(out, "-%c | ", o->letter);
	buf_addf(out, "--%s) ", o->name);
	if (value == VALUE_WORDS) {
		buf_addf(out, "_%s_words '", c->tool);
		add_words(out, o->arg);
		buf_add_str(out, "' ");
	} else if (value != VALUE_ANY) {
		buf_addf(out, "_%s_files -%c ", c->tool, value == VALUE_DIR ? 'd' : 'f');
	}
	buf_add_str(out, ";;\n");
}

/* readline takes "--name=value" for three words */
static const char bash[] = "# bash completion for %t; made by '%t --completion bash'\n\n"
			   "_%t_words()\n"
			   "{\n"
			   "\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$word\")\n"
			   "}\n\n"
			   "_%t_files()\n"
			   "{\n"
			   "\tcompopt -o filenames 2>/dev/null\n"
			   "\tmapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n"
			   "}\n\n"
			   "# the first word that is no option\n"
			   "_%t_command()\n"
			   "{\n"
			   "\tlocal given\n\n"
			   "\tfor given in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
			   "\t\t[[ ' %c ' != *\" $given \"* ]] || return 0\n"
			   "\tdone\n"
			   "\t_%t_words '%c'\n"
			   "}\n\n"
			   "_%t()\n"
			   "{\n"
			   "\tlocal word=${COMP_WORDS[COMP_CWORD]}\n"
			   "\tlocal before=${COMP_WORDS[COMP_CWORD - 1]}\n\n"
			   "\tCOMPREPLY=()\n"
			   "\tif [[ $word == '=' ]]; then\n"
			   "\t\tword=\n"
			   "\telif [[ $before == '=' ]]; then\n"
			   "\t\tbefore=${COMP_WORDS[COMP_CWORD - 2]}\n"
			   "\tfi\n"
			   "\tcase $before in\n"
			   "%o"
			   "\t*)\n"
			   "\t\tcase $word in\n"
			   "\t\t-*) _%t_words '%n' ;;\n"
			   "\t\t*) if [[ '%c' ]]; then _%t_command; else _%t_files -f; fi ;;\n"
			   "\t\tesac\n"
			   "\t\t;;\n"
			   "\tesac\n"
			   "}\n\n"
			   "complete -F _%t %t\n";

/* -- zsh ------------------------------------------------------------------------------------ */

static void zsh_value(struct buf *out, const struct opt *o)
{
	enum value value = value_of(o);

	if (value == VALUE_NONE)
		return;
	buf_add_str(out, o->kind == OPT_KIND_MAYBE ? "::" : ":");
	add_quoted(out, o->arg, ":\\");
	buf_add_char(out, ':');
	if (value == VALUE_WORDS) {
		buf_add_char(out, '(');
		add_words(out, o->arg);
		buf_add_char(out, ')');
	} else if (value == VALUE_ANY) {
		buf_add_char(out, ' ');
	} else {
		buf_add_str(out, value == VALUE_DIR ? "_files -/" : "_files");
	}
}

/* '(-t --tag)'{-t+,--tag=}'[help]:TAG: ', with '*' in front when it may be given again */
static void zsh_option(struct buf *out, const struct completion *c, const struct opt *o)
{
	bool again = o->kind == OPT_KIND_LIST || o->kind == OPT_KIND_COUNT;
	bool has_value = value_of(o) != VALUE_NONE;
	const char *equals = o->kind == OPT_KIND_MAYBE ? "=-" : has_value ? "=" : "";

	(void)c;
	buf_add_str(out, " \\\n\t");
	if (again)
		buf_add_str(out, "'*'");
	else if (o->letter)
		buf_addf(out, "'(-%c --%s)'", o->letter, o->name);
	if (o->letter)
		buf_addf(out, "{-%c%s,--%s%s}", o->letter, has_value ? "+" : "", o->name, equals);
	else
		buf_addf(out, "--%s%s", o->name, equals);
	buf_add_str(out, "'[");
	add_quoted(out, o->help, "[]:\\");
	buf_add_char(out, ']');
	zsh_value(out, o);
	buf_add_char(out, '\'');
}

static const char zsh[] = "#compdef %t\n"
			  "# made by '%t --completion zsh'\n\n"
			  "local rest='*:file:_files'\n"
			  "[[ -z '%c' ]] || rest='1:command:(%c)'\n"
			  "_arguments -s -S%o \\\n"
			  "\t$rest\n";

/* -- fish ----------------------------------------------------------------------------------- */

static void fish_option(struct buf *out, const struct completion *c, const struct opt *o)
{
	enum value value = value_of(o);

	buf_addf(out, "complete -c %s", c->tool);
	if (o->letter)
		buf_addf(out, " -s %c", o->letter);
	buf_addf(out, " -l %s", o->name);
	if (value == VALUE_WORDS) {
		buf_add_str(out, " -x -a '");
		add_words(out, o->arg);
		buf_add_char(out, '\'');
	} else if (value == VALUE_DIR) {
		buf_add_str(out, " -x -a '(__fish_complete_directories)'");
	} else if (value == VALUE_FILE) {
		buf_add_str(out, " -r -F");
	} else if (value == VALUE_ANY && o->kind != OPT_KIND_MAYBE) {
		buf_add_str(out, " -x");
	}
	buf_add_str(out, " -d '");
	add_quoted(out, o->help, "");
	buf_add_str(out, "'\n");
}

static const char fish[] = "# fish completion for %t; made by '%t --completion fish'\n"
			   "%o"
			   "if test -n '%c'\n"
			   "\tcomplete -c %t -f\n"
			   "\tcomplete -c %t -n 'not __fish_seen_subcommand_from %c' -a '%c'\n"
			   "end\n";

/* -- all three ------------------------------------------------------------------------------- */

static const struct shell {
	const char *name, *script;
	add_option *option;
} shells[] = {
	{ "bash", bash, bash_option },
	{ "zsh", zsh, zsh_option },
	{ "fish", fish, fish_option },
};

static void fill(struct buf *out, const struct completion *c, const struct shell *shell)
{
	for (const char *p = shell->script; *p; p++)
		if (*p != '%')
			buf_add_char(out, *p);
		else if (*++p == 't')
			buf_add_str(out, c->tool);
		else if (*p == 'c')
			add_commands(out, c);
		else if (*p == 'n')
			each_option(out, c, bash_name);
		else
			each_option(out, c, shell->option);
}

int completion_write(struct buf *out, const struct completion *c, const char *shell, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (strcmp(shells[i].name, shell) == 0) {
			fill(out, c, &shells[i]);
			return 0;
		}
	return err_set(e, ERR_INPUT, "--completion: there is none for '%s'; bash, zsh, fish",
		       shell);
}

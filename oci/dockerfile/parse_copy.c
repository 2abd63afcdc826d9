/*
 * RUN, COPY and ADD: the instructions that here-documents may follow. Not in the exec form: there
 * "<<EOF" is a word like others.
 */
#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/heredoc.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/parse.h"
#include "oci/dockerfile/parser.h"
#include "oci/dockerfile/words.h"

#define SCRIPT_DIR "/dev/pipes/"

/* Whether a here-document can be a file of its name. */
static int check_file_name(const char *name, struct err *e)
{
	if (!strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		return 0;
	return err_set(e, ERR_INPUT, "a heredoc named '" MESSAGE_FMT "' cannot be a file",
		       MESSAGE_ARG(span_of_str(name)));
}

/* -- RUN ---------------------------------------------------------------------------- */

/* "RUN <<EOF": the body is the command, or the program if it says how it is to be run. */
static int lone_heredoc(struct dockerfile_instr *in, struct err *e)
{
	struct dockerfile_heredoc *doc = &in->heredocs[0];

	if (strncmp(doc->body, "#!", 2) != 0) {
		strv_add(&in->words, doc->body);
		return 0;
	}
	if (check_file_name(doc->name, e) < 0)
		return -1;
	in->script = mem_strdup(doc->body);
	strv_addf(&in->words, SCRIPT_DIR "%s", doc->name);
	return 0;
}

static int run_in_shell(struct parser *p, struct dockerfile_instr *in, struct span rest,
			struct err *e)
{
	auto_buf struct buf text = BUF_INIT(3 * DOCKERFILE_MAX);
	struct span scan = rest;
	struct heredoc_word w;

	while (heredoc_next(&w, &scan))
		if (parse_heredoc(p, in, &w, e) < 0)
			return -1;
	if (in->nr_heredocs == 1 && heredoc_is_lone(rest))
		return lone_heredoc(in, e);
	buf_add_span(&text, rest);
	buf_add_span(&text, buf_span(&p->bodies)); /* for the shell, which knows them as well */
	if (text.len)
		strv_add_span(&in->words, buf_span(&text));
	return parse_need_some(in, e);
}

int parse_run(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	int json = words_from_json(&in->words, rest, e);

	if (json < 0)
		return -1;
	in->exec_form = json == 1;
	return json ? parse_need_some(in, e) : run_in_shell(p, in, rest, e);
}

/* -- COPY, ADD ------------------------------------------------------------------------ */

static bool names_directory(const char *dest)
{
	struct span d = span_of_str(dest);

	return span_ends(d, "/") || span_ends(d, "/.") || span_ends(d, "/..") ||
	       span_eq_str(d, ".") || span_eq_str(d, "..");
}

/* One with a variable in it is known only when its stage is built. */
static int check_destination(struct parser *p, const struct dockerfile_instr *in, struct err *e)
{
	static const struct strv nothing = STRV_INIT;
	const char *last = in->words.v[in->words.n - 1];
	auto_free char *dest = NULL;

	if (in->words.n == 2 || strchr(last, '$'))
		return 0;
	if (dockerfile_expand(&dest, last, &nothing, p->escape, e) < 0)
		return -1;
	if (names_directory(dest))
		return 0;
	parse_mark(p, span_of_str(last));
	return err_set(e, ERR_INPUT,
		       "%s of several sources: the destination '" MESSAGE_FMT
		       "' must be a directory and end with /",
		       dockerfile_kind_name(in->kind), MESSAGE_ARG(span_of_str(dest)));
}

/* w->name is the instruction's afterwards, or freed. */
static int take_source(struct parser *p, struct dockerfile_instr *in, struct heredoc_word *w,
		       bool is_last, struct err *e)
{
	int r = 0;

	strv_addf(&in->words, "<<%s", w->name);
	parse_mark(p, span_of_str(w->name));
	if (is_last && in->words.n > 1)
		r = err_set(e, ERR_INPUT, "%s cannot accept a heredoc as a destination",
			    dockerfile_kind_name(in->kind));
	if (r < 0 || check_file_name(w->name, e) < 0) {
		free(w->name);
		return -1;
	}
	return parse_heredoc(p, in, w, e);
}

static int bad_mode(struct parser *p, const char *mode, const char *what, struct err *e)
{
	parse_mark(p, span_of_str(mode));
	return err_set(e, ERR_INPUT, "invalid chmod parameter: '" MESSAGE_FMT "'. it should be %s",
		       MESSAGE_ARG(span_of_str(mode)), what);
}

/* What certainly is no mode; all of it is read when it is used. */
static int check_mode(struct parser *p, const struct dockerfile_instr *in, struct err *e)
{
	static const struct strv nothing = STRV_INIT;
	auto_free char *mode = NULL;
	uint32_t octal;

	if (!in->chmod || strchr(in->chmod, '$'))
		return 0;
	if (dockerfile_expand(&mode, in->chmod, &nothing, p->escape, e) < 0)
		return -1;
	if (!*mode || span_to_octal(&octal, span_of_str(mode)) == 0)
		return 0;
	if (*mode >= '0' && *mode <= '9')
		return bad_mode(p, mode, "octal string and between 0 and 07777", e);
	if (mode[strspn(mode, "ugoa+-=rwxXst,")] || !strpbrk(mode, "+-="))
		return bad_mode(p, mode, "octal or a list like u=rwX,go=rX", e);
	return 0;
}

/* Words at blanks; one that opens a here-document is "<<NAME", and its body is taken. */
static int split_sources(struct parser *p, struct dockerfile_instr *in, struct span rest,
			 struct err *e)
{
	struct heredoc_word w;
	struct span word;

	while (in->words.n <= WORDS_MAX) {
		if (heredoc_take(&w, &rest)) {
			if (take_source(p, in, &w, !span_trim(rest).n, e) < 0)
				return -1;
		} else if (span_word(&rest, &word)) {
			strv_add_span(&in->words, word);
		} else {
			break;
		}
	}
	return 0;
}

int parse_copy(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	int json = words_from_json(&in->words, rest, e);

	if (json < 0)
		return -1;
	in->exec_form = json == 1;
	if (!json && split_sources(p, in, rest, e) < 0)
		return -1;
	if (in->words.n < 2)
		return err_set(e, ERR_INPUT, "%s requires at least two arguments%s",
			       dockerfile_kind_name(in->kind),
			       in->words.n ? ", but only one was provided. Destination could not "
					     "be determined"
					   : "");
	if (in->from && strchr(in->from, '$')) {
		parse_mark(p, span_of_str(in->from));
		return err_set(e, ERR_INPUT,
			       "variable expansion is not supported for --from, define a new stage "
			       "with FROM using ARG from global scope as a workaround");
	}
	if (check_mode(p, in, e) < 0)
		return -1;
	return check_destination(p, in, e);
}

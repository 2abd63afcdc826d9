/*
 * Rules may be turned off for the whole file ("# check=skip=…" at its top) and for one instruction
 * (the same in a comment right above it). What is found is sorted by line at the end, since the
 * rules go through the file in their own orders.
 */
#include "oci/dockerfile/lint.h"

#include <stdarg.h>

#include "base/mem.h"
#include "oci/dockerfile/lint_rules.h"
#include "oci/dockerfile/message.h"

/* clang-format off: a table */
#define RULE(id, name_, about_) [LINT_##id] = { .name = name_, .about = about_ }

static const struct {
	const char *name, *about;
} rules[LINT_NR_RULES] = {
	RULE(CONSISTENT_INSTRUCTION_CASING, "ConsistentInstructionCasing",
	     "All instructions of a Dockerfile should be in one casing, upper or lower"),
	RULE(COPY_IGNORED_FILE, "CopyIgnoredFile",
	     "A file that .dockerignore excludes cannot be copied"),
	RULE(DUPLICATE_STAGE_NAME, "DuplicateStageName", "Stage names should be unique"),
	RULE(EXPOSE_INVALID_FORMAT, "ExposeInvalidFormat",
	     "EXPOSE takes a port and a protocol, no address and no port of the host"),
	RULE(EXPOSE_PROTO_CASING, "ExposeProtoCasing",
	     "The protocol in EXPOSE should be lowercase"),
	RULE(FROM_AS_CASING, "FromAsCasing",
	     "The 'as' keyword should be in the casing of the 'from' keyword"),
	RULE(FROM_PLATFORM_FLAG_CONST_DISALLOWED, "FromPlatformFlagConstDisallowed",
	     "FROM --platform should not be a constant value"),
	RULE(INVALID_BASE_IMAGE_PLATFORM, "InvalidBaseImagePlatform",
	     "The base image is not for the platform that is built"),
	RULE(INVALID_DEFAULT_ARG_IN_FROM, "InvalidDefaultArgInFrom",
	     "With the defaults of the global ARGs, FROM should name an image"),
	RULE(INVALID_DEFINITION_DESCRIPTION, "InvalidDefinitionDescription",
	     "A comment right above ARG or FROM should be '# <name> <description>'"),
	RULE(JSON_ARGS_RECOMMENDED, "JSONArgsRecommended",
	     "The JSON form of ENTRYPOINT and CMD lets the program get signals"),
	RULE(LEGACY_KEY_VALUE_FORMAT, "LegacyKeyValueFormat",
	     "The form with a blank between name and value is outdated"),
	RULE(MAINTAINER_DEPRECATED, "MaintainerDeprecated",
	     "MAINTAINER is deprecated; a label says the same"),
	RULE(MULTIPLE_INSTRUCTIONS_DISALLOWED, "MultipleInstructionsDisallowed",
	     "Of several such instructions in one stage only the last one counts"),
	RULE(NO_EMPTY_CONTINUATION, "NoEmptyContinuation",
	     "Empty lines inside an instruction are deprecated"),
	RULE(REDUNDANT_TARGET_PLATFORM, "RedundantTargetPlatform",
	     "The target's platform is the default of FROM"),
	RULE(RESERVED_STAGE_NAME, "ReservedStageName", "A reserved word should not name a stage"),
	RULE(SECRETS_USED_IN_ARG_OR_ENV, "SecretsUsedInArgOrEnv",
	     "What ARG and ENV say can be read in the image: no place for a secret"),
	RULE(STAGE_NAME_CASING, "StageNameCasing", "Stage names should be lowercase"),
	RULE(UNDEFINED_ARG_IN_FROM, "UndefinedArgInFrom", "FROM should use declared ARGs"),
	RULE(UNDEFINED_VAR, "UndefinedVar", "Variables should be set before they are used"),
	RULE(WORKDIR_RELATIVE_PATH, "WorkdirRelativePath",
	     "A relative WORKDIR with no absolute one before it depends on the base image"),
};
/* clang-format on */

/* -- which rules are on -------------------------------------------------------------- */

static void set_off(bool off[LINT_NR_RULES], struct span names, bool value)
{
	struct span name;
	bool all = span_eq_str(span_trim(names), "all");

	for (size_t i = 0; all && i < LINT_NR_RULES; i++)
		off[i] = value;
	while (span_split(&names, ',', &name))
		for (size_t i = 0; i < LINT_NR_RULES; i++)
			if (span_eq_nocase(span_trim(name), rules[i].name))
				off[i] = value;
}

static int read_bool(bool *out, struct span text)
{
	static const char *const yes[] = { "1", "t", "true" }, *const no[] = { "0", "f", "false" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		*out = span_eq_nocase(text, yes[i]);
		if (*out || span_eq_nocase(text, no[i]))
			return 0;
	}
	return -1;
}

/* "skip=A,B;error=true;experimental=C" */
static int read_options(bool off[LINT_NR_RULES], bool *is_error, struct span text, struct err *e)
{
	struct span option, key, value;

	while (span_split(&text, ';', &option)) {
		bool known = span_cut(option, '=', &key, &value);

		key = span_trim(key);
		value = span_trim(value);
		if (known && span_eq_str(key, "skip"))
			set_off(off, value, true);
		else if (known && span_eq_str(key, "experimental"))
			set_off(off, value, false);
		else if (!known || !span_eq_str(key, "error") || read_bool(is_error, value) < 0)
			return err_set(e, ERR_INPUT, "invalid check option '" MESSAGE_FMT "'",
				       MESSAGE_ARG(span_trim(option)));
	}
	return 0;
}

static int read_directive(struct linter *l, struct err *e)
{
	const char *text = l->opt->check ? l->opt->check : l->df->check;

	for (size_t i = 0; i < LINT_NR_RULES; i++)
		l->off[i] = i == LINT_INVALID_DEFINITION_DESCRIPTION; /* experimental */
	if (!text || !*text)
		return 0;
	if (read_options(l->off, &l->out->is_error, span_of_str(text), e) < 0)
		return err_wrap(e, "%s: check", l->opt->check ? "--build-arg" : l->df->file);
	return 0;
}

/* -- results ------------------------------------------------------------------------- */

static void add(struct linter *l, enum lint_rule rule, unsigned line, unsigned last_line,
		const char *fmt, va_list ap)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct lint *out = l->out;

	if (l->off[rule])
		return;
	buf_vaddf(&text, fmt, ap);
	MEM_GROW(out->v, out->nr, out->cap);
	out->v[out->nr++] = (struct lint_warning){ .rule = rules[rule].name,
						   .about = rules[rule].about,
						   .detail = buf_steal(&text),
						   .line = line,
						   .last_line = last_line,
						   .id = rule };
}

void lint_add(struct linter *l, enum lint_rule rule, const struct dockerfile_instr *in,
	      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(l, rule, in->line, in->last_line ? in->last_line : in->line, fmt, ap);
	va_end(ap);
}

void lint_add_line(struct linter *l, enum lint_rule rule, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(l, rule, line, line, fmt, ap);
	va_end(ap);
}

/* -- what the rules share -------------------------------------------------------------- */

void lint_guess(char hint[MESSAGE_HINT_MAX], const char *word, const struct strv *env,
		const char *sign)
{
	struct message_guess guess = { .word = span_of_str(word) };
	auto_strv struct strv names = STRV_INIT;

	hint[0] = '\0';
	for (size_t i = 0; i < env->n; i++) {
		struct span key, value;

		span_cut(span_of_str(env->v[i]), '=', &key, &value);
		strv_add_span(&names, key);
	}
	for (size_t i = 0; i < names.n; i++)
		message_guess_add(&guess, names.v[i]);
	if (guess.best)
		snprintf(hint, MESSAGE_HINT_MAX, " (did you mean %s%s?)", sign, guess.best);
}

void lint_description(struct linter *l, const struct dockerfile_instr *in, const char *name)
{
	struct span doc = span_of_str(in->doc), first;

	if (!in->doc || !name || (span_word(&doc, &first) && span_eq_nocase(first, name)))
		return;
	lint_add(l, LINT_INVALID_DEFINITION_DESCRIPTION, in,
		 "Comment for %s should follow the format: '# %s <description>'", in->keyword,
		 name);
}

/* -- all of it ------------------------------------------------------------------------- */

static int by_line(const void *a, const void *b)
{
	const struct lint_warning *x = a, *y = b;
	int order;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	order = strcmp(x->rule, y->rule);
	return order ? order : strcmp(x->detail, y->detail);
}

/*
 * Leaves out what "# check=skip=…" in the comments right above an instruction turns off. The
 * warnings are sorted by line, so one way through the file does.
 */
static void drop_skipped(struct lint *l, const struct dockerfile *df)
{
	struct span rest = span_of_str(df->text), line;
	bool off[LINT_NR_RULES] = { false }, is_error;
	struct err ignored = ERR_INIT;
	size_t kept = 0, i = 0;

	for (unsigned nr = 1; i < l->nr && span_line(&rest, &line); nr++) {
		for (; i < l->nr && l->v[i].line == nr; i++) {
			if (off[l->v[i].id])
				free(l->v[i].detail);
			else
				l->v[kept++] = l->v[i];
		}
		line = span_trim(line);
		if (!span_take(&line, "#"))
			memset(off, 0, sizeof(off));
		line = span_ltrim(line);
		if (span_take(&line, "check=") && read_options(off, &is_error, line, &ignored) < 0)
			err_clear(&ignored);
	}
	for (; i < l->nr; i++)
		l->v[kept++] = l->v[i];
	l->nr = kept;
}

int dockerfile_lint(struct lint *out, const struct dockerfile *df, const struct lint_options *opt,
		    struct err *e)
{
	auto_lint struct lint found = { 0 };
	struct linter l = { .out = &found, .df = df, .opt = opt };

	if (read_directive(&l, e) < 0)
		return -1;
	for (size_t i = 0; i < df->nr_empty; i++)
		lint_add_line(&l, LINT_NO_EMPTY_CONTINUATION, df->empty_continuations[i],
			      "Empty continuation line");
	lint_names(&l);
	lint_stages(&l);
	if (found.nr)
		qsort(found.v, found.nr, sizeof(*found.v), by_line);
	drop_skipped(&found, df);
	found.is_error = found.is_error && found.nr;
	*out = found;
	found = (struct lint){ 0 };
	return 0;
}

void lint_release(struct lint *l)
{
	for (size_t i = 0; i < l->nr; i++)
		free(l->v[i].detail);
	free(l->v);
	*l = (struct lint){ 0 };
}

/* "JSONArgsRecommended" is json-args-recommended there. */
void lint_url(char out[LINT_URL_MAX], const char *rule)
{
	size_t n =
		(size_t)snprintf(out, LINT_URL_MAX, "https://docs.docker.com/go/dockerfile/rule/");

	for (size_t i = 0; rule[i] && n + 3 < LINT_URL_MAX; i++) {
		bool upper = rule[i] >= 'A' && rule[i] <= 'Z';
		bool after_lower = i && rule[i - 1] >= 'a' && rule[i - 1] <= 'z';
		bool before_lower = rule[i + 1] >= 'a' && rule[i + 1] <= 'z';

		if (upper && i && (after_lower || before_lower))
			out[n++] = '-';
		out[n++] = upper ? (char)(rule[i] - 'A' + 'a') : rule[i];
	}
	out[n++] = '/';
	out[n] = '\0';
}

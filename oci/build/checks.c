/*
 * A check that the file makes an error ends the build before anything is run, as a mistake in the
 * text would.
 */
#include "oci/build/checks.h"

#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/prepare.h"

#define CHECK_ARG "BUILDKIT_DOCKERFILE_CHECK"

int checks_find(struct lint *out, const struct job *j, struct err *e)
{
	auto_free const struct oci_config **bases = mem_zalloc((j->plan->nr + 1) * sizeof(*bases));
	const struct lint_options opt = { .plan = j->plan,
					  .bases = bases,
					  .build_args = &j->opt->build_args,
					  .ignore = j->context.ignore,
					  .check = strv_env_get(&j->opt->build_args, CHECK_ARG) };

	for (size_t i = 0; i < j->plan->nr; i++) {
		const struct image *img = prepare_base_of(j, i);

		bases[i] = img ? img->config : NULL;
	}
	return dockerfile_lint(out, j->file, &opt, e);
}

/* The language that this program reads: docker/dockerfile:1.MINOR. */
#define SYNTAX_MINOR 26

/* A frontend is never fetched, whatever is asked for. What it might know beyond us is said. */
static void warn_syntax(const struct job *j)
{
	const char *syntax = j->file->syntax;
	struct span name, tag, minor;
	ptrdiff_t slash;
	uint64_t version;

	if (!syntax)
		return;
	slash = span_rfind(span_of_str(syntax), '/');
	span_cut(span_of_str(syntax + slash + 1), ':', &name, &tag);
	if (!span_starts(name, "dockerfile")) {
		progress_warn(
			j->op->progress,
			"syntax '%.200s' is not fetched: the file is read as docker/dockerfile:1",
			syntax);
		return;
	}
	if (!span_take(&tag, "1."))
		return;
	span_cut(tag, '-', &minor, &name);
	span_cut(minor, '.', &minor, &name);
	if (span_to_u64(&version, minor) == 0 && version > SYNTAX_MINOR)
		progress_warn(
			j->op->progress,
			"syntax '%.200s' is newer than the docker/dockerfile:1.%d that is read here",
			syntax, SYNTAX_MINOR);
}

/* "A, B": each rule once. Owned by the caller. */
static char *rules_of(const struct lint *l)
{
	auto_strv struct strv names = STRV_INIT;

	for (size_t i = 0; i < l->nr; i++)
		if (!strv_has(&names, l->v[i].rule))
			strv_add(&names, l->v[i].rule);
	return strv_join(&names, ", ");
}

int checks_warn(const struct job *j, struct err *e)
{
	auto_lint struct lint found = { 0 };
	auto_free char *rules = NULL;

	warn_syntax(j);
	if (checks_find(&found, j, e) < 0)
		return -1;
	for (size_t i = 0; i < found.nr; i++)
		progress_warn(j->op->progress, "%s:%u: %s: %s", j->file->file, found.v[i].line,
			      found.v[i].rule, found.v[i].detail);
	if (!found.is_error)
		return 0;
	rules = rules_of(&found);
	return err_set(e, ERR_INPUT,
		       "%s:%u: build checks are errors here, and some have found something: %s",
		       j->file->file, found.v[0].line, rules);
}

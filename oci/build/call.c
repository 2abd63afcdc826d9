/*
 * The same way as a build, but only as far as there is something to tell: targets are known by the
 * text, an outline by the plan, warnings when it was tried to find the bases.
 */
#include "oci/build/call.h"

#include "base/code_quality.h"
#include "base/mem.h"
#include "oci/build/checks.h"
#include "oci/build/input_digest.h"
#include "oci/build/prepare.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/report.h"

static const char *const calls[] = {
	[BUILD_CALL_CHECK] = "check",
	[BUILD_CALL_OUTLINE] = "outline",
	[BUILD_CALL_TARGETS] = "targets", /* those that --call knows */
};

int build_call_parse(struct build_call_options *out, const char *text, struct err *e)
{
	struct build_call_options o = { .json = false };
	struct span name, format;
	bool has_format = span_cut(span_of_str(text), ',', &name, &format);
	size_t i = 0;

	while (i < ARRAY_LEN(calls) && !span_eq_nocase(name, calls[i]))
		i++;
	if (i == ARRAY_LEN(calls))
		return err_set(e, ERR_INPUT,
			       "'" MESSAGE_FMT "' is none of build, check, outline, targets",
			       MESSAGE_ARG(name));
	o.call = (enum build_call)i;
	o.json = span_eq_str(format, "format=json");
	if (has_format && !o.json && !span_eq_str(format, "format=text"))
		return err_set(e, ERR_INPUT, "'" MESSAGE_FMT "': format=text or format=json",
			       MESSAGE_ARG(format));
	*out = o;
	return 0;
}

static void tell_quality(const struct job *j, const struct build_call_options *what,
			 const struct lint *found)
{
	auto_free char *path = NULL;

	if (!what->quality)
		return;
	path = code_quality_path(j->file->file, what->cwd, what->project_dir);
	report_check_quality(what->quality, j->file, path, found);
}

static int check(struct buf *out, bool *warned, struct job *j,
		 const struct build_call_options *what, struct err *e)
{
	auto_lint struct lint found = { 0 };

	if (job_open_places(j, e) < 0)
		return -1;
	prepare_known_bases(j);
	if (checks_find(&found, j, e) < 0)
		return -1;
	*warned = found.nr > 0;
	tell_quality(j, what, &found);
	if (what->json)
		report_check_json(out, j->file->file, span_of_str(j->file->text), &found, NULL);
	else
		report_check(out, j->file, &found);
	return 0;
}

static int input(struct buf *out, struct job *j, struct err *e)
{
	struct oci_digest digest;

	if (input_digest(&digest, j, e) < 0)
		return -1;
	buf_add_str(out, digest.text);
	return 0;
}

static int answer(struct buf *out, bool *warned, struct job *j,
		  const struct build_call_options *what, struct err *e)
{
	if (job_read(j, e) < 0)
		return -1;
	if (what->call == BUILD_CALL_TARGETS) {
		(what->json ? report_targets_json : report_targets)(out, j->file);
		return 0;
	}
	j->all_stages = what->call == BUILD_CALL_CHECK && !j->opt->target;
	if (prepare_plan(j, e) < 0)
		return -1;
	if (what->call == BUILD_CALL_CHECK)
		return check(out, warned, j, what, e);
	if (what->call == BUILD_CALL_INPUT)
		return input(out, j, e);
	(what->json ? report_outline_json : report_outline)(out, j->plan);
	return 0;
}

int oci_build_call(struct buf *out, bool *warned, const struct op *op, const struct build_env *env,
		   const struct build_options *opt, const struct build_call_options *what,
		   struct err *e)
{
	CLEANUP(job_release) struct job j = JOB_INIT;
	const struct lint none = { 0 };
	int r;

	*warned = false;
	if (job_init(&j, op, env, opt, e) < 0)
		return -1;
	r = answer(out, warned, &j, what, e);
	if (r == 0 && out->over)
		return err_set(e, ERR_INPUT, "the answer would exceed %zu bytes", out->max);
	if (r < 0 && e->kind == ERR_INPUT && what->json && what->call == BUILD_CALL_CHECK)
		report_check_json(out, j.name ? j.name : "Dockerfile", buf_span(&j.text), &none,
				  e->text);
	return r;
}

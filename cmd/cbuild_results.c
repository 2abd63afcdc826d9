/* Files first: the line on standard output says that all is done. */
#include "cmd/cbuild_results.h"

#include "base/mem.h"
#include "base/progress.h"
#include "cmd/report.h"
#include "cmd/result_files.h"

/* The keys of docker buildx. */
static char *metadata(const struct build_result *r)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_free char *names = strv_join(&r->names, ",");

	buf_addf(&out, "{\n  \"containerimage.config.digest\": \"%s\",\n", r->config.text);
	buf_addf(&out,
		 "  \"containerimage.descriptor\": {\n    \"mediaType\": \"%s\",\n"
		 "    \"digest\": \"%s\",\n    \"size\": %ju\n  },\n",
		 r->media_type, r->manifest.text, (uintmax_t)r->manifest_size);
	buf_addf(&out, "  \"containerimage.digest\": \"%s\"", r->manifest.text);
	if (r->names.n) {
		buf_add_str(&out, ",\n  \"image.name\": ");
		buf_add_json(&out, names);
	}
	buf_add_str(&out, "\n}\n");
	return buf_steal(&out);
}

/* -- reports ------------------------------------------------------------------------ */

int cbuild_results_check(const struct cbuild_args *a, struct err *e)
{
	const struct result_file files[] = { { "--iidfile", a->iidfile, NULL },
					     { "--code-quality", a->code_quality, NULL },
					     { "--digest-file", a->digest_file, NULL },
					     { "--metadata-file", a->metadata_file, NULL },
					     { "--dotenv", a->dotenv, NULL } };

	for (size_t i = 0; i < a->reports.n; i++) {
		const struct result_file report = { "--report", a->reports.v[i], NULL };

		if (result_files_check(&report, 1, e) < 0)
			return -1;
	}
	return result_files_check(files, ARRAY_LEN(files), e);
}

static bool is_json(const char *path)
{
	size_t n = strlen(path);

	return n > 5 && strcmp(path + n - 5, ".json") == 0;
}

static int write_report(const char *path, const struct report *r, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(SIZE_MAX);
	struct result_file file = { "--report", path, NULL };

	(is_json(path) ? report_json : report_html)(&text, r);
	file.text = buf_str(&text);
	return result_files_write(&file, 1, e);
}

/* For who reads the log only. */
static void tell_report(struct app *app, const struct report *r)
{
	auto_buf struct buf text = BUF_INIT(SIZE_MAX);
	struct span rest, line;

	report_text(&text, r);
	rest = buf_span(&text);
	while (span_line(&rest, &line)) {
		auto_free char *whole = span_dup(line);

		progress_note(app->op.progress, "%s", whole);
	}
}

int cbuild_results_report(struct app *app, const struct cbuild_args *a,
			  const struct build_result *r, const struct facts *f, struct err *e)
{
	const struct report report = { .name = r->names.n ? r->names.v[0]
							  : "an image without a name",
				       .digest = r->manifest.text,
				       .input = r->input.text,
				       .size_bytes = r->size_bytes,
				       .is_reused = r->is_reused,
				       .took_ms = f->clock->mono_ms(f->clock) - f->begin_ms,
				       .steps = f->v,
				       .nr_steps = f->nr,
				       .weight = &r->weight };

	for (size_t i = 0; i < a->reports.n; i++)
		if (write_report(a->reports.v[i], &report, e) < 0)
			return -1;
	tell_report(app, &report);
	return 0;
}

/* -- all the others ------------------------------------------------------------------- */

int cbuild_results_write(struct app *app, const struct cbuild_args *a, const struct build_result *r,
			 struct err *e)
{
	auto_free char *json = metadata(r);
	auto_free char *env =
		mem_printf("CBUILD_DIGEST=%s\nCBUILD_INPUT=%s\nCBUILD_SIZE=%ju\nCBUILD_REUSED=%d\n",
			   r->manifest.text, r->input.text, (uintmax_t)r->size_bytes, r->is_reused);

	const struct result_file files[] = { { "--iidfile", a->iidfile, r->config.text },
					     { "--digest-file", a->digest_file, r->manifest.text },
					     { "--metadata-file", a->metadata_file, json },
					     { "--dotenv", a->dotenv, env } };

	if (result_files_write(files, ARRAY_LEN(files), e) < 0)
		return -1;
	return r->wrote_stdout ? 0 : app_result(app, r->manifest.text, e);
}

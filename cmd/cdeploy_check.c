/*
 * cdeploy check: what is wrong with the file, and what is not wise. Findings are told and reported;
 * only with --strict they are a reason to fail.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/code_quality.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "cmd/result_files.h"
#include "deploy/lint.h"

/* As GitLab names files: from the repository's top. What was told names them as the caller did. */
static void name_from_top(struct lint *l)
{
	auto_free char *cwd = getcwd(NULL, 0);

	for (size_t i = 0; i < l->nr; i++) {
		char *path =
			code_quality_path(l->v[i].file, cwd ? cwd : "/", getenv("CI_PROJECT_DIR"));

		free(l->v[i].file);
		l->v[i].file = path;
	}
}

static int write_report(const struct result_file *report, struct lint *l, struct err *e)
{
	auto_json json_t *list = NULL;
	auto_buf struct buf text = BUF_INIT(64u << 20);
	struct result_file file = *report;

	if (!report->path)
		return 0;
	name_from_top(l);
	list = lint_code_quality(l);
	json_write(&text, list, false);
	buf_add_char(&text, '\n');
	file.text = buf_str(&text);
	return result_files_write(&file, 1, e);
}

static void tell(struct cdeploy *c, const struct lint *l, size_t told)
{
	for (size_t i = told; i < l->nr; i++) {
		auto_free char *line = lint_line(&l->v[i]);

		if (l->v[i].severity > LINT_INFO)
			progress_warn(c->app->op.progress, "%s", line);
		else
			progress_note(c->app->op.progress, "%s", line);
	}
}

/* The file is read as for a deploy; its warnings and its error are findings, too. */
static int read_and_lint(struct lint *l, size_t *told, struct cdeploy *c, struct err *e)
{
	auto_strv struct strv warnings = STRV_INIT;
	struct err ignored = ERR_INIT;
	int r;

	c->only_checks = true;
	r = cdeploy_read_stack_into(c, &warnings, e);

	for (size_t i = 0; i < warnings.n; i++)
		lint_add_message(l, "reader", LINT_MINOR, warnings.v[i]);
	if (r < 0 && e->kind == ERR_INPUT)
		lint_add_message(l, "invalid", LINT_BLOCKER, e->text);
	*told = l->nr;
	/* what cannot even be read as YAML has been told */
	if (cdeploy_lint(l, c, &ignored) < 0 && r == 0) {
		*e = ignored;
		return -1;
	}
	return r;
}

static int end(struct cdeploy *c, const struct lint *l, struct err *e)
{
	size_t serious = lint_count(l, LINT_MINOR);
	auto_free char *line = NULL;

	if (c->args.strict && serious)
		return err_set(e, ERR_INPUT, "%s: %zu finding%s (--strict)", c->file, serious,
			       serious == 1 ? "" : "s");
	line = serious ? mem_printf("%s: %zu service%s, %zu remark%s", c->file, c->stack.nr,
				    c->stack.nr == 1 ? "" : "s", serious, serious == 1 ? "" : "s")
		       : mem_printf("%s: %zu service%s, nothing wrong", c->file, c->stack.nr,
				    c->stack.nr == 1 ? "" : "s");
	return app_result(c->app, line, e);
}

int cdeploy_check(struct cdeploy *c, struct err *e)
{
	struct result_file report = { .option = "--code-quality", .path = c->args.code_quality };
	auto_lint struct lint l = { 0 };
	struct err write_error = ERR_INIT;
	size_t told = 0;
	int r;

	if (result_files_check(&report, 1, e) < 0)
		return -1;
	r = read_and_lint(&l, &told, c, e);
	tell(c, &l, told);
	if (write_report(&report, &l, &write_error) < 0 && r == 0) {
		*e = write_error;
		return -1;
	}
	return r < 0 ? -1 : end(c, &l, e);
}

/*
 * cdeploy plan, and up --dry-run: what would be done, and what it costs. Changes nothing.
 */
#include "base/json.h"
#include "base/mem.h"
#include "cmd/cdeploy.h"
#include "cmd/result_files.h"
#include "deploy/plan_text.h"

#define PLAN_TEXT_MAX (64u << 20)

static int print_plan(struct cdeploy *c, const struct deploy_plan *plan,
		      const struct engine_state *state, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(PLAN_TEXT_MAX);
	auto_json json_t *json = NULL;

	if (c->args.json) {
		json = deploy_plan_json(plan, state);
		json_write(&text, json, false);
	} else {
		deploy_plan_text(&text, plan, state);
	}
	if (text.over)
		return err_set(e, ERR_INPUT, "plan: its text is too long");
	return app_result(c->app, buf_str(&text), e);
}

/* What GitLab shows in a merge request (artifacts:reports:terraform). */
static int write_report(const struct result_file *report, const struct plan_counts *n,
			struct err *e)
{
	auto_free char *text = mem_printf("{\"create\":%zu,\"update\":%zu,\"delete\":%zu}\n",
					  n->create, n->update, n->delete);
	struct result_file file = *report;

	file.text = text;
	return result_files_write(&file, 1, e);
}

int cdeploy_show_plan(struct cdeploy *c, const struct deploy_options *opt, struct err *e)
{
	const struct result_file report = { .option = "--report", .path = c->args.report };
	auto_engine_state struct engine_state state = { 0 };
	auto_plan struct deploy_plan plan = { 0 };
	struct plan_counts n;

	if (deploy_up_plan(&plan, &state, &c->app->op, c->engine, &c->stack, opt, e) < 0)
		return -1;
	n = deploy_plan_count(&plan);
	if (write_report(&report, &n, e) < 0 || print_plan(c, &plan, &state, e) < 0)
		return -1;
	if (c->args.exit_code && (n.create || n.update || n.delete || plan.networks.n))
		return err_set(e, ERR_CHANGES, "plan: there are changes");
	return 0;
}

int cdeploy_plan(struct cdeploy *c, struct err *e)
{
	const struct result_file report = { .option = "--report", .path = c->args.report };
	struct deploy_options opt;

	if (result_files_check(&report, 1, e) < 0 || cdeploy_connect(c, e) < 0 ||
	    cdeploy_pin(c, &c->app->op, NULL, e) < 0)
		return -1;
	cdeploy_options(&opt, c);
	return cdeploy_show_plan(c, &opt, e);
}

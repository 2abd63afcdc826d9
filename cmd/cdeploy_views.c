/*
 * cdeploy status, ps: what runs. The project's services; where there is a file, those it names.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cmd/cdeploy.h"
#include "deploy/view.h"

#define VIEW_MAX (64u << 20)

int cdeploy_look(struct view *v, struct cdeploy *c, bool with_tasks, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	int has_file = cdeploy_file_names(&names, c, e);
	struct view_filter f = { .owner = &c->owner, .names = has_file ? &names : NULL };

	if (has_file < 0 || (!c->engine && cdeploy_connect(c, e) < 0))
		return -1;
	return view_get(v, &c->app->op, c->engine, &f, with_tasks, e);
}

static int print(struct cdeploy *c, struct buf *text, json_t *json, struct err *e)
{
	if (json) {
		buf_reset(text);
		json_write(text, json, false);
		json_decref(json);
	}
	if (text->over)
		return err_set(e, ERR_FAILED, "there is too much to be shown");
	return app_result(c->app, buf_str(text), e);
}

int cdeploy_status(struct cdeploy *c, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(VIEW_MAX);
	auto_view struct view v = { 0 };

	if (cdeploy_look(&v, c, false, e) < 0)
		return -1;
	view_status_text(&text, &v);
	return print(c, &text, c->args.json ? view_status_json(&v) : NULL, e);
}

int cdeploy_ps(struct cdeploy *c, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(VIEW_MAX);
	auto_view struct view v = { 0 };

	if (cdeploy_look(&v, c, true, e) < 0)
		return -1;
	view_ps_text(&text, &v, c->app->op.clock->wall_ns(c->app->op.clock));
	return print(c, &text, c->args.json ? view_ps_json(&v) : NULL, e);
}

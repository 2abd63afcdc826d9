/*
 * cdeploy history: what was deployed here before.
 */
#include "deploy/history.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "deploy/history_keep.h"
#include "deploy/history_text.h"

#define HISTORY_TEXT_MAX (64u << 20)

static bool runs_anything(const struct engine_state *s, const struct deploy_owner *owner)
{
	for (size_t i = 0; i < s->nr; i++)
		if (deploy_owner_has(s->services[i].spec, owner))
			return true;
	return false;
}

static void tell(struct cdeploy *c, const struct deploy_history *h, const struct engine_state *s,
		 const struct deploy_running *running)
{
	struct progress *to = c->app->op.progress;
	auto_free char *changes = strv_join(&running->changes, "; ");

	if (!h->nr)
		progress_note(to, "no deploy of project '%s'%s%s is recorded", c->project,
			      c->owner.scope ? ", scope " : "",
			      c->owner.scope ? c->owner.scope : "");
	else if (running->was)
		progress_note(to, "revision %llu was deployed last and does not run as it was: %s",
			      (unsigned long long)running->was->revision, changes);
	else if (!running->now && runs_anything(s, &c->owner))
		progress_note(to,
			      "what runs now is not recorded: a deploy did not come to its end");
}

int cdeploy_history(struct cdeploy *c, struct err *e)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_engine_state struct engine_state s = { 0 };
	auto_running struct deploy_running running = { 0 };
	auto_buf struct buf text = BUF_INIT(HISTORY_TEXT_MAX);

	if (cdeploy_connect(c, e) < 0 ||
	    deploy_history_get(&h, &c->app->op, c->engine, &c->owner, e) < 0 ||
	    engine_state_add_owned(&s, &c->app->op, c->engine, c->project, e) < 0 ||
	    deploy_history_look(&running, &c->app->op, c->engine, &h, &s, &c->owner, e) < 0)
		return -1;
	if (c->args.json) {
		auto_json json_t *json = deploy_history_json(&h, &running);

		json_write(&text, json, false);
	} else {
		deploy_history_text(&text, &h, &running);
	}
	if (text.over)
		return err_set(e, ERR_FAILED, "there is too much to be shown");
	tell(c, &h, &s, &running);
	return app_result(c->app, buf_str(&text), e);
}

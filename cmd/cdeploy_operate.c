/*
 * cdeploy scale and rm: only what is the project's own.
 */
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "deploy/lock.h"
#include "deploy/operate.h"

static int not_ours(const struct view *v, const char *name, const struct cdeploy *c, struct err *e)
{
	return err_set(e, ERR_ABSENT, "service '%s' is none of project '%s'%s", name, c->project,
		       v->nr ? "" : ", which has none here");
}

/* All of the project's are looked at, whatever a file here says, while nobody deploys. *scaled: its name. */
static int scale(char **scaled, struct op *op, struct cdeploy *c, const char *name,
		 uint64_t replicas, struct err *e)
{
	struct rollout_options o = { .timeout_ms = c->args.timeout_ms,
				     .pending_ms = c->args.pending_timeout_ms,
				     .stable_ms = c->args.stable_ms };
	struct view_filter f = { .owner = &c->owner };
	auto_view struct view v = { 0 };
	const struct view_service *s;

	if (view_get(&v, op, c->engine, &f, false, e) < 0)
		return -1;
	s = view_find(&v, name);
	if (!s)
		return not_ours(&v, name, c, e);
	if (deploy_scale(op, c->engine, s, replicas, &o, e) < 0)
		return -1;
	*scaled = mem_strdup(s->s.name);
	return 0;
}

int cdeploy_scale(struct cdeploy *c, struct err *e)
{
	struct deploy_lock lock;
	struct span name, number;
	int n;
	uint64_t replicas;

	if (c->app->positional.n < 2 ||
	    !span_cut(span_of_str(c->app->positional.v[1]), '=', &name, &number) ||
	    span_to_u64(&replicas, number) < 0 || replicas > INT32_MAX)
		return err_set(e, ERR_INPUT, "scale: SERVICE=N is needed");

	auto_free char *wanted = span_dup(name);
	auto_free char *scaled = NULL, *line = NULL;

	if (cdeploy_connect(c, e) < 0 || cdeploy_lock(&lock, c, e) < 0)
		return -1;
	n = scale(&scaled, &lock.op, c, wanted, replicas, e);
	deploy_lock_release(&lock);
	if (n < 0)
		return -1;
	line = mem_printf("%s scaled %llu", scaled, (unsigned long long)replicas);
	progress_note(c->app->op.progress,
		      "a deploy of a file that has 'replicas' sets that again");
	return app_result(c->app, line, e);
}

/* What runs is looked at while nobody else deploys. */
static int remove_all(struct view *v, struct cdeploy *c, struct err *e)
{
	struct deploy_lock lock;
	int n;

	if (cdeploy_connect(c, e) < 0 || cdeploy_lock(&lock, c, e) < 0)
		return -1;
	n = cdeploy_look(v, c, false, e);
	for (size_t i = 0; i < v->absent.n; i++)
		progress_warn(c->app->op.progress, "%s: not there, or not ours", v->absent.v[i]);
	if (n == 0)
		n = deploy_remove(&lock.op, c->engine, v, &c->owner, c->args.timeout_ms, e);
	deploy_lock_release(&lock);
	return n;
}

int cdeploy_rm(struct cdeploy *c, struct err *e)
{
	auto_view struct view v = { 0 };

	if (remove_all(&v, c, e) < 0)
		return -1;
	for (size_t i = 0; i < v.nr; i++) {
		auto_free char *line = mem_printf("%s removed %s", v.services[i].s.name,
						  engine_spec_image(v.services[i].s.spec));

		if (app_result(c->app, line, e) < 0)
			return -1;
	}
	return 0;
}

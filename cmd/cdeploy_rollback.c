/*
 * cdeploy rollback: a revision of the history, deployed again. Under the lock from the first look on, so that what is
 * gone back from is what runs then; otherwise it is a deploy like any other.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "deploy/history_hide.h"
#include "deploy/history_keep.h"
#include "deploy/history_running.h"
#include "deploy/history_stack.h"
#include "deploy/history_text.h"
#include "deploy/images.h"
#include "deploy/lock.h"

extern char **environ;

struct rollback {
	uint64_t wanted; /* 0: the one before */
	struct deploy_history history;
	struct engine_state state; /* all services of the project */
	const struct deploy_record *target;
	char *who;
	struct deploy_lock lock;
};

static void rollback_release(struct rollback *r)
{
	deploy_lock_release(&r->lock);
	deploy_history_release(&r->history);
	engine_state_release(&r->state);
	free(r->who);
}
#define auto_rollback CLEANUP(rollback_release)

static int read_number(uint64_t *out, const struct cdeploy *c, struct err *e)
{
	const struct strv *words = &c->app->positional;

	*out = 0;
	if (words->n < 2)
		return 0;
	if (span_to_u64(out, span_of_str(words->v[1])) < 0 || !*out)
		return err_set(e, ERR_INPUT, "rollback: '%s' is not a revision", words->v[1]);
	return 0;
}

static int look(struct rollback *r, struct op *op, struct cdeploy *c, struct err *e)
{
	auto_running struct deploy_running seen = { 0 };
	const struct deploy_record *running;
	uint64_t cut_short;

	if (deploy_history_get(&r->history, op, c->engine, &c->owner, e) < 0 ||
	    engine_state_add_owned(&r->state, op, c->engine, c->project, e) < 0 ||
	    deploy_history_look(&seen, op, c->engine, &r->history, &r->state, &c->owner, e) < 0)
		return -1;
	/* what was changed by hand counts for what it was before: a scaled service is to go back, too */
	running = seen.now ? seen.now : seen.was;
	cut_short = running ? 0 : deploy_history_cut_short(&r->state, &c->owner);
	return deploy_history_target(&r->target, &r->history, running, cut_short, r->wanted, e);
}

/* Secret values are with the services, with what those were before, and in the environment of a job. */
static int restore(struct rollback *r, struct cdeploy *c, struct err *e)
{
	auto_strv struct strv known = STRV_INIT;

	for (size_t i = 0; i < r->state.nr; i++) {
		deploy_hide_known(&known, r->state.services[i].spec);
		deploy_hide_known(&known, r->state.services[i].previous);
	}
	for (char **v = environ; *v; v++)
		strv_add(&known, *v);
	if (!r->target->body)
		*e = r->target->why;
	if (!r->target->body || deploy_stack_of_body(&c->stack, r->target->body, &known, e) < 0)
		return err_wrap(e, "revision %llu", (unsigned long long)r->target->revision);
	return 0;
}

/*
 * The commit is that of what will run. The pipeline stays the highest one that has deployed: the next may
 * follow, and one that was overtaken before is still too old.
 */
static void set_owner(const struct rollback *r, struct cdeploy *c)
{
	c->owner.allow_older = true;
	c->owner.back_to = r->target->revision;
	c->owner.commit = deploy_record_label(r->target, DEPLOY_LABEL_COMMIT);
	for (size_t i = 0; i < r->state.nr; i++) {
		const json_t *spec = r->state.services[i].spec;

		if (deploy_owner_has(spec, &c->owner) &&
		    (!c->owner.pipeline || deploy_owner_is_older(&c->owner, spec)))
			c->owner.pipeline = deploy_label(spec, DEPLOY_LABEL_PIPELINE);
	}
}

/*
 * What a registry has no longer is refused; one that does not answer may not matter, for the nodes have the images. A
 * signature is asked of what ran: of a tag alone nobody knows what that was.
 */
static int pin(const struct rollback *r, struct op *op, struct cdeploy *c, struct err *e)
{
	auto_strv struct strv silent = STRV_INIT;

	if (c->verify_key && deploy_images_are_fixed(&c->stack, e) < 0)
		return err_wrap(e, "revision %llu cannot be verified",
				(unsigned long long)r->target->revision);
	if (cdeploy_pin(c, op, c->verify_key ? NULL : &silent, e) < 0)
		return -1;
	for (size_t i = 0; i < silent.n; i++)
		progress_warn(op->progress, "%s; the nodes have to have the image themselves",
			      silent.v[i]);
	for (size_t i = 0; i < c->stack.nr; i++)
		if (!c->stack.services[i].pinned_image)
			c->stack.services[i].pinned_image = mem_strdup(c->stack.services[i].image);
	return 0;
}

static int carry_out(struct rollback *r, struct op *op, struct cdeploy *c, struct err *e)
{
	const struct deploy_note note = { .who = r->who,
					  .job_url = getenv("CI_JOB_URL"),
					  .detached = c->args.detach };
	auto_free char *words = deploy_record_words(r->target);
	struct deploy_options opt;

	if (restore(r, c, e) < 0)
		return -1;
	set_owner(r, c);
	progress_note(op->progress, "going back to %s", words);
	if (pin(r, op, c, e) < 0)
		return -1;
	cdeploy_options(&opt, c);
	if (c->args.dry_run)
		return cdeploy_show_plan(c, &opt, e);
	opt.note = &note;
	return cdeploy_carry_out(c, op, &opt, e);
}

static int run(struct cdeploy *c, struct err *e)
{
	auto_rollback struct rollback r = { .who = cdeploy_user() };
	struct op *op = &c->app->op;
	int n;

	if (read_number(&r.wanted, c, e) < 0)
		return -1;
	if (!cdeploy_gate_is_open(c))
		return 0;
	if (cdeploy_connect(c, e) < 0 || (!c->args.dry_run && cdeploy_lock(&r.lock, c, e) < 0))
		return -1;
	if (!c->args.dry_run)
		op = &r.lock.op;
	n = look(&r, op, c, e);
	if (n == 0)
		n = carry_out(&r, op, c, e);
	/* borrowed from what ends here */
	c->owner.commit = c->owner.pipeline = NULL;
	return n;
}

int cdeploy_rollback(struct cdeploy *c, struct err *e)
{
	return cdeploy_with_results(c, run, e);
}

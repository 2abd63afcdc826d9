/*
 * cdeploy up: everything is known before anything is changed.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "cmd/annotations.h"
#include "cmd/cdeploy.h"
#include "cmd/result_files.h"
#include "deploy/address.h"
#include "deploy/history_keep.h"
#include "deploy/holder.h"
#include "deploy/images.h"
#include "deploy/up.h"

/* An image whose credentials cannot be read is deployed without; the engine then says what it misses. */
static char *auth_for(void *arg, const struct oci_reference *image)
{
	struct cdeploy *c = arg;
	struct err e = ERR_INIT;
	bool ends;
	char *value = deploy_registry_auth(&c->app->op, &c->app->credentials, image, &ends, &e);

	if (ends && !c->has_told_token) {
		progress_warn(
			c->app->op.progress,
			"the swarm pulls from '%s' with this job's own token, and cannot any more when the job has "
			"ended: make a deploy token 'gitlab-deploy-token' with read_registry",
			image->host);
		c->has_told_token = true;
	}
	if (e.kind != ERR_NONE)
		progress_warn(c->app->op.progress, "credentials for '%s': %s", image->host, e.text);
	return value;
}

static int print_outcomes(struct cdeploy *c, const struct deploy_outcome *outcomes, size_t nr,
			  const struct strv *pruned, struct err *e)
{
	static const char *const verbs[] = {
		[DEPLOY_CREATED] = "created",
		[DEPLOY_UPDATED] = "updated",
		[DEPLOY_UNCHANGED] = "unchanged",
		[DEPLOY_REMOVED] = "removed",
		[DEPLOY_VERB_ROLLED_BACK] = "rolled-back",
	};

	for (size_t i = 0; i < nr; i++) {
		auto_free char *line = mem_printf("%s %s %s", outcomes[i].name,
						  verbs[outcomes[i].verb], outcomes[i].image);

		if (app_result(c->app, line, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < pruned->n; i++)
		if (app_result(c->app, pruned->v[i], e) < 0)
			return -1;
	return 0;
}

void cdeploy_options(struct deploy_options *opt, struct cdeploy *c)
{
	const struct cdeploy_args *a = &c->args;

	*opt = (struct deploy_options){
		.owner = c->owner,
		.timeout_ms = a->timeout_ms,
		.pending_timeout_ms = a->pending_timeout_ms,
		.stable_ms = a->stable_ms,
		.detach = a->detach,
		.no_rollback = a->no_rollback,
		.lock_wait_ms = a->lock_wait_ms,
		.prune = a->prune,
		.registry_auth = cdeploy_gives_credentials(c) ? auth_for : NULL,
		.registry_auth_arg = c,
	};

	for (size_t i = 0; i < c->stack.nr; i++) {
		/* else the engine would take back what we are to leave */
		c->stack.services[i].stays_failed = a->no_rollback;
		c->stack.services[i].unwatched = a->detach;
	}
}

/* What became of it. */
static const char *outcome_word(const struct cdeploy *c, int r, const struct err *e)
{
	if (c->skipped)
		return "skipped";
	if (r < 0)
		return e->kind == ERR_ROLLED_BACK ? "rolled-back" : "failed";
	return c->has_changed ? "deployed" : "unchanged";
}

/* For artifacts:reports:dotenv and :annotations. A job that failed has its files, too. */
static int write_results(const struct cdeploy *c, int r, const struct err *why, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_free char *url = deploy_address(&c->stack, c->engine ? engine_name(c->engine) : NULL);
	auto_free char *services = NULL, *text = NULL, *links = NULL;
	struct annotation_link link = { .url = url };

	for (size_t i = 0; i < c->stack.nr; i++)
		strv_add(&names, c->stack.services[i].name);
	services = strv_join(&names, ",");
	text = mem_printf("CDEPLOY_URL=%s\nCDEPLOY_SERVICES=%s\nCDEPLOY_OUTCOME=%s\n",
			  url ? url : "", services, outcome_word(c, r, why));
	link.label = services;
	links = annotations_json("deployed", &link, url ? 1 : 0);

	const struct result_file files[] = { { "--dotenv", c->args.dotenv, text },
					     { "--annotations", c->args.annotations, links } };

	return result_files_write(files, ARRAY_LEN(files), e);
}

int cdeploy_carry_out(struct cdeploy *c, struct op *op, struct deploy_options *opt, struct err *e)
{
	auto_strv struct strv pruned = STRV_INIT;
	auto_free struct deploy_outcome *outcomes =
		mem_resize(NULL, c->stack.nr + 1, sizeof(*outcomes));
	struct err print_error = ERR_INIT;
	size_t nr = 0;
	int r;

	opt->pruned = &pruned;
	r = deploy_up(outcomes, &nr, op, c->engine, &c->stack, opt, e);
	for (size_t i = 0; i < nr; i++)
		c->has_changed |= outcomes[i].verb != DEPLOY_UNCHANGED;
	c->has_changed |= pruned.n > 0;

	if (print_outcomes(c, outcomes, nr, &pruned, &print_error) < 0 && r == 0) {
		*e = print_error;
		return -1;
	}
	return r;
}

static int up(struct cdeploy *c, struct err *e)
{
	auto_free char *who = cdeploy_user(), *process = deploy_holder_process();
	const struct deploy_holder holder = { .who = who,
					      .job_url = getenv("CI_JOB_URL"),
					      .job_name = getenv("CI_JOB_NAME"),
					      .process = process };
	const struct deploy_note note = { .who = who,
					  .job_url = holder.job_url,
					  .detached = c->args.detach };
	struct deploy_options opt;

	if (!cdeploy_gate_is_open(c))
		return 0;
	if (cdeploy_connect(c, e) < 0 || cdeploy_pin(c, &c->app->op, NULL, e) < 0)
		return -1;
	cdeploy_options(&opt, c);
	opt.holder = &holder;
	opt.note = &note;
	return cdeploy_carry_out(c, &c->app->op, &opt, e);
}

int cdeploy_with_results(struct cdeploy *c, cdeploy_work *run, struct err *e)
{
	const struct result_file files[] = { { "--dotenv", c->args.dotenv, NULL },
					     { "--annotations", c->args.annotations, NULL } };
	struct err lost = ERR_INIT;
	int r;

	if (result_files_check(files, ARRAY_LEN(files), e) < 0)
		return -1;
	r = run(c, e);
	if (write_results(c, r, e, &lost) < 0 && r == 0) {
		*e = lost;
		return -1;
	}
	return r;
}

int cdeploy_up(struct cdeploy *c, struct err *e)
{
	return cdeploy_with_results(c, up, e);
}

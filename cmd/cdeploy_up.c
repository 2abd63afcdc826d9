/*
 * cdeploy up: everything is known before anything is changed.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "deploy/holder.h"
#include "deploy/images.h"
#include "deploy/up.h"

/* An image whose credentials cannot be read is deployed without; the engine then says what it misses. */
static char *auth_for(void *arg, const struct oci_reference *image)
{
	struct cdeploy *c = arg;
	struct err e = ERR_INIT;
	char *value = deploy_registry_auth(&c->app->op, &c->app->credentials, image, &e);

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
	bool auth = !a->registry_auth || strcmp(a->registry_auth, "none") != 0;

	*opt = (struct deploy_options){
		.owner = c->owner,
		.timeout_ms = a->timeout_ms,
		.pending_timeout_ms = a->pending_timeout_ms,
		.stable_ms = a->stable_ms,
		.detach = a->detach,
		.no_rollback = a->no_rollback,
		.lock_wait_ms = a->lock_wait_ms,
		.prune = a->prune,
		.registry_auth = auth ? auth_for : NULL,
		.registry_auth_arg = c,
	};

	/* else the engine would take back what we are to leave */
	for (size_t i = 0; i < c->stack.nr; i++)
		c->stack.services[i].stays_failed = a->no_rollback;
}

static int carry_out(struct cdeploy *c, struct err *e)
{
	auto_strv struct strv pruned = STRV_INIT;
	auto_free char *who = cdeploy_user(), *process = deploy_holder_process();
	struct deploy_holder holder = { .who = who,
					.job_url = getenv("CI_JOB_URL"),
					.process = process };
	struct deploy_options opt;
	auto_free struct deploy_outcome *outcomes =
		mem_resize(NULL, c->stack.nr + 1, sizeof(*outcomes));
	struct err print_error = ERR_INIT;
	size_t nr = 0;
	int r;

	cdeploy_options(&opt, c);
	opt.pruned = &pruned;
	opt.holder = &holder;
	r = deploy_up(outcomes, &nr, &c->app->op, c->engine, &c->stack, &opt, e);

	if (print_outcomes(c, outcomes, nr, &pruned, &print_error) < 0 && r == 0) {
		*e = print_error;
		return -1;
	}
	return r;
}

int cdeploy_up(struct cdeploy *c, struct err *e)
{
	if (!cdeploy_gate_is_open(c))
		return 0;
	if (cdeploy_connect(c, e) < 0 || cdeploy_pin(c, e) < 0)
		return -1;
	return carry_out(c, e);
}

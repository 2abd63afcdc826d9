/*
 * What GitLab says about this pipeline, taken from the environment for deploy/gate.c.
 */
#include "deploy/gate.h"

#include <stdlib.h>

#include "base/progress.h"
#include "cmd/cdeploy.h"

static struct deploy_gate facts(const struct cdeploy_args *a)
{
	return (struct deploy_gate){
		.main_branch = a->main_branch,
		.env = a->env,
		.gitlab_ci = getenv("GITLAB_CI"),
		.source = getenv("CI_PIPELINE_SOURCE"),
		.branch = getenv("CI_COMMIT_BRANCH"),
		.ref = getenv("CI_COMMIT_REF_NAME"),
		.default_branch = getenv("CI_DEFAULT_BRANCH"),
		.tag = getenv("CI_COMMIT_TAG"),
		.environment = getenv("CI_ENVIRONMENT_NAME"),
		.tier = getenv("CI_ENVIRONMENT_TIER"),
		.iid = getenv("CI_MERGE_REQUEST_IID"),
		.title = getenv("CI_MERGE_REQUEST_TITLE"),
		.draft = getenv("CI_MERGE_REQUEST_DRAFT"),
		.target = getenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
		.project_id = getenv("CI_MERGE_REQUEST_PROJECT_ID"),
		.source_id = getenv("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"),
		.project_path = getenv("CI_MERGE_REQUEST_PROJECT_PATH"),
		.source_path = getenv("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"),
	};
}

bool cdeploy_gate_is_open(struct cdeploy *c)
{
	struct deploy_gate g = facts(&c->args);
	char reason[DEPLOY_GATE_REASON_MAX];

	if ((c->args.gate && strcmp(c->args.gate, "off") == 0) || deploy_gate_is_open(reason, &g))
		return true;
	/* a warning, so that a job that is green is not mistaken for a deploy, even with -q */
	progress_warn(c->app->op.progress, "nothing is deployed: %s", reason);
	c->skipped = true;
	return false;
}

bool cdeploy_is_production(const struct cdeploy *c)
{
	struct deploy_gate g = facts(&c->args);

	return deploy_gate_is_production(&g);
}

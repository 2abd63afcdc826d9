/*
 * May this pipeline deploy? By what GitLab says about it, with the same rules as the jobs of
 * templates/pipeline.yml, so that a pipeline that is written by hand cannot deploy a draft. Pure.
 *
 *	no variable of GitLab at all		open: somebody at a terminal
 *	merge request				open when it is ready, goes to the main branch and comes
 *						from the project itself; never to production
 *	main branch				open, except on a schedule
 *	tag 1.2.3, v1.2.3, 19092020-01		open, except to an environment known not to be production
 *	other branches, other tags, schedules,
 *	pull requests of other hosts		closed
 *	in GitLab, but nothing else is known	open, but not to production
 */
#ifndef DEPLOY_GATE_H
#define DEPLOY_GATE_H

#include "base/cc.h"

/* NULL and "" both mean: GitLab does not say. All borrowed. */
struct deploy_gate {
	const char *main_branch; /* --main-branch; else default_branch, else "master" */
	const char *env;	 /* --env: the environment by the name the user gives it */
	/* GitLab's variables */
	const char *gitlab_ci;	    /* GITLAB_CI */
	const char *source;	    /* CI_PIPELINE_SOURCE */
	const char *branch;	    /* CI_COMMIT_BRANCH: not set in merge requests and for tags */
	const char *ref;	    /* CI_COMMIT_REF_NAME */
	const char *default_branch; /* CI_DEFAULT_BRANCH */
	const char *tag;	    /* CI_COMMIT_TAG */
	const char *environment, *tier; /* CI_ENVIRONMENT_NAME, _TIER */
	/* CI_MERGE_REQUEST_… */
	const char *iid, *title, *draft, *target; /* IID, TITLE, DRAFT, TARGET_BRANCH_NAME */
	const char *project_id, *source_id;	  /* PROJECT_ID, SOURCE_PROJECT_ID */
	const char *project_path, *source_path;	  /* PROJECT_PATH, SOURCE_PROJECT_PATH */
};

#define DEPLOY_GATE_REASON_MAX 256

/* false: closed, and the reason is one line that goes on after "nothing is deployed: ". */
bool deploy_gate_is_open(char reason[DEPLOY_GATE_REASON_MAX], const struct deploy_gate *g);

/* Does it go to production, by what is said of the environment? */
bool deploy_gate_is_production(const struct deploy_gate *g);
/* "production/eu", "prod-eu", "shop-live", and not "pre-prod": is that a name for production? NULL is none. */
bool deploy_gate_names_production(const char *environment);

/* "WIP:" "[WIP]" "(WIP)" "WIP " "Draft:" "[Draft]" "(Draft)" at its begin, in any case, blanks before
 * them not counted; "WIP" alone, too. Returns the spelling above, or NULL. */
const char *deploy_gate_draft_prefix(const char *title);

/* 1.2.3, v1.2.3 (also with -rc.1 or +build behind), DDMMYYYY-N. */
bool deploy_gate_is_release(const char *tag);

#endif

/*
 * In whose name this run deploys: the project, the part of it, and the pipeline, from
 * options and GitLab's variables.
 */
#include "deploy/owner.h"

#include <stdlib.h>

#include "base/mem.h"
#include "cmd/cdeploy.h"

static const char *variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* --project, else CI_PROJECT_PATH, else the folder's own name. */
static int find_project(struct cdeploy *c, const char *dir, struct err *e)
{
	const char *ci = variable("CI_PROJECT_PATH"), *slash = strrchr(dir, '/');

	if (c->args.project && !*c->args.project)
		return err_set(e, ERR_INPUT, "--project: a name is needed");
	if (!ci)
		ci = slash && slash[1] ? slash + 1 : "root";
	c->project = mem_strdup(c->args.project ? c->args.project : ci);
	return 0;
}

/* The part of `dir` below CI_PROJECT_DIR; "" when it is that folder, or not below it. */
static const char *folder_in_project(const char *dir)
{
	const char *top = variable("CI_PROJECT_DIR");
	auto_free char *real = top ? realpath(top, NULL) : NULL;
	size_t n = real ? strlen(real) : 0;

	return n > 1 && strncmp(dir, real, n) == 0 && dir[n] == '/' ? dir + n + 1 : "";
}

static void find_scope(struct cdeploy *c, const char *dir)
{
	const char *folder = folder_in_project(dir);
	const char *env = c->args.env ? c->args.env : variable("CI_ENVIRONMENT_NAME");

	if (c->args.scope)
		c->scope = mem_strdup(c->args.scope);
	else
		c->scope = mem_printf("%s%s%s", folder, env ? "@" : "", env ? env : "");
}

int cdeploy_find_owner(struct cdeploy *c, struct err *e)
{
	const char *wanted = c->args.dir ? c->args.dir : ".";
	auto_free char *dir = realpath(wanted, NULL);

	if (!dir)
		return err_sys(e, "the folder '%s'", wanted);
	if (find_project(c, dir, e) < 0)
		return -1;
	find_scope(c, dir);
	c->owner = (struct deploy_owner){
		.project = c->project,
		.scope = *c->scope ? c->scope : NULL,
		.commit = variable("CI_COMMIT_SHA"),
		.pipeline = variable("CI_PIPELINE_ID"),
		.allow_older = c->args.allow_older,
		.recreate = c->args.recreate,
	};
	return 0;
}

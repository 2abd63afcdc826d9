/*
 * Who holds the lock while this run deploys, and the command that breaks another's.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "deploy/lock.h"

static const char *first_set(const char *const names[])
{
	for (; *names; names++) {
		const char *v = getenv(*names);

		if (v && *v)
			return v;
	}
	return NULL;
}

char *cdeploy_user(void)
{
	static const char *const users[] = { "GITLAB_USER_LOGIN", "USER", "LOGNAME", NULL };
	char host[256] = "";
	const char *user = first_set(users);

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	return mem_printf("%s@%s", user ? user : "somebody", *host ? host : "somewhere");
}

int cdeploy_lock(struct deploy_lock *l, struct cdeploy *c, struct err *e)
{
	auto_free char *who = cdeploy_user(), *process = deploy_holder_process();
	const struct deploy_holder holder = { .who = who,
					      .job_url = getenv("CI_JOB_URL"),
					      .job_name = getenv("CI_JOB_NAME"),
					      .process = process };

	return deploy_lock_take(l, &c->app->op, c->engine, &c->owner, &holder, c->args.lock_wait_ms,
				e);
}

int cdeploy_unlock(struct cdeploy *c, struct err *e)
{
	auto_free char *who = NULL, *line = NULL;

	if (cdeploy_connect(c, e) < 0 ||
	    deploy_lock_break(&who, &c->app->op, c->engine, &c->owner, e) < 0)
		return -1;
	line = who ? mem_printf("%s: the lock of %s is broken", c->project, who)
		   : mem_printf("%s: nobody holds the lock", c->project);
	return app_result(c->app, line, e);
}

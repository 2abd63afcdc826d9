/*
 * cdeploy's command line: one table, one struct.
 */
#ifndef CMD_CDEPLOY_ARGS_H
#define CMD_CDEPLOY_ARGS_H

#include "base/err.h"
#include "cmd/opts.h"

struct cdeploy_args {
	const char *env, *dir, *project, *host, *authfile, *ca, *registry_auth, *verify_key;
	const char *dialect;
	const char *gate, *main_branch, *scope;
	bool prune, recreate, allow_older;
	/* the way to the engine */
	const char *context, *tls_ca, *tls_cert, *tls_key, *known_hosts;
	struct strv files, env_files, images, mirrors;
	int64_t lock_wait_ms;
	int64_t timeout_ms, pending_timeout_ms, stable_ms; /* -1: not given; afterwards 0 */
	bool detach, no_rollback, plain_http, insecure;
	/* what is shown */
	const char *dotenv, *annotations, *report, *tail, *since, *code_quality;
	bool dry_run, exit_code, json, follow, strict, show_secrets;
};

extern const struct opt cdeploy_opts[];

#define CDEPLOY_ARGS_INIT                                                                          \
	((struct cdeploy_args){ .timeout_ms = -1, .pending_timeout_ms = 60000, .stable_ms = -1 })

/* What options say together, and that the command has a use for them. */
int cdeploy_args_check(struct cdeploy_args *a, const char *command, struct err *e) MUST_CHECK;
void cdeploy_args_release(struct cdeploy_args *a);

#endif

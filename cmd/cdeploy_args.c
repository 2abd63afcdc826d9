/*
 * The option table of cdeploy.
 */
#include "cmd/cdeploy_args.h"

#include <stddef.h>

const struct opt cdeploy_opts[] = {
	OPT_LIST('f', "file", "CDEPLOY_FILE", struct cdeploy_args, files, "FILE",
		 "the file (orcinus.yml, .yaml or .json); several compose files are merged"),
	OPT_STR(0, "env", "CDEPLOY_ENV", struct cdeploy_args, env, "NAME",
		"look for orcinus-NAME.yml first (CI_ENVIRONMENT_NAME up to a /)"),
	OPT_CHOICE(0, "dialect", "CDEPLOY_DIALECT", struct cdeploy_args, dialect,
		   "auto|legacy|compose", "how the file is read (auto: by its keys)"),
	OPT_LIST(0, "env-file", "CDEPLOY_ENV_FILE", struct cdeploy_args, env_files, "FILE",
		 "more variables for ${VAR}; the environment's own win"),
	OPT_LIST(0, "image", "CDEPLOY_IMAGE", struct cdeploy_args, images, "[SERVICE=]REF",
		 "the image of a service, or for <IMG_NAME>"),
	OPT_STR(0, "dir", "CDEPLOY_DIR", struct cdeploy_args, dir, "DIR",
		"the service's folder (.)"),
	OPT_STR(0, "project", "CDEPLOY_PROJECT", struct cdeploy_args, project, "NAME",
		"owner of the services (CI_PROJECT_PATH, else the folder's name)"),
	OPT_STR(0, "scope", "CDEPLOY_SCOPE", struct cdeploy_args, scope, "NAME",
		"the part of the project (folder in it and environment)"),
	OPT_STR('H', "host", "DOCKER_HOST", struct cdeploy_args, host, "URL",
		"the engine: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"),
	OPT_STR(0, "context", NULL, struct cdeploy_args, context, "NAME",
		"docker's context with the engine, whatever --host says"),
	OPT_STR(0, "tls-ca", "CDEPLOY_TLS_CA", struct cdeploy_args, tls_ca, "FILE",
		"who certifies the engine (DOCKER_CERT_PATH/ca.pem)"),
	OPT_STR(0, "tls-cert", "CDEPLOY_TLS_CERT", struct cdeploy_args, tls_cert, "FILE",
		"the client certificate for the engine (DOCKER_CERT_PATH/cert.pem)"),
	OPT_STR(0, "tls-key", "CDEPLOY_TLS_KEY", struct cdeploy_args, tls_key, "FILE",
		"the key of that certificate (DOCKER_CERT_PATH/key.pem)"),
	OPT_STR(0, "ssh-known-hosts", "CDEPLOY_SSH_KNOWN_HOSTS", struct cdeploy_args, known_hosts,
		"FILE", "keys of hosts that ssh may trust, instead of ssh's own files"),
	OPT_FLAG(0, "insecure", NULL, struct cdeploy_args, insecure,
		 "tcp without TLS to an engine that is not on this machine"),
	OPT_DURATION(0, "timeout", "CDEPLOY_TIMEOUT", struct cdeploy_args, timeout_ms,
		     "limit for a rollout (by its health checks and replicas, 2m to 30m)"),
	OPT_DURATION(0, "pending-timeout", "CDEPLOY_PENDING_TIMEOUT", struct cdeploy_args,
		     pending_timeout_ms, "limit for a task that finds no node (1m)"),
	OPT_DURATION(0, "stable", "CDEPLOY_STABLE", struct cdeploy_args, stable_ms,
		     "how long new tasks must keep running (5s; 1s with a healthcheck)"),
	OPT_FLAG(0, "detach", NULL, struct cdeploy_args, detach, "do not wait for the rollout"),
	OPT_FLAG(0, "no-rollback", NULL, struct cdeploy_args, no_rollback,
		 "leave a failed rollout as it is"),
	OPT_STR(0, "authfile", "CDEPLOY_AUTHFILE", struct cdeploy_args, authfile, "FILE",
		"credentials, in the form of docker's config.json"),
	OPT_CHOICE(0, "registry-auth", "CDEPLOY_REGISTRY_AUTH", struct cdeploy_args, registry_auth,
		   "auto|none", "give the engine credentials for the images (auto)"),
	OPT_STR(0, "ca", "CDEPLOY_CA", struct cdeploy_args, ca, "FILE",
		"trust these certificates, too"),
	OPT_FLAG(0, "plain-http", "CDEPLOY_PLAIN_HTTP", struct cdeploy_args, plain_http,
		 "http to registries that are not on this machine"),
	OPT_LIST(0, "registry-mirror", "CDEPLOY_REGISTRY_MIRROR", struct cdeploy_args, mirrors,
		 "HOST=URL", "read what HOST has from there first"),
	OPT_STR(0, "verify-key", "CDEPLOY_VERIFY_KEY", struct cdeploy_args, verify_key, "FILE",
		"deploy only images that this public key confirms"),
	OPT_FLAG(0, "prune", "CDEPLOY_PRUNE", struct cdeploy_args, prune,
		 "remove what this owner had and the file has no longer"),
	OPT_FLAG(0, "recreate", NULL, struct cdeploy_args, recreate,
		 "remove and create anew what cannot be changed"),
	OPT_FLAG(0, "allow-older", NULL, struct cdeploy_args, allow_older,
		 "deploy though a later pipeline has deployed"),
	OPT_DURATION(0, "lock-wait", "CDEPLOY_LOCK_WAIT", struct cdeploy_args, lock_wait_ms,
		     "wait for another deploy to end (no: status 11)"),
	OPT_CHOICE(0, "gate", "CDEPLOY_GATE", struct cdeploy_args, gate, "auto|off",
		   "deploy no drafts, forks or other branches of GitLab (auto)"),
	OPT_STR(0, "main-branch", "CDEPLOY_MAIN_BRANCH", struct cdeploy_args, main_branch, "NAME",
		"the branch that is deployed (CI_DEFAULT_BRANCH, else master)"),
	OPT_FLAG(0, "dry-run", NULL, struct cdeploy_args, dry_run,
		 "up, rollback: only show the plan"),
	OPT_FLAG(0, "exit-code", NULL, struct cdeploy_args, exit_code,
		 "plan: status 8 when something would change"),
	OPT_STR(0, "dotenv", "CDEPLOY_DOTENV", struct cdeploy_args, dotenv, "FILE",
		"write CDEPLOY_URL, _SERVICES and _OUTCOME there"),
	OPT_STR(0, "annotations", "CDEPLOY_ANNOTATIONS", struct cdeploy_args, annotations, "FILE",
		"write a link to what was deployed, as GitLab's annotations report"),
	OPT_STR(0, "report", NULL, struct cdeploy_args, report, "FILE",
		"plan: write numbers of changes for GitLab"),
	OPT_FLAG(0, "json", NULL, struct cdeploy_args, json, "tables and plans as JSON"),
	OPT_STR(0, "tail", NULL, struct cdeploy_args, tail, "N|all",
		"logs: so many of the last lines (100)"),
	OPT_STR(0, "since", NULL, struct cdeploy_args, since, "TIME",
		"logs: only what is newer (10m, 2026-01-02T03:04:05Z)"),
	OPT_FLAG(0, "follow", NULL, struct cdeploy_args, follow, "logs: go on until interrupted"),
	OPT_STR(0, "code-quality", NULL, struct cdeploy_args, code_quality, "FILE",
		"check: write findings for GitLab"),
	OPT_FLAG(0, "show-secrets", NULL, struct cdeploy_args, show_secrets,
		 "render: values that sound like secrets, too"),
	OPT_FLAG(0, "strict", NULL, struct cdeploy_args, strict,
		 "check: status 2 when there are findings"),
	OPT_END,
};

/* Options that mean something to some commands only: elsewhere they would be skipped silently. */
static int check_use(const struct cdeploy_args *a, const char *command, struct err *e)
{
	const struct {
		const char *option;
		bool given;
		const char *commands[6];
	} uses[] = {
		{ "dry-run",
		  a->dry_run,
		  { "plan", "rollback" } }, /* plan: which it turns up into */
		{ "exit-code", a->exit_code, { "plan" } },
		{ "dotenv", a->dotenv, { "up", "rollback" } },
		{ "annotations", a->annotations, { "up", "rollback" } },
		{ "report", a->report, { "plan" } },
		{ "json", a->json, { "plan", "status", "ps", "history", "rollback" } },
		{ "tail", a->tail, { "logs" } },
		{ "since", a->since, { "logs" } },
		{ "follow", a->follow, { "logs" } },
		{ "strict", a->strict, { "check" } },
		{ "show-secrets", a->show_secrets, { "render" } },
		{ "code-quality", a->code_quality, { "check" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
		bool found = !uses[i].given;

		for (size_t k = 0; k < ARRAY_LEN(uses[i].commands) && uses[i].commands[k]; k++)
			found |= strcmp(uses[i].commands[k], command) == 0;
		if (!found)
			return err_set(e, ERR_INPUT, "%s: has no use for --%s", command,
				       uses[i].option);
	}
	return 0;
}

/* 0 is a length of time, too: no stable window at all; but a limit of 0 is none. */
int cdeploy_args_check(struct cdeploy_args *a, const char *command, struct err *e)
{
	if (check_use(a, command, e) < 0)
		return -1;
	if (a->timeout_ms == 0 || a->pending_timeout_ms == 0)
		return err_set(e, ERR_INPUT,
			       "--timeout and --pending-timeout: more than 0 is needed");
	if (a->timeout_ms > 0 && a->stable_ms >= a->timeout_ms)
		return err_set(
			e, ERR_INPUT,
			"--stable: must be less than --timeout, the limit for the whole rollout");
	if (a->prune && a->detach)
		return err_set(e, ERR_INPUT,
			       "--prune: only a deploy that has succeeded removes anything, and "
			       "with --detach nobody knows");
	if (a->stable_ms == 0)
		a->stable_ms = 1;
	if (a->timeout_ms < 0)
		a->timeout_ms = 0;
	if (a->stable_ms < 0)
		a->stable_ms = 0;
	return 0;
}

void cdeploy_args_release(struct cdeploy_args *a)
{
	strv_release(&a->files);
	strv_release(&a->env_files);
	strv_release(&a->images);
	strv_release(&a->mirrors);
}

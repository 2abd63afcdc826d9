/*
 * One run of cdeploy: what every command starts from. Each command is a file of its own and
 * takes what it needs, in this order: the file (cdeploy_read_stack, done by main where the
 * command's line in the table says so), the engine (cdeploy_connect), the images (cdeploy_pin).
 */
#ifndef CMD_CDEPLOY_H
#define CMD_CDEPLOY_H

#include "cmd/app.h"
#include "cmd/cdeploy_args.h"
#include "deploy/engine.h"
#include "deploy/owner.h"
#include "deploy/service.h"
#include "deploy/up.h"
#include "registry/mirror.h"

struct cdeploy {
	struct app *app;
	struct cdeploy_args args;
	struct strv environment;
	bool only_checks; /* what only a deploy knows may be missing */
	struct deploy_stack stack;
	char *file, *project, *scope;
	struct deploy_owner owner; /* borrows from here, args and environment */
	struct http *http;
	struct engine *engine;		   /* cdeploy_connect; NULL before */
	struct sign_key *verify_key;	   /* NULL: any image will do */
	struct registry_options registry;  /* cdeploy_connect */
	struct credentials_env pulls_with; /* of registry: as the engine is given them */
	struct registry_mirrors mirrors;
	bool skipped;	     /* by the gate */
	bool has_changed;    /* something in the swarm, as far as up went */
	bool has_told_token; /* that the swarm gets one which ends with the job */
};

/* Fills project, scope and owner. */
int cdeploy_find_owner(struct cdeploy *c, struct err *e) MUST_CHECK;
/* Finds the file, reads it into c->stack, prints its warnings. */
int cdeploy_read_stack(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_read_stack_into(struct cdeploy *c, struct strv *warnings, struct err *e) MUST_CHECK;
/* The names of the file's services; nothing else in it has to be right. 1: there is a file, 0: none. */
int cdeploy_file_names(struct strv *names, struct cdeploy *c, struct err *e) MUST_CHECK;
struct lint;
int cdeploy_lint(struct lint *l, struct cdeploy *c, struct err *e) MUST_CHECK;
/* c->engine: a swarm manager; c->registry. Starts threads: once, after everything that needs none. */
int cdeploy_connect(struct cdeploy *c, struct err *e) MUST_CHECK;
/* --registry-auth */
bool cdeploy_gives_credentials(const struct cdeploy *c);
/* Every image of the stack as the registry has it now; after cdeploy_connect. Nothing has been changed yet. */
/* silent: see deploy_images_pin */
int cdeploy_pin(struct cdeploy *c, struct op *op, struct strv *silent, struct err *e) MUST_CHECK;
/* By --gate and GitLab's variables. false: the reason has been told, and nothing may be deployed. */
bool cdeploy_gate_is_open(struct cdeploy *c);
/* By the same variables. */
bool cdeploy_is_production(const struct cdeploy *c);
void cdeploy_release(struct cdeploy *c);

/* As the options say. *opt borrows from c. */
void cdeploy_options(struct deploy_options *opt, struct cdeploy *c);
/* deploy_up of c->stack, and its lines on standard output. */
int cdeploy_carry_out(struct cdeploy *c, struct op *op, struct deploy_options *opt, struct err *e)
	MUST_CHECK;
/* run(), and the files about what became of it. */
typedef int cdeploy_work(struct cdeploy *c, struct err *e);
int cdeploy_with_results(struct cdeploy *c, cdeploy_work *run, struct err *e) MUST_CHECK;
/* What opt's deploy would do, as text or JSON. */
int cdeploy_show_plan(struct cdeploy *c, const struct deploy_options *opt, struct err *e)
	MUST_CHECK;

/* Who runs this, for locks and histories: "anna@host". Owned by the caller. */
char *cdeploy_user(void) MUST_CHECK;
/* One deploy of the owner at a time. After cdeploy_connect; ERR_LOCKED. Released by whoever took it. */
struct deploy_lock;
int cdeploy_lock(struct deploy_lock *l, struct cdeploy *c, struct err *e) MUST_CHECK;
/* Connects, unless that is done; what runs of the owner's services, where there is a file of those that it names. */
struct view;
int cdeploy_look(struct view *v, struct cdeploy *c, bool with_tasks, struct err *e) MUST_CHECK;

/* Commands. */
int cdeploy_check(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_status(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_ps(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_logs(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_scale(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_rm(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_up(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_plan(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_unlock(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_history(struct cdeploy *c, struct err *e) MUST_CHECK;
int cdeploy_rollback(struct cdeploy *c, struct err *e) MUST_CHECK;

#endif

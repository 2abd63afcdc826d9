/*
 * What the three tools share around their work: common options, the op, signals, printing, the
 * exit status. A tool is:
 *
 *	int main(int argc, char **argv)
 *	{
 *		struct app app = APP_INIT("cpush", "cpush [OPTIONS] …", "Pushes …");
 *		struct err e = ERR_INIT;
 *		int r = cpush_main(&app, argc, argv, &e);	// app_parse, …, app_start, work
 *		return app_end(&app, r, &e);
 *	}
 *
 * app_parse makes no thread; app_start does (the signal thread, the pool). cbuild
 * opens its sandbox in between.
 */
#ifndef CMD_APP_H
#define CMD_APP_H

#include <pthread.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/http.h"
#include "base/log.h"
#include "base/op.h"
#include "base/strv.h"
#include "cmd/opts.h"
#include "cmd/render.h"
#include "registry/credentials.h"
#include "registry/session.h"

struct app_args {
	bool help, version, quiet;
	unsigned verbose;
	const char *progress, *color;
	const char *root; /* --root; NULL: the default */
};

struct app {
	const char *tool;
	const char *usage;		       /* "cpush [OPTIONS] [SOURCE] IMAGE" */
	const char *about;		       /* one sentence */
	bool has_state;			       /* --root means something to this tool */
	struct strv commands;		       /* what the first word may be; empty: anything */
	const struct opt_elsewhere *elsewhere; /* options of other tools; may be NULL */
	struct app_args args;
	struct strv positional;
	struct op op;
	struct log log;
	struct cancel cancel;
	struct render *render;
	bool is_looked_into; /* children of ours read /proc/PID/fd of ours */
	struct credentials_env credentials;
	char run_containers[40];      /* for it */
	struct registry_certs *certs; /* app_certs; to be pointed to by registry_options */
	char *root;		      /* where state lives */
	pthread_t signal_thread;
	bool started, has_cancel;
};

#define APP_INIT(name, how, what) ((struct app){ .tool = (name), .usage = (how), .about = (what) })

/*
 * 1: go on. 0: --help or --version was printed, end with 0. -1: *e. own: the
 * tool's table, own_args its struct.
 */
int app_parse(struct app *app, const struct opt *own, void *own_args, int argc, char **argv,
	      struct err *e) MUST_CHECK;
/* Threads from here on. workers: of the pool. */
int app_start(struct app *app, unsigned workers, struct err *e) MUST_CHECK;
/* Prints e when r < 0, takes everything down, gives the exit status. */
int app_end(struct app *app, int r, const struct err *e);

/* The one result line on stdout (progress is out of the way); a full or closed stdout is an error. */
int app_result(struct app *app, const char *line, struct err *e) MUST_CHECK;

/* The certs.d folders of docker and podman. */
void app_certs(struct app *app);

/*
 * Credentials from the environment, to be pointed to by registry_options. From here on no core file
 * is written, and, unless is_looked_into, nobody without privileges sees into this process.
 * authfile (NULL: none) was asked for, so one that cannot be read is an error even where no registry asks.
 */
int app_credentials(struct app *app, const char *authfile, struct err *e) MUST_CHECK;

/* KEY=VALUE lines for GitLab's artifacts:reports:dotenv, written at once. */
int app_write_file(const char *path, const char *text, struct err *e) MUST_CHECK;

#endif

/*
 * Signals: SIGINT, SIGTERM and SIGHUP are blocked everywhere and taken by one thread that
 * sets the cancel flag; everything then ends by the ordinary error path. A second
 * signal ends the program at once, unless "/" has to be put back first. One that our parent ignores
 * (nohup, "&" in a script) is left ignored.
 */
#include "cmd/app.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/rootdir.h"
#include "cmd/completion.h"
#include "cmd/exitcode.h"
#include "registry/certs.h"

/*
 * A second signal this long after the first is somebody who does not want to wait. Sooner it is
 * the first one once more: a runner signals the process and its group.
 */
#define IMPATIENT_MS 1000

#define DESCRIPTORS 65536 /* a child that closes all it may have takes a few milliseconds */

static const struct opt common[] = {
	OPT_CHOICE(0, "progress", NULL, struct app_args, progress,
		   "auto|tty|plain|gitlab|json|none", "how progress is shown (auto)"),
	OPT_CHOICE(0, "color", NULL, struct app_args, color, "auto|always|never",
		   "colours on stderr (auto; NO_COLOR is honoured)"),
	OPT_FLAG('q', "quiet", NULL, struct app_args, quiet, "only warnings and errors on stderr"),
	OPT_COUNT('v', "verbose", NULL, struct app_args, verbose, "tell more; twice: tell all"),
	OPT_FLAG(0, "help", NULL, struct app_args, help, "this text"),
	OPT_FLAG(0, "version", NULL, struct app_args, version, "the version"),
	OPT_END,
};

static const struct opt stateful[] = {
	OPT_STR(0, "root", "CBUILD_ROOT", struct app_args, root, "DIR",
		"where images and caches are kept"),
	OPT_END,
};

static void log_write(struct log *l, const char *line)
{
	(void)l;
	fprintf(stderr, "%s\n", line);
}

static char *default_root(void)
{
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (geteuid() == 0)
		return mem_strdup("/var/lib/cbuild");
	if (data && data[0] == '/')
		return mem_printf("%s/cbuild", data);
	return mem_printf("%s/.local/share/cbuild", home && *home ? home : "/tmp");
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

/* The page of a job shows colours, though no terminal is there. */
static bool wants_color(const struct app *app, bool terminal)
{
	const char *color = app->args.color ? app->args.color : "auto";

	if (strcmp(color, "auto") != 0)
		return strcmp(color, "always") == 0;
	if (is_set("NO_COLOR"))
		return false;
	return terminal || is_set("GITLAB_CI");
}

static void choose_render(struct app *app)
{
	const char *how = app->args.progress ? app->args.progress : "auto";
	const char *term = getenv("TERM");
	bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
	bool colored = wants_color(app, terminal);

	if (strcmp(how, "auto") == 0)
		how = terminal ? "tty" : is_set("GITLAB_CI") ? "gitlab" : "plain";
	if (app->args.quiet || strcmp(how, "none") == 0)
		app->render = render_plain_new(&clock_system, colored, true);
	else if (strcmp(how, "json") == 0)
		app->render = render_json_new(&clock_system);
	else if (strcmp(how, "tty") == 0)
		app->render = render_tty_new(&clock_system, colored);
	else if (strcmp(how, "gitlab") == 0)
		app->render = render_gitlab_new(&clock_system, app->tool, colored);
	else
		app->render = render_plain_new(&clock_system, colored, false);
	app->log = (struct log){ .level = (int)app->args.verbose, .write = log_write };
	app->op = (struct op){ .progress = &app->render->progress,
			       .log = &app->log,
			       .clock = &clock_system };
}

static void print_help(const struct app *app, const struct opt_table *tables, size_t nr)
{
	printf("usage: %s\n%s\n\n", app->usage, app->about);
	opts_usage(tables, nr);
	printf("\nFull description: man %s\n", app->tool);
}

/* For `make install` and the check of the manual pages; no options for people. 1: it was one of them. */
static int tell_tables(struct app *app, const struct opt_table *tables, size_t nr, int argc,
		       char **argv, struct err *e)
{
	const struct completion c = { app->tool, tables, nr, &app->commands };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	if (argc == 2 && strcmp(argv[1], "--dump-options") == 0) {
		opts_dump(tables, nr);
		return 1;
	}
	if (argc != 3 || strcmp(argv[1], "--completion") != 0)
		return 0;
	if (completion_write(&out, &c, argv[2], e) < 0)
		return -1;
	fputs(buf_str(&out), stdout);
	return 1;
}

/*
 * No file of ours may come to lie where others write. The wrong way round, so that using what
 * was closed is still an error.
 */
static void standard_streams_open(void)
{
	static const int how[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", how[fd]) != fd)
			_exit(1);
}

int app_parse(struct app *app, const struct opt *own, void *own_args, int argc, char **argv,
	      struct err *e)
{
	const struct opt_table tables[] = { { own, own_args, app->elsewhere },
					    { common, &app->args, NULL },
					    { stateful, &app->args, NULL } };
	size_t nr = app->has_state ? 3 : 2;
	int told;

	standard_streams_open();
	signal(SIGCHLD, SIG_DFL); /* ignored, no child could be waited for */
	umask(022);		  /* what a job's umask is must not show in images or state */
	told = tell_tables(app, tables, nr, argc, argv, e);
	if (told)
		return told < 0 ? -1 : 0;
	if (opts_parse(tables, nr, argc, argv, &app->positional, e) < 0)
		return -1;
	if (app->args.help) {
		print_help(app, tables, nr);
		return 0;
	}
	if (app->args.version) {
		printf("%s %s\n", app->tool, VERSION);
		return 0;
	}
	app->root = app->args.root ? mem_strdup(app->args.root) : default_root();
	choose_render(app);
	return 1;
}

/* A signal that is blocked is not dropped, ignored or not: sigwait would get it. */
static void signals_taken(sigset_t *set)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction now;

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (sigaction(all[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(set, all[i]);
}

/* Times on a terminal move on while nothing happens. */
static void tick(struct app *app)
{
	int state;

	/* the thread is ended by pthread_cancel, which must not find it with the renderer's lock */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	app->render->tick(app->render);
	pthread_setcancelstate(state, NULL);
}

static void *signal_main(void *arg)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	struct app *app = arg;
	int64_t first_ms = 0;
	sigset_t set;

	signals_taken(&set);
	for (;;) {
		int sig = sigtimedwait(&set, NULL, app->render->tick ? &pause : NULL);
		int64_t now_ms = clock_system.mono_ms(&clock_system);

		if (sig < 0) {
			if (app->render->tick)
				tick(app);
		} else if (!cancel_is_set(&app->cancel)) {
			first_ms = now_ms;
			cancel_set(&app->cancel, sig);
		} else if (now_ms - first_ms >= IMPATIENT_MS && !rootdir_is_taken()) {
			_exit(128 + sig);
		}
	}
	return NULL;
}

/*
 * The usual 1024 descriptors are for programs that wait with select(2). A build with many stages and
 * layers has a few for each, a push some for each transfer. Programs that RUN starts keep the limit
 * we were started with: their helper is older than this.
 */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit); /* else it stays as it was */
}

int app_start(struct app *app, unsigned workers, struct err *e)
{
	sigset_t set;

	if (cancel_init(&app->cancel, e) < 0)
		return -1;
	app->has_cancel = true;
	app->op.cancel = &app->cancel;
	raise_descriptors();
	signal(SIGPIPE, SIG_IGN);
	signals_taken(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pool_new(&app->op.pool, workers, e) < 0)
		return -1;
	errno = pthread_create(&app->signal_thread, NULL, signal_main, app);
	if (errno)
		return err_sys(e, "start the signal thread");
	app->started = true;
	return 0;
}

/* For programs it is an event like others; an excerpt of many lines would be none of theirs. */
static void show_excerpt(const struct app *app, const struct err *e)
{
	bool json = app->args.progress && strcmp(app->args.progress, "json") == 0;

	if (e->excerpt[0] && json && app->render && !app->args.quiet)
		progress_note(app->op.progress, "%s", e->excerpt);
	else if (e->excerpt[0])
		fputs(e->excerpt, stderr);
}

int app_end(struct app *app, int r, const struct err *e)
{
	int signo = app->has_cancel ? atomic_load(&app->cancel.signo) : 0;

	if (app->started) {
		pthread_cancel(app->signal_thread);
		pthread_join(app->signal_thread, NULL);
	}
	pool_free(app->op.pool);
	if (app->has_cancel)
		cancel_release(&app->cancel);
	if (app->render) {
		app->render->finish(app->render);
		if (r < 0 && app->render->last_words)
			app->render->last_words(app->render);
		if (r < 0)
			show_excerpt(app, e);
		app->render->free(app->render);
	}
	strv_release(&app->positional);
	strv_release(&app->commands);
	registry_certs_free(app->certs);
	free(app->root);
	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
		fprintf(stderr, "%s: write to standard output: %s\n", app->tool, strerror(errno));
		return exitcode_of(ERR_FAILED, 0);
	}
	if (r >= 0)
		return 0;
	fprintf(stderr, "%s: %s\n", app->tool, e->text);
	return exitcode_of(e->kind, signo);
}

int app_result(struct app *app, const char *line, struct err *e)
{
	if (app->render)
		app->render->finish(app->render);
	if (printf("%s\n", line) < 0 || fflush(stdout) != 0)
		return err_sys(e, "write to standard output");
	return 0;
}

void app_certs(struct app *app)
{
	const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
	auto_free char *own = NULL;

	if (config && *config == '/')
		own = mem_printf("%s/containers/certs.d", config);
	else if (home && *home)
		own = mem_printf("%s/.config/containers/certs.d", home);
	app->certs = registry_certs_new();
	if (own)
		registry_certs_add_folder(app->certs, &app->op, own);
	registry_certs_add_folder(app->certs, &app->op, "/etc/containers/certs.d");
	registry_certs_add_folder(app->certs, &app->op, "/etc/docker/certs.d");
}

/*
 * A limit of 0 is not looked at where cores go into a pipe (core_pattern); to Linux 1 means "none",
 * wherever they go. Children of ours have it, too; the helper of RUN is older.
 */
static void hide_memory(const struct app *app)
{
	const struct rlimit none = { 1, 1 };

	setrlimit(RLIMIT_CORE, &none);
	if (!app->is_looked_into)
		prctl(PR_SET_DUMPABLE, 0);
}

int app_credentials(struct app *app, const char *authfile, struct err *e)
{
	if (authfile && *authfile && access(authfile, R_OK) < 0)
		return err_sys(e, "--authfile: open '%s'", authfile);

	hide_memory(app);
	app->credentials.authfile = authfile;
	app->credentials.docker_auth_config = getenv("DOCKER_AUTH_CONFIG");
	app->credentials.registry_auth_file = getenv("REGISTRY_AUTH_FILE");
	app->credentials.docker_config = getenv("DOCKER_CONFIG");
	app->credentials.home = getenv("HOME");
	app->credentials.xdg_runtime_dir = getenv("XDG_RUNTIME_DIR");
	app->credentials.xdg_config_home = getenv("XDG_CONFIG_HOME");
	snprintf(app->run_containers, sizeof(app->run_containers), "/run/containers/%u",
		 (unsigned)geteuid());
	app->credentials.run_containers = app->run_containers;
	app->credentials.ci =
		(struct credentials_ci){ .registry = getenv("CI_REGISTRY"),
					 .registry_user = getenv("CI_REGISTRY_USER"),
					 .registry_password = getenv("CI_REGISTRY_PASSWORD"),
					 .deploy_user = getenv("CI_DEPLOY_USER"),
					 .deploy_password = getenv("CI_DEPLOY_PASSWORD"),
					 .job_token = getenv("CI_JOB_TOKEN"),
					 .proxy_server = getenv("CI_DEPENDENCY_PROXY_SERVER"),
					 .proxy_user = getenv("CI_DEPENDENCY_PROXY_USER"),
					 .proxy_password = getenv("CI_DEPENDENCY_PROXY_PASSWORD") };
	return 0;
}

/* A device or a pipe is written to; a new file would take its place. */
static int write_in_place(const char *path, const char *text, struct err *e)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return fs_write_all(fd, text, strlen(text), path, e);
}

int app_write_file(const char *path, const char *text, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_in_place(path, text, e);
	return fs_write_file(AT_FDCWD, path, span_of_str(text), 0644, e);
}

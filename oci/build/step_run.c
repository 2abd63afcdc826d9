/*
 * RUN: the stage's tree, a user out of its own passwd, an environment made from nothing but
 * the variables of the Dockerfile.
 */
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/proc.h"
#include "oci/build/run_check.h"
#include "oci/build/run_look.h"
#include "oci/build/run_mounts.h"
#include "oci/build/step.h"
#include "oci/layer/passwd.h"
#include "oci/layer/tree_dir.h"

#define HOSTNAME     "buildkitsandbox"
#define MEMORY_HINT  "; that is what the kernel does when memory runs out"
#define FULL_HINT    "; the disk that its files are on is full"
#define FULL_BYTES   (64 * 1024)
#define FULL_FILES   16
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void spec_env(struct run_spec *spec, const struct state *st, const struct passwd_user *user)
{
	state_run_env(&spec->env, st);
	if (!strv_env_get(&spec->env, "PATH"))
		strv_env_set(&spec->env, "PATH", DEFAULT_PATH);
	if (!strv_env_get(&spec->env, "HOME"))
		strv_env_set(&spec->env, "HOME", user->home);
}

/* What the command line says about every RUN. */
static void spec_options(struct run_spec *spec, const struct step *s)
{
	const struct run_options *o = &s->job->opt->run;

	spec->hosts = run_options_hosts(o, HOSTNAME);
	spec->added_hosts = run_options_added_hosts(o);
	spec->no_network = run_has_no_network(s->instr, o);
	spec->shm_bytes = o->shm_bytes;
	spec->limits = mem_resize(NULL, o->nr_limits + 1, sizeof(*spec->limits));
	for (; spec->nr_limits < o->nr_limits; spec->nr_limits++)
		spec->limits[spec->nr_limits] = o->limits[spec->nr_limits];
	spec->timeout_ms = s->job->opt->run_timeout_ms;
}

static int spec_fill(struct run_spec *spec, const struct step *s, int root_fd, struct err *e)
{
	const struct state *st = &s->stage->state;
	auto_passwd_user struct passwd_user user = { 0 };
	auto_tree struct tree *tree = NULL;

	if (tree_dir_open(&tree, root_fd, NULL, e) < 0 ||
	    passwd_user_find(&user, tree, st->config->user ? st->config->user : "", e) < 0)
		return -1;
	step_command(&spec->argv, s);
	if (!spec->argv.n)
		return err_set(e, ERR_INPUT, "there is no command");
	spec_env(spec, st, &user);
	spec->cwd = mem_strdup(state_workdir(st));
	spec->hostname = mem_strdup(HOSTNAME);
	spec->uid = user.uid;
	spec->gid = user.gid;
	spec->groups = STEAL(&user.groups);
	spec->nr_groups = user.nr_groups;
	spec_options(spec, s);
	spec->progress_id = mem_strdup(s->id);
	return 0;
}

/* By SIGKILL, or (as a shell tells it) something below it was. */
static bool is_kill(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
				   : WEXITSTATUS(status) == 128 + SIGKILL;
}

/* Its messages are the command's own, and seldom say so. */
static bool is_disk_full(int root_fd)
{
	struct statvfs vfs;

	if (fstatvfs(root_fd, &vfs) < 0 || !vfs.f_blocks)
		return false;
	return vfs.f_bavail * vfs.f_frsize < FULL_BYTES ||
	       (vfs.f_files && vfs.f_favail < FULL_FILES);
}

static const char *hint(int root_fd, int status)
{
	if (is_disk_full(root_fd))
		return FULL_HINT;
	return is_kill(status) ? MEMORY_HINT : "";
}

static int run(struct step *s, struct stage_tree *t, const struct run_spec *spec, struct err *e)
{
	char how[200];
	int status;

	if (sandbox_run(t->sandbox, s->job->op, &t->tree, spec, &status, e) < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	proc_describe(how, sizeof(how), status);
	return err_set(e, ERR_FAILED, "%s%s", how, hint(t->tree.root_fd, status));
}

static char *history_line(const struct step *s)
{
	auto_free char *args = state_arg_prefix(&s->stage->state);
	auto_strv struct strv argv = STRV_INIT;
	auto_free char *command = NULL;

	step_command(&argv, s);
	command = strv_join(&argv, " ");
	return mem_printf("RUN %s%s # buildkit", args, command);
}

/* A here-document that is a program: a file of this RUN's own, where its command expects it. */
static void spec_script(struct run_spec *spec, const struct step *s)
{
	struct run_mount *m;

	if (!s->instr->script)
		return;
	m = run_spec_add_mount(spec, RUN_MOUNT_FILE, mem_strdup(s->instr->words.v[0]));
	buf_add_str(&m->bytes, s->instr->script);
	m->mode = 0755;
	m->read_only = true;
}

/* What is mounted goes before the tree does. */
static int run_with_mounts(struct step *s, struct stage_tree *t, struct run_spec *spec,
			   struct err *e)
{
	auto_run_mounts struct run_mounts mounts = RUN_MOUNTS_INIT;

	spec_script(spec, s);
	return run_mounts_add(&mounts, spec, s, e) < 0 ? -1 : run(s, t, spec, e);
}

static int carry_out(struct step *s, struct err *e)
{
	auto_stage_tree struct stage_tree t = { 0 };
	auto_run_spec struct run_spec spec = { 0 };

	if (stage_tree_open(&t, s->job, s->stage, s->id, e) < 0 ||
	    spec_fill(&spec, s, t.tree.root_fd, e) < 0 || run_with_mounts(s, &t, &spec, e) < 0)
		return -1;
	return stage_tree_commit(&t, s->job, s->stage, s->what, e);
}

int step_run(struct step *s, struct err *e)
{
	auto_cache_look struct cache_look k;
	auto_free char *line = NULL;
	int found;

	cache_look_init(&k, s, "RUN");
	if (run_check(s->instr, &s->job->opt->run, e) < 0)
		return -1;
	found = run_look(&k, HOSTNAME, e);
	if (found < 0 || (!found && carry_out(s, e) < 0))
		return -1;
	if (!found)
		cache_look_made(&k);
	line = history_line(s);
	stage_history(s->job, s->stage, line, true);
	return 0;
}

/*
 * Order matters: mounts need all rights and the old root's /proc; pivot_root
 * takes the old root away; the bounding set is dropped while we still may; groups before
 * gid before uid; then what root keeps; then exec.
 */
#include "oci/run/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/caps.h"

static int pivot_to_cwd(struct err *e)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(e, "pivot_root");
	/* the old root lies on top of the new one now (pivot_root(2), "pivot_root(".", ".")") */
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "unmount the old root");
	if (chdir("/") < 0)
		return err_sys(e, "chdir '/'");
	return 0;
}

/* As runc does: a missing working directory is made. */
static int enter_cwd(const char *cwd, struct err *e)
{
	if (chdir(cwd) == 0)
		return 0;
	if (errno == ENOENT) {
		if (fs_mkdir_p(AT_FDCWD, cwd, 0755, e) < 0)
			return -1;
		if (chdir(cwd) == 0)
			return 0;
	}
	return err_sys(e, "working directory '%s'", cwd);
}

static int become(const struct run_spec *spec, bool can_setgroups, struct err *e)
{
	if (caps_bound(e) < 0)
		return -1;
	if (can_setgroups && setgroups(spec->nr_groups, spec->groups) < 0)
		return err_sys(e, "set the supplementary groups");
	if (setresgid(spec->gid, spec->gid, spec->gid) < 0)
		return err_sys(e, "become group %u", spec->gid);
	if (setresuid(spec->uid, spec->uid, spec->uid) < 0)
		return err_sys(e, "become user %u", spec->uid);
	return caps_set(spec->uid == 0, e);
}

static int stdio_set(int out_fd, int err_fd, struct err *e)
{
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0)
		return err_sys(e, "set up standard input and output");
	return 0;
}

static void signals_reset(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* execvpe, but over the PATH of the new environment and with an error that tells what was tried. */
static int exec_in_path(const struct run_spec *spec, struct err *e)
{
	const char *name = spec->argv.v[0];
	const char *path = strv_env_get(&spec->env, "PATH");
	struct span dirs = span_of_str(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"), dir;
	int why = ENOENT;

	if (strchr(name, '/')) {
		execve(name, spec->argv.v, spec->env.v);
		return err_sys(e, "exec '%s'", name);
	}
	while (span_split(&dirs, ':', &dir)) {
		auto_free char *full =
			dir.n ? mem_printf("%.*s/%s", (int)dir.n, dir.p, name) : mem_strdup(name);

		execve(full, spec->argv.v, spec->env.v);
		if (errno != ENOENT && errno != ENOTDIR)
			why = errno;
	}
	errno = why;
	return err_sys(e, "exec '%s' (looked up in PATH)", name);
}

/* Nothing of ours is open in the user's command; the report (keep_fd) closes itself at exec. */
static void close_at_exec(void)
{
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif
	if (syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = 3; fd < 1024; fd++) /* before Linux 5.11; the helper keeps few descriptors */
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int enter_exec(const struct run_spec *spec, const struct stubs *stubs,
	       const struct enter_files *files, int out_fd, int err_fd, bool can_setgroups,
	       struct err *e)
{
	if (setsid() < 0)
		return err_sys(e, "setsid");
	if (sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return err_sys(e, "set the host name");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make the mounts private");
	if (mounts_make(stubs, files->hosts, files->resolv_conf, e) < 0 || pivot_to_cwd(e) < 0)
		return -1;
	umask(022);
	if (stdio_set(out_fd, err_fd, e) < 0 || enter_cwd(spec->cwd, e) < 0 ||
	    become(spec, can_setgroups, e) < 0)
		return -1;
	close_at_exec();
	signals_reset();
	return exec_in_path(spec, e);
}

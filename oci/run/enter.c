/*
 * Order matters: mounts need all rights and the old root's /proc; pivot_root
 * takes the old root away; then every descriptor of ours is closed, since one of a directory
 * is a way back to the old root ("/proc/self/fd/N/..") for a working directory or a program
 * that the image names; the filter of system calls while we have the right to load it, and the
 * bounding set while we still may; groups before gid before uid; then what root keeps; then exec.
 * A bare RUN changes its root, if at all, by chroot; all that follows is the same.
 */
#include "oci/run/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/attach.h"
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

/* As mkdir -p, but links lead nowhere outside root_fd. */
static int make_cwd(int root_fd, const char *cwd, struct err *e)
{
	auto_free char *path = fs_path_clean(cwd);

	for (char *slash = path; slash;) {
		auto_free char *name = NULL;
		auto_close int parent = -1;

		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		parent = fs_open_parent(root_fd, path, FS_IN_ROOT, &name, e);
		if (parent < 0)
			return -1;
		if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make '%s'", path);
		if (slash)
			*slash = '/';
	}
	return 0;
}

/* A bare RUN sees the /proc of all of us. */
static bool is_kernels(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC;
}

/*
 * As runc does: a missing working directory is made. It may come from a hostile image and we
 * still have all rights here, so no magic link of /proc is followed.
 */
static int enter_cwd(const char *cwd, bool is_bare, struct err *e)
{
	const int flags = O_PATH | O_DIRECTORY;
	auto_close int root = open("/", flags | O_CLOEXEC);
	auto_close int fd = -1;

	if (root < 0)
		return err_sys(e, "open '/'");
	fd = fs_open_beneath(root, cwd, flags, 0, FS_IN_ROOT, e);
	if (fd < 0 && e->sys == ENOENT) {
		err_clear(e);
		if (make_cwd(root, cwd, e) == 0)
			fd = fs_open_beneath(root, cwd, flags, 0, FS_IN_ROOT, e);
	}
	if (fd < 0)
		return err_wrap(e, "working directory");
	if (is_bare && is_kernels(fd))
		return err_set(e, ERR_FAILED, "working directory '%s': it is in /proc or /sys",
			       cwd);
	if (fchdir(fd) < 0)
		return err_sys(e, "working directory '%s'", cwd);
	return 0;
}

/* A session keyring of its own: the one we were born with is the user's (or the job's). */
static int forget_keys(struct err *e)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS ||
	    errno == EPERM)
		return 0;
	return err_sys(e, "make a session keyring");
}

static int unmapped(struct err *e, bool can_setgroups, const char *what, uint32_t id)
{
	err_sys(e, "become %s %u", what, id);
	if (!can_setgroups && id)
		err_wrap(e, "only one id is mapped (no ranges in /etc/subuid and /etc/subgid)");
	return -1;
}

static int become(const struct enter_from *from, struct err *e)
{
	const struct run_spec *spec = from->spec;
	bool can_setgroups = from->can_setgroups;

	if (caps_bound(from->caps, e) < 0)
		return -1;
	if (can_setgroups && setgroups(spec->nr_groups, spec->groups) < 0)
		return err_sys(e, "set the supplementary groups");
	if (setresgid(spec->gid, spec->gid, spec->gid) < 0)
		return unmapped(e, can_setgroups, "group", spec->gid);
	if (setresuid(spec->uid, spec->uid, spec->uid) < 0)
		return unmapped(e, can_setgroups, "user", spec->uid);
	if (caps_set(spec->uid == 0 ? from->caps : 0, e) < 0)
		return -1;
	/* last: a change of ids takes it away */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static int stdin_set(const char *path, struct err *e)
{
	auto_close int null = open(path, O_RDONLY | O_CLOEXEC);

	return null < 0 || dup2(null, 0) < 0 ? err_sys(e, "set up standard input") : 0;
}

static int stdout_set(int out_fd, int err_fd, struct err *e)
{
	return dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0 ? err_sys(e, "set up standard output")
							  : 0;
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

static void close_from_to(unsigned first, unsigned last)
{
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
	/* before Linux 5.9 */
	for (unsigned fd = first; fd <= last && fd < 1024; fd++)
		close((int)fd);
}

void enter_close_all_but(int kept)
{
	close_from_to(3, (unsigned)kept - 1);
	close_from_to((unsigned)kept + 1, ~0u);
}

/* A network of its own has a loopback that is down. */
static int loopback_up(struct err *e)
{
	struct ifreq lo = { .ifr_name = "lo" };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &lo) < 0)
		return err_sys(e, "look at the loopback of the new network");
	lo.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return err_sys(e, "bring up the loopback of the new network");
	return 0;
}

static int limits_set(const struct run_spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->nr_limits; i++) {
		const struct run_limit *l = &spec->limits[i];
		const struct rlimit to = { .rlim_cur = l->soft, .rlim_max = l->hard };

		if (prlimit(0, (__rlimit_resource_t)l->resource, &to, NULL) < 0)
			return err_sys(e, "set limit %d of --ulimit to %lld:%lld", l->resource,
				       (long long)l->soft, (long long)l->hard);
	}
	return 0;
}

static int enter_tree(const struct enter_from *from, struct err *e)
{
	const struct run_spec *spec = from->spec;
	struct attach own;

	if (setsid() < 0)
		return err_sys(e, "setsid");
	if (sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return err_sys(e, "set the host name");
	if (spec->no_network && loopback_up(e) < 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make the mounts private");
	/* out of the new /dev, before anything of the user's lies over it: a pipe would be waited for */
	if (mounts_make(spec, from->stubs, from->resolv_conf, e) < 0 ||
	    stdin_set("dev/null", e) < 0)
		return -1;
	/* the user's come last: they may lie over all of these */
	if (attach_files(&own, spec, from->taken, e) < 0 ||
	    attach_all(&own, spec, from->stubs, e) < 0)
		return -1;
	return pivot_to_cwd(e);
}

static int enter_bare(const struct enter_from *from, struct err *e)
{
	if (setsid() < 0)
		return err_sys(e, "setsid");
	if (stdin_set("/dev/null", e) < 0)
		return -1;
	if (from->root_fd >= 0 && (fchdir(from->root_fd) < 0 || chroot(".") < 0))
		return err_sys(e, "chroot into the tree");
	return chdir("/") < 0 ? err_sys(e, "chdir '/'") : 0;
}

int enter_exec(const struct enter_from *from, struct err *e)
{
	const struct run_spec *spec = from->spec;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody else would end us and free main */
	if ((from->is_bare ? enter_bare : enter_tree)(from, e) < 0) {
		e->kind = e->sys == EPERM ? ERR_IMPOSSIBLE : ERR_FAILED;
		return -1;
	}
	umask(022);
	if (stdout_set(from->out_fd, from->err_fd, e) == 0) {
		enter_close_all_but(from->report_fd);
		if (enter_cwd(spec->cwd, from->is_bare, e) == 0 && limits_set(spec, e) == 0 &&
		    forget_keys(e) == 0 && run_seccomp_enter(from->filter, from->is_bare, e) == 0 &&
		    become(from, e) == 0) {
			signals_reset();
			exec_in_path(spec, e);
		}
	}
	e->kind = ERR_FAILED;
	return -1;
}

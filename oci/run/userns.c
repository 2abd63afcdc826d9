/*
 * Root takes a mount namespace and is done. Anybody else takes a user
 * namespace in which they are root: with the ids of /etc/subuid and /etc/subgid,
 * written by the setuid programs newuidmap and newgidmap, where there are
 * some; else with their own id as the only one. Root of a container that was left no right to mount keeps all
 * of its ids that way.
 *
 * newuidmap wants to be started from outside the new namespace, so a child is
 * forked first; it waits until we are inside and then maps us.
 *
 * There is no way back out of a namespace, and in one without rights or ids no file can be made: where a
 * security module lets everybody make such ones (Ubuntu 24.04), a build that RUNs nothing must not be in
 * it. So a child tries first.
 */
#include "oci/run/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/span.h"

#define SUBID_FILE_MAX (1u << 20)

struct subids {
	uint64_t uid_start, uid_count, gid_start, gid_count;
	bool is_root; /* all ids there are, without anybody's help */
	bool usable;
};

bool userns_subid_find(uint64_t *start, uint64_t *count, struct span file, const char *name,
		       uint32_t uid)
{
	struct span line, who, rest, from, many;
	char number[16];

	snprintf(number, sizeof(number), "%u", uid);
	while (span_line(&file, &line)) {
		if (!span_cut(span_trim(line), ':', &who, &rest) ||
		    !span_cut(rest, ':', &from, &many))
			continue;
		if (!(name && span_eq_str(who, name)) && !span_eq_str(who, number))
			continue;
		if (span_to_u64(start, from) == 0 && span_to_u64(count, many) == 0 && *count > 0)
			return true;
	}
	return false;
}

static bool subid_read(uint64_t *start, uint64_t *count, const char *path, const char *name,
		       uint32_t uid)
{
	auto_buf struct buf text = BUF_INIT(SUBID_FILE_MAX);
	struct err ignored = ERR_INIT;

	if (fs_read_file(AT_FDCWD, path, &text, &ignored) < 0)
		return false;
	return userns_subid_find(start, count, buf_span(&text), name, uid);
}

/* Sub-ids need both files and both programs; anything less is the one-id map. */
static struct subids subids_get(uid_t uid)
{
	struct subids s = { .is_root = uid == 0, .usable = uid == 0 };
	const struct passwd *pw = uid ? getpwuid(uid) : NULL;
	const char *name = pw ? pw->pw_name : NULL;

	if (s.is_root)
		return s;
	s.usable = subid_read(&s.uid_start, &s.uid_count, "/etc/subuid", name, uid) &&
		   subid_read(&s.gid_start, &s.gid_count, "/etc/subgid", name, uid) &&
		   access("/usr/bin/newuidmap", X_OK) == 0 &&
		   access("/usr/bin/newgidmap", X_OK) == 0;
	return s;
}

static int map_with(const char *program, pid_t target, uint32_t own, uint64_t start, uint64_t count)
{
	auto_free char *pid = mem_printf("%d", (int)target);
	auto_free char *id = mem_printf("%u", own);
	auto_free char *from = mem_printf("%llu", (unsigned long long)start);
	auto_free char *many = mem_printf("%llu", (unsigned long long)count);
	const char *const argv[] = { program, pid, "0", id, "1", "1", from, many, NULL };
	int status;
	pid_t child = fork();

	if (child == 0) {
		execv(program, (char *const *)argv);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int write_proc(const char *path, const char *text, struct err *e)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return err_sys(e, "write '%s'", path);
	return 0;
}

/* Root of a container may set any id that the container has, so the new namespace gets all of them. */
static int map_same(pid_t target, const char *which)
{
	auto_buf struct buf own = BUF_INIT(SUBID_FILE_MAX);
	auto_buf struct buf same = BUF_INIT(SUBID_FILE_MAX);
	auto_free char *from = mem_printf("/proc/self/%s", which);
	auto_free char *to = mem_printf("/proc/%d/%s", (int)target, which);
	struct span rest, line, inside, outside, count;
	struct err ignored = ERR_INIT;

	if (fs_read_file(AT_FDCWD, from, &own, &ignored) < 0)
		return -1;
	rest = buf_span(&own);
	while (span_line(&rest, &line)) {
		if (!span_word(&line, &inside) || !span_word(&line, &outside) ||
		    !span_word(&line, &count))
			continue;
		buf_addf(&same, "%.*s %.*s %.*s\n", (int)inside.n, inside.p, (int)inside.n,
			 inside.p, (int)count.n, count.p);
	}
	return write_proc(to, buf_str(&same), &ignored);
}

/* Outside the namespace: waits for one byte, then maps its parent. Does not return. */
static NORETURN void mapper_main(int go_fd, pid_t parent, uid_t uid, gid_t gid,
				 const struct subids *ids)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char go;

	/* what they say is for nobody: we say it */
	if (null >= 0)
		dup2(null, 2);
	if (read(go_fd, &go, 1) != 1)
		_exit(1);
	if (ids->is_root)
		_exit(map_same(parent, "uid_map") < 0 || map_same(parent, "gid_map") < 0);
	if (map_with("/usr/bin/newuidmap", parent, uid, ids->uid_start, ids->uid_count) < 0 ||
	    map_with("/usr/bin/newgidmap", parent, gid, ids->gid_start, ids->gid_count) < 0)
		_exit(1);
	_exit(0);
}

static int map_one_id(uid_t uid, gid_t gid, struct err *e)
{
	auto_free char *uid_map = mem_printf("0 %u 1\n", uid);
	auto_free char *gid_map = mem_printf("0 %u 1\n", gid);

	/* the kernel wants setgroups given up before an unprivileged gid_map (user_namespaces(7)) */
	if (write_proc("/proc/self/setgroups", "deny", e) < 0 ||
	    write_proc("/proc/self/uid_map", uid_map, e) < 0 ||
	    write_proc("/proc/self/gid_map", gid_map, e) < 0)
		return -1;
	return 0;
}

static int unshare_refused(const char *what, struct err *e)
{
	err_sys(e, "%s", what);
	err_wrap(e, "this environment allows no namespaces of our own");
	e->kind = ERR_IMPOSSIBLE;
	return -1;
}

static int try_in_child(struct err *e)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
			_exit(errno);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return err_sys(e, "fork");
	if (status == 0)
		return 0;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
	return unshare_refused("a user namespace with mounts", e);
}

static int map_through_child(pid_t mapper, int go_fd, struct err *e)
{
	int status;

	if (write(go_fd, "", 1) != 1 || waitpid(mapper, &status, 0) < 0)
		return err_sys(e, "wait for newuidmap");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(
			e, ERR_IMPOSSIBLE,
			"newuidmap or newgidmap refused the ids of /etc/subuid and /etc/subgid");
	return 0;
}

/* newuidmap may be refused: without new privileges, say, it is a program like any other. */
static int map_ids(struct userns *out, pid_t mapper, int go_fd, const struct subids *ids, uid_t uid,
		   gid_t gid, struct err *e)
{
	bool refused = mapper > 0;
	struct err first;

	if (mapper > 0 && map_through_child(mapper, go_fd, e) == 0) {
		out->can_setgroups = true;
		if (ids->is_root)
			snprintf(out->how, sizeof(out->how), "user namespace with all ids");
		else
			snprintf(out->how, sizeof(out->how), "user namespace with %llu ids",
				 (unsigned long long)ids->uid_count + 1);
		return 0;
	}
	first = *e;
	err_clear(e);
	if (map_one_id(uid, gid, e) < 0) {
		if (refused)
			*e = first; /* one half was mapped */
		return -1;
	}
	out->can_setgroups = false;
	snprintf(out->how, sizeof(out->how), "user namespace with one id (%s)",
		 !refused	? "no ranges in /etc/subuid"
		 : ids->is_root ? "more were refused"
				: "newuidmap was refused");
	return 0;
}

static int enter_user(struct userns *out, struct err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct subids ids = subids_get(uid);
	pid_t parent = getpid(), mapper = -1;
	auto_close int go_read = -1;
	auto_close int go_write = -1;
	int go[2];

	if (try_in_child(e) < 0)
		return -1;
	if (ids.usable) {
		if (pipe2(go, O_CLOEXEC) < 0)
			return err_sys(e, "pipe");
		go_read = go[0];
		go_write = go[1];
		mapper = fork();
		if (mapper < 0)
			return err_sys(e, "fork");
		if (mapper == 0) {
			close(go_write);
			mapper_main(go_read, parent, uid, gid, &ids);
		}
	}
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		unshare_refused("unshare(user namespace)", e);
		if (mapper > 0) {
			close(fd_steal(&go_write)); /* the mapper ends by itself */
			waitpid(mapper, NULL, 0);
		}
		return -1;
	}
	if (map_ids(out, mapper, go_write, &ids, uid, gid, e) < 0)
		return -1;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, "become root of the user namespace");
	out->entered = true;
	return 0;
}

/* The first user namespace maps all ids to themselves. Cannot be read: it is that one. */
static bool is_inside(void)
{
	auto_buf struct buf map = BUF_INIT(SUBID_FILE_MAX);
	struct err ignored = ERR_INIT;
	struct span text, word;

	if (fs_read_file(AT_FDCWD, "/proc/self/uid_map", &map, &ignored) < 0)
		return false;
	text = buf_span(&map);
	for (int i = 0; i < 2; i++)
		if (!span_word(&text, &word) || !span_eq_str(word, "0"))
			return true;
	return !span_word(&text, &word) || !span_eq_str(word, "4294967295");
}

static bool setgroups_allowed(void)
{
	auto_buf struct buf text = BUF_INIT(64);
	struct err ignored = ERR_INIT;

	return fs_read_file(AT_FDCWD, "/proc/self/setgroups", &text, &ignored) < 0 ||
	       !span_starts(buf_span(&text), "deny");
}

int userns_enter(struct userns *out, struct err *e)
{
	struct userns u = { .can_setgroups = true };

	if (unshare(CLONE_NEWNS) == 0)
		snprintf(u.how, sizeof(u.how), "root");
	else if (errno != EPERM)
		return unshare_refused("unshare(mount namespace)", e);
	else if (enter_user(&u, e) < 0)
		return -1;
	/* mounts of others still reach us, ours reach nobody */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return unshare_refused("mount(/, slave)", e);
	/* unshare of a user namespace made us undumpable, which closes /proc/self to ourselves */
	if (u.entered)
		prctl(PR_SET_DUMPABLE, 1);
	u.inside = u.entered || is_inside();
	if (u.inside && !u.entered) {
		u.can_setgroups = setgroups_allowed();
		snprintf(u.how, sizeof(u.how), "root of a user namespace%s",
			 u.can_setgroups ? "" : " with one id");
	}
	*out = u;
	return 0;
}

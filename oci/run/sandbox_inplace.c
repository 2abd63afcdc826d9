/*
 * The state lies in /cbuild/inplace where the program is installed in /cbuild, else in /.cbuild: places
 * that do not depend on options, so that whoever comes after a kill finds them.
 */
#include "oci/run/sandbox_inplace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nss.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rootdir.h"
#include "oci/run/container.h"
#include "oci/run/exchange.h"
#include "oci/run/guard.h"
#include "oci/run/reap.h"
#include "oci/run/secret_dir.h"
#include "oci/run/supervise.h"

#define HOME	      "cbuild"
#define OWN_INSTALLED "/cbuild/inplace"
#define OWN_ELSEWHERE "/.cbuild"
#define TREES	      "trees"
#define COVERED	      "covered"
#define PROBE	      ".cbuild-probe"
#define PROBE_NEW     ".cbuild-probe-new"

struct sandbox_inplace {
	struct sandbox base;
	struct helper helper;
	char *own, *trees;
	char *state; /* --root, from "/" */
	int own_fd, root_fd, proc_fd;
	struct strv kept;  /* always, mounts aside */
	struct strv named; /* those of them that options name */
	struct strv told;  /* what was told to be out of sight */
};

struct inplace_tree {
	int tree_fd;
};

static struct sandbox_inplace *inplace_of(struct sandbox *s)
{
	return CONTAINER_OF(s, struct sandbox_inplace, base);
}

/* -- places ------------------------------------------------------------------ */

static bool is_installed(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n < 0 ? 0 : n] = '\0';
	return strncmp(path, "/" HOME "/", strlen("/" HOME "/")) == 0;
}

static const char *own_path(void)
{
	return is_installed() ? OWN_INSTALLED : OWN_ELSEWHERE;
}

static void files_list(struct strv *out)
{
	strv_add(out, "etc/hosts");
	strv_add(out, "etc/hostname");
	strv_add(out, "etc/resolv.conf");
}

/* The mounts are what they are at this moment. */
static void place_fill(struct exchange_place *p, const struct sandbox_inplace *s)
{
	auto_buf struct buf mountinfo = BUF_INIT(MOUNTINFO_MAX);
	struct err ignored = ERR_INIT;

	*p = (struct exchange_place){ .root_fd = s->root_fd, .own = s->own, .own_fd = s->own_fd };
	strv_copy(&p->kept, &s->kept);
	if (fs_read_file(AT_FDCWD, "/proc/self/mountinfo", &mountinfo, &ignored) == 0)
		container_mounts(&p->kept, buf_span(&mountinfo));
	files_list(&p->files);
}

static void place_release(struct exchange_place *p)
{
	strv_release(&p->kept);
	strv_release(&p->files);
}

/* -- trees ------------------------------------------------------------------- */

static int inplace_tree_open(struct sandbox *s, struct sandbox_tree *out, const struct strv *lowers,
			     const char *dir, bool read_only, struct err *e)
{
	struct inplace_tree *t;
	int fd;

	(void)s;
	(void)dir;
	(void)read_only; /* who reads does not write */
	if (lowers->n != 1)
		return err_set(e, ERR_FAILED, "RUN in place is in one directory, not %zu",
			       lowers->n);
	fd = fs_open_dir(lowers->v[0], e);
	if (fd < 0)
		return -1;
	t = mem_zalloc(sizeof(*t));
	t->tree_fd = fd;
	out->root_fd = fd;
	out->state = t;
	return 0;
}

static void inplace_tree_close(struct sandbox *s, struct sandbox_tree *t)
{
	struct inplace_tree *state = t->state;

	(void)s;
	close(state->tree_fd);
	free(state);
}

/* -- one RUN ------------------------------------------------------------------ */

static bool is_named(const struct sandbox_inplace *s, const char *path)
{
	return strv_has(&s->named, path + 1);
}

/* Wrong files in a RUN's way are worse than none; a mount of the job's cannot be helped. */
static int check_hidden(struct sandbox_inplace *s, struct op *op, const struct strv *hidden,
			struct err *e)
{
	for (size_t i = 0; i < hidden->n; i++) {
		const char *path = hidden->v[i];

		if (is_named(s, path))
			return err_set(
				e, ERR_IMPOSSIBLE,
				"the image has a '%s' of its own, where this build has files: "
				"RUN in place cannot have both, so keep these elsewhere",
				path);
		if (strv_has(&s->told, path))
			continue;
		strv_add(&s->told, path);
		progress_warn(op->progress,
			      "RUN does not see the image's own '%s': something of this container "
			      "is in its place",
			      path);
	}
	return 0;
}

static bool has_secrets(const struct run_spec *spec)
{
	for (size_t i = 0; i < spec->nr_mounts; i++)
		if (spec->mounts[i].kind == RUN_MOUNT_FILE)
			return true;
	return false;
}

static int run_supervised(struct sandbox_inplace *s, struct op *op, const struct run_spec *spec,
			  int covered, int *status, struct err *e)
{
	auto_close int memory = has_secrets(spec) ? secret_dir_make(s->own_fd, e) : -1;
	const struct supervise how = { .helper_sock = s->helper.sock,
				       .kind = HELPER_BARE,
				       .root_fd = s->root_fd,
				       .aside_fd = covered,
				       .memory_fd = memory < 0 ? covered : memory };
	int r = e->kind == ERR_NONE ? supervise_run(&how, op, spec, status, e) : -1;

	/* With the helper dead, too, what the RUN has left is ours; who else starts programs waits
	 * while "/" is taken. */
	if (r < 0 && helper_is_gone(&s->helper))
		reap_strays(s->proc_fd, &s->helper.pid, 1);
	return r;
}

static int run_inside(struct sandbox_inplace *s, struct op *op, const struct run_spec *spec,
		      int *status, struct err *e)
{
	auto_close int covered = -1;
	struct err left = ERR_INIT;
	int r;

	if (fs_mkdir_p(s->own_fd, COVERED, 0700, e) < 0)
		return -1;
	covered = openat(s->own_fd, COVERED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (covered < 0)
		return err_sys(e, "open '%s/" COVERED "'", s->own);
	r = run_supervised(s, op, spec, covered, status, e);
	if (secret_dir_remove(s->own_fd, &left) == 0)
		return r;
	*e = left;
	return -1;
}

/* The tools, where they are installed in a folder that stays in place. */
static int look_at_tools(struct strv *out, const struct sandbox_inplace *s, struct err *e)
{
	auto_close int dir = -1;
	auto_strv struct strv without = STRV_INIT;

	if (!is_installed())
		return 0;
	dir = openat(s->root_fd, HOME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open '/" HOME "'");
	strv_add(&without, strrchr(OWN_INSTALLED, '/') + 1);
	strv_add(&without, "tmp");
	if (strncmp(s->state, HOME "/", strlen(HOME "/")) == 0)
		strv_addf(&without, "%.*s", (int)strcspn(s->state + strlen(HOME "/"), "/"),
			  s->state + strlen(HOME "/"));
	return guard_look(out, dir, &without, e);
}

static int run_guarded(struct sandbox_inplace *s, struct op *op, const struct run_spec *spec,
		       int *status, struct err *e)
{
	auto_strv struct strv before = STRV_INIT;
	auto_strv struct strv after = STRV_INIT;
	struct err changed = ERR_INIT;
	int r;

	if (look_at_tools(&before, s, e) < 0)
		return -1;
	r = run_inside(s, op, spec, status, e);
	if (look_at_tools(&after, s, &changed) < 0 ||
	    guard_compare(&before, &after, "/" HOME, &changed) < 0) {
		*e = changed;
		return -1;
	}
	return r;
}

/* The root is ours alone. */
static int run_exchanged(struct sandbox_inplace *s, struct op *op, int tree_fd,
			 const struct run_spec *spec, int *status, struct err *e)
{
	CLEANUP(place_release) struct exchange_place place;
	struct exchange *x;
	struct err lost = ERR_INIT;
	int r;

	place_fill(&place, s);
	if (exchange_in(&x, &place, tree_fd, e) < 0)
		return err_wrap(e, "put the stage in the place of '/'");
	r = check_hidden(s, op, exchange_hidden(x), e);
	if (r == 0)
		r = run_guarded(s, op, spec, status, e);
	if (exchange_out(x, &lost) < 0) {
		*e = lost;
		return err_wrap(e, "put back '/' after RUN");
	}
	return r;
}

static int inplace_run(struct sandbox *s, struct op *op, struct sandbox_tree *t,
		       const struct run_spec *spec, int *status, struct err *e)
{
	const struct inplace_tree *state = t->state;
	int r;

	rootdir_take();
	r = cancel_check(op->cancel, e);
	if (r == 0)
		r = run_exchanged(inplace_of(s), op, state->tree_fd, spec, status, e);
	rootdir_give();
	return r;
}

static void inplace_free(struct sandbox *sandbox)
{
	struct sandbox_inplace *s = inplace_of(sandbox);

	if (s->helper.sock >= 0)
		helper_stop(&s->helper);
	fd_auto_close_(&s->own_fd);
	fd_auto_close_(&s->root_fd);
	fd_auto_close_(&s->proc_fd);
	strv_release(&s->kept);
	strv_release(&s->named);
	strv_release(&s->told);
	free(s->own);
	free(s->trees);
	free(s->state);
	free(s);
}

static const struct sandbox_ops inplace_ops = {
	.tree_open = inplace_tree_open,
	.tree_close = inplace_tree_close,
	.run = inplace_run,
	.free = inplace_free,
};

/* -- opening ------------------------------------------------------------------ */

static int refuse(struct err *e)
{
	if (e->kind != ERR_CORRUPT)
		e->kind = ERR_IMPOSSIBLE;
	return err_wrap(e, "RUN in place");
}

static int check_here(const struct inplace_options *opt, struct err *e)
{
	if (geteuid() != 0)
		return err_set(e, ERR_IMPOSSIBLE, "only root can do it");
	if (!opt->is_forced && container_check(e) < 0)
		return err_wrap(e, "it is for containers (CBUILD_INPLACE=1 says that this is one)");
	return 0;
}

/* Links are followed: what is there is what stays. "/" itself is nobody's to keep. */
static int keep_named(struct sandbox_inplace *s, const char *path, struct err *e)
{
	auto_free char *real = realpath(path, NULL);

	if (!real)
		return 0;
	if (!real[1])
		return err_set(
			e, ERR_IMPOSSIBLE,
			"'%s' is '/', which RUN in place exchanges: name a directory below it",
			path);
	strv_add(&s->kept, real + 1);
	strv_add(&s->named, real + 1);
	return 0;
}

static int keep_all(struct sandbox_inplace *s, const struct inplace_options *opt, struct err *e)
{
	strv_add(&s->kept, "proc");
	strv_add(&s->kept, "sys");
	strv_add(&s->kept, "dev");
	files_list(&s->kept);
	strv_add(&s->kept, s->own + 1);
	if (is_installed())
		strv_add(&s->kept, HOME);
	if (fs_mkdir_p(AT_FDCWD, opt->root, 0755, e) < 0 || keep_named(s, opt->root, e) < 0)
		return -1;
	s->state = mem_strdup(s->named.v[0]);
	for (size_t i = 0; opt->kept && i < opt->kept->n; i++)
		if (keep_named(s, opt->kept->v[i], e) < 0)
			return -1;
	return 0;
}

static int open_own(struct sandbox_inplace *s, struct err *e)
{
	s->own = mem_strdup(own_path());
	s->trees = mem_printf("%s/" TREES, s->own);
	s->root_fd = fs_open_dir("/", e);
	if (s->root_fd < 0 || fs_mkdir_p(AT_FDCWD, s->own, 0700, e) < 0)
		return -1;
	s->own_fd = open(s->own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->own_fd < 0)
		return err_sys(e, "open '%s'", s->own);
	return fs_mkdir_p(s->own_fd, TREES, 0700, e);
}

/* The probe's own times are those of "/", so that it can be told what they were after a kill. */
static int probe_make(const struct sandbox_inplace *s, struct err *e)
{
	struct timespec times[2];
	struct stat root;

	if (fstat(s->root_fd, &root) < 0)
		return err_sys(e, "stat '/'");
	times[0] = root.st_atim;
	times[1] = root.st_mtim;
	if (mkdirat(s->own_fd, PROBE_NEW, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make a directory in '%s'", s->own);
	if (utimensat(s->own_fd, PROBE_NEW, times, AT_SYMLINK_NOFOLLOW) < 0 ||
	    renameat(s->own_fd, PROBE_NEW, s->own_fd, PROBE) < 0)
		return err_sys(e, "make '%s/" PROBE "'", s->own);
	return 0;
}

/* Also one that a killed program has left. */
static int probe_take_back(const struct sandbox_inplace *s, struct err *e)
{
	struct timespec times[2];
	struct stat st;

	if (renameat(s->root_fd, PROBE, s->own_fd, PROBE) < 0 && errno != ENOENT)
		return err_sys(e, "rename '/" PROBE "' to '%s'", s->own);
	if (fstatat(s->own_fd, PROBE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat '%s/" PROBE "'", s->own);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (futimens(s->root_fd, times) < 0)
		return err_sys(e, "set the times of '/'");
	if (unlinkat(s->own_fd, PROBE, AT_REMOVEDIR) < 0)
		return err_sys(e, "remove '%s/" PROBE "'", s->own);
	return 0;
}

/* What a RUN needs of the root's file system: a directory that comes and goes. */
static int probe(const struct sandbox_inplace *s, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (probe_take_back(s, e) < 0 || probe_make(s, e) < 0)
		return -1;
	if (renameat(s->own_fd, PROBE, s->root_fd, PROBE) == 0)
		return probe_take_back(s, e);
	err_sys(e, "rename a directory of '%s' to '/'", s->own);
	if (probe_take_back(s, &ignored) < 0)
		err_clear(&ignored);
	return -1;
}

/* Who is killed gives it back when the last process of its RUN is dead. */
static int lock_root(const struct sandbox_inplace *s, struct progress *progress, struct err *e)
{
	if (flock(s->root_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		progress_note(progress, "waiting for another build in this container");
	while (flock(s->root_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock '/'");
	return 0;
}

static int restore(const struct sandbox_inplace *s, struct progress *progress, struct err *e)
{
	CLEANUP(place_release) struct exchange_place place;
	int r;

	place_fill(&place, s);
	r = secret_dir_remove(s->own_fd, e) < 0 ? -1 : exchange_restore(&place, e);
	if (r < 0)
		return err_wrap(e, "put back what a killed build left");
	if (r > 0)
		progress_note(
			progress,
			"put back this container's own files, which a killed build had left aside");
	return r;
}

/* Nothing is loaded from a tree, nobody looks into us, no signal but the three ends us, and orphans of
 * a RUN are ours at last. */
static void harden(void)
{
	static const int others[] = { SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM };

	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	__nss_configure_lookup("hosts", "files dns");
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		signal(others[i], SIG_IGN);
}

static int inplace_init(struct sandbox_inplace *s, const struct inplace_options *opt, struct err *e)
{
	if (check_here(opt, e) < 0 || open_own(s, e) < 0 || lock_root(s, opt->progress, e) < 0 ||
	    restore(s, opt->progress, e) < 0 || probe(s, e) < 0 || keep_all(s, opt, e) < 0)
		return -1;
	harden();
	s->proc_fd = fs_open_dir("/proc", e);
	if (s->proc_fd < 0)
		return -1;
	return helper_start(&s->helper, true, e);
}

static struct sandbox_inplace *inplace_new(void)
{
	struct sandbox_inplace *s = mem_zalloc(sizeof(*s));

	s->base.ops = &inplace_ops;
	s->base.is_flat = true;
	s->base.bare = "inplace";
	s->own_fd = s->root_fd = s->proc_fd = s->helper.sock = -1;
	return s;
}

int sandbox_inplace_open(struct sandbox **out, char **how, const struct inplace_options *opt,
			 struct err *e)
{
	struct sandbox_inplace *s = inplace_new();

	if (inplace_init(s, opt, e) < 0) {
		inplace_free(&s->base);
		return refuse(e);
	}
	s->base.flat_dir = s->trees;
	if (how)
		*how = mem_strdup("inplace (this container's own root, by renames)");
	*out = &s->base;
	return 0;
}

int sandbox_inplace_restore(struct progress *progress, struct err *e)
{
	struct sandbox_inplace *s = inplace_new();
	auto_free char *job = mem_printf("%s/" EXCHANGE_JOB, own_path());
	auto_free char *tree = mem_printf("%s/" EXCHANGE_TREE, own_path());
	int r = 0;

	if (geteuid() == 0 && (access(job, F_OK) == 0 || access(tree, F_OK) == 0))
		r = open_own(s, e) < 0 || lock_root(s, progress, e) < 0 ? -1
									: restore(s, progress, e);
	inplace_free(&s->base);
	return r;
}

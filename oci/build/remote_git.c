/*
 * init, ls-remote, a fetch of depth 1, checkout, submodules; then the tree is put into one shape.
 * Servers that cannot give a single commit (old ones, plain files over http) are asked for more.
 *
 * A password goes to git in a configuration that lies in memory: arguments are for everybody's eyes,
 * and a file on a disk would outlive a kill.
 */
#include "oci/build/remote_git.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/progress.h"
#include "base/walk.h"
#include "oci/layer/tree_dir.h"

#define LISTING_MAX (16u << 20)
#define ARGS_MAX    24
#define TRIES	    4
#define FULL_SHA1   40
#define FULL_SHA256 64

struct clone {
	struct op *op;
	const struct remote_git *what;
	const struct remote_git_options *opt;
	const char *dir;
	struct strv env;
	int config_fd;
	struct proc_result last; /* of the last run */
};

static void clone_release(struct clone *c)
{
	strv_release(&c->env);
	fd_auto_close_(&c->config_fd);
	proc_result_release(&c->last);
}

/* -- git's surroundings ----------------------------------------------------------------- */

static void pass_on(struct strv *env)
{
	static const char *const names[] = {
		"PATH",		  "TMPDIR",	     "SSH_AUTH_SOCK",
		"GIT_SSH",	  "GIT_SSH_COMMAND", "GIT_EXEC_PATH",
		"GIT_SSL_CAINFO", "GIT_SSL_CAPATH",  "SSL_CERT_FILE",
		"SSL_CERT_DIR",	  "http_proxy",	     "https_proxy",
		"HTTPS_PROXY",	  "no_proxy",	     "NO_PROXY",
		"all_proxy",	  "ALL_PROXY",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (getenv(names[i]))
			strv_addf(env, "%s=%s", names[i], getenv(names[i]));
	/* as base/proxy.h has it; git reads only the other name */
	if (!getenv("http_proxy") && getenv("HTTP_PROXY"))
		strv_addf(env, "http_proxy=%s", getenv("HTTP_PROXY"));
	if (!getenv("PATH"))
		strv_add(env, "PATH=/usr/local/bin:/usr/bin:/bin");
	if (!getenv("GIT_SSH") && !getenv("GIT_SSH_COMMAND"))
		strv_add(env, "GIT_SSH_COMMAND=ssh -oBatchMode=yes");
}

/* Only for the server that the address names: submodules may be elsewhere. */
static void add_password(struct buf *config, const struct remote_git *what)
{
	const char *host = strstr(what->address, "://");
	auto_free char *code = NULL;
	size_t n;

	if (!what->user || !host)
		return;
	n = (size_t)(host - what->address) + 3;
	n += strcspn(what->address + n, "/");
	code = base64_encode(span_of_str(what->user), false);
	buf_addf(config, "[http \"%.*s/\"]\n\textraHeader = \"Authorization: Basic %s\"\n", (int)n,
		 what->address, code);
	explicit_bzero(code, strlen(code));
}

/*
 * A file in memory that holds a configuration, and its path as a child sees it. git hands its
 * environment's configuration to no submodule, but all of them read the "global" file.
 */
static int open_config(struct clone *c, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	int r;

	buf_add_str(&text,
		    "[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\tsymlinks = true\n"
		    "\tfileMode = true\n\tautocrlf = false\n\teol = lf\n"
		    "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
		    "[submodule]\n\trecurse = false\n[advice]\n\tdetachedHead = false\n");
	add_password(&text, c->what);
	c->config_fd = memfd_create("gitconfig", MFD_CLOEXEC);
	if (c->config_fd < 0)
		return err_sys(e, "make a file in memory");
	r = fs_write_all(c->config_fd, text.data, text.len, "file in memory", e);
	explicit_bzero(text.data, text.len);
	strv_addf(&c->env, "GIT_CONFIG_GLOBAL=/proc/%d/fd/%d", (int)getpid(), c->config_fd);
	return r;
}

static int make_env(struct clone *c, struct err *e)
{
	static const char *const always[] = {
		"LC_ALL=C",
		"HOME=/nonexistent",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"SSH_ASKPASS_REQUIRE=never",
		"GIT_PROTOCOL_FROM_USER=0",
		"GIT_ALLOW_PROTOCOL=http:https:ssh:git",
	};

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		strv_add(&c->env, always[i]);
	pass_on(&c->env);
	return open_config(c, e);
}

/* -- running it ------------------------------------------------------------------------- */

/* What git's words mean. */
static enum err_kind kind_of(const char *text)
{
	static const struct {
		const char *part;
		enum err_kind kind;
	} known[] = {
		{ "Authentication failed", ERR_DENIED },
		{ "could not read Username", ERR_DENIED },
		{ "could not read Password", ERR_DENIED },
		{ "Permission denied", ERR_DENIED },
		{ "Host key verification failed", ERR_DENIED },
		{ "access denied", ERR_DENIED },
		{ "error: 403", ERR_DENIED },
		{ "certificate", ERR_DENIED },
		{ "ould not resolve", ERR_UNAVAILABLE },
		{ "unable to look up", ERR_UNAVAILABLE },
		{ "unable to connect", ERR_UNAVAILABLE },
		{ "Failed to connect", ERR_UNAVAILABLE },
		{ "Connection refused", ERR_UNAVAILABLE },
		{ "Connection timed out", ERR_UNAVAILABLE },
		{ "onnection reset", ERR_UNAVAILABLE },
		{ "error: 5", ERR_UNAVAILABLE },
		{ "early EOF", ERR_UNAVAILABLE },
		{ "hung up unexpectedly", ERR_UNAVAILABLE },
		{ "not found", ERR_ABSENT },
		{ "does not exist", ERR_ABSENT },
		{ "does not appear to be a git repository", ERR_ABSENT },
		{ "not exported", ERR_ABSENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(text, known[i].part))
			return known[i].kind;
	return ERR_FAILED;
}

/* The line of git's that says most: the first that is fatal, else the last. */
static struct span telling_line(struct span text)
{
	struct span line, best = span_of("", 0);

	while (span_line(&text, &line)) {
		line = span_trim(line);
		if (span_starts(line, "fatal: "))
			return span_sub(line, 7);
		if (line.n)
			best = line;
	}
	return best;
}

static int git_failed(const struct clone *c, const char *verb, struct err *e)
{
	auto_buf struct buf shown = BUF_INIT(BUF_SMALL);
	const char *text = buf_str(&c->last.err);
	char how[100];

	url_redact(&shown, telling_line(span_of_str(text)));
	if (shown.len)
		return err_set(e, kind_of(text), "git %s: %.500s", verb, buf_str(&shown));
	proc_describe(how, sizeof(how), c->last.status);
	return err_set(e, ERR_FAILED, "git %s: %s", verb, how);
}

/* args: NULL at the end. 0: it ended well; its words are in c->last. */
static int git(struct clone *c, const char *const *args, struct err *e)
{
	const char *argv[ARGS_MAX] = { "git", "-C", c->dir };
	const struct proc_spec spec = { .argv = argv, .env = &c->env, .output_max = LISTING_MAX };

	for (size_t i = 0, n = 3; args[i]; i++)
		argv[n++] = args[i];
	proc_result_release(&c->last);
	if (proc_run(&c->last, c->op, &spec, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		return err_set(e, ERR_IMPOSSIBLE,
			       "the program 'git' is needed for this, and "
			       "there is none here");
	}
	return c->last.status == 0 ? 0 : git_failed(c, args[0], e);
}
#define GIT(c, e, ...) git((c), (const char *const[]){ __VA_ARGS__, NULL }, (e))

/* The same for what asks the server, which may be away for a moment. */
static int git_ask(struct clone *c, const char *const *args, struct err *e)
{
	int64_t wait_ms = 500;

	for (unsigned tries = 1;; tries++, wait_ms *= 2) {
		if (git(c, args, e) == 0)
			return 0;
		if (e->kind != ERR_UNAVAILABLE || tries == TRIES)
			return -1;
		log_info(c->op, "%s; trying again in %.1f s", e->text, (double)wait_ms / 1000);
		c->op->clock->sleep_ms(c->op->clock, wait_ms, c->op->cancel);
		err_clear(e);
	}
}
#define GIT_ASK(c, e, ...) git_ask((c), (const char *const[]){ __VA_ARGS__, NULL }, (e))

/* -- which commit ------------------------------------------------------------------------- */

bool remote_git_pick(struct remote_ref *out, struct span listing, const char *ref)
{
	static const char *const before[] = { "", "refs/heads/", "refs/tags/", "refs/" };
	size_t rank = ARRAY_LEN(before); /* the best way to write it that was seen */
	struct span line, object, name;

	while (span_line(&listing, &line)) {
		/* "^{}" is the commit of the tag in the line before */
		if (!span_cut(line, '\t', &object, &name) || span_ends(name, "^{}"))
			continue;
		for (size_t i = 0; i < rank; i++) {
			struct span rest = name;

			if (!span_take(&rest, before[i]) || !span_eq_str(rest, ref))
				continue;
			*out = (struct remote_ref){ name, object };
			rank = i;
		}
	}
	return rank < ARRAY_LEN(before);
}

static bool is_full_commit(const char *ref)
{
	size_t n = strlen(ref);

	return remote_is_commit(ref) && (n == FULL_SHA1 || n == FULL_SHA256);
}

static int no_commit(struct err *e)
{
	return err_set(e, ERR_FAILED, "git said no commit");
}

static int read_commit(struct remote_commit *out, struct clone *c, const char *name, struct err *e)
{
	auto_free char *commit = mem_printf("%s^{commit}", name);
	struct remote_commit got = { .time = 0 };
	struct span id, time;

	if (GIT(c, e, "log", "-1", "--no-show-signature", "--format=%H %ct", commit, "--") < 0)
		return -1;
	span_cut(span_trim(buf_span(&c->last.out)), ' ', &id, &time);
	if (id.n >= sizeof(got.id) || span_to_i64(&got.time, time) < 0)
		return no_commit(e);
	memcpy(got.id, id.p, id.n);
	if (!is_full_commit(got.id))
		return no_commit(e);
	*out = got;
	return 0;
}

/* Everything there is; for commits that cannot be had alone. */
static int fetch_all(struct remote_commit *out, struct clone *c, const char *ref, struct err *e)
{
	if (GIT_ASK(c, e, "fetch", "-q", "--tags", "--no-recurse-submodules", "--", "origin",
		    "+refs/heads/*:refs/remotes/origin/*") < 0)
		return -1;
	if (read_commit(out, c, ref, e) == 0)
		return 0;
	if (e->kind == ERR_CANCELLED)
		return -1;
	return err_set(e, ERR_ABSENT, "it has no branch, tag or commit '%s'", ref);
}

/* One ref or commit, as shallow as the server can give it; found as FETCH_HEAD. */
static int fetch_one(struct remote_commit *out, struct clone *c, const char *name, struct err *e)
{
	if (GIT_ASK(c, e, "fetch", "-q", "--depth=1", "--no-tags", "--no-recurse-submodules", "--",
		    "origin", name) == 0)
		return read_commit(out, c, "FETCH_HEAD", e);
	if (e->kind == ERR_CANCELLED)
		return -1;
	log_info(c->op, "%s; asking for all of '%s'", e->text, name);
	err_clear(e);
	if (GIT_ASK(c, e, "fetch", "-q", "--no-tags", "--no-recurse-submodules", "--", "origin",
		    name) < 0)
		return -1;
	return read_commit(out, c, "FETCH_HEAD", e);
}

static int fetch_commit(struct remote_commit *out, struct clone *c, const char *ref, struct err *e)
{
	if (is_full_commit(ref)) {
		if (fetch_one(out, c, ref, e) == 0)
			return 0;
		if (e->kind == ERR_CANCELLED)
			return -1;
		err_clear(e);
	}
	if (remote_is_commit(ref))
		return fetch_all(out, c, ref, e);
	return err_set(e, ERR_ABSENT, "it has no branch or tag '%s'", ref);
}

static bool begins_nocase(struct span text, const char *prefix)
{
	return span_eq_nocase(span_head(text, strlen(prefix)), prefix);
}

static int check_commit(const struct clone *c, const struct remote_ref *ref, struct span commit,
			struct err *e)
{
	const char *want = c->opt->checksum;

	/* the tag object's name is as good: it names the commit */
	if (!want || begins_nocase(commit, want) || begins_nocase(ref->object, want))
		return 0;
	return err_set(e, ERR_CORRUPT, "it is at commit " SPAN_FMT ", expected %s",
		       SPAN_ARG(commit), want);
}

/* Finds the ref and fetches it. */
static int fetch_ref(struct remote_commit *out, struct clone *c, struct err *e)
{
	const char *ref = c->what->ref ? c->what->ref : "HEAD";
	struct remote_ref picked = { .object = span_of("", 0) };
	auto_buf struct buf listing = BUF_INIT(LISTING_MAX);
	auto_free char *name = NULL;
	int r;

	if (GIT_ASK(c, e, "ls-remote", "-q", "origin") < 0)
		return -1;
	buf_add_span(&listing, buf_span(&c->last.out));
	if (remote_git_pick(&picked, buf_span(&listing), ref)) {
		name = span_dup(picked.name);
		r = fetch_one(out, c, name, e);
	} else {
		r = fetch_commit(out, c, ref, e);
	}
	if (r < 0)
		return -1;
	return check_commit(c, &picked, span_of_str(out->id), e);
}

/* -- the files ------------------------------------------------------------------------------ */

static int check_out(struct clone *c, const struct remote_commit *commit, struct err *e)
{
	auto_free char *modules = mem_printf("%s/.gitmodules", c->dir);

	if (GIT(c, e, "checkout", "-q", "--detach", commit->id) < 0)
		return -1;
	if (c->opt->no_submodules || access(modules, F_OK) < 0)
		return 0;
	if (GIT(c, e, "submodule", "-q", "update", "--init", "--recursive", "--depth=1") == 0)
		return 0;
	if (e->kind == ERR_CANCELLED)
		return -1;
	log_info(c->op, "%s; asking for all of the submodules", e->text);
	err_clear(e);
	return GIT(c, e, "submodule", "-q", "update", "--init", "--recursive");
}

/* No commit can hold a name ".git": each one is git's own, the submodules' too. */
static int remove_git_dirs(int fd, struct err *e)
{
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&w, fd, e) < 0)
		return -1;
	while ((r = walk_next(w, &ent, e)) > 0) {
		if (strcmp(ent.name, ".git") != 0)
			continue;
		if (S_ISDIR(ent.st.st_mode))
			walk_skip(w);
		if (fs_remove_tree(ent.dirfd, ent.name, e) < 0)
			return -1;
	}
	return r;
}

static int set_shape(int dirfd, const char *name, const struct stat *st, int64_t time,
		     struct err *e)
{
	const struct timespec t[2] = { { .tv_sec = time }, { .tv_sec = time } };
	mode_t mode = S_ISDIR(st->st_mode) || (st->st_mode & 0100) ? 0755 : 0644;

	if (!S_ISLNK(st->st_mode) && fchmodat(dirfd, name, mode, 0) < 0)
		return err_sys(e, "set the mode of '%s'", name);
	if (utimensat(dirfd, name, t, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the time of '%s'", name);
	return 0;
}

static int set_shapes(int fd, int64_t time, struct err *e)
{
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	struct stat st;
	int r;

	if (walk_open(&w, fd, e) < 0)
		return -1;
	while ((r = walk_next(w, &ent, e)) > 0)
		if (set_shape(ent.dirfd, ent.name, &ent.st, time, e) < 0)
			return -1;
	if (r < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at a directory");
	return set_shape(fd, ".", &st, time, e);
}

static int shape_tree(const struct clone *c, int64_t time, struct err *e)
{
	auto_close int fd = fs_open_dir(c->dir, e);

	if (fd < 0 || (!c->opt->keep_git_dir && remove_git_dirs(fd, e) < 0))
		return -1;
	return set_shapes(fd, time < 0 ? 0 : time, e);
}

/* -- all of it -------------------------------------------------------------------------------- */

static int fetch(struct remote_commit *out, struct clone *c, struct err *e)
{
	if (GIT(c, e, "init", "-q", "--template=") < 0 ||
	    GIT(c, e, "remote", "add", "--", "origin", c->what->address) < 0)
		return -1;
	if (fetch_ref(out, c, e) < 0 || check_out(c, out, e) < 0)
		return -1;
	return shape_tree(c, out->time, e);
}

int remote_git_fetch(struct remote_commit *out, struct op *op, const struct remote_git *what,
		     const struct remote_git_options *opt, const char *dir, struct err *e)
{
	CLEANUP(clone_release)
	struct clone c = { .op = op, .what = what, .opt = opt, .dir = dir, .config_fd = -1 };
	auto_free char *id = mem_printf("fetch %s", what->shown);

	progress_begin(op->progress, id, "fetch %s", what->shown);
	if (make_env(&c, e) < 0 || fetch(out, &c, e) < 0) {
		err_wrap(e, "fetch '%s'", what->shown);
		progress_give_up(op->progress, id, e);
		return -1;
	}
	progress_end(op->progress, id, 0);
	log_info(op, "%s is at commit %s", what->shown, out->id);
	return 0;
}

char *remote_git_subdir(const struct remote_git *what, const char *dir, struct err *e)
{
	auto_tree struct tree *tree = NULL;
	auto_tree_place struct tree_place at = { .path = NULL };
	auto_close int fd = fs_open_dir(dir, e);

	if (!what->subdir)
		return fd < 0 ? NULL : mem_strdup(dir);
	if (fd < 0 || tree_dir_open(&tree, fd, NULL, e) < 0 ||
	    tree_resolve(&at, tree, what->subdir, e) < 0)
		return NULL;
	if (at.exists && S_ISDIR(at.st.st_mode))
		return fs_path_join(dir, at.path);
	err_set(e, ERR_INPUT, "'%s' has no directory '%s'", what->shown, what->subdir);
	return NULL;
}

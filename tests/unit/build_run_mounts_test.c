/* RUN --mount and its flags, judged by what the sandbox is asked for and what its sources show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "tests/fakes/build_world.h"

struct world {
	struct build_world w;
	struct buf seen; /* what the RUNs were given */
};

/* "a b/ b/c", sorted, directories with a slash. */
static void tell_tree(struct buf *out, int fd)
{
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	struct err e = ERR_INIT;

	assert_int_equal(walk_open(&walk, fd, &e), 0);
	while (walk_next(walk, &ent, &e) > 0)
		buf_addf(out, " %s%s", ent.path, S_ISDIR(ent.st.st_mode) ? "/" : "");
}

static void tell_bind(struct buf *out, const struct run_mount *m)
{
	char text[64];
	struct stat st;
	ssize_t n;

	assert_int_equal(fstat(m->fd, &st), 0);
	buf_addf(out, " %04o %u:%u", st.st_mode & 07777, st.st_uid, st.st_gid);
	if (S_ISDIR(st.st_mode)) {
		auto_close int dir = openat(m->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		tell_tree(out, dir);
	} else if (S_ISREG(st.st_mode)) {
		auto_free char *path = mem_printf("/proc/self/fd/%d", m->fd);
		auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

		n = read(fd, text, sizeof(text));
		buf_addf(out, " = %.*s", (int)n, text);
	}
}

static void tell_mount(struct buf *out, const struct run_mount *m)
{
	static const char *const kinds[] = { "bind", "tmpfs", "file" };

	buf_addf(out, "%s %s %s", kinds[m->kind], m->target, m->read_only ? "ro" : "rw");
	if (m->kind == RUN_MOUNT_BIND)
		tell_bind(out, m);
	if (m->kind == RUN_MOUNT_TMPFS)
		buf_addf(out, " %04o %llu", m->mode, (unsigned long long)m->size_bytes);
	if (m->kind == RUN_MOUNT_FILE)
		buf_addf(out, " %04o %u:%u = " SPAN_FMT, m->mode, m->uid, m->gid,
			 SPAN_ARG(buf_span(&m->bytes)));
	buf_add_char(out, '\n');
}

static int tell(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		int *status, struct err *e)
{
	struct world *x = f->arg;

	(void)t, (void)status, (void)e;
	for (size_t i = 0; i < spec->nr_mounts; i++)
		tell_mount(&x->seen, &spec->mounts[i]);
	return 0;
}

static int setup(void **state)
{
	struct world *x = mem_zalloc(sizeof(*x));

	build_world_init(&x->w);
	buf_init(&x->seen, BUF_SMALL);
	x->w.sandbox.on_run = tell;
	x->w.sandbox.arg = x;
	x->w.opt.no_cache = true; /* each RUN is to see its mounts */
	tmpdir_file(&x->w.dir, "ctx/a", "of the context");
	tmpdir_file(&x->w.dir, "ctx/sub/b", "deep");
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct world *x = *state;

	buf_release(&x->seen);
	build_world_release(&x->w);
	free(x);
	return 0;
}

static void assert_mounts(struct world *x, const char *dockerfile, const char *want)
{
	auto_free char *text = mem_printf("FROM scratch\n%s\n", dockerfile);

	buf_reset(&x->seen);
	build_world_ok(&x->w, text);
	assert_string_equal(buf_str(&x->seen), want);
}

static void assert_fails_as(struct world *x, enum err_kind kind, const char *dockerfile,
			    const char *part)
{
	auto_free char *text = mem_printf("FROM scratch\n%s\n", dockerfile);
	const char *said = build_world_fails(&x->w, text);

	if (!strstr(said, part))
		fail_msg("'%s' is not in '%s'", part, said);
	assert_int_equal(x->w.err.kind, kind);
}

static void assert_fails(struct world *x, const char *dockerfile, const char *part)
{
	assert_fails_as(x, ERR_INPUT, dockerfile, part);
}

static void add_secret(struct world *x, const char *id, const char *value)
{
	struct run_options *o = &x->w.opt.run;
	struct err e = ERR_INIT;
	auto_free char *text = mem_printf("id=%s", id);

	assert_int_equal(run_options_secret(o, text, &e), 0);
	o->secrets[o->nr_secrets - 1].is_there = true;
	buf_add_str(&o->secrets[o->nr_secrets - 1].value, value);
}

/* -- bind ------------------------------------------------------------------------- */

static void the_context_is_mounted_read_only(void **state)
{
	struct world *x = *state;

	assert_mounts(x, "RUN --mount=target=/src x",
		      "bind /src ro 0755 0:0 Dockerfile a sub/ sub/b\n");
	assert_mounts(x, "RUN --mount=type=bind,source=sub,dst=/src x",
		      "bind /src ro 0755 0:0 b\n");
	assert_mounts(x, "RUN --mount=type=bind,source=/a,target=/x/a x",
		      "bind /x/a ro 0644 0:0 = of the context\n");
}

static void what_is_ignored_is_not_in_the_mount(void **state)
{
	struct world *x = *state;

	tmpdir_file(&x->w.dir, "ctx/.dockerignore", "sub\nDockerfile\n");
	assert_mounts(x, "RUN --mount=target=/src x", "bind /src ro 0755 0:0 .dockerignore a\n");
	assert_fails(x, "RUN --mount=source=sub/b,target=/src x", "sub");
}

static void files_of_the_context_are_roots(void **state)
{
	struct world *x = *state;

	if (fchownat(x->w.dir.fd, "ctx/a", 1000, 1000, 0) < 0)
		return; /* not root */
	assert_mounts(x, "RUN --mount=source=a,target=/a x",
		      "bind /a ro 0644 0:0 = of the context\n");
}

static int write_to_mount(struct fake_sandbox *f, struct sandbox_tree *t,
			  const struct run_spec *spec, int *status, struct err *e)
{
	(void)f, (void)t, (void)status, (void)e;
	close(openat(spec->mounts[0].fd, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	assert_int_equal(faccessat(spec->mounts[0].fd, "new", F_OK, 0), 0);
	return 0;
}

static void what_is_written_to_a_mount_of_the_context_does_not_reach_it(void **state)
{
	struct world *x = *state;

	assert_mounts(x, "RUN --mount=source=sub,target=/src,rw x", "bind /src rw 0755 0:0 b\n");
	x->w.sandbox.on_run = write_to_mount;
	build_world_ok(&x->w, "FROM scratch\nRUN --mount=source=sub,target=/src,rw x\n");
	assert_false(tmpdir_has(&x->w.dir, "ctx/sub/new"));
}

static void a_source_leads_nowhere_outside_the_context(void **state)
{
	struct world *x = *state;

	tmpdir_file(&x->w.dir, "outside", "secret");
	tmpdir_link(&x->w.dir, "ctx/link", "../outside");
	tmpdir_link(&x->w.dir, "ctx/root", "/");
	assert_fails(x, "RUN --mount=source=link,target=/x x", "link");
	assert_fails(x, "RUN --mount=source=../outside,target=/x x", "outside");
	assert_mounts(x, "RUN --mount=source=root/sub,target=/x x", "bind /x ro 0755 0:0 b\n");
}

static void a_source_with_signs_of_wildcards_is_just_a_name(void **state)
{
	struct world *x = *state;

	tmpdir_file(&x->w.dir, "ctx/.dockerignore", "x\n");
	tmpdir_file(&x->w.dir, "ctx/[s]*", "odd");
	assert_mounts(x, "RUN --mount=source=[s]*,target=/x x", "bind /x ro 0644 0:0 = odd\n");
	assert_fails(x, "RUN --mount=source=s*,target=/x x", "s*");
}

static void an_earlier_stage_is_mounted(void **state)
{
	struct world *x = *state;

	assert_mounts(x,
		      "COPY sub /d/\nFROM scratch\nCOPY a /\n"
		      "RUN --mount=from=0,source=/d,target=/d x",
		      "bind /d ro 0755 0:0 b\n");
	assert_mounts(x,
		      "COPY sub /d/\nFROM scratch\nCOPY a /\n"
		      "RUN --mount=from=0,target=/all,rw x",
		      "bind /all rw 0755 0:0 d/ d/b\n");
	assert_fails(x, "COPY a /\nFROM scratch\nRUN --mount=from=0,source=/none,target=/d x",
		     "'/none' is not in 'stage-0'");
}

static void a_named_context_is_mounted(void **state)
{
	struct world *x = *state;
	auto_free char *other = mem_printf("other=%s/other", x->w.dir.path);

	tmpdir_file(&x->w.dir, "other/f", "f");
	strv_add(&x->w.opt.contexts, other);
	assert_mounts(x, "RUN --mount=from=other,target=/o x", "bind /o ro 0755 0:0 f\n");
}

static void mounts_are_made_from_the_outside_in(void **state)
{
	struct world *x = *state;

	assert_mounts(x,
		      "RUN --mount=type=tmpfs,target=/a/b --mount=type=tmpfs,target=/a,size=1k x",
		      "tmpfs /a rw 1777 1024\ntmpfs /a/b rw 1777 0\n");
}

static void targets_are_below_the_working_directory(void **state)
{
	struct world *x = *state;

	assert_mounts(x, "WORKDIR /w\nARG T=t\nRUN --mount=type=tmpfs,target=x/$T,ro x",
		      "tmpfs /w/x/t ro 1777 0\n");
	assert_fails(x, "RUN --mount=type=tmpfs,target=/ x", "invalid mount target \"/\"");
	assert_fails(x, "WORKDIR /w\nRUN --mount=type=tmpfs,target=.. x",
		     "invalid mount target \"..\"");
}

/* -- cache ------------------------------------------------------------------------ */

static void a_cache_stays(void **state)
{
	struct world *x = *state;

	assert_mounts(x, "RUN --mount=type=cache,target=/c,mode=0700 x", "bind /c rw 0700 0:0\n");
	assert_mounts(x,
		      "COPY sub /d/\nFROM scratch\n"
		      "RUN --mount=type=cache,id=i,target=/c,from=0,source=/d x",
		      "bind /c rw 0755 0:0 b\n");
	/* what it comes from counts only when it is made */
	assert_mounts(x,
		      "COPY a /d/\nFROM scratch\n"
		      "RUN --mount=type=cache,id=i,target=/c,from=0,source=/d x",
		      "bind /c rw 0755 0:0 b\n");
}

static size_t nr_caches(const struct world *x)
{
	auto_close int fd = openat(x->w.dir.fd, "root/cache/mounts", O_RDONLY | O_CLOEXEC);
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	struct err e = ERR_INIT;
	size_t n = 0;

	assert_int_equal(walk_open(&walk, fd, &e), 0);
	while (walk_next(walk, &ent, &e) > 0)
		n += ent.depth == 0 && S_ISDIR(ent.st.st_mode);
	return n;
}

static void caches_are_told_apart_by_id_owner_and_name_space(void **state)
{
	static const struct {
		const char *mount;
		size_t nr;
	} cases[] = {
		{ "target=/c", 1 },	      { "target=/c/", 1 },
		{ "id=/c,target=/d", 1 },     { "id=../../x,target=/c", 2 },
		{ "target=/c,uid=1000", 3 },  { "target=/c,uid=1000,sharing=locked", 3 },
		{ "target=/c,mode=0700", 4 },
	};
	struct world *x = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *text =
			mem_printf("FROM scratch\nRUN --mount=type=cache,%s x\n", cases[i].mount);

		build_world_ok(&x->w, text);
		if (nr_caches(x) != cases[i].nr)
			fail_msg("%s: %zu", cases[i].mount, nr_caches(x));
	}
	strv_add(&x->w.opt.build_args, "BUILDKIT_CACHE_MOUNT_NS=other");
	build_world_ok(&x->w, "FROM scratch\nRUN --mount=type=cache,target=/c x\n");
	assert_int_equal(nr_caches(x), 5);
	assert_false(tmpdir_has(&x->w.dir, "root/x"));
}

/* While a RUN goes on, somebody else tries. */
static int try_locks(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		     int *status, struct err *e)
{
	struct world *x = f->arg;
	auto_close int dir =
		openat(x->w.dir.fd, "root/cache/mounts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;

	(void)t, (void)spec, (void)status;
	assert_int_equal(walk_open(&walk, dir, e), 0);
	while (walk_next(walk, &ent, e) > 0) {
		auto_close int fd = -1;

		if (!span_ends(span_of_str(ent.name), ".lock"))
			continue;
		fd = openat(dir, ent.name, O_RDWR | O_CLOEXEC);
		buf_addf(&x->seen, "shared %s, alone %s\n",
			 flock(fd, LOCK_SH | LOCK_NB) == 0 ? "yes" : "no",
			 flock(fd, LOCK_EX | LOCK_NB) == 0 ? "yes" : "no");
	}
	return 0;
}

static void a_cache_is_held_as_its_sharing_says(void **state)
{
	struct world *x = *state;

	x->w.sandbox.on_run = try_locks;
	assert_mounts(x, "RUN --mount=type=cache,target=/c x", "shared yes, alone no\n");
	assert_mounts(x, "RUN --mount=type=cache,target=/c,sharing=locked x",
		      "shared no, alone no\n");
	assert_mounts(x, "RUN --mount=type=cache,target=/c,sharing=private x",
		      "shared no, alone no\n");
}

/* Once, as the strictest word has it, and under all its targets; so no RUN waits for itself. */
static void one_cache_under_several_targets_is_held_once(void **state)
{
	static const struct {
		const char *first, *second, *want;
	} cases[] = {
		{ "shared", "shared", "shared yes, alone no\n" },
		{ "locked", "locked", "shared no, alone no\n" },
		{ "shared", "locked", "shared no, alone no\n" },
		{ "locked", "shared", "shared no, alone no\n" },
		{ "private", "private", "shared no, alone no\n" },
	};
	struct world *x = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *run = mem_printf("RUN --mount=type=cache,id=i,target=/c,sharing=%s "
						 "--mount=type=cache,id=i,target=/d,sharing=%s x",
						 cases[i].first, cases[i].second);

		alarm(20);
		x->w.sandbox.on_run = try_locks;
		assert_mounts(x, run, cases[i].want);
		alarm(0);
	}
	assert_int_equal(nr_caches(x), 1);
}

/* Else two RUNs that name them in different orders wait for each other. */
static int tell_locks(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		      int *status, struct err *e)
{
	struct world *x = f->arg;
	auto_free char *mounts = mem_printf("%s/cache/mounts/", x->w.root);
	char at[4096], path[64];

	(void)t, (void)spec, (void)status, (void)e;
	/* descriptors are given from the lowest on */
	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, at, sizeof(at) - 1);
		at[n < 0 ? 0 : n] = '\0';
		if (span_starts(span_of_str(at), mounts) && span_ends(span_of_str(at), ".lock"))
			buf_addf(&x->seen, "%s\n", at + strlen(mounts));
	}
	return 0;
}

static void caches_are_taken_in_one_order(void **state)
{
	struct world *x = *state;
	auto_free char *first = NULL;

	x->w.sandbox.on_run = tell_locks;
	build_world_ok(&x->w, "FROM scratch\nRUN --mount=type=cache,target=/a "
			      "--mount=type=cache,target=/b --mount=type=cache,target=/c x\n");
	first = mem_strdup(buf_str(&x->seen));
	assert_true(*first);
	buf_reset(&x->seen);
	build_world_ok(&x->w, "FROM scratch\nRUN --mount=type=cache,target=/c "
			      "--mount=type=cache,target=/b --mount=type=cache,target=/a x\n");
	assert_string_equal(buf_str(&x->seen), first);
}

/* -- secret, ssh, script ---------------------------------------------------------- */

static void a_secret_is_a_file(void **state)
{
	struct world *x = *state;

	add_secret(x, "tok", "s3cret");
	assert_mounts(x, "RUN --mount=type=secret,id=tok x",
		      "file /run/secrets/tok ro 0400 0:0 = s3cret\n");
	assert_mounts(x, "RUN --mount=type=secret,id=tok,target=/t,mode=0440,uid=5,gid=6 x",
		      "file /t ro 0440 5:6 = s3cret\n");
	assert_mounts(x, "RUN --mount=type=secret,target=/x/tok x",
		      "file /x/tok ro 0400 0:0 = s3cret\n");
	assert_mounts(x, "RUN --mount=type=secret,id=none x", "");
	assert_fails(x, "RUN --mount=type=secret,id=none,required x", "secret none: not found");
}

static int tell_env(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		    int *status, struct err *e)
{
	struct world *x = f->arg;
	const char *value = strv_env_get(&spec->env, "TOKEN");

	(void)t, (void)status, (void)e;
	buf_addf(&x->seen, "%s, %zu mounts, %zu hidden\n", value ? value : "none", spec->nr_mounts,
		 spec->hidden.n);
	return 0;
}

static void a_secret_is_a_variable(void **state)
{
	struct world *x = *state;

	x->w.sandbox.on_run = tell_env;
	add_secret(x, "tok", "s3cret");
	assert_mounts(x, "RUN --mount=type=secret,id=tok,env=TOKEN x\nRUN y",
		      "s3cret, 0 mounts, 1 hidden\nnone, 0 mounts, 0 hidden\n");
	assert_mounts(x, "RUN --mount=type=secret,id=tok,env=TOKEN,target=/t x",
		      "s3cret, 1 mounts, 1 hidden\n");
	assert_mounts(x, "RUN --mount=type=secret,id=none,env=TOKEN x",
		      "none, 0 mounts, 0 hidden\n");
}

static void a_secret_is_not_in_the_history(void **state)
{
	struct world *x = *state;
	auto_free char *history = NULL;

	add_secret(x, "tok", "s3cret");
	build_world_ok(&x->w, "FROM scratch\nRUN --mount=type=secret,id=tok,env=TOKEN x\n");
	history = build_world_history(&x->w);
	assert_string_equal(history, "RUN /bin/sh -c x # buildkit\n");
	assert_false(recorder_has(&x->w.progress, "s3cret"));
}

static int tell_agents(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		       int *status, struct err *e)
{
	struct world *x = f->arg;
	const char *sock = strv_env_get(&spec->env, "SSH_AUTH_SOCK");

	buf_addf(&x->seen, "%s:", sock ? sock : "none");
	for (size_t i = 0; i < spec->nr_agents; i++)
		buf_addf(&x->seen, " %s", spec->agents[i].path);
	buf_add_char(&x->seen, '\n');
	return tell(f, t, spec, status, e);
}

static void an_agent_is_reached_through_a_socket(void **state)
{
	struct world *x = *state;
	struct err e = ERR_INIT;

	x->w.sandbox.on_run = tell_agents;
	assert_mounts(x, "RUN --mount=type=ssh x", "/run/buildkit/ssh_agent.0:\n");
	assert_fails(x, "RUN --mount=type=ssh,required x", "--ssh default");
	assert_int_equal(run_options_ssh(&x->w.opt.run, "default=/agent", &e), 0);
	assert_int_equal(run_options_ssh(&x->w.opt.run, "work=/other", &e), 0);
	assert_mounts(x, "RUN --mount=type=ssh x",
		      "/run/buildkit/ssh_agent.0: /agent\n"
		      "bind /run/buildkit/ssh_agent.0 rw 0600 0:0\n");
	assert_mounts(x, "RUN --mount=type=ssh,id=work,target=/s,mode=0666 --mount=type=ssh x",
		      "/s: /other /agent\nbind /run/buildkit/ssh_agent.1 rw 0600 0:0\n"
		      "bind /s rw 0666 0:0\n");
	assert_mounts(x, "ENV SSH_AUTH_SOCK=/mine\nRUN --mount=type=ssh,target=/s x",
		      "/mine: /agent\nbind /s rw 0600 0:0\n");
}

static void a_program_in_a_heredoc_is_a_file(void **state)
{
	struct world *x = *state;
	auto_free char *history = NULL;

	assert_mounts(x, "RUN <<EOF\n#!/bin/x\necho\nEOF",
		      "file /dev/pipes/EOF ro 0755 0:0 = #!/bin/x\necho\n\n");
	history = build_world_history(&x->w);
	assert_string_equal(history, "RUN /bin/sh -c /dev/pipes/EOF # buildkit\n");
}

/* -- flags and options ------------------------------------------------------------ */

static int tell_options(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
			int *status, struct err *e)
{
	struct world *x = f->arg;

	(void)t, (void)status, (void)e;
	buf_addf(&x->seen, "%s %llu %zu %s", spec->no_network ? "none" : "host",
		 (unsigned long long)spec->shm_bytes, spec->nr_limits,
		 strrchr(spec->hosts, '\t') + 1);
	return 0;
}

static void options_are_every_runs_and_flags_win(void **state)
{
	struct world *x = *state;
	struct err e = ERR_INIT;

	x->w.sandbox.on_run = tell_options;
	assert_mounts(x, "RUN x\nRUN --network=none x\nRUN --network=host --security=sandbox x",
		      "host 0 0 localhost ip6-localhost ip6-loopback\n"
		      "none 0 0 localhost ip6-localhost ip6-loopback\n"
		      "host 0 0 localhost ip6-localhost ip6-loopback\n");
	assert_int_equal(run_options_network(&x->w.opt.run, "none", &e), 0);
	assert_int_equal(run_options_shm(&x->w.opt.run, "1m", &e), 0);
	assert_int_equal(run_options_ulimit(&x->w.opt.run, "core=0", &e), 0);
	assert_int_equal(run_options_host(&x->w.opt.run, "far:192.0.2.1", &e), 0);
	assert_int_equal(run_options_allow(&x->w.opt.run, "network.host", &e), 0);
	assert_mounts(x, "RUN x\nRUN --network=default x\nRUN --network=host x",
		      "none 1048576 1 far\nnone 1048576 1 far\nhost 1048576 1 far\n");
}

static void what_cannot_be_had_is_refused_before_any_work(void **state)
{
	struct world *x = *state;

	assert_fails(x, "RUN --security=insecure x", "--security=insecure cannot be had");
	assert_fails(x, "RUN x\nRUN --security=insecure x", "Dockerfile:3: ");
	assert_int_equal(x->w.sandbox.opened, 0);
}

/* Whoever says so may not trust the Dockerfile. */
static void no_network_is_none_whatever_the_file_says(void **state)
{
	struct world *x = *state;
	struct err e = ERR_INIT;

	assert_int_equal(run_options_network(&x->w.opt.run, "none", &e), 0);
	assert_fails(x, "RUN x\nRUN --network=host x", "Dockerfile:3: ");
	assert_fails(x, "RUN --network=host x", "--network=host is not allowed");
	assert_fails(x, "FROM scratch AS a\nONBUILD RUN --network=host x\nFROM a",
		     "--network=host is not allowed");
	assert_int_equal(x->w.sandbox.opened, 0);
}

/* -- where there are no mounts ---------------------------------------------------- */

static void be_bare(struct world *x)
{
	x->w.sandbox.base.is_flat = true;
	x->w.sandbox.base.bare = "chroot";
}

static void what_a_bare_sandbox_lacks_is_said_before_any_work(void **state)
{
	struct world *x = *state;
	struct err e = ERR_INIT;

	be_bare(x);
	assert_fails_as(x, ERR_IMPOSSIBLE, "RUN x\nRUN --network=none x",
			"Dockerfile:3: RUN --network=none x: --network=none cannot be had with "
			"--isolation=chroot");
	assert_fails_as(x, ERR_IMPOSSIBLE, "RUN --mount=type=tmpfs,target=/t,size=1m x",
			"size= of a tmpfs");
	assert_int_equal(run_options_network(&x->w.opt.run, "none", &e), 0);
	assert_fails_as(x, ERR_IMPOSSIBLE, "RUN x", "--network=none cannot be had");
	assert_int_equal(run_options_network(&x->w.opt.run, "default", &e), 0);
	assert_int_equal(run_options_shm(&x->w.opt.run, "1m", &e), 0);
	assert_fails_as(x, ERR_IMPOSSIBLE, "RUN x", "--shm-size cannot be had");
	/* who runs nothing lacks nothing */
	build_world_ok(&x->w, "FROM scratch\nCOPY a /\n");
	assert_int_equal(x->w.sandbox.opened, 0);
}

static void without_mounts_a_shared_cache_is_one_runs_at_a_time(void **state)
{
	struct world *x = *state;

	be_bare(x);
	x->w.sandbox.on_run = try_locks;
	assert_mounts(x, "RUN --mount=type=cache,target=/c x", "shared no, alone no\n");
}

static int tell_kept(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		     int *status, struct err *e)
{
	struct world *x = f->arg;

	(void)t, (void)status, (void)e;
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		const struct run_mount *m = &spec->mounts[i];
		char path[4096] = "", link[40];

		snprintf(link, sizeof(link), "/proc/self/fd/%d", m->fd);
		if (readlink(link, path, sizeof(path) - 1) < 0)
			fail();
		buf_addf(&x->seen, "%s%s%s%s\n", m->target, m->is_kept ? " kept" : "",
			 m->is_ours ? " ours" : "", strstr(path, "/root/tmp/") ? " copied" : "");
	}
	return 0;
}

/* A bind mount may be moved into the tree, so it is never the user's own directory. */
static void without_mounts_every_bind_is_a_copy(void **state)
{
	struct world *x = *state;

	be_bare(x);
	x->w.sandbox.on_run = tell_kept;
	tmpdir_file(&x->w.dir, "other/f", "f");
	assert_mounts(x,
		      "COPY a /d/\nFROM scratch\n"
		      "RUN --mount=target=/ctx --mount=from=0,source=/d,target=/st "
		      "--mount=type=cache,target=/u --mount=type=cache,target=/v,ro x",
		      "/ctx ours copied\n/st ours copied\n/u kept\n/v\n");
	x->w.sandbox.on_run = tell;
	assert_mounts(x, "COPY sub /d/\nFROM scratch\nRUN --mount=from=0,source=/d,target=/d x",
		      "bind /d ro 0755 0:0 b\n");
	assert_mounts(x, "RUN --mount=from=scratch,target=/e x", "bind /e ro 0755 0:0\n");
}

static void a_secret_that_is_missing_is_told_before_anything_runs(void **state)
{
	struct world *x = *state;

	assert_fails(x, "RUN x\nRUN --mount=type=secret,id=t,required x",
		     "Dockerfile:3: RUN --mount=type=secret,id=t,required x: secret t: not found");
	assert_fails(x, "RUN x\nRUN --mount=type=secret,target=/a/u,required x",
		     "secret u: not found");
	assert_int_equal(x->w.sandbox.opened, 0);
	/* what a variable will say is not known yet */
	assert_fails(x, "RUN x\nARG I=v\nRUN --mount=type=secret,id=$I,required x",
		     "secret v: not found");
	assert_int_not_equal(x->w.sandbox.opened, 0);
}

static void a_secret_that_nobody_asks_for_is_warned_about(void **state)
{
	struct world *x = *state;
	struct err e = ERR_INIT;

	add_secret(x, "used", "1");
	add_secret(x, "unused", "2");
	assert_int_equal(run_options_ssh(&x->w.opt.run, "default=/agent", &e), 0);
	build_world_ok(&x->w, "FROM scratch\nRUN --mount=type=secret,id=used x\n");
	assert_true(recorder_has(&x->w.progress, "warn: --secret id=unused: no RUN asks for it\n"));
	assert_true(recorder_has(&x->w.progress, "warn: --ssh default: no RUN asks for it\n"));
	assert_false(recorder_has(&x->w.progress, "--secret id=used"));
	recorder_clear(&x->w.progress);
	build_world_ok(&x->w, "FROM scratch\nARG I\nRUN --mount=type=secret,id=$I "
			      "--mount=type=ssh x\n");
	assert_false(recorder_has(&x->w.progress, "no RUN asks for it"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_context_is_mounted_read_only),
		T(what_is_ignored_is_not_in_the_mount),
		T(files_of_the_context_are_roots),
		T(what_is_written_to_a_mount_of_the_context_does_not_reach_it),
		T(a_source_leads_nowhere_outside_the_context),
		T(a_source_with_signs_of_wildcards_is_just_a_name),
		T(an_earlier_stage_is_mounted),
		T(a_named_context_is_mounted),
		T(mounts_are_made_from_the_outside_in),
		T(targets_are_below_the_working_directory),
		T(a_cache_stays),
		T(caches_are_told_apart_by_id_owner_and_name_space),
		T(a_cache_is_held_as_its_sharing_says),
		T(one_cache_under_several_targets_is_held_once),
		T(caches_are_taken_in_one_order),
		T(a_secret_is_a_file),
		T(a_secret_is_a_variable),
		T(a_secret_is_not_in_the_history),
		T(an_agent_is_reached_through_a_socket),
		T(a_program_in_a_heredoc_is_a_file),
		T(options_are_every_runs_and_flags_win),
		T(what_cannot_be_had_is_refused_before_any_work),
		T(no_network_is_none_whatever_the_file_says),
		T(what_a_bare_sandbox_lacks_is_said_before_any_work),
		T(without_mounts_a_shared_cache_is_one_runs_at_a_time),
		T(without_mounts_every_bind_is_a_copy),
		T(a_secret_that_is_missing_is_told_before_anything_runs),
		T(a_secret_that_nobody_asks_for_is_warned_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

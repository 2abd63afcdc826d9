/* COPY, judged by the layer it makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "tests/fakes/build_world.h"

static int setup(void **state)
{
	struct build_world *w = mem_zalloc(sizeof(*w));

	build_world_init(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	build_world_release(*state);
	free(*state);
	return 0;
}

static void assert_layer(const struct build_world *w, size_t index, const char *want)
{
	auto_free char *got = build_world_layer(w, index, false);

	assert_string_equal(got, want);
}

static void assert_fails(struct build_world *w, const char *dockerfile, const char *part)
{
	const char *said = build_world_fails(w, dockerfile);

	if (!strstr(said, part))
		fail_msg("'%s' is not in '%s'", part, said);
	assert_int_equal(w->err.kind, ERR_INPUT);
}

static void set_mode(struct build_world *w, const char *name, mode_t mode)
{
	assert_int_equal(fchmodat(w->dir.fd, name, mode, 0), 0);
}

static void set_time(struct build_world *w, const char *name, int64_t sec)
{
	const struct timespec times[2] = { { .tv_sec = sec }, { .tv_sec = sec } };

	assert_int_equal(utimensat(w->dir.fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void assert_layer_with_times(const struct build_world *w, size_t index, const char *want)
{
	auto_free char *got = build_world_layer(w, index, true);

	assert_string_equal(got, want);
}

static void assert_history(const struct build_world *w, const char *want)
{
	auto_free char *got = build_world_history(w);

	assert_string_equal(got, want);
}

/* -- where things go ---------------------------------------------------------- */

static void a_file_becomes_the_destination(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nCOPY a /srv/b\n");
	assert_layer(w, 0, "d 0755 0:0 srv\nf 0644 0:0 srv/b = text\n");
}

static void a_slash_makes_the_destination_a_directory(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nCOPY a /srv/\nCOPY a /opt/.\n");
	assert_layer(w, 0, "d 0755 0:0 srv\nf 0644 0:0 srv/a = text\n");
	assert_layer(w, 1, "d 0755 0:0 opt\nf 0644 0:0 opt/a = text\n");
}

static void a_file_goes_into_a_directory_that_is_there(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nWORKDIR /srv\nCOPY a /srv\n");
	assert_layer(w, 1, "d 0755 0:0 srv\nf 0644 0:0 srv/a = text\n");
}

static void relative_destinations_are_below_the_working_directory(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nWORKDIR /srv\nCOPY a b\nCOPY a .\n");
	assert_layer(w, 1, "d 0755 0:0 srv\nf 0644 0:0 srv/b = text\n");
	assert_layer(w, 2, "d 0755 0:0 srv\nf 0644 0:0 srv/a = text\n");
}

static void of_a_directory_the_contents_are_copied(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/sub/a", "1");
	tmpdir_file(&w->dir, "ctx/d/b", "2");
	set_mode(w, "ctx/d", 0700);
	set_mode(w, "ctx/d/sub", 0750);
	build_world_ok(w, "FROM scratch\nCOPY d /srv\n");
	assert_layer(w, 0,
		     "d 0755 0:0 srv\nf 0644 0:0 srv/b = 2\nd 0750 0:0 srv/sub\n"
		     "f 0644 0:0 srv/sub/a = 1\n");
}

static void directories_of_a_wildcard_flow_into_one(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d1/a", "1");
	tmpdir_file(&w->dir, "ctx/d2/b", "2");
	build_world_ok(w, "FROM scratch\nCOPY d* /x/\n");
	assert_layer(w, 0, "d 0755 0:0 x\nf 0644 0:0 x/a = 1\nf 0644 0:0 x/b = 2\n");
}

static void a_wildcard_without_matches_makes_an_empty_layer(void **state)
{
	struct build_world *w = *state;

	build_world_ok(w, "FROM scratch\nCOPY *.none /x/\n");
	assert_layer(w, 0, "");
	assert_history(w, "COPY *.none /x/ # buildkit\n");
}

static void several_files_need_a_directory(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a.py", "1");
	tmpdir_file(&w->dir, "ctx/b.py", "2");
	assert_fails(w, "FROM scratch\nCOPY *.py /x\n", "must be a directory and end with /");
	build_world_ok(w, "FROM scratch\nCOPY a* /x\n");
	assert_layer(w, 0, "f 0644 0:0 x = 1\n");
}

static void what_copy_makes_itself_has_the_time_of_now(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	set_time(w, "ctx/a", 1000000000);
	build_world_ok(w, "FROM scratch\nCOPY a /x/y/a\n");
	assert_layer_with_times(w, 0,
				"d 0755 0:0 @1767225600 x\nd 0755 0:0 @1767225600 x/y\n"
				"f 0644 0:0 @1000000000 x/y/a = 1\n");
	w->opt.has_epoch = true;
	w->opt.epoch = 999;
	build_world_ok(w, "FROM scratch\nCOPY a /x/a\n");
	assert_layer_with_times(w, 0, "d 0755 0:0 @999 x\nf 0644 0:0 @999 x/a = 1\n");
}

static void a_source_directory_gives_its_time_to_the_destination(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	tmpdir_file(&w->dir, "ctx/e/b", "2");
	set_time(w, "ctx/d/a", 1000000001);
	set_time(w, "ctx/e/b", 1000000002);
	set_time(w, "ctx/d", 1000000003);
	set_time(w, "ctx/e", 1000000004);
	set_mode(w, "ctx/e", 0700);
	build_world_ok(w, "FROM scratch\nCOPY d /x\nCOPY e /x\n");
	assert_layer_with_times(w, 0, "d 0755 0:0 @1000000003 x\nf 0644 0:0 @1000000001 x/a = 1\n");
	assert_layer_with_times(w, 1, "d 0755 0:0 @1000000004 x\nf 0644 0:0 @1000000002 x/b = 2\n");
}

static void a_subdirectory_that_is_there_becomes_the_sources(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/sub/a", "1");
	tmpdir_file(&w->dir, "ctx/e/sub/b", "2");
	set_mode(w, "ctx/e/sub", 0700);
	build_world_ok(w, "FROM scratch\nCOPY --chown=5 d /x\nCOPY e /x\n");
	assert_layer(w, 1, "d 0755 5:5 x\nd 0700 0:0 x/sub\nf 0644 0:0 x/sub/b = 2\n");
}

static void a_named_link_is_followed_and_one_in_a_directory_is_not(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	tmpdir_link(&w->dir, "ctx/l", "d/a");
	tmpdir_link(&w->dir, "ctx/dl", "d");
	tmpdir_link(&w->dir, "ctx/d/up", "../../x");
	build_world_ok(w, "FROM scratch\nCOPY l /x/\nCOPY dl /y/\n");
	assert_layer(w, 0, "d 0755 0:0 x\nf 0644 0:0 x/l = 1\n");
	assert_layer(w, 1, "d 0755 0:0 y\nf 0644 0:0 y/a = 1\nl 0:0 y/up -> ../../x\n");
}

/* -- what is there already ------------------------------------------------------ */

static int make_links(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		      int *status, struct err *e)
{
	(void)f, (void)spec, (void)status, (void)e;
	assert_int_equal(mkdirat(t->root_fd, "real", 0755), 0);
	assert_int_equal(symlinkat("/real", t->root_fd, "link"), 0);
	assert_int_equal(symlinkat("../../etc/target", t->root_fd, "real/dangling"), 0);
	assert_int_equal(symlinkat("/dev/null", t->root_fd, "real/a"), 0);
	return 0;
}

static void links_in_the_destination_stay_inside_the_root(void **state)
{
	struct build_world *w = *state;

	w->sandbox.on_run = make_links;
	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nRUN x\nCOPY a /link/b\nCOPY a /real/dangling\n");
	assert_layer(w, 1, "d 0755 0:0 real\nf 0644 0:0 real/b = text\n");
	assert_layer(w, 2, "d 0755 0:0 etc\nf 0644 0:0 etc/target = text\n");
}

static void a_link_where_an_entry_belongs_is_replaced(void **state)
{
	struct build_world *w = *state;

	w->sandbox.on_run = make_links;
	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nRUN x\nCOPY a /real/\n");
	assert_layer(w, 1, "d 0755 0:0 real\nf 0644 0:0 real/a = text\n");
}

static void kinds_that_do_not_fit_are_refused(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	tmpdir_file(&w->dir, "ctx/d/sub/x", "2");
	tmpdir_file(&w->dir, "ctx/e/sub", "3");
	tmpdir_file(&w->dir, "ctx/Dockerfile.dockerignore", "nothing\n");
	assert_fails(w, "FROM scratch\nCOPY a /x\nCOPY d /x\n",
		     "cannot copy a directory to '/x': not a directory");
	assert_fails(w, "FROM scratch\nCOPY d /x\nCOPY e /x\n",
		     "cannot replace the directory '/x/sub' with a file");
	assert_fails(w, "FROM scratch\nCOPY e /x\nCOPY d /x\n",
		     "cannot copy a directory to '/x/sub': not a directory");
	assert_fails(w, "FROM scratch\nCOPY a /x\nCOPY a /x/\n", "'/x' is not a directory");
	assert_fails(w, "FROM scratch\nCOPY a /x\nCOPY a /x/y/z\n", "not a directory");
}

static void the_same_file_again_is_an_empty_layer(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nCOPY a /x\nCOPY a /x\n");
	assert_layer(w, 1, "");
}

/* What a RUN finds, told as "x=1 y=…" in f->arg. */
static int tell_x(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		  int *status, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct stat st;

	(void)spec, (void)status;
	assert_int_equal(fs_read_file(t->root_fd, "x/a", &text, e), 0);
	assert_int_equal(fstatat(t->root_fd, "x/a", &st, 0), 0);
	buf_addf(f->arg, "%s %o %u:%u @%lld", buf_str(&text), (unsigned)st.st_mode & 07777,
		 st.st_uid, st.st_gid, (long long)st.st_mtim.tv_sec);
	return 0;
}

static void a_run_finds_what_was_copied(void **state)
{
	struct build_world *w = *state;
	auto_buf struct buf seen = BUF_INIT(BUF_SMALL);

	w->sandbox.on_run = tell_x;
	w->sandbox.arg = &seen;
	tmpdir_file(&w->dir, "ctx/a", "text");
	set_time(w, "ctx/a", 1000000000);
	build_world_ok(w, "FROM scratch\nCOPY --chown=5:6 --chmod=4750 a /x/\nRUN x\nRUN y\n");
	assert_string_equal(buf_str(&seen), "text 4750 5:6 @1000000000text 4750 5:6 @1000000000");
	assert_layer(w, 1, "");
	assert_layer(w, 2, "");
}

/* -- nothing but streams --------------------------------------------------------------- */

static void without_run_nothing_is_mounted_or_laid_down(void **state)
{
	struct build_world *w = *state;
	auto_free char *with = NULL, *without = NULL;
	static const char dockerfile[] =
		"FROM scratch AS one\nCOPY a /d/a\nWORKDIR /w\nCOPY a b\nFROM one\n"
		"COPY --from=0 /d /e\nCOPY --from=one /w/b /d/a\n";

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, dockerfile);
	assert_int_equal(w->sandbox.opened, 0);
	with = mem_strdup(w->result.manifest.text);
	w->env.sandbox = NULL;
	build_world_ok(w, dockerfile);
	without = mem_strdup(w->result.manifest.text);
	assert_string_equal(with, without);
	assert_layer(w, 3, "d 0755 0:0 e\nf 0644 0:0 e/a = text\n");
}

static size_t count_in(const struct build_world *w, const char *dir)
{
	auto_close int fd = openat(w->dir.fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	struct err e = ERR_INIT;
	size_t n = 0;

	if (fd < 0)
		return 0;
	assert_int_equal(walk_open(&walk, fd, &e), 0);
	for (; walk_next(walk, &ent, &e) > 0; n++)
		walk_skip(walk);
	return n;
}

static void make_base(struct build_world *w)
{
	tmpdir_file(&w->dir, "ctx/base/etc/passwd", "app:x:1000:1001::/:/bin/sh\n");
	tmpdir_file(&w->dir, "ctx/base/srv/old", "old");
	tmpdir_file(&w->dir, "ctx/base/srv/same", "same");
	tmpdir_link(&w->dir, "ctx/base/link", "srv");
	set_mode(w, "ctx/base/srv", 0750);
	set_time(w, "ctx/base/srv/same", 1000000000);
	set_time(w, "ctx/base/srv", 1000000001);
	strv_add(&w->opt.tags, "base");
	build_world_ok(w, "FROM scratch\nCOPY --chown=5:6 base /\nCOPY base/srv/old /more/\n");
	strv_release(&w->opt.tags);
	w->opt.tags = STRV_INIT;
}

static void a_base_is_looked_at_without_unpacking_it(void **state)
{
	static const char dockerfile[] =
		"FROM base\nCOPY --chown=app base/srv/same /link/\n"
		"COPY --chown=5:6 base/srv/same /srv/same\n"
		"COPY base/srv/old /link/sub/x\nUSER app\nWORKDIR /more/w\n"
		"WORKDIR /srv\nCOPY --from=base /srv /copy/\n";
	struct build_world *w = *state;
	auto_free char *listed = NULL;

	make_base(w);
	w->env.sandbox = NULL;
	build_world_ok(w, dockerfile);
	listed = mem_strdup(w->result.manifest.text);
	assert_int_equal(count_in(w, "root/cache/trees"), 0);
	assert_int_equal(count_in(w, "root/cache/toc"), 1);
	assert_layer(w, 2, "d 0750 5:6 srv\nf 0644 1000:1001 srv/same = same\n");
	assert_layer(w, 4, "d 0750 5:6 srv\nd 0755 0:0 srv/sub\nf 0644 0:0 srv/sub/x = old\n");
	assert_layer(w, 5, "d 0755 0:0 more\nd 0755 1000:1001 more/w\n");
	assert_layer(w, 6, "");
	assert_layer(w, 7,
		     "d 0755 0:0 copy\nf 0644 5:6 copy/old = old\nf 0644 5:6 copy/same = same\n");

	w->env.sandbox = &w->sandbox.base;
	build_world_ok(w, "FROM base\nRUN x\n");
	assert_int_equal(count_in(w, "root/cache/trees"), 1);
	build_world_ok(w, dockerfile);
	assert_string_equal(w->result.manifest.text, listed);
}

static int make_special(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
			int *status, struct err *e)
{
	(void)f, (void)spec, (void)status, (void)e;
	assert_int_equal(mkdirat(t->root_fd, "d", 0755), 0);
	assert_int_equal(mknodat(t->root_fd, "d/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(fchmodat(t->root_fd, "d/null", 0666, 0), 0);
	assert_int_equal(mknodat(t->root_fd, "d/pipe", S_IFIFO | 0600, 0), 0);
	assert_int_equal(mknodat(t->root_fd, "d/socket", S_IFSOCK | 0600, 0), 0);
	return 0;
}

static void devices_and_pipes_are_copied_and_sockets_are_not(void **state)
{
	struct build_world *w = *state;

	w->sandbox.on_run = make_special;
	build_world_ok(w, "FROM scratch AS one\nRUN x\nFROM scratch\nCOPY --from=one d /e\n");
	assert_layer(w, 0, "d 0755 0:0 e\nc 0666 0:0 e/null\np 0600 0:0 e/pipe\n");
}

/* -- whose they are ---------------------------------------------------------------- */

static void from_the_context_all_is_roots(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	assert_int_equal(fchownat(w->dir.fd, "ctx/d/a", 12, 34, 0), 0);
	build_world_ok(w, "FROM scratch\nCOPY d /\n");
	assert_layer(w, 0, "f 0644 0:0 a = 1\n");
}

static void from_a_stage_owners_stay(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch AS one\nCOPY --chown=5:6 a /d/a\n"
			  "FROM scratch\nCOPY --from=one /d /e\nCOPY --from=0 /d/a /f\n");
	assert_layer(w, 0, "d 0755 0:0 e\nf 0644 5:6 e/a = 1\n");
	assert_layer(w, 1, "f 0644 5:6 f = 1\n");
}

static void chown_and_chmod_hold_for_all_that_is_made(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/sub/a", "1");
	tmpdir_link(&w->dir, "ctx/d/l", "a");
	build_world_ok(w, "FROM scratch\nARG M=4711\nCOPY --chown=5:6 --chmod=$M d /x/y\n");
	assert_layer(w, 0,
		     "d 4711 5:6 x\nd 4711 5:6 x/y\nl 5:6 x/y/l -> a\nd 4711 5:6 x/y/sub\n"
		     "f 4711 5:6 x/y/sub/a = 1\n");
}

static void names_are_looked_up_in_the_stage(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/passwd", "app:x:1000:1001::/:/bin/sh\n");
	tmpdir_file(&w->dir, "ctx/group", "web:x:33:\n");
	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nCOPY passwd group /etc/\nCOPY --chown=app a /a\n"
			  "COPY --chown=app:web a /b\nCOPY --chown=app: a /c\n"
			  "COPY --chown=7 a /d\nCOPY --chown=:web a /e\n");
	assert_layer(w, 1, "f 0644 1000:1001 a = 1\n");
	assert_layer(w, 2, "f 0644 1000:33 b = 1\n");
	assert_layer(w, 3, "f 0644 1000:1001 c = 1\n");
	assert_layer(w, 4, "f 0644 7:7 d = 1\n");
	assert_layer(w, 5, "f 0644 0:33 e = 1\n");
	assert_fails(
		w, "FROM scratch\nCOPY --chown=nobody a /a\n",
		"COPY --chown=nobody a /a: --chown: unable to find user 'nobody': no such line in the image's /etc/passwd");
}

static void a_symbolic_chmod_changes_what_the_source_has(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/sub/a", "1");
	tmpdir_file(&w->dir, "ctx/d/x", "2");
	tmpdir_link(&w->dir, "ctx/d/l", "a");
	set_mode(w, "ctx/d/sub", 0700);
	set_mode(w, "ctx/d/sub/a", 0600);
	set_mode(w, "ctx/d/x", 0700);
	build_world_ok(w, "FROM scratch\nCOPY --chmod=u=rwX,go=rX d /y/\n");
	assert_layer(w, 0,
		     "d 0755 0:0 y\nl 0:0 y/l -> a\nd 0755 0:0 y/sub\nf 0644 0:0 y/sub/a = 1\n"
		     "f 0755 0:0 y/x = 2\n");
	assert_fails(w, "FROM scratch\nCOPY --chmod=u+k d /a\n", "invalid chmod parameter: 'u+k'");
	assert_fails(w, "FROM scratch\nCOPY --chmod=10000 d /a\n",
		     "invalid chmod parameter: '10000'. it should be octal");
}

static void times_and_capabilities_come_along(void **state)
{
	struct build_world *w = *state;
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0x20 };
	auto_free char *path = mem_printf("%s/ctx/d/a", w->dir.path);
	auto_free char *layer = NULL;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	if (setxattr(path, "security.capability", capability, sizeof(capability), 0) < 0)
		fail_msg("no capabilities in the temporary directory");
	set_time(w, "ctx/d/a", 1234567890);
	set_time(w, "ctx/d", 1000000000);
	build_world_ok(w, "FROM scratch\nCOPY d /e\n");
	layer = build_world_layer(w, 0, true);
	assert_string_equal(
		layer,
		"d 0755 0:0 @1000000000 e\nf 0644 0:0 @1234567890 e/a (20 bytes of capability) = 1\n");
}

static void names_of_one_file_stay_one_file(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	assert_int_equal(linkat(w->dir.fd, "ctx/d/a", w->dir.fd, "ctx/d/b", 0), 0);
	build_world_ok(w, "FROM scratch\nCOPY d /\n");
	assert_layer(w, 0, "f 0644 0:0 a = 1\nh b == a\n");
}

static void names_stay_one_file_within_one_source_only(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d1/a", "1");
	tmpdir_dir(&w->dir, "ctx/d2");
	assert_int_equal(linkat(w->dir.fd, "ctx/d1/a", w->dir.fd, "ctx/d1/b", 0), 0);
	assert_int_equal(linkat(w->dir.fd, "ctx/d1/a", w->dir.fd, "ctx/d2/c", 0), 0);
	build_world_ok(w, "FROM scratch\nCOPY d1 d2 /x/\n");
	assert_layer(w, 0, "d 0755 0:0 x\nf 0644 0:0 x/a = 1\nh x/b == x/a\nf 0644 0:0 x/c = 1\n");
}

static void a_link_is_never_made_to_what_replaced_its_file(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d1/x", "mine");
	tmpdir_file(&w->dir, "ctx/d2/x", "another");
	assert_int_equal(linkat(w->dir.fd, "ctx/d1/x", w->dir.fd, "ctx/d2/z", 0), 0);
	build_world_ok(w, "FROM scratch\nCOPY d1 d2 /e/\n");
	assert_layer(w, 0, "d 0755 0:0 e\nf 0644 0:0 e/x = another\nf 0644 0:0 e/z = mine\n");
}

/* -- --link ------------------------------------------------------------------------------ */

static void a_linked_layer_knows_nothing_of_what_is_below(void **state)
{
	struct build_world *w = *state;

	w->sandbox.on_run = make_links;
	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nRUN x\nCOPY --link a /link/a\nCOPY --link a /real\n"
			  "COPY --link --chown=5 a /y/\nCOPY --link --chown=5 a /link/c\n");
	assert_layer(w, 1, "d 0755 0:0 link\nf 0644 0:0 link/a = 1\n");
	assert_layer(w, 2, "f 0644 0:0 real = 1\n");
	assert_layer(w, 3, "d 0755 5:5 y\nf 0644 5:5 y/a = 1\n");
	assert_layer(w, 4, "d 0755 5:5 link\nf 0644 5:5 link/c = 1\n");
	assert_history(w, "RUN /bin/sh -c x # buildkit\nCOPY a /link/a # buildkit\n"
			  "COPY a /real # buildkit\nCOPY --chown=5 a /y/ # buildkit\n"
			  "COPY --chown=5 a /link/c # buildkit\n");
}

static void chmod_keeps_a_layer_from_being_linked(void **state)
{
	struct build_world *w = *state;

	w->sandbox.on_run = make_links;
	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nRUN x\nCOPY --link --chmod=700 a /link/b\n");
	assert_layer(w, 1, "d 0755 0:0 real\nf 0700 0:0 real/b = 1\n");
}

static void names_of_a_linked_copy_are_the_stages(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/passwd", "app:x:1000:1001::/:/bin/sh\n");
	build_world_ok(w, "FROM scratch\nCOPY passwd /etc/\nCOPY --link --chown=app passwd /x\n");
	assert_layer(w, 1, "f 0644 1000:1001 x = app:x:1000:1001::/:/bin/sh\n\n");
}

/* -- --parents, --exclude ----------------------------------------------------------------- */

static void parents_keep_the_path_of_the_source(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a/b/c", "1");
	tmpdir_file(&w->dir, "ctx/a/b/d/e", "2");
	tmpdir_file(&w->dir, "ctx/a/other", "3");
	set_mode(w, "ctx/a", 0700);
	set_mode(w, "ctx/a/b", 0711);
	build_world_ok(w, "FROM scratch\nCOPY --parents a/b/c /x/\nCOPY --parents ./a/./b/d /y\n"
			  "COPY --parents **/e a/ot* /z/\n");
	assert_layer(w, 0,
		     "d 0755 0:0 x\nd 0700 0:0 x/a\nd 0711 0:0 x/a/b\nf 0644 0:0 x/a/b/c = 1\n");
	assert_layer(w, 1,
		     "d 0755 0:0 y\nd 0711 0:0 y/b\nd 0755 0:0 y/b/d\nf 0644 0:0 y/b/d/e = 2\n");
	assert_layer(w, 2,
		     "d 0755 0:0 z\nd 0700 0:0 z/a\nd 0711 0:0 z/a/b\nd 0755 0:0 z/a/b/d\n"
		     "f 0644 0:0 z/a/b/d/e = 2\nf 0644 0:0 z/a/other = 3\n");
	assert_history(w, "COPY --parents a/b/c /x/ # buildkit\n"
			  "COPY --parents ./a/./b/d /y # buildkit\n"
			  "COPY --parents **/e a/ot* /z/ # buildkit\n");
	build_world_ok(w, "FROM scratch\nCOPY --parents none*/x /z/\n");
	assert_layer(w, 0, "");
	assert_fails(w, "FROM scratch\nCOPY --parents a/b/x /x/\n",
		     "'a/b/x' is not in the context");
}

static void what_is_excluded_stays_behind(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a.txt", "1");
	tmpdir_file(&w->dir, "ctx/d/b.md", "2");
	tmpdir_file(&w->dir, "ctx/d/sub/c.txt", "3");
	tmpdir_file(&w->dir, "ctx/d/sub/keep.txt", "4");
	tmpdir_file(&w->dir, "ctx/e/x", "5");
	build_world_ok(w, "FROM scratch\nCOPY --exclude=*.txt d /x\n"
			  "COPY --exclude=**/*.txt --exclude=!sub/keep.txt d e /y/\n"
			  "COPY --exclude=sub d /z\nCOPY --exclude=*.txt d/* /w/\n");
	assert_layer(w, 0,
		     "d 0755 0:0 x\nf 0644 0:0 x/b.md = 2\nd 0755 0:0 x/sub\n"
		     "f 0644 0:0 x/sub/c.txt = 3\nf 0644 0:0 x/sub/keep.txt = 4\n");
	assert_layer(w, 1,
		     "d 0755 0:0 y\nf 0644 0:0 y/b.md = 2\nd 0755 0:0 y/sub\n"
		     "f 0644 0:0 y/sub/keep.txt = 4\nf 0644 0:0 y/x = 5\n");
	assert_layer(w, 2, "d 0755 0:0 z\nf 0644 0:0 z/a.txt = 1\nf 0644 0:0 z/b.md = 2\n");
	assert_layer(w, 3, "d 0755 0:0 w\nf 0644 0:0 w/b.md = 2\n");
	build_world_ok(w, "FROM scratch\nCOPY --exclude=a.txt d/a.txt d/b.md /x/\n");
	assert_layer(w, 0, "d 0755 0:0 x\nf 0644 0:0 x/b.md = 2\n");
	assert_fails(w, "FROM scratch\nCOPY --exclude=[ d /x\n",
		     "Dockerfile:2: COPY --exclude=[ d /x: --exclude: syntax error in pattern");
}

static void what_is_excluded_is_not_expanded(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	tmpdir_file(&w->dir, "ctx/d/$X", "2");
	build_world_ok(w, "FROM scratch\nENV X=a\nCOPY --exclude=$X d /x\n");
	assert_layer(w, 0, "d 0755 0:0 x\nf 0644 0:0 x/a = 1\n");
}

/* -- here-documents ------------------------------------------------------------------------ */

static void here_documents_become_files(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	set_time(w, "ctx/a", 1000000000);
	build_world_ok(w, "FROM scratch\nENV X=y\n"
			  "COPY <<one a <<-\"two\" /d/\n\"$X\" '\\$X'\none\n\t$X\n\ttwo\n"
			  "COPY --chown=5 --chmod=0700 <<EOF /run.sh\n#!/bin/sh\nEOF\n"
			  "COPY <<EOF /e/\nEOF\n");
	assert_layer_with_times(w, 0,
				"d 0755 0:0 @1767225600 d\nf 0644 0:0 @1000000000 d/a = 1\n"
				"f 0644 0:0 @1767225600 d/one = \"y\" '$X'\n\n"
				"f 0644 0:0 @1767225600 d/two = $X\n\n");
	assert_layer(w, 1, "f 0700 5:5 run.sh = #!/bin/sh\n\n");
	assert_layer(w, 2, "d 0755 0:0 e\nf 0644 0:0 e/EOF\n");
	assert_history(w, "- ENV X=y\nCOPY a <<one <<two /d/ # buildkit\n"
			  "COPY --chown=5 --chmod=0700 <<EOF /run.sh # buildkit\n"
			  "COPY <<EOF /e/ # buildkit\n");
	assert_fails(w, "FROM scratch\nCOPY <<.. /d/\nx\n..\n",
		     "a heredoc named '..' cannot be a file");
	assert_fails(w, "FROM scratch\nCOPY <<a <<b /d\na\nb\n",
		     "must be a directory and end with /");
}

/* -- ADD -------------------------------------------------------------------------------------- */

static void add_copies_what_is_no_archive(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a.tar", "no tar");
	tmpdir_file(&w->dir, "ctx/empty.tar", "");
	tmpdir_file(&w->dir, "ctx/d/x", "1");
	build_world_ok(w, "FROM scratch\nADD --chown=5:6 *.tar /x/\nADD --chmod=0700 d /y/\n"
			  "ADD <<F /z\nt\nF\n");
	assert_layer(w, 0, "d 0755 5:6 x\nf 0644 5:6 x/a.tar = no tar\nf 0644 5:6 x/empty.tar\n");
	assert_layer(w, 1, "d 0700 0:0 y\nf 0700 0:0 y/x = 1\n");
	assert_layer(w, 2, "f 0644 0:0 z = t\n\n");
	assert_history(w,
		       "ADD --chown=5:6 *.tar /x/ # buildkit\nADD --chmod=0700 d /y/ # buildkit\n"
		       "ADD <<F /z # buildkit\n");
}

static void a_checksum_is_for_what_comes_from_elsewhere(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	assert_fails(w, "FROM scratch\nADD --checksum=sha256:00 a /x/\n",
		     "checksum requires HTTP(S) or Git sources");
	assert_fails(w, "FROM scratch\nADD --checksum=sha256:00 a http://h/b /x/\n",
		     "checksum can't be specified for multiple sources");
}

static void copy_refuses_what_is_elsewhere(void **state)
{
	struct build_world *w = *state;

	assert_fails(w, "FROM scratch\nCOPY https://h/a /x/\n", "source can't be a URL for COPY");
	assert_fails(w, "FROM scratch\nCOPY https://h/a.git#v1 /x/\n",
		     "source can't be a git ref for COPY");
}

/* -- what is left out ------------------------------------------------------------------ */

static void ignored_entries_stay_behind(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	tmpdir_file(&w->dir, "ctx/d/skip/x", "2");
	tmpdir_file(&w->dir, "ctx/d/part/keep", "3");
	tmpdir_file(&w->dir, "ctx/d/part/drop", "4");
	tmpdir_file(&w->dir, "ctx/.dockerignore", "d/skip\nd/part\n!d/part/keep\n");
	build_world_ok(w, "FROM scratch\nCOPY d /\n");
	assert_layer(w, 0, "f 0644 0:0 a = 1\nd 0755 0:0 part\nf 0644 0:0 part/keep = 3\n");
}

static void the_state_directory_is_never_part_of_the_context(void **state)
{
	struct build_world *w = *state;
	auto_free char *inside = mem_printf("%s/ctx/state", w->dir.path);

	w->env.root = inside;
	tmpdir_file(&w->dir, "ctx/a", "1");
	tmpdir_file(&w->dir, "ctx/.dockerignore", ".dockerignore\nDockerfile\n");
	free(w->root);
	w->root = mem_strdup(inside);
	build_world_ok(w, "FROM scratch\nCOPY . /\n");
	assert_layer(w, 0, "f 0644 0:0 a = 1\n");
}

static void a_source_that_is_missing_names_line_and_path(void **state)
{
	struct build_world *w = *state;

	assert_fails(w, "FROM scratch\n\nCOPY nope /\n",
		     "Dockerfile:3: COPY nope /: 'nope' is not");
}

static void a_named_context_is_a_directory_to_copy_from(void **state)
{
	struct build_world *w = *state;
	auto_free char *context = mem_printf("other=%s/other", w->dir.path);

	tmpdir_file(&w->dir, "other/a", "1");
	tmpdir_file(&w->dir, "other/b", "2");
	tmpdir_file(&w->dir, "other/.dockerignore", "b\n.dockerignore\n");
	strv_add(&w->opt.contexts, context);
	build_world_ok(w, "FROM scratch\nCOPY --from=other / /x/\n");
	assert_layer(w, 0, "d 0755 0:0 x\nf 0644 0:0 x/a = 1\n");
	assert_fails(w, "FROM other\n", "is a directory, not an image");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_becomes_the_destination),
		TEST(a_slash_makes_the_destination_a_directory),
		TEST(a_file_goes_into_a_directory_that_is_there),
		TEST(relative_destinations_are_below_the_working_directory),
		TEST(of_a_directory_the_contents_are_copied),
		TEST(directories_of_a_wildcard_flow_into_one),
		TEST(a_wildcard_without_matches_makes_an_empty_layer),
		TEST(several_files_need_a_directory),
		TEST(what_copy_makes_itself_has_the_time_of_now),
		TEST(a_source_directory_gives_its_time_to_the_destination),
		TEST(a_subdirectory_that_is_there_becomes_the_sources),
		TEST(a_named_link_is_followed_and_one_in_a_directory_is_not),
		TEST(links_in_the_destination_stay_inside_the_root),
		TEST(a_link_where_an_entry_belongs_is_replaced),
		TEST(kinds_that_do_not_fit_are_refused),
		TEST(the_same_file_again_is_an_empty_layer),
		TEST(a_run_finds_what_was_copied),
		TEST(without_run_nothing_is_mounted_or_laid_down),
		TEST(a_base_is_looked_at_without_unpacking_it),
		TEST(devices_and_pipes_are_copied_and_sockets_are_not),
		TEST(from_the_context_all_is_roots),
		TEST(from_a_stage_owners_stay),
		TEST(chown_and_chmod_hold_for_all_that_is_made),
		TEST(names_are_looked_up_in_the_stage),
		TEST(a_symbolic_chmod_changes_what_the_source_has),
		TEST(times_and_capabilities_come_along),
		TEST(names_of_one_file_stay_one_file),
		TEST(names_stay_one_file_within_one_source_only),
		TEST(a_link_is_never_made_to_what_replaced_its_file),
		TEST(a_linked_layer_knows_nothing_of_what_is_below),
		TEST(chmod_keeps_a_layer_from_being_linked),
		TEST(names_of_a_linked_copy_are_the_stages),
		TEST(parents_keep_the_path_of_the_source),
		TEST(what_is_excluded_stays_behind),
		TEST(what_is_excluded_is_not_expanded),
		TEST(here_documents_become_files),
		TEST(add_copies_what_is_no_archive),
		TEST(a_checksum_is_for_what_comes_from_elsewhere),
		TEST(copy_refuses_what_is_elsewhere),
		TEST(ignored_entries_stay_behind),
		TEST(the_state_directory_is_never_part_of_the_context),
		TEST(a_source_that_is_missing_names_line_and_path),
		TEST(a_named_context_is_a_directory_to_copy_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

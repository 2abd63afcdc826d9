/* Paths that stay in their directory: one table, both resolvers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "tests/fakes/tmpdir.h"

/*
 *	outside			a file beside the tree
 *	t/file t/dir/ t/dir/inner t/dir/sub/deep
 *	t/to-file -> file	t/to-dir -> dir		t/dir/up -> ../file
 *	t/abs -> /file		t/abs-dir -> /dir	t/escape -> ../outside
 *	t/dir/far -> ../../../outside
 *	t/dangling -> dir/new	t/dangling-abs -> /dir/new	t/nowhere -> missing/new
 *	t/loop -> loop		t/chain0 -> chain1 -> … -> chain40 -> file
 */
struct world {
	struct tmpdir t;
	int root;
};

static void world_init(struct world *w, bool own)
{
	tmpdir_init(&w->t);
	tmpdir_file(&w->t, "outside", "outside");
	tmpdir_file(&w->t, "t/file", "file");
	tmpdir_file(&w->t, "t/dir/inner", "inner");
	tmpdir_file(&w->t, "t/dir/sub/deep", "deep");
	tmpdir_link(&w->t, "t/to-file", "file");
	tmpdir_link(&w->t, "t/to-dir", "dir");
	tmpdir_link(&w->t, "t/dir/up", "../file");
	tmpdir_link(&w->t, "t/abs", "/file");
	tmpdir_link(&w->t, "t/abs-dir", "/dir/");
	tmpdir_link(&w->t, "t/escape", "../outside");
	tmpdir_link(&w->t, "t/dir/far", "../../../outside");
	tmpdir_link(&w->t, "t/dangling", "dir/new");
	tmpdir_link(&w->t, "t/dangling-abs", "/dir/new");
	tmpdir_link(&w->t, "t/nowhere", "missing/new");
	tmpdir_link(&w->t, "t/loop", "loop");
	for (int i = 0; i <= 40; i++) {
		auto_free char *name = mem_printf("t/chain%d", i);
		auto_free char *target = mem_printf("chain%d", i + 1);

		tmpdir_link(&w->t, name, i == 40 ? "file" : target);
	}
	w->root = openat(w->t.fd, "t", O_PATH | O_CLOEXEC);
	assert_true(w->root >= 0);
	fs_without_openat2 = own;
}

static void world_release(struct world *w)
{
	fs_without_openat2 = false;
	close(w->root);
	tmpdir_release(&w->t);
}

struct beneath_case {
	const char *path;
	int flags;
	enum fs_beneath how;
	const char *want; /* path under t of what is opened; NULL: sys tells */
	int sys;
};

#define R    O_RDONLY
#define C    (O_WRONLY | O_CREAT)
#define X    (O_WRONLY | O_CREAT | O_EXCL)
#define DIRS (O_RDONLY | O_DIRECTORY)

static const struct beneath_case cases[] = {
	/* the directory itself */
	{ "", DIRS, FS_BENEATH, ".", 0 },
	{ ".", DIRS, FS_IN_ROOT, ".", 0 },
	{ "/", DIRS, FS_NO_LINKS, ".", 0 },
	{ "///./", DIRS, FS_BENEATH, ".", 0 },
	/* plain names */
	{ "file", R, FS_BENEATH, "file", 0 },
	{ "/file", R, FS_BENEATH, "file", 0 },
	{ "dir//sub/./deep", R, FS_NO_LINKS, "dir/sub/deep", 0 },
	{ "dir/", DIRS, FS_BENEATH, "dir", 0 },
	{ "dir/.", O_PATH, FS_BENEATH, "dir", 0 },
	{ "file", O_PATH, FS_BENEATH, "file", 0 },
	{ "missing", R, FS_BENEATH, NULL, ENOENT },
	{ "missing/x", R, FS_IN_ROOT, NULL, ENOENT },
	{ "file/x", R, FS_IN_ROOT, NULL, ENOTDIR },
	{ "file/", R, FS_IN_ROOT, NULL, ENOTDIR },
	{ "file/.", R, FS_IN_ROOT, NULL, ENOTDIR },
	{ "file/..", R, FS_IN_ROOT, NULL, ENOTDIR },
	{ "file", DIRS, FS_IN_ROOT, NULL, ENOTDIR },
	{ "file", O_PATH | O_DIRECTORY, FS_IN_ROOT, NULL, ENOTDIR },
	{ "dir", O_WRONLY, FS_IN_ROOT, NULL, EISDIR },
	/* ".." */
	{ "dir/../file", R, FS_BENEATH, "file", 0 },
	{ "dir/sub/..", DIRS, FS_BENEATH, "dir", 0 },
	{ "dir/sub/../../file", R, FS_NO_LINKS, "file", 0 },
	{ "../outside", R, FS_BENEATH, NULL, EXDEV },
	{ "dir/../../outside", R, FS_BENEATH, NULL, EXDEV },
	{ "dir/../../t/file", R, FS_BENEATH, NULL, EXDEV },
	{ "..", O_PATH, FS_NO_LINKS, NULL, EXDEV },
	{ "..", DIRS, FS_IN_ROOT, ".", 0 },
	{ "../../dir/../../file", R, FS_IN_ROOT, "file", 0 },
	{ "../outside", R, FS_IN_ROOT, NULL, ENOENT },
	/* links */
	{ "to-file", R, FS_BENEATH, "file", 0 },
	{ "to-file", O_PATH, FS_BENEATH, "file", 0 },
	{ "to-dir/inner", R, FS_BENEATH, "dir/inner", 0 },
	{ "to-dir", DIRS, FS_IN_ROOT, "dir", 0 },
	{ "to-dir/", DIRS, FS_IN_ROOT, "dir", 0 },
	{ "to-dir/", DIRS | O_NOFOLLOW, FS_IN_ROOT, "dir", 0 },
	{ "to-dir/..", DIRS, FS_IN_ROOT, ".", 0 },
	{ "dir/up", R, FS_BENEATH, "file", 0 },
	{ "to-dir/up", R, FS_BENEATH, "file", 0 },
	{ "to-file/", R, FS_BENEATH, NULL, ENOTDIR },
	{ "to-file", R | O_NOFOLLOW, FS_BENEATH, NULL, ELOOP },
	{ "to-file", O_PATH | O_NOFOLLOW, FS_BENEATH, "to-file", 0 },
	{ "dangling", R, FS_BENEATH, NULL, ENOENT },
	/* links that lead outside */
	{ "abs", R, FS_BENEATH, NULL, EXDEV },
	{ "abs", R, FS_IN_ROOT, "file", 0 },
	{ "abs-dir/inner", R, FS_BENEATH, NULL, EXDEV },
	{ "abs-dir/inner", R, FS_IN_ROOT, "dir/inner", 0 },
	{ "dir/sub/../../abs-dir/../file", R, FS_IN_ROOT, "file", 0 },
	{ "escape", R, FS_BENEATH, NULL, EXDEV },
	{ "escape", R, FS_IN_ROOT, NULL, ENOENT },
	{ "dir/far", R, FS_BENEATH, NULL, EXDEV },
	{ "dir/far", R, FS_IN_ROOT, NULL, ENOENT },
	{ "escape", C, FS_BENEATH, NULL, EXDEV },
	/* no links at all */
	{ "to-file", R, FS_NO_LINKS, NULL, ELOOP },
	{ "to-file", O_PATH, FS_NO_LINKS, NULL, ELOOP },
	{ "to-file", O_PATH | O_NOFOLLOW, FS_NO_LINKS, "to-file", 0 },
	{ "to-dir/inner", R, FS_NO_LINKS, NULL, ELOOP },
	{ "to-dir/", R, FS_NO_LINKS, NULL, ELOOP },
	/* too many links */
	{ "loop", R, FS_IN_ROOT, NULL, ELOOP },
	{ "loop/x", R, FS_BENEATH, NULL, ELOOP },
	{ "chain1", R, FS_BENEATH, "file", 0 },
	{ "chain0", R, FS_BENEATH, NULL, ELOOP },
	/* making files */
	{ "new", C, FS_BENEATH, "new", 0 },
	{ "dir/new", X, FS_IN_ROOT, "dir/new", 0 },
	{ "to-dir/new", C, FS_BENEATH, "dir/new", 0 },
	{ "file", X, FS_IN_ROOT, NULL, EEXIST },
	{ "dangling", C, FS_IN_ROOT, "dir/new", 0 },
	{ "dangling", C, FS_BENEATH, "dir/new", 0 },
	{ "dangling-abs", C, FS_IN_ROOT, "dir/new", 0 },
	{ "dangling-abs", C, FS_BENEATH, NULL, EXDEV },
	{ "dangling", X, FS_IN_ROOT, NULL, EEXIST },
	{ "dangling", C | O_NOFOLLOW, FS_IN_ROOT, NULL, ELOOP },
	{ "dangling", C, FS_NO_LINKS, NULL, ELOOP },
	{ "nowhere", C, FS_IN_ROOT, NULL, ENOENT },
	{ "new/", C, FS_IN_ROOT, NULL, EISDIR },
	{ "dir", C, FS_IN_ROOT, NULL, EISDIR },
	{ "missing/new", C, FS_IN_ROOT, NULL, ENOENT },
};

static void check_case(struct world *w, const struct beneath_case *c)
{
	struct err e = ERR_INIT;
	struct stat got, want;
	int fd = fs_open_beneath(w->root, c->path, c->flags, 0640, c->how, &e);

	if (c->want ? fd < 0 : (fd >= 0 || e.sys != c->sys))
		fail_msg("'%s' flags %o how %d: fd %d, sys %d: %s", c->path, (unsigned)c->flags,
			 (int)c->how, fd, e.sys, e.text);
	if (!c->want)
		return;
	assert_int_equal(0, fstat(fd, &got));
	assert_int_equal(0, fstatat(w->root, c->want, &want, AT_SYMLINK_NOFOLLOW));
	if (got.st_ino != want.st_ino || got.st_dev != want.st_dev)
		fail_msg("'%s' how %d is not '%s'", c->path, (int)c->how, c->want);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void check_all(bool own)
{
	struct world w;

	world_init(&w, own);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_case(&w, &cases[i]);
		unlinkat(w.root, "new", 0); /* as it was, for the next */
		unlinkat(w.root, "dir/new", 0);
	}
	world_release(&w);
}

static void the_kernel_keeps_paths_inside(void **state)
{
	(void)state;
	check_all(false);
}

static void the_resolver_of_our_own_keeps_paths_inside(void **state)
{
	(void)state;
	check_all(true);
}

static void a_new_file_gets_the_mode_asked_for(void **state)
{
	for (int own = 0; own < 2; own++) {
		mode_t old = umask(0);
		struct err e = ERR_INIT;
		struct world w;
		struct stat st;
		int fd;

		(void)state;
		world_init(&w, own);
		fd = fs_open_beneath(w.root, "dangling-abs", C, 04751, FS_IN_ROOT, &e);
		umask(old);
		assert_true(fd >= 0);
		assert_int_equal(0, fstat(fd, &st));
		assert_int_equal(04751, st.st_mode & 07777);
		close(fd);
		world_release(&w);
	}
}

static void no_descriptor_is_left_behind(void **state)
{
	for (int own = 0; own < 2; own++) {
		struct err e = ERR_INIT;
		struct world w;
		int before, after;

		(void)state;
		world_init(&w, own);
		before = dup(0);
		close(before);
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			int fd = fs_open_beneath(w.root, cases[i].path, cases[i].flags, 0600,
						 cases[i].how, &e);

			if (fd >= 0)
				close(fd);
		}
		after = dup(0);
		close(after);
		assert_int_equal(before, after);
		world_release(&w);
	}
}

static void a_path_longer_than_the_kernel_takes_is_refused(void **state)
{
	for (int own = 0; own < 2; own++) {
		auto_free char *path = mem_zalloc(4097);
		struct err e = ERR_INIT;
		struct world w;

		(void)state;
		world_init(&w, own);
		memset(path, '/', 4096);
		memcpy(path, "dir", 3);
		memcpy(path + 4092, "file", 4);
		assert_int_equal(-1, fs_open_beneath(w.root, path, R, 0, FS_IN_ROOT, &e));
		assert_int_equal(ENAMETOOLONG, e.sys);
		world_release(&w);
	}
}

static void the_error_names_the_path(void **state)
{
	struct err e = ERR_INIT;
	struct world w;

	(void)state;
	world_init(&w, false);
	assert_int_equal(-1, fs_open_beneath(w.root, "dir/none", R, 0, FS_IN_ROOT, &e));
	assert_string_equal("open 'dir/none': No such file or directory", e.text);
	assert_int_equal(ERR_ABSENT, e.kind);
	world_release(&w);
}

static void assert_parent(struct world *w, const char *path, const char *dir, const char *name)
{
	struct err e = ERR_INIT;
	struct stat got, want;
	auto_free char *last = NULL;
	auto_close int fd = fs_open_parent(w->root, path, FS_IN_ROOT, &last, &e);

	assert_true(fd >= 0);
	assert_string_equal(name, last);
	assert_int_equal(0, fstat(fd, &got));
	assert_int_equal(0, fstatat(w->root, dir, &want, 0));
	assert_int_equal(want.st_ino, got.st_ino);
}

static void a_parent_is_opened_and_the_last_name_given(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, false);
	assert_parent(&w, "file", ".", "file");
	assert_parent(&w, "/file", ".", "file");
	assert_parent(&w, "dir/sub/deep", "dir/sub", "deep");
	assert_parent(&w, "abs-dir/new//", "dir", "new");
	assert_parent(&w, "to-file", ".", "to-file"); /* the link itself */
	world_release(&w);
}

static void what_has_no_parent_is_refused(void **state)
{
	static const char *const bad[] = { "", "/", "//", ".", "..", "dir/..", "dir/.", "dir/../" };
	struct world w;

	(void)state;
	world_init(&w, false);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		char *last = NULL;

		assert_int_equal(-1, fs_open_parent(w.root, bad[i], FS_IN_ROOT, &last, &e));
		assert_int_equal(ERR_INPUT, e.kind);
		assert_null(last);
	}
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_keeps_paths_inside),
		cmocka_unit_test(the_resolver_of_our_own_keeps_paths_inside),
		cmocka_unit_test(a_new_file_gets_the_mode_asked_for),
		cmocka_unit_test(no_descriptor_is_left_behind),
		cmocka_unit_test(a_path_longer_than_the_kernel_takes_is_refused),
		cmocka_unit_test(the_error_names_the_path),
		cmocka_unit_test(a_parent_is_opened_and_the_last_name_given),
		cmocka_unit_test(what_has_no_parent_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

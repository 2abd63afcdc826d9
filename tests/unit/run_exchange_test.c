/*
 * Trees that take each other's place: a directory of the test's is the root, another below it the
 * tree. Mount points are what the test says is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/run/exchange.h"
#include "oci/run/merged.h"
#include "tests/fakes/tmpdir.h"

struct world {
	struct tmpdir dir; /* the root */
	struct exchange_place place;
	int tree;
	struct exchange *x;
};

static char *own_path;

static int open_at(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void tree_fill(struct world *w)
{
	tmpdir_file(&w->dir, "own/tree/etc/hosts", "tree hosts");
	tmpdir_file(&w->dir, "own/tree/etc/os-release", "tree os");
	tmpdir_file(&w->dir, "own/tree/usr/bin/tool", "tree tool");
	tmpdir_file(&w->dir, "own/tree/app", "tree app");
}

/* The job's: /etc with a mounted hosts, /usr, /builds (a mount); the tree's in /own/tree. */
static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct tmpdir *t = &w->dir;

	tmpdir_init(t);
	tmpdir_file(t, "etc/hosts", "job hosts");
	tmpdir_file(t, "etc/passwd", "job passwd");
	tmpdir_file(t, "usr/bin/tool", "job tool");
	tmpdir_file(t, "builds/project/file", "context");
	tree_fill(w);
	assert_int_equal(chmod(t->path, 0755), 0);
	own_path = mem_printf("%s/own", t->path);
	w->place.root_fd = t->fd;
	w->place.own = own_path;
	w->place.own_fd = open_at(t->fd, "own");
	strv_add(&w->place.kept, "own");
	strv_add(&w->place.kept, "builds");
	strv_add(&w->place.kept, "etc/hosts");
	strv_add(&w->place.kept, "etc/nothing/here");
	strv_add(&w->place.files, "etc/hosts");
	w->tree = open_at(t->fd, "own/tree");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close(w->tree);
	close(w->place.own_fd);
	strv_release(&w->place.kept);
	strv_release(&w->place.files);
	tmpdir_release(&w->dir);
	free(own_path);
	free(w);
	return 0;
}

static void go_in(struct world *w)
{
	struct err e = ERR_INIT;

	if (exchange_in(&w->x, &w->place, w->tree, &e) < 0)
		fail_msg("%s", e.text);
}

static void go_out(struct world *w)
{
	struct err e = ERR_INIT;

	if (exchange_out(w->x, &e) < 0)
		fail_msg("%s", e.text);
}

static void text_is(const struct world *w, const char *name, const char *want)
{
	auto_free char *text = tmpdir_read(&w->dir, name);

	if (!text || strcmp(text, want) != 0)
		fail_msg("'%s' is '%s'", name, text ? text : "not there");
}

static void is_not_there(const struct world *w, const char *name)
{
	if (tmpdir_has(&w->dir, name))
		fail_msg("'%s' is there", name);
}

/* Name, kind, mode and mtime of all below dirfd but `without`, to be compared. */
static char *picture(int dirfd, const char *without)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(fstat(dirfd, &st), 0);
	buf_addf(&b, ". %o %lld.%ld\n", st.st_mode, (long long)st.st_mtim.tv_sec,
		 st.st_mtim.tv_nsec);
	assert_int_equal(walk_open(&walk, dirfd, &e), 0);
	while (walk_next(walk, &ent, &e) > 0) {
		if (without && strcmp(ent.path, without) == 0) {
			walk_skip(walk);
			continue;
		}
		buf_addf(&b, "%s %o %u %llu %lld.%ld\n", ent.path, ent.st.st_mode, ent.st.st_uid,
			 (unsigned long long)ent.st.st_ino, (long long)ent.st.st_mtim.tv_sec,
			 ent.st.st_mtim.tv_nsec);
	}
	return buf_steal(&b);
}

static void job_is_whole(const struct world *w)
{
	text_is(w, "etc/hosts", "job hosts");
	text_is(w, "etc/passwd", "job passwd");
	text_is(w, "usr/bin/tool", "job tool");
	text_is(w, "builds/project/file", "context");
	is_not_there(w, "app");
	is_not_there(w, "own/aside");
	is_not_there(w, "own/files");
	is_not_there(w, "own/trash");
	is_not_there(w, "own/journal.job");
	is_not_there(w, "own/journal.tree");
}

static void the_tree_comes_and_what_is_kept_stays(void **state)
{
	struct world *w = *state;

	go_in(w);
	text_is(w, "usr/bin/tool", "tree tool");
	text_is(w, "etc/os-release", "tree os");
	text_is(w, "app", "tree app");
	text_is(w, "etc/hosts", "job hosts");
	text_is(w, "builds/project/file", "context");
	is_not_there(w, "etc/passwd");
	text_is(w, "own/tree/etc/hosts", "tree hosts");
	go_out(w);
	job_is_whole(w);
}

static void both_are_as_they_were_to_the_nanosecond(void **state)
{
	struct world *w = *state;
	auto_free char *job = picture(w->dir.fd, "own");
	auto_free char *tree = picture(w->tree, NULL);
	auto_free char *job_after = NULL;
	auto_free char *tree_after = NULL;

	go_in(w);
	go_out(w);
	job_after = picture(w->dir.fd, "own");
	tree_after = picture(w->tree, NULL);
	assert_string_equal(job, job_after);
	assert_string_equal(tree, tree_after);
}

static void a_merged_directory_has_the_trees_mode_and_time_meanwhile(void **state)
{
	struct world *w = *state;
	const struct timespec times[2] = { { .tv_sec = 7 }, { .tv_sec = 1234567 } };
	struct stat st;

	assert_int_equal(fchmodat(w->tree, "etc", 01711, 0), 0);
	assert_int_equal(utimensat(w->tree, "etc", times, 0), 0);
	go_in(w);
	assert_int_equal(fstatat(w->dir.fd, "etc", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 01711);
	assert_int_equal(st.st_mtim.tv_sec, 1234567);
	assert_int_equal(fchmodat(w->dir.fd, "etc", 0700, 0), 0);
	go_out(w);
	assert_int_equal(fstatat(w->tree, "etc", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_mtim.tv_sec, 1234567);
	assert_int_equal(fstatat(w->dir.fd, "etc", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void what_is_made_in_merged_directories_goes_with_the_tree(void **state)
{
	struct world *w = *state;

	go_in(w);
	tmpdir_file(&w->dir, "etc/new", "made");
	tmpdir_file(&w->dir, "top/new", "made");
	tmpdir_file(&w->dir, "builds/new", "stays");
	assert_int_equal(unlinkat(w->dir.fd, "etc/os-release", 0), 0);
	go_out(w);
	job_is_whole(w);
	text_is(w, "own/tree/etc/new", "made");
	text_is(w, "own/tree/top/new", "made");
	text_is(w, "builds/new", "stays");
	is_not_there(w, "own/tree/etc/os-release");
	is_not_there(w, "own/tree/builds");
	is_not_there(w, "etc/new");
}

static void a_tree_without_the_directory_gets_it_only_for_what_is_made(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(fs_remove_tree(w->tree, "etc", &e), 0);
	go_in(w);
	text_is(w, "etc/hosts", "job hosts");
	is_not_there(w, "etc/passwd");
	go_out(w);
	is_not_there(w, "own/tree/etc");

	go_in(w);
	tmpdir_file(&w->dir, "etc/new", "made");
	go_out(w);
	text_is(w, "own/tree/etc/new", "made");
	job_is_whole(w);
}

static void a_link_in_the_trees_place_is_followed_inside_it(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(fs_remove_tree(w->tree, "etc", &e), 0);
	tmpdir_dir(&w->dir, "own/tree/private");
	tmpdir_link(&w->dir, "own/tree/etc", "/private");
	go_in(w);
	tmpdir_file(&w->dir, "etc/new", "made");
	go_out(w);
	job_is_whole(w);
	text_is(w, "own/tree/private/new", "made");
}

static void files_that_stay_get_their_bytes_back(void **state)
{
	struct world *w = *state;
	struct stat before, after;

	assert_int_equal(fstatat(w->dir.fd, "etc/hosts", &before, 0), 0);
	go_in(w);
	tmpdir_file(&w->dir, "etc/hosts", "something longer than before");
	go_out(w);
	assert_int_equal(fstatat(w->dir.fd, "etc/hosts", &after, 0), 0);
	assert_true(before.st_ino == after.st_ino);
	job_is_whole(w);
	text_is(w, "own/tree/etc/hosts", "tree hosts");

	go_in(w);
	assert_int_equal(unlinkat(w->dir.fd, "etc/hosts", 0), 0);
	go_out(w);
	job_is_whole(w);
}

static void a_file_that_was_made_something_else_is_one_again(void **state)
{
	struct world *w = *state;

	go_in(w);
	assert_int_equal(unlinkat(w->dir.fd, "etc/hosts", 0), 0);
	tmpdir_link(&w->dir, "etc/hosts", "/usr/bin/tool");
	go_out(w);
	job_is_whole(w);

	go_in(w);
	assert_int_equal(unlinkat(w->dir.fd, "etc/hosts", 0), 0);
	tmpdir_file(&w->dir, "etc/hosts/in/it", "of the RUN");
	go_out(w);
	job_is_whole(w);
}

static void a_file_that_was_linked_over_is_parted_from_the_trees(void **state)
{
	struct world *w = *state;
	struct stat st;

	go_in(w);
	assert_int_equal(unlinkat(w->dir.fd, "etc/hosts", 0), 0);
	assert_int_equal(linkat(w->dir.fd, "app", w->dir.fd, "etc/hosts", 0), 0);
	go_out(w);
	job_is_whole(w);
	text_is(w, "own/tree/app", "tree app");

	/* also with the same bytes: the next RUN would write to both */
	go_in(w);
	assert_int_equal(linkat(w->dir.fd, "etc/hosts", w->dir.fd, "etc/linked", 0), 0);
	go_out(w);
	job_is_whole(w);
	text_is(w, "own/tree/etc/linked", "job hosts");
	assert_int_equal(fstatat(w->dir.fd, "etc/hosts", &st, 0), 0);
	assert_int_equal(st.st_nlink, 1);
}

static void a_file_that_cannot_be_put_back_keeps_its_copy_and_the_others_come(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	strv_add(&w->place.kept, "builds/project/file");
	strv_add(&w->place.files, "builds/project/file");
	strv_add(&w->place.kept, "usr/bin/tool");
	strv_add(&w->place.files, "usr/bin/tool");
	go_in(w);
	/* its directory stays, being in a kept one: what replaces it is in the way */
	assert_int_equal(renameat(w->dir.fd, "builds/project", w->dir.fd, "builds/moved"), 0);
	tmpdir_link(&w->dir, "builds/project", "moved");
	tmpdir_file(&w->dir, "builds/moved/file", "of the RUN");
	tmpdir_file(&w->dir, "usr/bin/tool", "of the RUN");
	assert_int_equal(exchange_out(w->x, &e), -1);
	assert_non_null(strstr(e.text, "the job's own '/builds/project/file'"));
	text_is(w, "own/files/1", "context");
	text_is(w, "usr/bin/tool", "job tool");
	assert_int_equal(exchange_in(&w->x, &w->place, w->tree, &e), -1);

	/* and comes back when it can */
	assert_int_equal(unlinkat(w->dir.fd, "builds/project", 0), 0);
	assert_int_equal(renameat(w->dir.fd, "builds/moved", w->dir.fd, "builds/project"), 0);
	err_clear(&e);
	assert_int_equal(exchange_restore(&w->place, &e), 1);
	job_is_whole(w);
}

static int truncate_in(const struct world *w, const char *name, off_t size)
{
	auto_close int fd = openat(w->dir.fd, name, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : ftruncate(fd, size);
}

/* What this process has read so far; 0 where the kernel does not count. */
static unsigned long long bytes_read(void)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	const char *p;

	if (fs_read_file(AT_FDCWD, "/proc/self/io", &text, &e) < 0)
		return 0;
	p = strstr(buf_str(&text), "rchar: ");
	return p ? strtoull(p + strlen("rchar: "), NULL, 10) : 0;
}

static void of_a_file_that_has_become_huge_little_is_read(void **state)
{
	struct world *w = *state;
	const off_t huge = (off_t)1 << 30;
	unsigned long long before;

	go_in(w);
	assert_int_equal(truncate_in(w, "etc/hosts", huge), 0);
	before = bytes_read();
	go_out(w);
	assert_true(bytes_read() - before < 64u << 20);
	job_is_whole(w);
}

static void what_the_tree_has_in_a_kept_place_is_named_and_left_alone(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "own/tree/builds/image", "of the image");
	tmpdir_dir(&w->dir, "own/tree/own");
	go_in(w);
	assert_int_equal(exchange_hidden(w->x)->n, 1);
	assert_string_equal(exchange_hidden(w->x)->v[0], "/builds");
	is_not_there(w, "builds/image");
	go_out(w);
	text_is(w, "own/tree/builds/image", "of the image");
	job_is_whole(w);
}

static void a_merged_directory_that_was_moved_is_found_and_told(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	go_in(w);
	assert_int_equal(renameat(w->dir.fd, "etc", w->dir.fd, "usr/etc.old"), 0);
	tmpdir_file(&w->dir, "etc/other", "new");
	assert_int_equal(exchange_out(w->x, &e), -1);
	assert_non_null(strstr(e.text, "'/etc' was moved to"));
	job_is_whole(w);
}

static void a_merged_directory_that_was_removed_is_made_again(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	go_in(w);
	assert_int_equal(fs_remove_tree(w->dir.fd, "etc", &e), 0);
	tmpdir_link(&w->dir, "etc", "usr");
	go_out(w);
	job_is_whole(w);
}

static void entries_that_were_removed_aside_are_told(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	go_in(w);
	assert_int_equal(fs_remove_tree(w->dir.fd, "own/aside/0/usr", &e), 0);
	assert_int_equal(exchange_out(w->x, &e), -1);
	assert_non_null(strstr(e.text, "has lost 1 of its 1 entries"));
	text_is(w, "etc/passwd", "job passwd");
}

static void what_cannot_be_put_back_is_told_with_its_place(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	go_in(w);
	/* in the way, and in no merged directory's list: a kept name that comes to be */
	assert_int_equal(mkdirat(w->place.own_fd, "aside/0/builds", 0755), 0);
	assert_int_equal(unlinkat(w->place.own_fd, "aside/0/builds", AT_REMOVEDIR), 0);
	tmpdir_file(&w->dir, "own/aside/0/builds", "a file where a directory is");
	assert_int_equal(exchange_out(w->x, &e), -1);
	assert_non_null(strstr(e.text, "'/builds' lies in"));
	assert_non_null(strstr(e.text, "/own/aside/0/builds"));
	text_is(w, "usr/bin/tool", "job tool");
	assert_true(tmpdir_has(&w->dir, "own/journal.job"));
	assert_int_equal(exchange_in(&w->x, &w->place, w->tree, &e), -1);
	assert_non_null(strstr(e.text, "still elsewhere"));
}

/* -- ends at any moment ---------------------------------------------------------- */

static void restored(struct world *w, int want)
{
	struct err e = ERR_INIT;
	int r = exchange_restore(&w->place, &e);

	if (r < 0)
		fail_msg("%s", e.text);
	assert_int_equal(r, want);
	job_is_whole(w);
}

static void after_a_kill_inside_the_job_is_restored(void **state)
{
	struct world *w = *state;
	pid_t pid = fork();

	if (pid == 0) {
		go_in(w);
		tmpdir_file(&w->dir, "etc/new", "made");
		tmpdir_file(&w->dir, "etc/hosts", "edited");
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(tmpdir_has(&w->dir, "own/journal.tree"));
	restored(w, 1);
	restored(w, 0);
}

/* Killed while the list was being written: nothing has moved yet. */
static void a_list_that_was_not_written_to_its_end_goes_with_the_next(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "own/journal.new", "half of a li");
	restored(w, 0);
	assert_false(tmpdir_has(&w->dir, "own/journal.new"));
	tmpdir_file(&w->dir, "own/journal.new",
		    "half of a list, and longer than the one that comes");
	go_in(w);
	go_out(w);
	job_is_whole(w);
	assert_false(tmpdir_has(&w->dir, "own/journal.new"));
}

static void one_that_could_not_begin_leaves_nothing_of_its_own(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(mkdirat(w->place.own_fd, EXCHANGE_NEW, 0700), 0); /* where the list goes */
	assert_int_equal(exchange_in(&w->x, &w->place, w->tree, &e), -1);
	assert_non_null(strstr(e.text, EXCHANGE_NEW));
	job_is_whole(w);
}

static void after_a_kill_a_directory_that_became_a_link_is_made_again(void **state)
{
	struct world *w = *state;
	pid_t pid = fork();

	if (pid == 0) {
		go_in(w);
		if (renameat(w->dir.fd, "etc", w->dir.fd, "etc2") == 0 &&
		    symlinkat("etc2", w->dir.fd, "etc") == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	restored(w, 1);
	is_not_there(w, "etc2");
	restored(w, 0);
}

static int rename_in(const struct world *w, const char *from, const char *to)
{
	return renameat(w->dir.fd, from, w->dir.fd, to);
}

static int make_dir(const struct world *w, const char *name)
{
	return mkdirat(w->dir.fd, name, 0755);
}

/* Its mounts are in it; and the second time what is in its place is around it. */
static void after_a_kill_a_directory_that_was_moved_is_found(void **state)
{
	struct world *w = *state;
	struct stat before, after;

	tmpdir_file(&w->dir, "var/lib/state/file", "state");
	strv_add(&w->place.kept, "var/lib/state");
	assert_int_equal(fstatat(w->dir.fd, "etc", &before, 0), 0);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			go_in(w);
			if (i == 0 && rename_in(w, "etc", "usr/moved") == 0 &&
			    rename_in(w, "var/lib", "usr/moved/lib") == 0)
				kill(getpid(), SIGKILL);
			if (i == 1 && rename_in(w, "etc", "moved") == 0 &&
			    make_dir(w, "etc") == 0 && rename_in(w, "moved", "etc/old") == 0 &&
			    rename_in(w, "var", "etc/old/var") == 0)
				kill(getpid(), SIGKILL);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		restored(w, 1);
		text_is(w, "var/lib/state/file", "state");
		assert_int_equal(fstatat(w->dir.fd, "etc", &after, 0), 0);
		assert_true(before.st_ino == after.st_ino);
	}
	restored(w, 0);
}

/* In and out and in again, until it is stopped somewhere. */
static void killed_after(struct world *w, int usec)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;) {
			go_in(w);
			go_out(w);
		}
	}
	usleep((useconds_t)usec);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void after_a_kill_at_any_moment_the_job_is_restored(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	for (int i = 0; i < 50; i++) {
		killed_after(w, 300 + 97 * i % 2000);
		if (exchange_restore(&w->place, &e) < 0)
			fail_msg("%s", e.text);
		job_is_whole(w);
		tree_fill(w);
	}
}

static void an_interrupted_restoration_goes_on(void **state)
{
	struct world *w = *state;

	pid_t pid = fork();

	if (pid == 0) {
		go_in(w);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* half of it was done before, and then ended */
	tmpdir_dir(&w->dir, "own/trash/0");
	assert_int_equal(renameat(w->dir.fd, "usr", w->dir.fd, "own/trash/0/usr"), 0);
	assert_int_equal(renameat(w->dir.fd, "app", w->dir.fd, "own/trash/0/app"), 0);
	restored(w, 1);
}

static void a_journal_that_is_none_is_told(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	tmpdir_file(&w->dir, "own/journal.tree", "merged directories 2");
	assert_int_equal(exchange_restore(&w->place, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "/own/journal.tree"));
}

static void the_list_of_merged_directories_survives_as_text(void **state)
{
	struct world *w = *state;
	auto_merged struct merged m = { 0 };
	auto_merged struct merged again = { 0 };
	auto_buf struct buf a = BUF_INIT(MERGED_MAX);
	auto_buf struct buf b = BUF_INIT(MERGED_MAX);
	struct err e = ERR_INIT;

	tmpdir_file(&w->dir, "var/lib/a\nb/state", "");
	strv_add(&w->place.kept, "var/lib/a\nb/state");
	strv_add(&w->place.kept, "builds/project");
	assert_int_equal(merged_find(&m, w->dir.fd, &w->place.kept, &e), 0);
	assert_int_equal(m.nr, 5);
	assert_string_equal(m.v[1].path, "etc");
	assert_string_equal(m.v[4].path, "var/lib/a\nb");
	merged_encode(&a, &m);
	assert_int_equal(merged_decode(&again, buf_span(&a), &e), 0);
	merged_encode(&b, &again);
	assert_true(span_eq(buf_span(&a), buf_span(&b)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_tree_comes_and_what_is_kept_stays),
		TEST(both_are_as_they_were_to_the_nanosecond),
		TEST(a_merged_directory_has_the_trees_mode_and_time_meanwhile),
		TEST(what_is_made_in_merged_directories_goes_with_the_tree),
		TEST(a_tree_without_the_directory_gets_it_only_for_what_is_made),
		TEST(a_link_in_the_trees_place_is_followed_inside_it),
		TEST(files_that_stay_get_their_bytes_back),
		TEST(a_file_that_was_made_something_else_is_one_again),
		TEST(a_file_that_was_linked_over_is_parted_from_the_trees),
		TEST(a_file_that_cannot_be_put_back_keeps_its_copy_and_the_others_come),
		TEST(of_a_file_that_has_become_huge_little_is_read),
		TEST(what_the_tree_has_in_a_kept_place_is_named_and_left_alone),
		TEST(a_merged_directory_that_was_moved_is_found_and_told),
		TEST(a_merged_directory_that_was_removed_is_made_again),
		TEST(entries_that_were_removed_aside_are_told),
		TEST(what_cannot_be_put_back_is_told_with_its_place),
		TEST(after_a_kill_inside_the_job_is_restored),
		TEST(a_list_that_was_not_written_to_its_end_goes_with_the_next),
		TEST(one_that_could_not_begin_leaves_nothing_of_its_own),
		TEST(after_a_kill_a_directory_that_became_a_link_is_made_again),
		TEST(after_a_kill_a_directory_that_was_moved_is_found),
		TEST(after_a_kill_at_any_moment_the_job_is_restored),
		TEST(an_interrupted_restoration_goes_on),
		TEST(a_journal_that_is_none_is_told),
		TEST(the_list_of_merged_directories_survives_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Moving on overlayfs, which refuses to rename what a lower layer has. Needs the right to mount.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "oci/run/move.h"
#include "tests/fakes/tmpdir.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #cond);             \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void lower_fill(struct tmpdir *t)
{
	const struct timespec times[2] = { { .tv_sec = 5 }, { .tv_sec = 1000000 } };

	tmpdir_file(t, "lower/usr/bin/a", "text");
	CHECK(linkat(t->fd, "lower/usr/bin/a", t->fd, "lower/usr/bin/b", 0) == 0);
	tmpdir_dir(t, "lower/usr/lib");
	CHECK(linkat(t->fd, "lower/usr/bin/a", t->fd, "lower/usr/lib/c", 0) == 0);
	tmpdir_link(t, "lower/usr/lib64", "lib");
	CHECK(mkfifoat(t->fd, "lower/usr/fifo", 0640) == 0);
	CHECK(fchmodat(t->fd, "lower/usr/lib", 03775, 0) == 0);
	CHECK(utimensat(t->fd, "lower/usr/lib", times, 0) == 0);
	tmpdir_dir(t, "upper");
	tmpdir_dir(t, "work");
	tmpdir_dir(t, "merged");
}

/* As docker mounts a container's root. */
static void overlay(struct tmpdir *t)
{
	char options[512];

	snprintf(options, sizeof(options),
		 "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work,redirect_dir=off", t->path,
		 t->path, t->path);
	CHECK(tmpdir_own_mounts(t));
	CHECK(mount("overlay", "merged", "overlay", 0, options) == 0);
	tmpdir_dir(t, "merged/aside");
}

static void is_whole(int fd)
{
	struct stat a, b, c, lib, fifo;
	char link[8] = "";

	CHECK(fstatat(fd, "usr/bin/a", &a, 0) == 0 && a.st_size == 4);
	CHECK(fstatat(fd, "usr/bin/b", &b, 0) == 0 && fstatat(fd, "usr/lib/c", &c, 0) == 0);
	CHECK(a.st_ino == b.st_ino && a.st_ino == c.st_ino && a.st_nlink == 3);
	CHECK(fstatat(fd, "usr/lib", &lib, 0) == 0);
	CHECK((lib.st_mode & 07777) == 03775 && lib.st_mtim.tv_sec == 1000000);
	CHECK(readlinkat(fd, "usr/lib64", link, sizeof(link)) == 3);
	CHECK(fstatat(fd, "usr/fifo", &fifo, 0) == 0 && S_ISFIFO(fifo.st_mode));
}

static void lower_directory(struct tmpdir *t)
{
	auto_mover struct mover there = { 0 };
	auto_mover struct mover back = { 0 };
	struct err e = ERR_INIT;
	int root, aside;

	overlay(t);
	root = openat(t->fd, "merged", O_RDONLY | O_DIRECTORY);
	aside = openat(root, "aside", O_RDONLY | O_DIRECTORY);
	CHECK(root >= 0 && aside >= 0);
	mover_init(&there, root, aside);
	CHECK(move_entry(&there, "usr", &e) == 0);
	CHECK(there.was_by_hand && !tmpdir_has(t, "merged/usr"));
	is_whole(aside);
	/* all of it is in the upper layer by now */
	mover_init(&back, aside, root);
	CHECK(move_entry(&back, "usr", &e) == 0);
	CHECK(!back.was_by_hand);
	is_whole(root);
	CHECK(!tmpdir_has(t, "merged/aside/usr"));
}

static void half_of_it(struct tmpdir *t)
{
	auto_mover struct mover m = { 0 };
	struct err e = ERR_INIT;
	int root, aside;

	overlay(t);
	root = openat(t->fd, "merged", O_RDONLY | O_DIRECTORY);
	aside = openat(root, "aside", O_RDONLY | O_DIRECTORY);
	/* somebody was killed when one file and one name of another had been moved */
	tmpdir_dir(t, "merged/aside/usr/bin");
	CHECK(linkat(root, "usr/bin/a", aside, "usr/bin/a", 0) == 0);
	CHECK(renameat(root, "usr/fifo", aside, "usr/fifo") == 0);
	mover_init(&m, aside, root);
	CHECK(move_entry(&m, "usr", &e) == 0);
	CHECK(!tmpdir_has(t, "merged/aside/usr"));
	CHECK(tmpdir_has(t, "merged/usr/fifo") && tmpdir_has(t, "merged/usr/bin/a"));
}

static void in_child(void (*test)(struct tmpdir *t))
{
	auto_tmpdir struct tmpdir t;
	pid_t pid;
	int status;

	tmpdir_init(&t);
	lower_fill(&t);
	pid = fork();
	if (pid == 0) {
		test(&t);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_directory_of_a_lower_layer_is_moved_entry_by_entry(void **state)
{
	(void)state;
	in_child(lower_directory);
}

static void what_was_moved_by_half_is_moved_back(void **state)
{
	(void)state;
	in_child(half_of_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_of_a_lower_layer_is_moved_entry_by_entry),
		cmocka_unit_test(what_was_moved_by_half_is_moved_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

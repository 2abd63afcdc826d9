/* What a prune leaves when it does not come to its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "oci/build/cache_prune.h"
#include "tests/fakes/tmpdir.h"

static int removals_left = -1; /* after so many names nothing can be removed; -1: no end */

/* In place of the C library's: what is on the disk is then what a kill leaves. */
int unlinkat(int fd, const char *name, int flags)
{
	if (removals_left == 0) {
		errno = EIO;
		return -1;
	}
	removals_left -= removals_left > 0;
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

static void prune_midway(const struct tmpdir *t, int removals)
{
	const struct cache_prune all = { .age_ns = 0 };
	const struct op op = { .clock = &clock_system };
	struct cache_pruned got;
	struct err e = ERR_INIT;
	int r;

	/* each try at a directory as a file fails by itself, and counts */
	removals_left = removals;
	r = cache_prune(&got, &op, t->path, &all, &e);
	removals_left = -1;
	assert_int_equal(r, -1);
}

static void fill(struct tmpdir *t, const char *dir)
{
	static const char *const names[] = { "a", "b/c", "d" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[64];

		assert_true(snprintf(path, sizeof(path), "%s/%s", dir, names[i]) > 0);
		tmpdir_file(t, path, "text");
	}
}

static void half_a_directory_is_never_in_its_place(void **state)
{
	static const char *const dirs[] = { "cache/trees/0a", "cache/mounts/0a" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		for (int removals = 0; removals < 5; removals++) {
			auto_tmpdir struct tmpdir t;

			tmpdir_init(&t);
			fill(&t, dirs[i]);
			prune_midway(&t, removals);
			assert_false(tmpdir_has(&t, dirs[i]));
		}
	}
}

static void what_a_killed_prune_left_goes_with_any_next(void **state)
{
	const struct op op = { .clock = &clock_system };
	const struct cache_prune old = { .age_ns = INT64_C(3600000000000) };
	struct cache_pruned got;
	struct err e = ERR_INIT;

	(void)state;
	for (int at_end = 0; at_end < 2; at_end++) {
		auto_tmpdir struct tmpdir t;

		tmpdir_init(&t);
		fill(&t, "cache/trees/0a");
		prune_midway(&t, 3);
		assert_true(tmpdir_has(&t, "cache/trees/.gone-0a"));
		fill(&t, "cache/trees/0a"); /* unpacked anew */
		if (at_end)
			cache_prune_to_limit(&op, t.path, 1 << 30);
		else
			assert_int_equal(cache_prune(&got, &op, t.path, &old, &e), 0);
		assert_false(tmpdir_has(&t, "cache/trees/.gone-0a"));
		assert_true(tmpdir_has(&t, "cache/trees/0a/b/c"));
	}
}

static void a_directory_goes_though_one_of_its_name_was_left(void **state)
{
	const struct op op = { .clock = &clock_system };
	const struct cache_prune all = { .age_ns = 0 };
	struct cache_pruned got;
	struct err e = ERR_INIT;
	auto_tmpdir struct tmpdir t;

	(void)state;
	tmpdir_init(&t);
	fill(&t, "cache/trees/0a");
	prune_midway(&t, 3);
	fill(&t, "cache/trees/0a");
	if (cache_prune(&got, &op, t.path, &all, &e) < 0)
		fail_msg("%s", e.text);
	assert_false(tmpdir_has(&t, "cache/trees/0a"));
	assert_false(tmpdir_has(&t, "cache/trees/.gone-0a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_a_directory_is_never_in_its_place),
		cmocka_unit_test(what_a_killed_prune_left_goes_with_any_next),
		cmocka_unit_test(a_directory_goes_though_one_of_its_name_was_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

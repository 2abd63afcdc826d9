/* Allocation that succeeds or ends the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "base/mem.h"

static void nothing_is_still_a_pointer(void **state)
{
	auto_free void *a = mem_alloc(0);
	auto_free void *b = mem_zalloc(0);
	auto_free void *c = mem_resize(NULL, 0, 8);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
}

static void zalloc_is_zeroed(void **state)
{
	auto_free unsigned char *p = mem_zalloc(4096);

	(void)state;
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(0, p[i]);
}

static void grow_keeps_what_is_there(void **state)
{
	auto_free int *v = NULL;
	size_t n = 0, cap = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		MEM_GROW(v, n, cap);
		v[n++] = i;
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(i, v[i]);
	assert_int_equal(128, cap);
}

static void copies_of_strings(void **state)
{
	auto_free char *a = mem_strdup("abc");
	auto_free char *b = mem_strndup("abc", 2);
	auto_free char *c = mem_printf("%s-%d", "x", 7);

	(void)state;
	assert_string_equal("abc", a);
	assert_string_equal("ab", b);
	assert_string_equal("x-7", c);
	assert_null(mem_strdup(NULL));
}

/* The kernel has a huge page only for what begins at one. */
static void what_is_large_begins_at_a_huge_page(void **state)
{
	const size_t huge = 2u << 20, sizes[] = { huge, huge + 1, 3 * huge - 1 };
	char *small = mem_alloc_large(huge - 1);

	(void)state;
	memset(small, 1, huge - 1);
	free(small);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *p = mem_alloc_large(sizes[i]);

		assert_int_equal(0, (uintptr_t)p % huge);
		memset(p, 1, sizes[i]);
		free(p);
	}
}

/* In a child, with its standard error on a pipe. */
static void without_memory_the_program_ends_with_one_line(void **state)
{
	char said[64] = "";
	int status, p[2];
	pid_t pid;

	(void)state;
	assert_int_equal(0, pipe(p));
	pid = fork();
	if (pid == 0) {
		dup2(p[1], STDERR_FILENO);
		/* the product overflows, so no allocator is even asked */
		_exit(mem_resize(NULL, SIZE_MAX / 2, 4) ? 0 : 2);
	}
	close(p[1]);
	assert_true(read(p[0], said, sizeof(said) - 1) > 0);
	close(p[0]);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_string_equal("out of memory\n", said);
	assert_true(WIFEXITED(status));
	assert_int_equal(1, WEXITSTATUS(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_still_a_pointer),
		cmocka_unit_test(zalloc_is_zeroed),
		cmocka_unit_test(grow_keeps_what_is_there),
		cmocka_unit_test(copies_of_strings),
		cmocka_unit_test(what_is_large_begins_at_a_huge_page),
		cmocka_unit_test(without_memory_the_program_ends_with_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Holders and takers of "/". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/rootdir.h"

static atomic_int inside, seen_wrong;

static void *hold(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++) {
		rootdir_hold();
		rootdir_hold(); /* what holds it may call what holds it */
		if (atomic_load(&inside))
			atomic_fetch_add(&seen_wrong, 1);
		rootdir_release();
		if (atomic_load(&inside))
			atomic_fetch_add(&seen_wrong, 1);
		rootdir_release();
	}
	return NULL;
}

static void *take(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++) {
		rootdir_take();
		if (atomic_fetch_add(&inside, 1) || !rootdir_is_taken())
			atomic_fetch_add(&seen_wrong, 1);
		atomic_fetch_sub(&inside, 1);
		rootdir_give();
	}
	return NULL;
}

static void nobody_holds_it_while_it_is_taken(void **state)
{
	pthread_t t[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, i < 2 ? hold : take, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
	assert_int_equal(atomic_load(&seen_wrong), 0);
	assert_false(rootdir_is_taken());
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nobody_holds_it_while_it_is_taken) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

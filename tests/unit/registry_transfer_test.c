#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "base/cancel.h"
#include "base/pool.h"
#include "registry/transfer.h"
#include "tests/fakes/fake_clock.h"

#define N 20

struct work {
	atomic_int done[N];
	atomic_int running, most;
	size_t fails_at; /* N: never */
};

static int work_one(void *arg, size_t i, struct err *e)
{
	struct work *w = arg;
	int now = atomic_fetch_add(&w->running, 1) + 1;
	int most = atomic_load(&w->most);

	while (now > most && !atomic_compare_exchange_weak(&w->most, &most, now))
		;
	usleep(200);
	atomic_fetch_add(&w->done[i], 1);
	atomic_fetch_sub(&w->running, 1);
	return i >= w->fails_at ? err_set(e, ERR_DENIED, "item %zu", i) : 0;
}

static int run(struct work *w, struct op *op, unsigned jobs, struct err *e)
{
	const struct registry_transfer t = { .jobs = jobs, .n = N, .one = work_one, .arg = w };

	return registry_transfer_run(op, &t, e);
}

static void everything_is_done_once_and_no_more_than_jobs_at_once(void **state)
{
	auto_pool struct pool *pool = NULL;
	struct work w = { .fails_at = N };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, pool_new(&pool, 6, &e));
	struct op op = { .pool = pool };

	assert_int_equal(0, run(&w, &op, 2, &e));
	for (size_t i = 0; i < N; i++)
		assert_int_equal(1, w.done[i]);
	assert_in_range(w.most, 1, 2);
}

static void without_a_pool_it_is_done_here(void **state)
{
	struct work w = { .fails_at = N };
	struct err e = ERR_INIT;
	struct op op = { 0 };

	(void)state;
	assert_int_equal(0, run(&w, &op, 4, &e));
	assert_int_equal(1, w.done[N - 1]);
	assert_int_equal(1, w.most);
}

static void after_a_failure_nothing_is_begun_and_the_first_is_told(void **state)
{
	struct work w = { .fails_at = 3 };
	struct err e = ERR_INIT;
	struct op op = { 0 };

	(void)state;
	assert_int_equal(-1, run(&w, &op, 4, &e));
	assert_int_equal(ERR_DENIED, e.kind);
	assert_string_equal("item 3", e.text);
	assert_int_equal(0, w.done[4]);
}

static void a_cancelled_transfer_begins_nothing(void **state)
{
	struct work w = { .fails_at = N };
	struct err e = ERR_INIT;
	struct cancel cn;

	(void)state;
	assert_int_equal(0, cancel_init(&cn, &e));
	cancel_set(&cn, 15);
	struct op op = { .cancel = &cn };

	assert_int_equal(-1, run(&w, &op, 1, &e));
	assert_int_equal(ERR_CANCELLED, e.kind);
	assert_int_equal(0, w.done[0]);
	cancel_release(&cn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_done_once_and_no_more_than_jobs_at_once),
		cmocka_unit_test(without_a_pool_it_is_done_here),
		cmocka_unit_test(after_a_failure_nothing_is_begun_and_the_first_is_told),
		cmocka_unit_test(a_cancelled_transfer_begins_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

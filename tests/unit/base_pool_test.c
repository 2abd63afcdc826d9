#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"

static void count_one(void *item)
{
	atomic_fetch_add((atomic_int *)item, 1);
}

static struct pool *pool_of(unsigned n)
{
	struct err e = ERR_INIT;
	struct pool *p = NULL;

	if (pool_new(&p, n, &e) < 0)
		fail_msg("%s", e.text);
	return p;
}

static void every_item_has_run_when_the_wait_returns(void **state)
{
	auto_pool struct pool *p = pool_of(4);
	struct pool_batch b;
	atomic_int n = 0;

	(void)state;
	assert_int_equal(4, pool_workers(p));
	pool_batch_init(&b, p);
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < 1000; i++)
			pool_submit(&b, count_one, &n);
		pool_batch_wait(&b);
		assert_int_equal(1000 * round, n);
	}
}

struct meeting {
	pthread_barrier_t all;
	atomic_int met;
};

static void meet(void *item)
{
	struct meeting *m = item;

	/* nobody gets past until all have come: one worker alone would hang here */
	pthread_barrier_wait(&m->all);
	atomic_fetch_add(&m->met, 1);
}

static void items_run_side_by_side(void **state)
{
	auto_pool struct pool *p = pool_of(3);
	struct meeting m = { .met = 0 };
	struct pool_batch b;

	(void)state;
	pthread_barrier_init(&m.all, NULL, 3);
	pool_batch_init(&b, p);
	for (int i = 0; i < 3; i++)
		pool_submit(&b, meet, &m);
	pool_batch_wait(&b);
	assert_int_equal(3, m.met);
	pthread_barrier_destroy(&m.all);
}

static void two_batches_do_not_wait_for_each_other(void **state)
{
	auto_pool struct pool *p = pool_of(2);
	struct meeting m = { .met = 0 };
	struct pool_batch slow, quick;
	atomic_int n = 0;

	(void)state;
	pthread_barrier_init(&m.all, NULL, 2);
	pool_batch_init(&slow, p);
	pool_batch_init(&quick, p);
	pool_submit(&slow, meet, &m); /* stays inside until we come too */
	pool_submit(&quick, count_one, &n);
	pool_batch_wait(&quick);
	assert_int_equal(1, n);
	assert_int_equal(0, m.met);
	meet(&m);
	pool_batch_wait(&slow);
	assert_int_equal(2, m.met);
	pthread_barrier_destroy(&m.all);
}

static void freeing_runs_what_is_still_queued(void **state)
{
	struct pool *p = pool_of(1);
	struct pool_batch b;
	atomic_int n = 0;

	(void)state;
	pool_batch_init(&b, p);
	for (int i = 0; i < 100; i++)
		pool_submit(&b, count_one, &n);
	pool_free(p);
	assert_int_equal(100, n);
	pool_free(NULL);
}

static void without_a_pool_the_caller_does_the_work(void **state)
{
	struct pool_batch b;
	atomic_int n = 0;

	(void)state;
	pool_batch_init(&b, NULL);
	pool_submit(&b, count_one, &n);
	assert_int_equal(1, n);
	pool_batch_wait(&b);
	assert_int_equal(1, pool_workers(NULL));
}

static void look_at_signals(void *item)
{
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	*(bool *)item = sigismember(&now, SIGINT) == 1 && sigismember(&now, SIGTERM) == 1;
}

static void workers_take_no_signals_and_the_caller_still_does(void **state)
{
	auto_pool struct pool *p = pool_of(1);
	struct pool_batch b;
	bool blocked = false, mine = true;

	(void)state;
	pool_batch_init(&b, p);
	pool_submit(&b, look_at_signals, &blocked);
	pool_batch_wait(&b);
	look_at_signals(&mine);
	assert_true(blocked);
	assert_false(mine);
}

/* What a worker does that shares its work out: all parts, though no other worker is there. */
struct shared_work {
	struct pool *pool;
	int taken_back;
};

static void share_out(void *item)
{
	struct shared_work *w = item;
	struct pool_batch b;
	atomic_int part[3] = { 0 };

	pool_batch_init(&b, w->pool);
	for (int i = 0; i < 3; i++)
		pool_submit(&b, count_one, &part[i]);
	for (int i = 0; i < 3; i++) {
		if (pool_take_back(&b, &part[i]))
			w->taken_back++;
		else
			pool_await(&b, &part[i]);
	}
	assert_int_equal(0, b.pending);
	assert_false(pool_take_back(&b, &part[0]));
}

static void a_worker_takes_back_what_nobody_has_begun(void **state)
{
	auto_pool struct pool *p = pool_of(1);
	struct shared_work w = { .pool = p };
	struct pool_batch b;
	atomic_int n = 0;

	(void)state;
	pool_batch_init(&b, p);
	pool_submit(&b, share_out, &w);
	for (int i = 0; i < 3; i++)
		pool_submit(&b, count_one, &n); /* the queue is whole afterwards */
	pool_batch_wait(&b);
	assert_int_equal(3, w.taken_back);
	assert_int_equal(3, n);
	pool_submit(&b, count_one, &n);
	pool_batch_wait(&b);
	assert_int_equal(4, n);
}

static void what_runs_is_not_taken_back_but_can_be_awaited(void **state)
{
	auto_pool struct pool *p = pool_of(1);
	struct meeting m = { .met = 0 };
	struct pool_batch b;
	atomic_int n = 0;

	(void)state;
	pthread_barrier_init(&m.all, NULL, 2);
	pool_batch_init(&b, p);
	pool_submit(&b, meet, &m);
	pool_submit(&b, count_one, &n);
	pthread_barrier_wait(&m.all); /* so the first one has been begun */
	assert_false(pool_take_back(&b, &m));
	pool_await(&b, &m);
	assert_int_equal(1, m.met);
	pool_await(&b, &n);
	assert_int_equal(1, n);
	pthread_barrier_destroy(&m.all);
}

static void a_pool_has_at_least_one_worker(void **state)
{
	auto_pool struct pool *p = pool_of(0);

	(void)state;
	assert_int_equal(1, pool_workers(p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_item_has_run_when_the_wait_returns),
		cmocka_unit_test(items_run_side_by_side),
		cmocka_unit_test(two_batches_do_not_wait_for_each_other),
		cmocka_unit_test(freeing_runs_what_is_still_queued),
		cmocka_unit_test(without_a_pool_the_caller_does_the_work),
		cmocka_unit_test(workers_take_no_signals_and_the_caller_still_does),
		cmocka_unit_test(a_worker_takes_back_what_nobody_has_begun),
		cmocka_unit_test(what_runs_is_not_taken_back_but_can_be_awaited),
		cmocka_unit_test(a_pool_has_at_least_one_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

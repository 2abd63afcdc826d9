/* A source read ahead on a pool gives what the source gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* With the source here a worker can be held where it has left the lock. */
static int unlock_and_linger(pthread_mutex_t *lock);
#define pthread_mutex_unlock unlock_and_linger
#include "base/ahead.c"
#undef pthread_mutex_unlock

#include "base/mem.h"

#define LONG ((size_t)3 << 20)

/* Numbers, so that a piece that is lost or comes twice shows; fails or ends where it is told. */
struct number_source {
	struct source base;
	uint32_t next, end;
	bool fails;
	size_t after_end; /* reads */
};

static ssize_t number_read(struct source *base, void *to, size_t n, struct err *e)
{
	struct number_source *s = CONTAINER_OF(base, struct number_source, base);
	size_t want = n / sizeof(s->next), i;

	if (s->next == s->end) {
		s->after_end++;
		return s->fails ? err_set(e, ERR_CORRUPT, "at %u", s->next) : 0;
	}
	for (i = 0; i < want && i < 5000 && s->next < s->end; i++, s->next++)
		memcpy((char *)to + i * sizeof(s->next), &s->next, sizeof(s->next));
	return (ssize_t)(i * sizeof(s->next));
}

static struct source *numbers(struct number_source *s, uint32_t end)
{
	*s = (struct number_source){ .base.read = number_read, .end = end };
	return &s->base;
}

static struct pool *pool_of(unsigned n)
{
	struct pool *p = NULL;
	struct err e = ERR_INIT;

	if (n)
		assert_int_equal(0, pool_new(&p, n, &e));
	return p;
}

/* The numbers that came before the end or the error; step: read at once. */
static uint32_t read_all(struct source *in, size_t step, int *r, struct err *e)
{
	auto_buf struct buf got = BUF_INIT(4 * LONG);
	auto_free char *piece = mem_alloc(step);
	ssize_t n;

	while ((n = source_read(in, piece, step, e)) > 0)
		buf_add(&got, piece, (size_t)n);
	*r = (int)n;
	for (uint32_t i = 0; i < got.len / sizeof(i); i++)
		assert_memory_equal(got.data + i * sizeof(i), &i, sizeof(i));
	return (uint32_t)(got.len / sizeof(uint32_t));
}

static void what_is_below_comes_out_whole(void **state)
{
	static const uint32_t ends[] = { 0, 1, 65536, 65537, LONG / 4 };

	(void)state;
	for (unsigned workers = 0; workers <= 2; workers++)
		for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
			auto_pool struct pool *p = pool_of(workers);
			struct number_source in;
			struct ahead_source s;
			struct err e = ERR_INIT;
			int r;

			ahead_source_init(&s, numbers(&in, ends[i]), p);
			assert_int_equal(ends[i], read_all(&s.base, 7001, &r, &e));
			assert_int_equal(0, r);
			assert_int_equal(0, source_read(&s.base, &r, 1, &e));
			assert_int_equal(1, in.after_end);
			ahead_source_release(&s);
			ahead_source_release(&s);
		}
}

static void an_error_comes_behind_what_came_before_it(void **state)
{
	(void)state;
	for (unsigned workers = 0; workers <= 2; workers++) {
		auto_pool struct pool *p = pool_of(workers);
		struct number_source in;
		struct ahead_source s;
		struct err e = ERR_INIT;
		int r;

		ahead_source_init(&s, numbers(&in, 100000), p);
		in.fails = true;
		assert_int_equal(100000, read_all(&s.base, 10000, &r, &e));
		assert_int_equal(-1, r);
		assert_string_equal("at 100000", e.text);
		ahead_source_release(&s);
	}
}

static void it_can_be_given_up(void **state)
{
	(void)state;
	for (size_t bytes = 1; bytes < LONG; bytes *= 100) {
		auto_pool struct pool *p = pool_of(2);
		auto_free char *piece = mem_alloc(bytes);
		struct number_source in;
		struct ahead_source s;
		struct err e = ERR_INIT;

		ahead_source_init(&s, numbers(&in, LONG / 4), p);
		assert_int_equal(0, source_read_full(&s.base, piece, bytes, &e));
		ahead_source_release(&s);
	}
}

static void read_in_a_worker(void *item)
{
	struct number_source in;
	struct ahead_source s;
	struct err e = ERR_INIT;
	int r;

	ahead_source_init(&s, numbers(&in, LONG / 4), item);
	assert_int_equal(LONG / 4, read_all(&s.base, 10000, &r, &e));
	ahead_source_release(&s);
}

/* All workers read: nobody is there to fill pieces for them. */
static void workers_may_read(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 2; workers++) {
		auto_pool struct pool *p = pool_of(workers);
		struct pool_batch b;

		pool_batch_init(&b, p);
		for (int i = 0; i < 4; i++)
			pool_submit(&b, read_in_a_worker, p);
		pool_batch_wait(&b);
	}
}

/* The worker that has filled all, and has not yet told the pool so. */
static struct {
	bool is_on;
	pthread_t reader;
	atomic_bool is_there, is_released, is_past;
} worker;

static void rest_ms(long ms)
{
	const struct timespec pause = { .tv_nsec = ms * 1000000 };

	nanosleep(&pause, NULL);
}

static int unlock_and_linger(pthread_mutex_t *lock)
{
	bool is_it = worker.is_on && !pthread_equal(pthread_self(), worker.reader) &&
		     !CONTAINER_OF(lock, struct ahead, lock)->is_filling && !worker.is_there;
	int r = pthread_mutex_unlock(lock);

	if (is_it) {
		worker.is_there = true;
		while (!worker.is_released)
			rest_ms(1);
		rest_ms(20); /* time for a release that does not wait */
		worker.is_past = true;
	}
	return r;
}

static void a_worker_on_its_way_out_is_waited_for(void **state)
{
	auto_pool struct pool *p = pool_of(1);
	struct number_source in;
	struct ahead_source s;
	struct err e = ERR_INIT;
	char piece[1 << 10];

	(void)state;
	worker.reader = pthread_self();
	worker.is_on = true;
	ahead_source_init(&s, numbers(&in, LONG / 4), p);
	assert_int_equal(0, source_read_full(&s.base, piece, 1, &e));
	while (!worker.is_there)
		rest_ms(1);
	while (!s.a->is_filling) /* until it is sent again */
		assert_int_equal(0, source_read_full(&s.base, piece, sizeof(piece), &e));
	worker.is_released = true;
	ahead_source_release(&s);
	assert_true(worker.is_past);
	worker.is_on = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_below_comes_out_whole),
		cmocka_unit_test(an_error_comes_behind_what_came_before_it),
		cmocka_unit_test(it_can_be_given_up),
		cmocka_unit_test(workers_may_read),
		cmocka_unit_test(a_worker_on_its_way_out_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

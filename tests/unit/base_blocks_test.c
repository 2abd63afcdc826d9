/* Blocks packed side by side, by a format whose results can be read: "<abcd>" for each block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/blocks.h"
#include "base/mem.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"

static atomic_int states, packed; /* open now; calls */

static void *toy_open(int level)
{
	atomic_fetch_add(&states, 1);
	assert_int_equal(7, level);
	return mem_zalloc(1);
}

static void toy_close(void *state)
{
	atomic_fetch_sub(&states, 1);
	free(state);
}

static size_t toy_bound(void *state, size_t n)
{
	assert_non_null(state);
	return n + 2;
}

/* Blocks differ in how long they take, so that they are done in another order. */
static size_t toy_pack(void *state, void *out, size_t room, struct span in)
{
	char *p = out;

	assert_non_null(state);
	assert_true(room >= in.n + 2);
	atomic_fetch_add(&packed, 1);
	if (in.n && in.p[0] == 'a')
		usleep(2000);
	p[0] = '<';
	if (in.n)
		memcpy(p + 1, in.p, in.n);
	p[in.n + 1] = '>';
	return in.n + 2;
}

static const struct block_format toy = {
	.block = 4, .open = toy_open, .close = toy_close, .bound = toy_bound, .pack = toy_pack
};

static void pack(struct buf *out, struct pool *pool, struct span in, size_t step)
{
	struct err e = ERR_INIT;
	struct block_sink s;
	struct buf_sink to;
	struct sink *k = block_sink_init(&s, buf_sink_init(&to, out), &toy, 7, pool);

	for (; in.n; in = span_sub(in, step)) {
		struct span piece = span_head(in, step);

		assert_int_equal(0, sink_write(k, piece.p, piece.n, &e));
	}
	assert_int_equal(0, block_sink_finish(&s, &e));
	block_sink_release(&s); /* once more is fine */
}

static void assert_packs(const char *want, struct span in)
{
	for (unsigned workers = 0; workers <= 8; workers = workers ? 2 * workers : 1) {
		auto_pool struct pool *p = NULL;
		struct err e = ERR_INIT;

		if (workers)
			assert_int_equal(0, pool_new(&p, workers, &e));
		for (size_t step = 1; step <= 9; step++) {
			auto_buf struct buf got = BUF_INIT(BUF_SMALL);

			pack(&got, p, in, step);
			assert_int_equal(0, states);
			assert_string_equal(want, buf_str(&got));
		}
	}
}

static void blocks_come_in_order_whoever_packs_them(void **state)
{
	(void)state;
	assert_packs("<abcd><efgh><ijkl><mnop><qrst><uvwx><yz>", SPAN_LIT(LETTERS));
}

static void what_fills_a_block_is_one_block(void **state)
{
	(void)state;
	assert_packs("<abcd>", SPAN_LIT("abcd"));
	assert_packs("<abcd><efgh>", SPAN_LIT("abcdefgh"));
}

static void nothing_is_one_empty_block(void **state)
{
	(void)state;
	assert_packs("<>", SPAN_LIT(""));
}

static struct pool *pool_of(unsigned n)
{
	struct pool *p = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(0, pool_new(&p, n, &e));
	return p;
}

struct writer {
	struct pool *pool;
	struct buf out;
};

static void write_letters(void *item)
{
	struct writer *w = item;

	w->out = BUF_INIT(BUF_SMALL);
	for (int i = 0; i < 20; i++)
		pack(&w->out, w->pool, SPAN_LIT("efghijkl"), 3);
}

/* More writers than workers, all of them workers: they would wait for each other for ever. */
static void workers_may_write(void **state)
{
	struct writer w[6];

	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		auto_pool struct pool *p = pool_of(workers);
		struct pool_batch b;

		pool_batch_init(&b, p);
		for (size_t i = 0; i < ARRAY_LEN(w); i++) {
			w[i].pool = p;
			pool_submit(&b, write_letters, &w[i]);
		}
		pool_batch_wait(&b);
		for (size_t i = 0; i < ARRAY_LEN(w); i++) {
			assert_int_equal(20 * 12, w[i].out.len);
			buf_release(&w[i].out);
		}
	}
}

static void a_full_sink_below_fails_the_write_or_the_end(void **state)
{
	auto_pool struct pool *p = pool_of(2);

	(void)state;
	for (size_t room = 0; room < sizeof("<abcd><efgh><ij>") - 1; room++) {
		auto_buf struct buf small = BUF_INIT(room);
		struct err e = ERR_INIT;
		struct block_sink s;
		struct buf_sink to;

		block_sink_init(&s, buf_sink_init(&to, &small), &toy, 7, p);
		assert_true(sink_write(&s.base, "abcdefghij", 10, &e) < 0 ||
			    block_sink_finish(&s, &e) < 0);
		assert_int_equal(ERR_INPUT, e.kind);
		block_sink_release(&s);
		assert_int_equal(0, states);
	}
}

static void occupy(void *item)
{
	pthread_barrier_wait(item);
	pthread_barrier_wait(item);
}

static void a_stream_that_is_given_up_packs_no_more(void **state)
{
	auto_pool struct pool *p = pool_of(1);
	struct err e = ERR_INIT;
	pthread_barrier_t busy;
	struct block_sink s;
	struct pool_batch b;

	(void)state;
	pthread_barrier_init(&busy, NULL, 2);
	pool_batch_init(&b, p);
	pool_submit(&b, occupy, &busy);
	pthread_barrier_wait(&busy);
	block_sink_init(&s, NULL, &toy, 7, p);
	packed = 0;
	assert_int_equal(0, sink_write(&s.base, "efgh", 4, &e));
	assert_int_equal(1, s.nr);
	assert_int_equal(0, sink_write(&s.base, "ij", 2, &e));
	block_sink_release(&s);
	assert_int_equal(0, packed);
	pthread_barrier_wait(&busy);
	pool_batch_wait(&b);
	pthread_barrier_destroy(&busy);
}

static void a_writer_that_nobody_helps_keeps_two_blocks(void **state)
{
	auto_pool struct pool *p = pool_of(8);
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	pthread_barrier_t busy;
	struct block_sink s;
	struct buf_sink to;
	struct pool_batch b;

	(void)state;
	pthread_barrier_init(&busy, NULL, 9);
	pool_batch_init(&b, p);
	for (int i = 0; i < 8; i++)
		pool_submit(&b, occupy, &busy);
	pthread_barrier_wait(&busy);
	block_sink_init(&s, buf_sink_init(&to, &got), &toy, 7, p);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(0, sink_write(&s.base, "efgh", 4, &e));
		assert_true(s.nr <= 2);
	}
	assert_int_equal(0, block_sink_finish(&s, &e));
	assert_int_equal(60, got.len);
	pthread_barrier_wait(&busy);
	pool_batch_wait(&b);
	pthread_barrier_destroy(&busy);
}

/* -- how much room a block takes ------------------------------------------------------------ */

static size_t most_room; /* that was asked for */

static size_t large_bound(void *state, size_t n)
{
	if (n > most_room)
		most_room = n;
	return toy_bound(state, n);
}

static const struct block_format large = { .block = 1u << 20,
					   .open = toy_open,
					   .close = toy_close,
					   .bound = large_bound,
					   .pack = toy_pack };

static void assert_room(size_t bytes, size_t want)
{
	auto_buf struct buf got = BUF_INIT(4u << 20);
	auto_free char *in = mem_alloc(bytes);
	struct err e = ERR_INIT;
	struct block_sink s;
	struct buf_sink to;

	for (size_t i = 0; i < bytes; i++)
		in[i] = (char)('b' + i % 13);
	most_room = 0;
	block_sink_init(&s, buf_sink_init(&to, &got), &large, 7, NULL);
	for (size_t at = 0; at < bytes; at += 1000)
		assert_int_equal(
			0, sink_write(&s.base, in + at, bytes - at < 1000 ? bytes - at : 1000, &e));
	assert_int_equal(0, block_sink_finish(&s, &e));
	assert_int_equal(most_room, want);
	assert_int_equal(got.len, bytes + 2);
	assert_memory_equal(got.data + 1, in,
			    bytes); /* nothing is lost on the way from room to room */
}

static void what_is_short_takes_little_room(void **state)
{
	(void)state;
	assert_room(10, 16u << 10);
	assert_room(16u << 10, 16u << 10);
	assert_room((16u << 10) + 1, 256u << 10);
	assert_room((256u << 10) + 1, 1u << 20);
	assert_room(1u << 20, 1u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_come_in_order_whoever_packs_them),
		cmocka_unit_test(what_fills_a_block_is_one_block),
		cmocka_unit_test(nothing_is_one_empty_block),
		cmocka_unit_test(workers_may_write),
		cmocka_unit_test(a_full_sink_below_fails_the_write_or_the_end),
		cmocka_unit_test(a_stream_that_is_given_up_packs_no_more),
		cmocka_unit_test(a_writer_that_nobody_helps_keeps_two_blocks),
		cmocka_unit_test(what_is_short_takes_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

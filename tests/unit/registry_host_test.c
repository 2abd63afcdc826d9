#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/pool.h"
#include "registry/host.h"

struct question {
	struct registry_host *host;
	atomic_bool is_asked;
	bool is_known;
	struct oci_digest blob;
};

static void ask(void *item)
{
	struct question *q = item;

	q->is_asked = true;
	q->is_known = registry_host_sent(&q->blob, q->host, "a/b");
}

/* Asks on another thread; what happens to the blob meanwhile is `then`. */
static void ask_while(struct question *q, struct registry_host *h,
		      void (*then)(struct registry_host *h, const struct oci_digest *d))
{
	auto_pool struct pool *pool = NULL;
	struct pool_batch batch;
	struct oci_digest d;
	struct err e = ERR_INIT;

	oci_digest_of_bytes(&d, span_of_str("a blob"));
	*q = (struct question){ .host = h };
	assert_int_equal(0, pool_new(&pool, 1, &e));
	pool_batch_init(&batch, pool);
	pool_submit(&batch, ask, q);
	while (!q->is_asked)
		usleep(100);
	usleep(2000);
	then(h, &d);
	pool_batch_wait(&batch);
	if (q->is_known)
		assert_string_equal(d.text, q->blob.text);
}

static void is_sent(struct registry_host *h, const struct oci_digest *d)
{
	registry_host_note_sent(h, "a/b", d);
	registry_host_ended(h);
}

static void is_given_up(struct registry_host *h, const struct oci_digest *d)
{
	(void)d;
	registry_host_ended(h);
}

static void the_end_of_an_open_upload_is_waited_for(void **state)
{
	struct registry_host h;
	struct question q;

	(void)state;
	registry_host_init(&h);
	registry_host_opened(&h);
	ask_while(&q, &h, is_sent);
	assert_true(q.is_known);
	registry_host_release(&h);
}

static void an_upload_that_came_to_nothing_is_an_answer_too(void **state)
{
	struct registry_host h;
	struct question q;

	(void)state;
	registry_host_init(&h);
	registry_host_opened(&h);
	ask_while(&q, &h, is_given_up);
	assert_false(q.is_known);
	registry_host_release(&h);
}

static void where_nothing_is_open_nobody_waits(void **state)
{
	struct registry_host h;
	struct oci_digest d;

	(void)state;
	registry_host_init(&h);
	assert_false(registry_host_sent(&d, &h, "a/b"));
	registry_host_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_an_open_upload_is_waited_for),
		cmocka_unit_test(an_upload_that_came_to_nothing_is_an_answer_too),
		cmocka_unit_test(where_nothing_is_open_nobody_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

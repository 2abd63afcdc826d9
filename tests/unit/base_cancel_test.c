/* The one flag that stops everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "base/cancel.h"

static bool readable(const struct cancel *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void nothing_is_set_at_first(void **state)
{
	struct err e = ERR_INIT;
	struct cancel c;

	(void)state;
	assert_int_equal(0, cancel_init(&c, &e));
	assert_false(cancel_is_set(&c));
	assert_false(readable(&c));
	assert_int_equal(0, cancel_check(&c, &e));
	cancel_release(&c);
}

static void no_cancel_is_never_set(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_false(cancel_is_set(NULL));
	assert_int_equal(0, cancel_check(NULL, &e));
}

static void once_set_it_stays_and_can_be_polled(void **state)
{
	struct err e = ERR_INIT;
	struct cancel c;

	(void)state;
	assert_int_equal(0, cancel_init(&c, &e));
	cancel_set(&c, SIGTERM);
	assert_true(cancel_is_set(&c));
	assert_true(readable(&c));
	assert_int_equal(-1, cancel_check(&c, &e));
	assert_int_equal(ERR_CANCELLED, e.kind);
	assert_string_equal("stopped by SIGTERM", e.text);
	assert_true(readable(&c)); /* for the next who waits */
	cancel_release(&c);
}

static void the_first_signal_is_the_reason(void **state)
{
	struct err e = ERR_INIT;
	struct cancel c;

	(void)state;
	assert_int_equal(0, cancel_init(&c, &e));
	errno = EXDEV;
	cancel_set(&c, SIGINT);
	cancel_set(&c, SIGTERM);
	assert_int_equal(EXDEV, errno); /* a signal handler may not change it */
	assert_int_equal(SIGINT, atomic_load(&c.signo));
	cancel_release(&c);
}

static void a_part_stops_with_the_whole_but_not_the_whole_with_a_part(void **state)
{
	struct err e = ERR_INIT;
	struct cancel whole, part, other;

	(void)state;
	assert_int_equal(0, cancel_init(&whole, &e));
	assert_int_equal(0, cancel_init_part(&part, &whole, &e));
	assert_int_equal(0, cancel_init_part(&other, &whole, &e));
	cancel_set(&part, SIGTERM);
	assert_true(cancel_is_set(&part));
	assert_true(readable(&part));
	assert_false(cancel_is_set(&whole));
	assert_false(readable(&whole));
	assert_false(readable(&other));
	cancel_set(&whole, SIGINT);
	assert_true(cancel_is_set(&other));
	assert_true(readable(&other));
	assert_int_equal(-1, cancel_check(&other, &e));
	assert_string_equal("stopped by SIGINT", e.text);
	cancel_release(&whole);
	cancel_release(&part);
	cancel_release(&other);
}

static void a_part_alone_is_no_more_than_a_cancel(void **state)
{
	struct err e = ERR_INIT;
	struct cancel c = CANCEL_INIT;

	(void)state;
	cancel_release(&c);
	assert_int_equal(0, cancel_init_part(&c, NULL, &e));
	cancel_set(&c, CANCEL_PEER);
	assert_true(readable(&c));
	assert_int_equal(-1, cancel_check(&c, &e));
	assert_int_equal(ERR_CANCELLED, e.kind);
	assert_string_equal("stopped, since something else failed", e.text);
	cancel_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_set_at_first),
		cmocka_unit_test(no_cancel_is_never_set),
		cmocka_unit_test(once_set_it_stays_and_can_be_polled),
		cmocka_unit_test(the_first_signal_is_the_reason),
		cmocka_unit_test(a_part_stops_with_the_whole_but_not_the_whole_with_a_part),
		cmocka_unit_test(a_part_alone_is_no_more_than_a_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

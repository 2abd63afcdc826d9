/* What travels to the helper arrives as it was, or is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/run/spec.h"

static struct run_spec sample(void)
{
	struct run_spec s = { .cwd = mem_strdup("/srv"),
			      .hostname = mem_strdup("build"),
			      .uid = 1000,
			      .gid = 100,
			      .nr_groups = 2 };

	strv_add(&s.argv, "/bin/sh");
	strv_add(&s.argv, "-c");
	strv_add(&s.argv, "");
	strv_add(&s.env, "A=1");
	s.groups = mem_resize(NULL, 2, sizeof(*s.groups));
	s.groups[0] = 100;
	s.groups[1] = 27;
	return s;
}

static void a_spec_survives_the_way_to_the_helper(void **state)
{
	auto_run_spec struct run_spec in = sample();
	auto_run_spec struct run_spec out = { 0 };
	auto_buf struct buf bytes = BUF_INIT(RUN_SPEC_MAX);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run_spec_encode(&bytes, &in, &e), 0);
	assert_int_equal(run_spec_decode(&out, buf_span(&bytes), &e), 0);
	assert_int_equal(out.argv.n, 3);
	assert_string_equal(out.argv.v[1], "-c");
	assert_string_equal(out.argv.v[2], "");
	assert_string_equal(out.env.v[0], "A=1");
	assert_string_equal(out.cwd, "/srv");
	assert_string_equal(out.hostname, "build");
	assert_int_equal(out.uid, 1000);
	assert_int_equal(out.gid, 100);
	assert_int_equal(out.nr_groups, 2);
	assert_int_equal(out.groups[1], 27);
}

static void a_spec_cut_anywhere_is_refused(void **state)
{
	auto_run_spec struct run_spec in = sample();
	auto_buf struct buf bytes = BUF_INIT(RUN_SPEC_MAX);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run_spec_encode(&bytes, &in, &e), 0);
	for (size_t n = 0; n < bytes.len; n++) {
		auto_run_spec struct run_spec out = { 0 };

		assert_int_equal(run_spec_decode(&out, span_of(bytes.data, n), &e), -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
	}
}

static void bytes_behind_the_end_are_refused(void **state)
{
	auto_run_spec struct run_spec in = sample();
	auto_run_spec struct run_spec out = { 0 };
	auto_buf struct buf bytes = BUF_INIT(RUN_SPEC_MAX);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run_spec_encode(&bytes, &in, &e), 0);
	buf_add_char(&bytes, 'x');
	assert_int_equal(run_spec_decode(&out, buf_span(&bytes), &e), -1);
}

static void a_spec_beyond_the_ceiling_is_an_input_error(void **state)
{
	auto_run_spec struct run_spec in = sample();
	auto_buf struct buf bytes = BUF_INIT(RUN_SPEC_MAX);
	auto_free char *big = mem_alloc(RUN_SPEC_MAX + 1);
	struct err e = ERR_INIT;

	(void)state;
	memset(big, 'a', RUN_SPEC_MAX);
	big[RUN_SPEC_MAX] = '\0';
	strv_add(&in.env, big);
	assert_int_equal(run_spec_encode(&bytes, &in, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_survives_the_way_to_the_helper),
		cmocka_unit_test(a_spec_cut_anywhere_is_refused),
		cmocka_unit_test(bytes_behind_the_end_are_refused),
		cmocka_unit_test(a_spec_beyond_the_ceiling_is_an_input_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

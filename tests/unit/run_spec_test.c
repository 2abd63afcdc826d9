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
	struct run_mount *m;

	strv_add(&s.argv, "/bin/sh");
	strv_add(&s.argv, "-c");
	strv_add(&s.argv, "");
	strv_add(&s.env, "A=1");
	s.groups = mem_resize(NULL, 2, sizeof(*s.groups));
	s.groups[0] = 100;
	s.groups[1] = 27;
	s.hosts = mem_strdup("127.0.0.1\tlocalhost\n");
	s.added_hosts = mem_strdup("192.0.2.1 added\n");
	s.no_network = true;
	s.shm_bytes = 1u << 20;
	s.limits = mem_zalloc(sizeof(*s.limits));
	s.limits[s.nr_limits++] = (struct run_limit){ .resource = 7, .soft = 10, .hard = 20 };
	run_spec_add_mount(&s, RUN_MOUNT_TMPFS, mem_strdup("/t"))->size_bytes = 4096;
	m = run_spec_add_mount(&s, RUN_MOUNT_FILE, mem_strdup("/run/secrets/x"));
	buf_add(&m->bytes, "a\0b", 3);
	m->mode = 0400;
	m->uid = 5;
	m->gid = 6;
	m->read_only = true;
	m->is_ours = true;
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
	assert_string_equal(out.hosts, "127.0.0.1\tlocalhost\n");
	assert_string_equal(out.added_hosts, "192.0.2.1 added\n");
	assert_true(out.no_network);
	assert_int_equal(out.shm_bytes, 1u << 20);
	assert_int_equal(out.nr_limits, 1);
	assert_int_equal(out.limits[0].resource, 7);
	assert_int_equal(out.limits[0].soft, 10);
	assert_int_equal(out.limits[0].hard, 20);
}

static void mounts_survive_the_way_to_the_helper(void **state)
{
	auto_run_spec struct run_spec in = sample();
	auto_run_spec struct run_spec out = { 0 };
	auto_buf struct buf bytes = BUF_INIT(RUN_SPEC_MAX);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(run_spec_encode(&bytes, &in, &e), 0);
	assert_int_equal(run_spec_decode(&out, buf_span(&bytes), &e), 0);
	assert_int_equal(out.nr_mounts, 2);
	assert_int_equal(out.mounts[0].kind, RUN_MOUNT_TMPFS);
	assert_string_equal(out.mounts[0].target, "/t");
	assert_int_equal(out.mounts[0].size_bytes, 4096);
	assert_int_equal(out.mounts[0].fd, -1);
	assert_false(out.mounts[0].read_only);
	assert_int_equal(out.mounts[1].kind, RUN_MOUNT_FILE);
	assert_true(out.mounts[1].read_only);
	assert_false(out.mounts[0].is_ours);
	assert_true(out.mounts[1].is_ours);
	assert_false(out.mounts[1].is_kept);
	assert_int_equal(out.mounts[1].bytes.len, 3);
	assert_memory_equal(out.mounts[1].bytes.data, "a\0b", 3);
	assert_int_equal(out.mounts[1].mode, 0400);
	assert_int_equal(out.mounts[1].uid, 5);
	assert_int_equal(out.mounts[1].gid, 6);
}

static void more_mounts_than_there_may_be_are_an_input_error(void **state)
{
	auto_run_spec struct run_spec in = sample();
	auto_buf struct buf bytes = BUF_INIT(RUN_SPEC_MAX);
	struct err e = ERR_INIT;

	(void)state;
	while (in.nr_mounts <= RUN_MOUNTS_MAX)
		run_spec_add_mount(&in, RUN_MOUNT_TMPFS, mem_strdup("/t"));
	assert_int_equal(run_spec_encode(&bytes, &in, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
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
		cmocka_unit_test(mounts_survive_the_way_to_the_helper),
		cmocka_unit_test(more_mounts_than_there_may_be_are_an_input_error),
		cmocka_unit_test(a_spec_cut_anywhere_is_refused),
		cmocka_unit_test(bytes_behind_the_end_are_refused),
		cmocka_unit_test(a_spec_beyond_the_ceiling_is_an_input_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

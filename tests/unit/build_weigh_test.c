/* What an image weighs, out of whole builds. */
#include "oci/build/weigh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/fakes/build_world.h"

static void bytes_that_a_later_layer_hides_are_counted(void **state)
{
	struct build_world w;
	const struct build_weight *got = &w.result.weight;

	(void)state;
	build_world_init(&w);
	w.opt.wants_weight = true;
	tmpdir_file(&w.dir, "ctx/small", "12345");
	tmpdir_file(&w.dir, "ctx/dir/large", "123456789012345");
	build_world_ok(&w, "FROM scratch\nCOPY dir /dir\nCOPY small /dir/large\n");
	assert_int_equal(got->nr, 2);
	assert_true(got->layers[0].is_read);
	assert_false(got->layers[0].is_base);
	assert_string_equal(got->layers[0].by, "COPY dir /dir");
	assert_int_equal(got->hidden_bytes, 15);
	assert_int_equal(got->hidden.nr, 1);
	assert_string_equal(got->hidden.v[0].path, "dir/large");
	assert_int_equal(got->hidden.v[0].layer, 1);
	assert_int_equal(got->files.nr, 1);
	assert_string_equal(got->files.v[0].path, "dir/large");
	assert_int_equal(got->files.v[0].size_bytes, 5);
	assert_int_equal(got->files.v[0].layer, 1);
	build_world_release(&w);
}

static void the_image_that_had_the_name_is_known(void **state)
{
	struct build_world w;
	uint64_t first;

	(void)state;
	build_world_init(&w);
	w.opt.wants_weight = true;
	strv_add(&w.opt.tags, "app");
	tmpdir_file(&w.dir, "ctx/a", "1");
	build_world_ok(&w, "FROM scratch\nCOPY a /\n");
	assert_null(w.result.weight.before);
	first = w.result.size_bytes;
	build_world_ok(&w, "FROM scratch\nCOPY a /\nCOPY a /b\n");
	assert_string_equal(w.result.weight.before, "docker.io/library/app:latest");
	assert_int_equal(w.result.weight.before_bytes, first);
	build_world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_that_a_later_layer_hides_are_counted),
		cmocka_unit_test(the_image_that_had_the_name_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

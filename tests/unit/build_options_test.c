/* -o as people write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/build/options.h"

static void assert_refused(const char *text, const char *why)
{
	struct build_options o = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(build_output_parse(&o, text, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.text, why));
	assert_int_equal(o.nr_outputs, 0);
	build_options_release(&o);
}

static void oci_is_a_tar_unless_told_otherwise(void **state)
{
	struct build_options o = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(build_output_parse(&o, "type=oci,dest=a.tar", &e), 0);
	assert_int_equal(build_output_parse(&o, "type=oci,tar=false,dest=dir", &e), 0);
	assert_int_equal(build_output_parse(&o, "dest=b.tar,type=oci,tar=true", &e), 0);
	assert_int_equal(o.nr_outputs, 3);
	assert_int_equal(o.outputs[0].kind, BUILD_OUTPUT_OCI_TAR);
	assert_string_equal(o.outputs[0].dest, "a.tar");
	assert_int_equal(o.outputs[1].kind, BUILD_OUTPUT_OCI_DIR);
	assert_string_equal(o.outputs[1].dest, "dir");
	assert_int_equal(o.outputs[2].kind, BUILD_OUTPUT_OCI_TAR);
	build_options_release(&o);
}

static void what_is_not_carried_out_is_refused(void **state)
{
	(void)state;
	assert_refused("type=local,dest=x", "only type=oci");
	assert_refused("dir", "KEY=VALUE");
	assert_refused("", "only type=oci");
	assert_refused("type=oci,dest=x,compression=zstd", "unknown field 'compression'");
	assert_refused("type=oci,dest=x,tar=maybe", "tar is true or false");
}

static void a_place_is_needed(void **state)
{
	(void)state;
	assert_refused("type=oci", "dest=PATH is needed");
	assert_refused("type=oci,dest=-", "dest=PATH is needed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oci_is_a_tar_unless_told_otherwise),
		cmocka_unit_test(what_is_not_carried_out_is_refused),
		cmocka_unit_test(a_place_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

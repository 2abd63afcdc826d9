/* Where else blobs can be had, as annotations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/image/origins.h"

#define KEY "containerd.io/distribution.source."

static void add(struct strv *annotations, const char *text)
{
	auto_reference struct oci_reference ref = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(oci_reference_parse(&ref, text, &e), 0);
	oci_origins_add(annotations, &ref);
}

static void repositories_of_a_host_share_a_key_and_are_read_back(void **state)
{
	auto_strv struct strv annotations = STRV_INIT, out = STRV_INIT;

	(void)state;
	add(&annotations, "python:3");
	add(&annotations, "localhost:5000/a/b@sha256:"
			  "1111111111111111111111111111111111111111111111111111111111111111");
	add(&annotations, "debian");
	add(&annotations, "python:4");
	assert_int_equal(annotations.n, 2);
	assert_string_equal(strv_env_get(&annotations, KEY "docker.io"),
			    "library/python,library/debian");
	oci_origins_read(&out, &annotations);
	assert_int_equal(out.n, 3);
	assert_string_equal(out.v[0], "docker.io/library/python");
	assert_string_equal(out.v[1], "docker.io/library/debian");
	assert_string_equal(out.v[2], "localhost:5000/a/b");
}

static void what_is_no_repository_is_left_out(void **state)
{
	auto_strv struct strv annotations = STRV_INIT, out = STRV_INIT;

	(void)state;
	strv_add(&annotations, KEY "r.example=,../x,A/b,a b,ok");
	strv_add(&annotations, KEY "r.example/ok=x");
	strv_add(&annotations, KEY "word=x");
	strv_add(&annotations, KEY "=x");
	strv_add(&annotations, "other=r.example/x");
	oci_origins_read(&out, &annotations);
	assert_int_equal(out.n, 1);
	assert_string_equal(out.v[0], "r.example/ok");
}

static void their_number_is_bounded(void **state)
{
	auto_strv struct strv annotations = STRV_INIT, out = STRV_INIT;

	(void)state;
	for (int i = 0; i < 100; i++)
		strv_addf(&annotations, KEY "r%d.example=x", i);
	oci_origins_read(&out, &annotations);
	assert_int_equal(out.n, OCI_ORIGINS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repositories_of_a_host_share_a_key_and_are_read_back),
		cmocka_unit_test(what_is_no_repository_is_left_out),
		cmocka_unit_test(their_number_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Platforms: many spellings, one name; who runs what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/image/platform.h"

static void assert_reads(const char *text, const char *want)
{
	struct oci_platform p;
	struct err e = ERR_INIT;
	char got[100];

	if (oci_platform_parse(&p, span_of_str(text), &e) < 0)
		fail_msg("'%s': %s", text, e.text);
	oci_platform_format(got, &p);
	assert_string_equal(got, want);
}

static void platform_brings_spellings_to_one_name(void **state)
{
	(void)state;
	assert_reads("linux/amd64", "linux/amd64");
	assert_reads("Linux/X86_64", "linux/amd64");
	assert_reads("linux/amd64/v1", "linux/amd64");
	assert_reads("linux/amd64/v3", "linux/amd64/v3");
	assert_reads("linux/aarch64", "linux/arm64");
	assert_reads("linux/arm64/v8", "linux/arm64");
	assert_reads("linux/arm64/8", "linux/arm64");
	assert_reads("linux/armhf", "linux/arm/v7");
	assert_reads("linux/armel", "linux/arm/v6");
	assert_reads("linux/arm", "linux/arm/v7");
	assert_reads("linux/arm/6", "linux/arm/v6");
	assert_reads("linux/i686", "linux/386");
	assert_reads("macos/arm64", "darwin/arm64");
	assert_reads("riscv64", "linux/riscv64");
	assert_reads("arm64", "linux/arm64");
}

static void platform_of_an_os_alone_has_this_machines_architecture(void **state)
{
	struct oci_platform host, p;
	struct err e = ERR_INIT;

	(void)state;
	oci_platform_host(&host);
	assert_string_equal(host.os, "linux");
	assert_int_equal(oci_platform_parse(&p, SPAN_LIT("linux"), &e), 0);
	assert_int_equal(oci_platform_match(&p, &host), oci_platform_match(&host, &host));
}

static void platform_refuses_what_is_none(void **state)
{
	static const char *const wrong[] = {
		"",
		"/",
		"linux/",
		"/amd64",
		"linux//v7",
		"linux/arm/v7/x",
		"linux/am d64",
		"linux/amd64\n",
		"a23456789012345678901234567890123/amd64",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct oci_platform p;
		struct err e = ERR_INIT;

		if (oci_platform_parse(&p, span_of_str(wrong[i]), &e) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_true(e.text[0] != '\0');
	}
}

static void platform_of_a_document_must_be_whole(void **state)
{
	struct oci_platform p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_platform_set(&p, "linux", NULL, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_int_equal(oci_platform_set(&p, "", "amd64", "", &e), -1);
	assert_int_equal(oci_platform_set(&p, "linux", "a/b", "", &e), -1);
	assert_int_equal(oci_platform_set(&p, "linux", "arm", NULL, &e), 0);
	assert_string_equal(p.variant, "v7");
}

static int match(const char *want, const char *have)
{
	struct oci_platform w, h;
	struct err e = ERR_INIT;

	assert_int_equal(oci_platform_parse(&w, span_of_str(want), &e), 0);
	assert_int_equal(oci_platform_parse(&h, span_of_str(have), &e), 0);
	return oci_platform_match(&w, &h);
}

static void platform_runs_its_own_and_lower_variants_only(void **state)
{
	(void)state;
	assert_int_equal(match("linux/amd64", "linux/arm64"), 0);
	assert_int_equal(match("linux/amd64", "windows/amd64"), 0);
	assert_true(match("linux/arm/v7", "linux/arm/v7") > match("linux/arm/v7", "linux/arm/v6"));
	assert_true(match("linux/arm/v7", "linux/arm/v6") > match("linux/arm/v7", "linux/arm/v5"));
	assert_true(match("linux/arm/v7", "linux/arm/v5") > 0);
	assert_int_equal(match("linux/arm/v6", "linux/arm/v7"), 0);
	assert_int_equal(match("linux/amd64", "linux/amd64/v2"), 0);
	assert_true(match("linux/amd64/v3", "linux/amd64/v2") >
		    match("linux/amd64/v3", "linux/amd64"));
	assert_true(match("linux/amd64/v3", "linux/amd64") > 0);
	assert_true(match("linux/arm64/v9", "linux/arm64") > 0);
	assert_int_equal(match("linux/arm64", "linux/arm64/v8.2"), 0);
	assert_true(match("linux/ppc64le/power9", "linux/ppc64le") > 0);
	assert_int_equal(match("linux/ppc64le", "linux/ppc64le/power9"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(platform_brings_spellings_to_one_name),
		cmocka_unit_test(platform_of_an_os_alone_has_this_machines_architecture),
		cmocka_unit_test(platform_refuses_what_is_none),
		cmocka_unit_test(platform_of_a_document_must_be_whole),
		cmocka_unit_test(platform_runs_its_own_and_lower_variants_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

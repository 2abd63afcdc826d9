/* Digests: one spelling goes in, the same comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/image/digest.h"

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void digest_of_no_bytes_is_the_known_one(void **state)
{
	struct oci_digest d;

	(void)state;
	oci_digest_of_bytes(&d, span_of(NULL, 0));
	assert_string_equal(d.text, EMPTY);
	assert_string_equal(oci_digest_hex(&d), &EMPTY[7]);
	assert_true(oci_digest_is_set(&d));
}

static void digest_reads_back_what_it_wrote(void **state)
{
	struct oci_digest a, b, none = { "" };
	struct err e = ERR_INIT;

	(void)state;
	oci_digest_of_bytes(&a, SPAN_LIT("abc"));
	assert_int_equal(oci_digest_parse(&b, span_of_str(a.text), &e), 0);
	assert_true(oci_digest_eq(&a, &b));
	assert_false(oci_digest_eq(&a, &none));
	assert_false(oci_digest_is_set(&none));
}

static void digest_refuses_every_other_spelling(void **state)
{
	static const char *const wrong[] = {
		"",
		"sha256:",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
		"sha256:../../../../../../../../../../../../../../../../../../etc/passwdd",
		"sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct oci_digest d = { "before" };
		struct err e = ERR_INIT;

		assert_int_equal(oci_digest_parse(&d, span_of_str(wrong[i]), &e), -1);
		assert_int_equal(e.kind, ERR_CORRUPT);
		assert_string_equal(d.text, "before");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_of_no_bytes_is_the_known_one),
		cmocka_unit_test(digest_reads_back_what_it_wrote),
		cmocka_unit_test(digest_refuses_every_other_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

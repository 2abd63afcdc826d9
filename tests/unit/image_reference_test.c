/* References: docker's grammar, docker's defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/image/reference.h"

#define HEX    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX

static void assert_reads(const char *text, const char *full, const char *familiar)
{
	auto_reference struct oci_reference r = { 0 };
	auto_buf struct buf a = BUF_INIT(BUF_SMALL);
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	if (oci_reference_parse(&r, text, &e) < 0)
		fail_msg("'%s': %s", text, e.text);
	oci_reference_format(&a, &r);
	oci_reference_familiar(&b, &r);
	assert_string_equal(buf_str(&a), full);
	assert_string_equal(buf_str(&b), familiar);
}

static void reference_without_host_is_on_docker_hub(void **state)
{
	(void)state;
	assert_reads("python", "docker.io/library/python:latest", "python:latest");
	assert_reads("python:3", "docker.io/library/python:3", "python:3");
	assert_reads("user/app", "docker.io/user/app:latest", "user/app:latest");
	assert_reads("docker.io/python", "docker.io/library/python:latest", "python:latest");
	assert_reads("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest");
	assert_reads("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000");
}

static void reference_takes_the_first_part_for_a_host_by_dockers_rule(void **state)
{
	(void)state;
	assert_reads("localhost/a", "localhost/a:latest", "localhost/a:latest");
	assert_reads("a.b/c:1", "a.b/c:1", "a.b/c:1");
	assert_reads("host:5000/a/b:v1", "host:5000/a/b:v1", "host:5000/a/b:v1");
	assert_reads("Host/a", "Host/a:latest", "Host/a:latest");
	assert_reads("host/a", "docker.io/host/a:latest", "host/a:latest");
	assert_reads("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest");
	assert_reads("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest");
}

static void reference_with_a_digest_gets_no_tag(void **state)
{
	auto_reference struct oci_reference r = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_reads("a@" DIGEST, "docker.io/library/a@" DIGEST, "a@" DIGEST);
	assert_reads("r.io/a:1@" DIGEST, "r.io/a:1@" DIGEST, "r.io/a:1@" DIGEST);
	assert_int_equal(oci_reference_parse(&r, "a@" DIGEST, &e), 0);
	assert_null(r.tag);
	assert_string_equal(r.digest.text, DIGEST);
}

static void reference_takes_all_separators_of_a_path(void **state)
{
	(void)state;
	assert_reads("r.io/a.b_c__d---e/f0", "r.io/a.b_c__d---e/f0:latest",
		     "r.io/a.b_c__d---e/f0:latest");
}

static void reference_says_which_part_is_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "", "empty" },
		{ ":1", "missing" },
		{ "r.io/", "missing" },
		{ "/a", "not a valid part" },
		{ "a/", "not a valid part" },
		{ "a//b", "not a valid part" },
		{ "a b", "not a valid part" },
		{ "r.io/a/../b", "not a valid part" },
		{ "a..b/c", "not a valid host" },
		{ "r.io/a___b", "not a valid part" },
		{ "r.io/-a", "not a valid part" },
		{ "r.io/a-", "not a valid part" },
		{ "Python", "lower case" },
		{ "r.io/App", "lower case" },
		{ "a:", "not a valid tag" },
		{ "a:.x", "not a valid tag" },
		{ "a:b c", "not a valid tag" },
		{ "a@sha256:12", "not a sha256 digest" },
		{ "a@", "not a sha256 digest" },
		{ "a@" DIGEST "@" DIGEST, "not a sha256 digest" },
		{ HEX, "not its name" },
		{ "https://r.io/a", "leave out" },
		{ "host:0/a", "not a valid host" },
		{ "host:65536/a", "not a valid host" },
		{ "host:/a", "not a valid host" },
		{ "-h.io/a", "not a valid host" },
		{ "u_x.io/a", "not a valid host" },
		{ "[::1/a", "not a valid host" },
		{ "[::1]x/a", "not a valid host" },
		{ "[zz:]:1/a", "not a valid host" },
		{ "[]:1/a", "not a valid host" },
		{ "\xff\n", "not a valid part" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		auto_reference struct oci_reference r = { 0 };
		struct err e = ERR_INIT;

		if (oci_reference_parse(&r, wrong[i].text, &e) == 0)
			fail_msg("'%s' was taken", wrong[i].text);
		assert_int_equal(e.kind, ERR_INPUT);
		if (!strstr(e.text, wrong[i].says))
			fail_msg("'%s': %s", wrong[i].text, e.text);
	}
}

static void reference_bounds_every_length(void **state)
{
	auto_reference struct oci_reference r = { 0 };
	struct err e = ERR_INIT;
	char text[2000];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[255] = '\0';
	memcpy(text, "u/", 2);
	assert_int_equal(oci_reference_parse(&r, text, &e), 0);
	text[255] = 'a';
	text[256] = '\0';
	assert_int_equal(oci_reference_parse(&r, text, &e), -1);
	assert_non_null(strstr(e.text, "255"));
	/* with the part that docker puts before it */
	text[1] = 'a';
	text[255] = '\0';
	assert_int_equal(oci_reference_parse(&r, text, &e), -1);
	assert_non_null(strstr(e.text, "255"));
	memcpy(text, "u/", 2);
	text[255] = 'a';
	text[256] = 'a';
	text[1999] = '\0';
	assert_int_equal(oci_reference_parse(&r, text, &e), -1);
	memcpy(text, "u:", 2);
	text[2 + 128] = '\0';
	assert_int_equal(oci_reference_parse((oci_reference_release(&r), &r), text, &e), 0);
	text[2 + 128] = 'a';
	text[2 + 129] = '\0';
	assert_int_equal(oci_reference_parse(&r, text, &e), -1);
	assert_non_null(strstr(e.text, "tag"));
}

static void reference_copy_stands_alone(void **state)
{
	auto_reference struct oci_reference a = { 0 }, b = { 0 }, c = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_reference_parse(&a, "r.io/a:1", &e), 0);
	oci_reference_copy(&b, &a);
	oci_reference_release(&a);
	assert_string_equal(b.path, "a");
	assert_string_equal(b.tag, "1");
	assert_int_equal(oci_reference_parse(&a, "r.io/a@" DIGEST, &e), 0);
	assert_int_equal(oci_reference_parse(&c, "s.io/a:1", &e), 0);
	assert_true(oci_reference_same_repository(&a, &b));
	assert_false(oci_reference_same_repository(&a, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_without_host_is_on_docker_hub),
		cmocka_unit_test(reference_takes_the_first_part_for_a_host_by_dockers_rule),
		cmocka_unit_test(reference_with_a_digest_gets_no_tag),
		cmocka_unit_test(reference_takes_all_separators_of_a_path),
		cmocka_unit_test(reference_says_which_part_is_wrong),
		cmocka_unit_test(reference_bounds_every_length),
		cmocka_unit_test(reference_copy_stands_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

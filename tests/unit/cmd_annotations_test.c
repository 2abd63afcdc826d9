/* Links for GitLab's page of a job. */
#include "cmd/annotations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void links_are_escaped(void **state)
{
	const struct annotation_link links[] = { { "a \"b\"", "https://x/1" },
						 { "c", "https://x/2" } };
	auto_free char *text = annotations_json("image", links, 2);

	(void)state;
	assert_string_equal(
		text, "{\n  \"image\": [\n"
		      "    {\"external_link\": {\"label\": \"a \\\"b\\\"\", \"url\": "
		      "\"https://x/1\"}},\n"
		      "    {\"external_link\": {\"label\": \"c\", \"url\": \"https://x/2\"}}\n"
		      "  ]\n}\n");
}

static const char *in_gitlab(const char *name)
{
	if (strcmp(name, "CI_REGISTRY") == 0)
		return "r.test:5050";
	return strcmp(name, "CI_PROJECT_URL") == 0 ? "https://g.test/team/app" : NULL;
}

static void an_image_is_where_people_look_at_it(void **state)
{
	static const char *const rows[][2] = {
		{ "r.test:5050/team/app", "https://g.test/team/app/container_registry" },
		{ "docker.io/library/x", "https://hub.docker.com/r/library/x" },
		{ "other.test/x/y", "https://other.test/v2/x/y/manifests/sha256:1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_reference struct oci_reference ref = { 0 };
		const struct oci_digest digest = { .text = "sha256:1" };
		struct err e = ERR_INIT;
		auto_free char *url = NULL;

		assert_int_equal(oci_reference_parse(&ref, rows[i][0], &e), 0);
		url = annotations_image_url(&ref, &digest, in_gitlab);
		assert_string_equal(url, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_escaped),
		cmocka_unit_test(an_image_is_where_people_look_at_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

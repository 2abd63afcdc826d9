/* GitLab's code-quality report: its form, and when a finding is the same one. */
#include "base/code_quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"

/* Of the only finding. Owned by the caller. */
static char *fingerprint_of(const struct code_issue *issue)
{
	auto_code_quality struct code_quality q;
	const char *text, *at;

	code_quality_init(&q);
	code_quality_add(&q, issue);
	text = code_quality_finish(&q);
	at = strstr(text, "\"fingerprint\": \"");
	assert_non_null(at);
	return mem_strndup(at + 16, 64);
}

static void no_finding_is_an_empty_list(void **state)
{
	auto_code_quality struct code_quality q;

	(void)state;
	code_quality_init(&q);
	assert_string_equal(code_quality_finish(&q), "[]\n");
}

static void a_finding_is_known_again_when_lines_move(void **state)
{
	struct code_issue i = { .check = "Rule",
				.text = "it's odd",
				.severity = "minor",
				.path = "a/Dockerfile",
				.line = 3,
				.source = SPAN_LIT("CMD x\n") };
	auto_free char *first = fingerprint_of(&i), *moved = NULL, *other = NULL, *where = NULL;

	(void)state;
	i.line = 30;
	i.source = SPAN_LIT("  CMD x");
	moved = fingerprint_of(&i);
	assert_string_equal(first, moved);
	i.source = SPAN_LIT("CMD y");
	other = fingerprint_of(&i);
	assert_string_not_equal(first, other);
	i.source = SPAN_LIT("CMD x");
	i.path = "b/Dockerfile";
	where = fingerprint_of(&i);
	assert_string_not_equal(first, where);
}

static void equal_findings_are_two(void **state)
{
	const struct code_issue i = { .check = "Rule",
				      .text = "\"quoted\" <text>",
				      .severity = "major",
				      .path = "Dockerfile",
				      .line = 3,
				      .source = SPAN_LIT("CMD x") };
	auto_code_quality struct code_quality q;
	struct err e = ERR_INIT;
	auto_json json_t *root = NULL;

	(void)state;
	code_quality_init(&q);
	code_quality_add(&q, &i);
	code_quality_add(&q, &i);
	root = json_load_span(span_of_str(code_quality_finish(&q)), CODE_QUALITY_MAX, "report", &e);
	assert_non_null(root);
	assert_int_equal(json_array_size(root), 2);
	assert_string_not_equal(
		json_string_value(json_object_get(json_array_get(root, 0), "fingerprint")),
		json_string_value(json_object_get(json_array_get(root, 1), "fingerprint")));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(root, 1), "description")),
		"Rule: \"quoted\" <text>");
}

static void paths_begin_at_the_repository(void **state)
{
	static const struct {
		const char *file, *cwd, *root, *path;
	} rows[] = {
		{ "./Dockerfile", "/b/p", "/b/p", "Dockerfile" },
		{ "Dockerfile", "/b/p/svc", "/b/p", "svc/Dockerfile" },
		{ "../x/Dockerfile", "/b/p/svc", "/b/p/", "x/Dockerfile" },
		{ "/b/p/svc/D", "/", "/b/p", "svc/D" },
		{ "/b/pp/D", "/", "/b/p", "/b/pp/D" },
		{ "svc/D", "/b/p", NULL, "svc/D" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *got = code_quality_path(rows[i].file, rows[i].cwd, rows[i].root);

		assert_string_equal(got, rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_finding_is_an_empty_list),
		cmocka_unit_test(a_finding_is_known_again_when_lines_move),
		cmocka_unit_test(equal_findings_are_two),
		cmocka_unit_test(paths_begin_at_the_repository),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Whose a service is, of which deploy, and what locks and histories are named after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/span.h"
#include "deploy/owner.h"

#define auto_spec __attribute__((cleanup(release)))

static void release(json_t **o)
{
	json_decref(*o);
}

static json_t *spec(const char *labels)
{
	auto_free char *text = mem_printf("{\"Labels\":{%s}}", labels);
	json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	return o;
}

#define PROJECT	 "\"io.cdeploy.project\":\"team/app\""
#define SCOPE(s) ",\"io.cdeploy.scope\":\"" s "\""

static void who_it_belongs_to_is_the_projects_affair(void **state)
{
	auto_spec json_t *ours = spec(PROJECT SCOPE("a@staging")), *none = spec("");
	auto_spec json_t *theirs = spec("\"io.cdeploy.project\":\"team/other\"");
	struct deploy_owner o = { .project = "team/app", .scope = "b" };

	(void)state;
	assert_int_equal(DEPLOY_OURS, deploy_owner_of(ours, &o));
	assert_int_equal(DEPLOY_THEIRS, deploy_owner_of(theirs, &o));
	assert_int_equal(DEPLOY_NOBODYS, deploy_owner_of(none, &o));
}

static void one_part_of_a_project_does_not_have_what_another_has(void **state)
{
	auto_spec json_t *staging = spec(PROJECT SCOPE("a@staging")), *whole = spec(PROJECT);
	auto_spec json_t *theirs = spec("\"io.cdeploy.project\":\"x\"" SCOPE("a@staging"));
	struct deploy_owner o = { .project = "team/app", .scope = "a@staging" };

	(void)state;
	assert_true(deploy_owner_has(staging, &o));
	assert_false(deploy_owner_has(whole, &o));
	assert_false(deploy_owner_has(theirs, &o));
	o.scope = "a@production";
	assert_false(deploy_owner_has(staging, &o));
	o.scope = NULL;
	assert_false(deploy_owner_has(staging, &o));
	assert_true(deploy_owner_has(whole, &o));
}

static void later_is_a_matter_of_numbers(void **state)
{
	static const struct {
		const char *mine, *theirs;
		bool older;
	} rows[] = {
		{ "9", "10", true },   { "10", "9", false },  { "10", "10", false },
		{ NULL, "10", false }, { "", "10", false },   { "x", "10", false },
		{ "9", "ten", false }, { "9", "-10", false }, { "99", "100", true },
		{ "9", "10 ", false },
	};
	auto_spec json_t *without = spec("");
	struct deploy_owner o = { .project = "p", .pipeline = "1" };

	(void)state;
	assert_false(deploy_owner_is_older(&o, without));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *label =
			mem_printf("\"io.cdeploy.pipeline\":\"%s\"", rows[i].theirs);
		auto_spec json_t *s = spec(label);

		o.pipeline = rows[i].mine;
		if (deploy_owner_is_older(&o, s) != rows[i].older)
			fail_msg("%s after %s", rows[i].mine, rows[i].theirs);
	}
}

static void labels_say_who_and_which_deploy(void **state)
{
	auto_spec json_t *labels = json_object();
	struct deploy_owner o = { .project = "team/app",
				  .scope = "a",
				  .commit = "c0ffee",
				  .pipeline = "77",
				  .revision = 12,
				  .back_to = 9 };
	char *text;

	(void)state;
	deploy_owner_label(labels, &o);
	deploy_owner_label_deploy(labels, &o);
	text = json_dumps(labels, JSON_COMPACT);
	assert_string_equal("{\"io.cdeploy.project\":\"team/app\",\"io.cdeploy.scope\":\"a\","
			    "\"io.cdeploy.commit\":\"c0ffee\",\"io.cdeploy.pipeline\":\"77\","
			    "\"io.cdeploy.revision\":\"12\",\"io.cdeploy.back-to\":\"9\"}",
			    text);
	free(text);
	deploy_owner_unlabel_deploy(labels);
	text = json_dumps(labels, JSON_COMPACT);
	assert_string_equal("{\"io.cdeploy.project\":\"team/app\",\"io.cdeploy.scope\":\"a\"}",
			    text);
	free(text);
}

static void keys_are_names_that_the_engine_takes(void **state)
{
	static const char *const projects[] = {
		"team/app",
		"a",
		"a-group/with/very/long/names/that/do/not/fit/into/the/name/of/an/object",
		"\xc3\xbcml\xc3\xa4ut",
		"..",
		"-x-",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(projects); i++) {
		struct deploy_owner o = { .project = projects[i] };
		auto_free char *key = deploy_owner_key(&o);
		size_t n = strlen(key);

		assert_true(n >= 12 && n <= 45);
		assert_int_equal(n, strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
						"XYZ0123456789-"));
		assert_true(key[0] != '-' && key[n - 1] != '-');
	}
}

static void keys_differ_where_owners_do(void **state)
{
	struct deploy_owner a = { .project = "team/app" }, b = { .project = "team-app" },
			    c = { .project = "team/app", .scope = "x" };
	auto_free char *ka = deploy_owner_key(&a), *kb = deploy_owner_key(&b),
		       *kc = deploy_owner_key(&c), *again = deploy_owner_key(&a);

	(void)state;
	assert_string_equal(ka, again);
	assert_string_not_equal(ka, kb);
	assert_string_not_equal(ka, kc);
	assert_memory_equal("team-app-", ka, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_it_belongs_to_is_the_projects_affair),
		cmocka_unit_test(one_part_of_a_project_does_not_have_what_another_has),
		cmocka_unit_test(later_is_a_matter_of_numbers),
		cmocka_unit_test(labels_say_who_and_which_deploy),
		cmocka_unit_test(keys_are_names_that_the_engine_takes),
		cmocka_unit_test(keys_differ_where_owners_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

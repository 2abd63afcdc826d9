/* Which file is taken, and what is said when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/locate.h"
#include "tests/fakes/tmpdir.h"

struct world {
	struct tmpdir dir;
	struct err err;
	char *found, *note;
	int result;
	bool is_production;
	const char *job_env;
};

static int setup(void **state)
{
	static struct world w;

	w = (struct world){ .err = ERR_INIT };
	tmpdir_init(&w.dir);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	free(w->found);
	free(w->note);
	tmpdir_release(&w->dir);
	return 0;
}

static const char *locate(struct world *w, const char *file, const char *env)
{
	struct deploy_wanted want = { .dirfd = w->dir.fd,
				      .dir = "here",
				      .file = file,
				      .env = env,
				      .job_env = w->job_env,
				      .is_production = w->is_production };

	free(w->found);
	free(w->note);
	w->found = w->note = NULL;
	err_clear(&w->err);
	w->result = deploy_locate(&w->found, &w->note, &want, &w->err);
	return w->found ? w->found : "";
}

static void yml_comes_before_yaml_and_json(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "orcinus.json", "{}");
	assert_string_equal("orcinus.json", locate(w, NULL, NULL));
	tmpdir_file(&w->dir, "orcinus.yaml", "");
	assert_string_equal("orcinus.yaml", locate(w, NULL, NULL));
	tmpdir_file(&w->dir, "orcinus.yml", "");
	assert_string_equal("orcinus.yml", locate(w, NULL, NULL));
}

static void the_file_of_the_environment_comes_first(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "orcinus.yml", "");
	assert_string_equal("orcinus.yml", locate(w, NULL, "production"));
	tmpdir_file(&w->dir, "orcinus-production.yaml", "");
	assert_string_equal("orcinus-production.yaml", locate(w, NULL, "production"));
	tmpdir_file(&w->dir, "orcinus-production.yml", "");
	assert_string_equal("orcinus-production.yml", locate(w, NULL, "production"));
	assert_string_equal("orcinus.yml", locate(w, NULL, "dev"));
}

/* A job that says `environment: production` needs no more to deploy production's file. */
static void the_environment_of_a_job_counts_where_no_other_is_given(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "orcinus.yml", "");
	tmpdir_file(&w->dir, "orcinus-production.yml", "");
	tmpdir_file(&w->dir, "orcinus-dev.yml", "");
	w->job_env = "production";
	assert_string_equal("orcinus-production.yml", locate(w, NULL, NULL));
	assert_string_equal("orcinus-dev.yml", locate(w, NULL, "dev"));
	assert_string_equal("orcinus.yml", locate(w, "orcinus.yml", NULL));
	w->job_env = "production/shop";
	assert_string_equal("orcinus-production.yml", locate(w, NULL, NULL));
	w->job_env = "staging";
	assert_string_equal("orcinus.yml", locate(w, NULL, NULL));
	w->job_env = "";
	assert_string_equal("orcinus.yml", locate(w, NULL, NULL));
	w->job_env = "the shop (review)";
	assert_string_equal("orcinus.yml", locate(w, NULL, NULL));
	w->job_env = "../x";
	assert_string_equal("orcinus.yml", locate(w, NULL, NULL));
}

/* GitLab's names of environments keep their case. */
static void the_case_of_an_environment_does_not_matter(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "orcinus.yml", "");
	tmpdir_file(&w->dir, "orcinus-production.yaml", "");
	tmpdir_file(&w->dir, "orcinus-EU.json", "");
	w->is_production = true;
	assert_string_equal("orcinus-production.yaml", locate(w, NULL, "Production"));
	assert_string_equal("orcinus-EU.json", locate(w, NULL, "eu"));
	assert_null(w->note);
	w->job_env = "Production/shop";
	assert_string_equal("orcinus-production.yaml", locate(w, NULL, NULL));
	/* as it is written comes first */
	tmpdir_file(&w->dir, "orcinus-Production.json", "");
	assert_string_equal("orcinus-Production.json", locate(w, NULL, NULL));
}

static void production_does_not_get_the_general_file_beside_its_own(void **state)
{
	static const char *const envs[] = { "prod", "live-eu", "shop" };
	struct world *w = *state;

	tmpdir_file(&w->dir, "orcinus.yml", "");
	tmpdir_file(&w->dir, "orcinus-production.yml", "");
	w->is_production = true; /* "shop" by CI_ENVIRONMENT_TIER */
	for (size_t i = 0; i < ARRAY_LEN(envs); i++) {
		w->job_env = envs[i];
		locate(w, NULL, NULL);
		assert_int_equal(-1, w->result);
		assert_int_equal(ERR_INPUT, w->err.kind);
	}
	assert_string_equal(
		"environment 'shop' is production, and has no file orcinus-shop.yml in "
		"'here', which has orcinus-production.yml and orcinus.yml: name with -f "
		"the one to deploy",
		w->err.text);
	assert_string_equal("orcinus.yml", locate(w, "orcinus.yml", NULL));
}

static void an_environment_without_a_file_where_others_have_one_is_told(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "orcinus.yml", "");
	w->is_production = true;
	assert_string_equal("orcinus.yml", locate(w, NULL, "production"));
	assert_null(w->note);
	tmpdir_file(&w->dir, "orcinus-dev.yml", "");
	assert_string_equal("orcinus.yml", locate(w, NULL, "production"));
	assert_string_equal("environment 'production': there is no orcinus-production.yml, "
			    "orcinus.yml is taken",
			    w->note);
	w->is_production = false;
	tmpdir_file(&w->dir, "orcinus-production.yml", "");
	assert_string_equal("orcinus.yml", locate(w, NULL, "staging"));
	assert_non_null(w->note);
	assert_string_equal("orcinus.yml", locate(w, NULL, NULL));
	assert_null(w->note);
}

static void a_given_file_is_the_only_one_tried(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "orcinus.yml", "");
	tmpdir_file(&w->dir, "deploy/other.yml", "");
	assert_string_equal("deploy/other.yml", locate(w, "deploy/other.yml", "production"));
	locate(w, "missing.yml", NULL);
	assert_int_equal(-1, w->result);
	assert_int_equal(ERR_ABSENT, w->err.kind);
	assert_string_equal("no file 'missing.yml' in 'here'", w->err.text);
	locate(w, "~/orcinus.yml", NULL);
	assert_non_null(strstr(w->err.text, "the shell's to expand"));
}

static void nothing_there_names_what_was_looked_for(void **state)
{
	struct world *w = *state;

	locate(w, NULL, "dev");
	assert_int_equal(-1, w->result);
	assert_int_equal(ERR_ABSENT, w->err.kind);
	assert_string_equal("nothing to deploy in 'here': none of orcinus-dev.yml, "
			    "orcinus-dev.yaml, orcinus-dev.json, orcinus.yml, orcinus.yaml, "
			    "orcinus.json is there",
			    w->err.text);
}

static void a_compose_file_that_may_be_meant_is_named_and_not_taken(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "docker-compose.yml", "");
	locate(w, NULL, NULL);
	assert_int_equal(-1, w->result);
	assert_int_equal(ERR_ABSENT, w->err.kind);
	assert_string_equal("nothing to deploy in 'here': none of orcinus.yml, orcinus.yaml, "
			    "orcinus.json is there; or is it -f docker-compose.yml",
			    w->err.text);
}

static void a_folder_of_that_name_is_an_error_and_not_skipped(void **state)
{
	struct world *w = *state;

	tmpdir_dir(&w->dir, "orcinus.yml");
	tmpdir_file(&w->dir, "orcinus.yaml", "");
	locate(w, NULL, NULL);
	assert_int_equal(-1, w->result);
	assert_int_equal(ERR_INPUT, w->err.kind);
	assert_non_null(strstr(w->err.text, "not a regular file"));
}

static void an_environment_cannot_lead_to_another_folder(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "orcinus.yml", "");
	locate(w, NULL, "../x");
	assert_int_equal(ERR_INPUT, w->err.kind);
	locate(w, NULL, "");
	assert_int_equal(ERR_INPUT, w->err.kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(yml_comes_before_yaml_and_json, setup, teardown),
		cmocka_unit_test_setup_teardown(the_file_of_the_environment_comes_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			the_environment_of_a_job_counts_where_no_other_is_given, setup, teardown),
		cmocka_unit_test_setup_teardown(the_case_of_an_environment_does_not_matter, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			production_does_not_get_the_general_file_beside_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_environment_without_a_file_where_others_have_one_is_told, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_given_file_is_the_only_one_tried, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_compose_file_that_may_be_meant_is_named_and_not_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_there_names_what_was_looked_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_folder_of_that_name_is_an_error_and_not_skipped,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_environment_cannot_lead_to_another_folder, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

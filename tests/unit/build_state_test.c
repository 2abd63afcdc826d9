/* Variables and where they come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/build/state.h"

struct world {
	struct strv build_args, globals;
	struct state_options opt;
	struct state state;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct oci_platform p;

	oci_platform_host(&p);
	strv_add(&w->globals, "VERSION=7");
	strv_add(&w->globals, "TARGETARCH=amd64");
	w->opt = (struct state_options){ &w->build_args, &w->globals, '\\' };
	state_init_scratch(&w->state, &w->opt, &p);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	state_release(&w->state);
	strv_release(&w->build_args);
	strv_release(&w->globals);
	free(w);
	return 0;
}

static void assert_expands(const struct world *w, const char *word, const char *want)
{
	struct err e = ERR_INIT;
	auto_free char *got = state_expand(&w->state, word, &e);

	assert_non_null(got);
	assert_string_equal(got, want);
}

static const char *arg(struct world *w, const char *name, const char *dflt)
{
	const char *value;

	state_arg(&w->state, name, dflt, &value);
	return value;
}

static void whoever_wrote_last_counts(void **state)
{
	struct world *w = *state;

	state_env(&w->state, "X", "env");
	arg(w, "X", "arg");
	assert_expands(w, "$X", "arg");
	assert_string_equal(strv_env_get(&w->state.config->env, "X"), "env");
	state_env(&w->state, "X", "again");
	assert_expands(w, "$X", "again");
}

static void an_arg_never_reaches_the_configuration(void **state)
{
	struct world *w = *state;

	arg(w, "A", "1");
	assert_null(strv_env_get(&w->state.config->env, "A"));
}

static void a_bare_arg_imports_the_global_one(void **state)
{
	struct world *w = *state;

	assert_expands(w, "$VERSION", "");
	assert_string_equal(arg(w, "VERSION", NULL), "7");
	assert_expands(w, "$VERSION", "7");
	assert_string_equal(arg(w, "TARGETARCH", NULL), "amd64");
}

static void a_default_goes_over_the_global_and_an_option_over_both(void **state)
{
	struct world *w = *state;

	assert_string_equal(arg(w, "VERSION", "8"), "8");
	strv_add(&w->build_args, "VERSION=9");
	assert_string_equal(arg(w, "VERSION", "8"), "9");
	assert_string_equal(arg(w, "VERSION", NULL), "9");
}

static void an_arg_without_any_value_changes_nothing(void **state)
{
	struct world *w = *state;

	state_env(&w->state, "X", "env");
	assert_null(arg(w, "X", NULL));
	assert_expands(w, "$X", "env");
}

static void history_shows_args_in_order_with_what_they_are_now(void **state)
{
	struct world *w = *state;
	auto_free char *none = state_arg_prefix(&w->state);
	auto_free char *some = NULL;

	assert_string_equal(none, "");
	arg(w, "B", "1");
	arg(w, "A", NULL);
	arg(w, "B", "2");
	state_env(&w->state, "B", "3");
	some = state_arg_prefix(&w->state);
	assert_string_equal(some, "|2 B=3 A= ");
}

static void proxies_are_seen_by_run_alone(void **state)
{
	struct world *w = *state;
	auto_free char *prefix = state_arg_prefix(&w->state), *all = NULL;
	auto_strv struct strv env = STRV_INIT;

	strv_add(&w->build_args, "https_proxy=http://p:1");
	strv_add(&w->build_args, "NO_PROXY=h");
	strv_add(&w->build_args, "FTP_PROXY=");
	strv_add(&w->build_args, "OTHER=x");
	strv_release(&w->state.env);
	w->state.env = (struct strv)STRV_INIT;
	strv_add(&w->state.env, "no_proxy=mine");
	state_run_env(&env, &w->state);
	all = strv_join(&env, " ");
	assert_string_equal(all, "no_proxy=mine HTTPS_PROXY=http://p:1 https_proxy=http://p:1 "
				 "NO_PROXY=h");
	assert_expands(w, "$https_proxy", "");
	assert_null(strv_env_get(&w->state.config->env, "https_proxy"));
	assert_string_equal(prefix, "");
}

static void an_arg_for_the_builder_is_no_variable(void **state)
{
	struct world *w = *state;
	auto_free char *prefix = NULL;

	assert_string_equal(arg(w, "BUILDKIT_SBOM_SCAN_STAGE", "true"), "true");
	assert_expands(w, "$BUILDKIT_SBOM_SCAN_STAGE", "");
	prefix = state_arg_prefix(&w->state);
	assert_string_equal(prefix, "|1 BUILDKIT_SBOM_SCAN_STAGE=true ");
}

static void a_stage_inherits_variables_but_not_that_it_had_a_cmd(void **state)
{
	struct world *w = *state;
	struct state next;

	state_env(&w->state, "E", "1");
	arg(w, "A", "2");
	w->state.has_own_cmd = true;
	state_init_stage(&next, &w->opt, &w->state);
	assert_string_equal(strv_env_get(&next.env, "A"), "2");
	assert_string_equal(strv_env_get(&next.env, "E"), "1");
	assert_int_equal(next.args.n, 1);
	assert_false(next.has_own_cmd);
	state_release(&next);
}

static void relative_paths_are_below_the_working_directory(void **state)
{
	struct world *w = *state;
	auto_free char *a = NULL, *b = NULL, *c = NULL;

	free(w->state.config->working_dir);
	w->state.config->working_dir = mem_strdup("/srv/app");
	a = state_path(&w->state, "x/../y");
	b = state_path(&w->state, "/abs/");
	c = state_path(&w->state, "../../../..");
	assert_string_equal(a, "/srv/app/y");
	assert_string_equal(b, "/abs");
	assert_string_equal(c, "/");
}

static void an_image_without_path_gets_one(void **state)
{
	struct world *w = *state;
	auto_config struct oci_config *base = oci_config_new();
	struct state s;

	state_init_image(&s, &w->opt, base);
	assert_non_null(strv_env_get(&s.config->env, "PATH"));
	state_release(&s);
}

static void layers_without_history_get_entries(void **state)
{
	struct world *w = *state;
	auto_config struct oci_config *base = oci_config_new();
	const struct oci_digest d = { .text = "sha256:x" };
	struct state s;

	oci_config_add_diff_id(base, &d);
	state_init_image(&s, &w->opt, base);
	assert_int_equal(s.config->nr_history, 1);
	assert_false(s.config->history[0].empty_layer);
	state_release(&s);
}

static void entries_that_are_missing_in_history_are_added(void **state)
{
	struct world *w = *state;
	auto_config struct oci_config *base = oci_config_new();
	const struct oci_digest d = { .text = "sha256:x" };
	struct state s;

	oci_config_add_diff_id(base, &d);
	oci_config_add_diff_id(base, &d);
	oci_config_add_history(base, NULL, "first", NULL, false);
	oci_config_add_history(base, NULL, "meta", NULL, true);
	state_init_image(&s, &w->opt, base);
	assert_int_equal(s.config->nr_history, 3);
	assert_false(s.config->history[2].empty_layer);
	state_release(&s);
}

static void triggers_are_not_handed_on(void **state)
{
	struct world *w = *state;
	auto_config struct oci_config *base = oci_config_new();
	struct state s, next;

	strv_add(&base->onbuild, "RUN x");
	state_init_image(&s, &w->opt, base);
	assert_int_equal(s.config->onbuild.n, 0);
	strv_add(&s.config->onbuild, "RUN y");
	state_init_stage(&next, &w->opt, &s);
	assert_int_equal(next.config->onbuild.n, 0);
	state_release(&next);
	state_release(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whoever_wrote_last_counts),
		TEST(an_arg_never_reaches_the_configuration),
		TEST(a_bare_arg_imports_the_global_one),
		TEST(a_default_goes_over_the_global_and_an_option_over_both),
		TEST(an_arg_without_any_value_changes_nothing),
		TEST(history_shows_args_in_order_with_what_they_are_now),
		TEST(proxies_are_seen_by_run_alone),
		TEST(an_arg_for_the_builder_is_no_variable),
		TEST(a_stage_inherits_variables_but_not_that_it_had_a_cmd),
		TEST(relative_paths_are_below_the_working_directory),
		TEST(an_image_without_path_gets_one),
		TEST(layers_without_history_get_entries),
		TEST(entries_that_are_missing_in_history_are_added),
		TEST(triggers_are_not_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

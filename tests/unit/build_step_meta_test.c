/* Instructions that change the configuration, and the lines they leave in the history. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/fakes/build_world.h"

static int setup(void **state)
{
	struct build_world *w = mem_zalloc(sizeof(*w));

	build_world_init(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	build_world_release(*state);
	free(*state);
	return 0;
}

static void assert_history(const struct build_world *w, const char *want)
{
	auto_free char *got = build_world_history(w);

	assert_string_equal(got, want);
}

static void assert_list(const struct strv *list, const char *want)
{
	auto_free char *got = strv_join(list, " ");

	assert_string_equal(got, want);
}

static void env_and_label_are_expanded_with_the_values_before(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *c = NULL;

	build_world_ok(w, "FROM scratch\nENV a=1\nENV a=2 b=$a\nLABEL k=\"$a $b\" 'l m'=x\n");
	c = build_world_config(w);
	assert_string_equal(strv_env_get(&c->env, "a"), "2");
	assert_string_equal(strv_env_get(&c->env, "b"), "1");
	assert_string_equal(strv_env_get(&c->labels, "k"), "2 1");
	assert_string_equal(strv_env_get(&c->labels, "l m"), "x");
	assert_history(w, "- ENV a=1\n- ENV a=2 b=1\n- LABEL k=2 1 l m=x\n");
}

static void args_show_their_value_in_the_history(void **state)
{
	struct build_world *w = *state;

	strv_add(&w->opt.build_args, "B=given");
	build_world_ok(w, "ARG G=global\nFROM scratch\nARG A=1 B=2\nARG C=$A$B D G\n");
	assert_history(w, "- ARG A=1 B=given\n- ARG C=1given D G=global\n");
}

static void commands_are_quoted_as_go_does(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *c = NULL;

	build_world_ok(w, "FROM scratch\nENTRYPOINT [\"/a\", \"b\\\"c\"]\nCMD echo \"x\" $y\n");
	c = build_world_config(w);
	assert_list(&c->cmd, "/bin/sh -c echo \"x\" $y");
	assert_list(&c->entrypoint, "/a b\"c");
	assert_true(c->args_escaped);
	assert_history(w, "- ENTRYPOINT [\"/a\" \"b\\\"c\"]\n"
			  "- CMD [\"/bin/sh\" \"-c\" \"echo \\\"x\\\" $y\"]\n");
}

static void an_entrypoint_drops_the_bases_cmd_but_not_its_own_stages(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *dropped = NULL, *kept = NULL;

	build_world_ok(w, "FROM scratch AS a\nCMD [\"x\"]\nFROM a\nENTRYPOINT [\"e\"]\n");
	dropped = build_world_config(w);
	assert_int_equal(dropped->cmd.n, 0);
	build_world_ok(w, "FROM scratch\nCMD [\"x\"]\nENTRYPOINT [\"e\"]\n");
	kept = build_world_config(w);
	assert_list(&kept->cmd, "x");
}

static void ports_are_completed_and_ranges_written_out(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *c = NULL;

	build_world_ok(
		w, "FROM scratch\nARG P=\"90 91/UDP\"\nEXPOSE 8000-8001 443/tcp $P\nEXPOSE 443\n");
	c = build_world_config(w);
	assert_list(&c->exposed_ports, "443/tcp 8000/tcp 8001/tcp 90/tcp 91/udp");
	assert_history(w, "- ARG P=90 91/UDP\n"
			  "- EXPOSE [90/tcp 91/udp 443/tcp 8000/tcp 8001/tcp]\n"
			  "- EXPOSE [443/tcp]\n");
}

static void assert_fails(struct build_world *w, const char *dockerfile, const char *part)
{
	const char *said = build_world_fails(w, dockerfile);

	if (!strstr(said, part))
		fail_msg("'%s' is not in '%s'", part, said);
	assert_int_equal(w->err.kind, ERR_INPUT);
}

static void only_the_containers_part_of_a_port_counts(void **state)
{
	struct build_world *w = *state;

	build_world_ok(w, "FROM scratch\nEXPOSE 1.2.3.4:80:90 80-90:70 [::1]::5/Sctp :6 7/\n");
	assert_history(w, "- EXPOSE [90/tcp 7/tcp 70/tcp 6/tcp 5/sctp]\n");
}

static void wrong_ports_are_refused(void **state)
{
	struct build_world *w = *state;

	assert_fails(w, "FROM scratch\nEXPOSE 70000\n", "Dockerfile:2: EXPOSE 70000: invalid");
	assert_fails(w, "FROM scratch\nEXPOSE 90-80\n", "invalid containerPort");
	assert_fails(w, "FROM scratch\nEXPOSE 80/http\n", "invalid proto: 'http'");
	assert_fails(w, "FROM scratch\nEXPOSE /tcp\n", "no port specified: '/tcp'");
	assert_fails(w, "FROM scratch\nEXPOSE x:80\n", "invalid hostPort: 'x'");
	assert_fails(w, "FROM scratch\nEXPOSE 80-90:70-71\n", "invalid ranges");
	assert_fails(w, "FROM scratch\nEXPOSE 1.2.3:80:80\n", "invalid IP address: '1.2.3'");
	assert_fails(w, "FROM scratch\nARG P=0x\nEXPOSE $P\n", "Dockerfile:3: EXPOSE $P: invalid");
}

static void wrong_ports_are_told_before_anything_is_run(void **state)
{
	struct build_world *w = *state;

	assert_fails(w, "FROM scratch AS a\nRUN x\nEXPOSE 80/tpc\n",
		     "Dockerfile:3: EXPOSE 80/tpc: invalid proto: 'tpc' (tcp, udp or sctp)");
	assert_false(recorder_has(&w->progress, "[a 1/2]"));
}

static void a_user_is_kept_as_it_is_written(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *c = NULL;

	build_world_ok(w, "FROM scratch\nENV U=app\nUSER $U:web\n");
	c = build_world_config(w);
	assert_string_equal(c->user, "app:web");
	assert_history(w, "- ENV U=app\n- USER app:web\n");
}

static void a_workdir_is_made_for_the_user_and_makes_a_layer(void **state)
{
	struct build_world *w = *state;
	auto_config struct oci_config *c = NULL;
	auto_free char *first = NULL, *second = NULL;

	build_world_ok(w, "FROM scratch\nUSER 7:8\nWORKDIR /a/b\nWORKDIR c/../b\nWORKDIR /\n");
	c = build_world_config(w);
	first = build_world_layer(w, 0, false);
	second = build_world_layer(w, 1, false);
	assert_string_equal(first, "d 0755 7:8 a\nd 0755 7:8 a/b\n");
	assert_string_equal(second, "d 0755 7:8 a\nd 0755 7:8 a/b\nd 0755 7:8 a/b/b\n");
	assert_string_equal(c->working_dir, "/");
	assert_history(w, "- USER 7:8\nWORKDIR /a/b\nWORKDIR /a/b/b\n- WORKDIR /\n");
}

static void a_workdir_that_is_there_is_left_alone(void **state)
{
	struct build_world *w = *state;
	auto_free char *layer = NULL;

	build_world_ok(w, "FROM scratch\nUSER 7:8\nWORKDIR /a\nUSER 9\nWORKDIR /a\n");
	layer = build_world_layer(w, 1, false);
	assert_string_equal(layer, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(env_and_label_are_expanded_with_the_values_before),
		TEST(args_show_their_value_in_the_history),
		TEST(commands_are_quoted_as_go_does),
		TEST(an_entrypoint_drops_the_bases_cmd_but_not_its_own_stages),
		TEST(ports_are_completed_and_ranges_written_out),
		TEST(only_the_containers_part_of_a_port_counts),
		TEST(wrong_ports_are_refused),
		TEST(wrong_ports_are_told_before_anything_is_run),
		TEST(a_user_is_kept_as_it_is_written),
		TEST(a_workdir_is_made_for_the_user_and_makes_a_layer),
		TEST(a_workdir_that_is_there_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

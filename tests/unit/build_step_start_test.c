/* Instructions as the parser leaves them, carried out on a stage that has only a state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/build/step.h"
#include "tests/fakes/fake_clock.h"

struct world {
	struct fake_clock clock;
	struct op op;
	struct build_options opt;
	struct strv none;
	struct state_options state_opt;
	struct job job;
	struct stage stage;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct oci_platform host;

	oci_platform_host(&host);
	w->op.clock = fake_clock_init(&w->clock);
	w->job = (struct job){ .op = &w->op, .opt = &w->opt };
	w->state_opt = (struct state_options){ .build_args = &w->none,
					       .globals = &w->none,
					       .escape = '\\' };
	state_init_scratch(&w->stage.state, &w->state_opt, &host);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	state_release(&w->stage.state);
	free(w);
	return 0;
}

/* words: separated by '|'; NULL: none */
static int carry_out(struct world *w, struct dockerfile_instr in, const char *words)
{
	struct plan_step plan = { .instr = &in };
	struct step s = { .job = &w->job, .stage = &w->stage, .plan = &plan, .instr = &in };
	struct span rest = span_of_str(words), word;
	int r;

	while (words && span_split(&rest, '|', &word))
		strv_add_span(&in.words, word);
	err_clear(&w->e);
	r = step_carry_out(&s, &w->e);
	strv_release(&in.words);
	return r;
}

static const char *last_line(const struct world *w)
{
	const struct oci_config *c = w->stage.state.config;

	return c->nr_history ? c->history[c->nr_history - 1].created_by : "";
}

struct line_case {
	struct dockerfile_instr in;
	const char *words, *line; /* line NULL: refused with … */
	const char *why;
};

static void assert_lines(struct world *w, const struct line_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = carry_out(w, cases[i].in, cases[i].words);

		if (!cases[i].line) {
			assert_int_equal(r, -1);
			assert_int_equal(w->e.kind, ERR_INPUT);
			assert_string_equal(w->e.text, cases[i].why);
			continue;
		}
		if (r < 0)
			fail_msg("%s", w->e.text);
		assert_string_equal(last_line(w), cases[i].line);
	}
}

static void history_is_told_as_docker_does(void **state)
{
	static const struct line_case cases[] = {
		{ { .kind = DOCKERFILE_MAINTAINER },
		  "A  $B <c@d>",
		  "MAINTAINER A  $B <c@d>",
		  NULL },
		{ { .kind = DOCKERFILE_SHELL },
		  "/bin/bash|-o|p q|-c",
		  "SHELL [/bin/bash -o p q -c]",
		  NULL },
		{ { .kind = DOCKERFILE_CMD },
		  "echo $x",
		  "CMD [\"/bin/bash\" \"-o\" \"p q\" \"-c\" "
		  "\"echo $x\"]",
		  NULL },
		{ { .kind = DOCKERFILE_CMD, .exec_form = true }, NULL, "CMD []", NULL },
		{ { .kind = DOCKERFILE_ENTRYPOINT, .exec_form = true },
		  "a|b c",
		  "ENTRYPOINT [\"a\" \"b c\"]",
		  NULL },
		{ { .kind = DOCKERFILE_VOLUME }, "/b|/a|$X/c", "VOLUME [/b /a /c]", NULL },
		{ { .kind = DOCKERFILE_VOLUME },
		  "/b|$X",
		  NULL,
		  "VOLUME specified can not be an empty string" },
		{ { .kind = DOCKERFILE_USER }, "$X", "USER ", NULL },
		{ { .kind = DOCKERFILE_HEALTHCHECK,
		    .health = { .interval_ns = 30000000000, .retries = 3 } },
		  "curl -f  x",
		  "HEALTHCHECK {Test:[CMD-SHELL curl -f  x] Interval:30s Timeout:0s StartPeriod:0s "
		  "StartInterval:0s Retries:3}",
		  NULL },
		{ { .kind = DOCKERFILE_HEALTHCHECK,
		    .exec_form = true,
		    .health = { .timeout_ns = 1500000,
				.start_period_ns = 90000000000,
				.start_interval_ns = 1000000000 } },
		  "a|b c",
		  "HEALTHCHECK {Test:[CMD a b c] Interval:0s Timeout:1.5ms StartPeriod:1m30s "
		  "StartInterval:1s Retries:0}",
		  NULL },
		{ { .kind = DOCKERFILE_HEALTHCHECK, .health = { .none = true } },
		  NULL,
		  "HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s "
		  "Retries:0}",
		  NULL },
	};

	assert_lines(*state, cases, ARRAY_LEN(cases));
}

static void signals_are_names_or_numbers(void **state)
{
#define SIGNAL_OK(name)                                                                            \
	{                                                                                          \
		{ .kind = DOCKERFILE_STOPSIGNAL }, name, "STOPSIGNAL " name, NULL                  \
	}
#define SIGNAL_BAD(name)                                                                           \
	{                                                                                          \
		{ .kind = DOCKERFILE_STOPSIGNAL }, name, NULL, "invalid signal: " name             \
	}
	static const struct line_case cases[] = {
		SIGNAL_OK("SIGTERM"),	  SIGNAL_OK("term"),	    SIGNAL_OK("sigInt"),
		SIGNAL_OK("9"),		  SIGNAL_OK("200"),	    SIGNAL_OK("RTMIN+15"),
		SIGNAL_OK("SIGRTMAX-14"), SIGNAL_OK("rtmin"),	    SIGNAL_BAD("0"),
		SIGNAL_BAD("-5"),	  SIGNAL_BAD("SIGSIGTERM"), SIGNAL_BAD("RTMIN+16"),
		SIGNAL_BAD("RTMAX-15"),	  SIGNAL_BAD("RTMIN+"),	    SIGNAL_BAD("NOPE"),
	};

	assert_lines(*state, cases, ARRAY_LEN(cases));
}

static void the_configuration_holds_what_was_said(void **state)
{
	struct world *w = *state;
	const struct oci_config *c = w->stage.state.config;

	assert_int_equal(
		carry_out(w, (struct dockerfile_instr){ .kind = DOCKERFILE_MAINTAINER }, "me"), 0);
	assert_int_equal(
		carry_out(w, (struct dockerfile_instr){ .kind = DOCKERFILE_VOLUME }, "/b|/a|/b"),
		0);
	assert_int_equal(
		carry_out(w, (struct dockerfile_instr){ .kind = DOCKERFILE_STOPSIGNAL }, "sigint"),
		0);
	assert_int_equal(
		carry_out(w,
			  (struct dockerfile_instr){ .kind = DOCKERFILE_HEALTHCHECK,
						     .exec_form = true,
						     .health = { .start_interval_ns = 5 } },
			  "a"),
		0);
	assert_string_equal(c->author, "me");
	assert_string_equal(c->stop_signal, "sigint");
	assert_int_equal(c->volumes.n, 2);
	assert_string_equal(c->volumes.v[0], "/a");
	assert_true(c->health.is_set);
	assert_string_equal(c->health.test.v[0], "CMD");
	assert_int_equal(c->health.start_interval_ns, 5);
}

static void a_trigger_is_kept_and_leaves_no_history(void **state)
{
	struct world *w = *state;
	const struct oci_config *c = w->stage.state.config;

	assert_int_equal(
		carry_out(w, (struct dockerfile_instr){ .kind = DOCKERFILE_ONBUILD }, "COPY  a $b"),
		0);
	assert_int_equal(c->nr_history, 0);
	assert_int_equal(c->onbuild.n, 1);
	assert_string_equal(c->onbuild.v[0], "COPY  a $b");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(history_is_told_as_docker_does),
		TEST(signals_are_names_or_numbers),
		TEST(the_configuration_holds_what_was_said),
		TEST(a_trigger_is_kept_and_leaves_no_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

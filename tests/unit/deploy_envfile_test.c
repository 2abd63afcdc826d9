/* Files of variables: one grammar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "deploy/envfile.h"

struct world {
	struct strv env, out, warnings;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	strv_add(&w->env, "HOME=/root");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	strv_release(&w->env);
	strv_release(&w->out);
	strv_release(&w->warnings);
	free(w);
	return 0;
}

static void assert_reads(struct world *w, const char *text, const char *want)
{
	auto_free char *got = NULL;

	strv_release(&w->out);
	if (deploy_envfile_read(&w->out, "f", span_of_str(text), &w->env, &w->warnings, &w->e) < 0)
		fail_msg("%s", w->e.text);
	got = strv_join(&w->out, "|");
	assert_string_equal(want, got);
}

static void assert_refused(struct world *w, const char *text, const char *want)
{
	w->e = ERR_INIT;
	assert_int_equal(-1, deploy_envfile_read(&w->out, "f", span_of_str(text), &w->env,
						 &w->warnings, &w->e));
	assert_int_equal(ERR_INPUT, w->e.kind);
	assert_string_equal(want, w->e.text);
}

static void a_line_is_a_variable(void **state)
{
	assert_reads(*state, "A=1\n\n# no\nexport B = two words \r\nA=3\nE=\n",
		     "A=3|B=two words|E=");
	assert_reads(*state,
		     "\xef\xbb\xbf"
		     "A=1",
		     "A=1");
}

static void a_comment_begins_behind_a_blank(void **state)
{
	assert_reads(*state, "A=x#y # z\nB='a#b' # c\nC=\"d #e\"# f", "A=x#y|B=a#b|C=d #e");
}

static void quotes_act_and_go(void **state)
{
	assert_reads(*state, "A='$HOME \\n \"'\nB=\"x\\ty\\\"\\\\ \\q\\$HOME\"\n",
		     "A=$HOME \\n \"|B=x\ty\"\\ \\q$HOME");
}

static void variables_see_the_environment_and_what_came_before(void **state)
{
	assert_reads(*state, "A=${HOME}/a\nB=\"$A/b\"\nC=${NO:-d}$$\n",
		     "A=/root/a|B=/root/a/b|C=d$");
}

static void a_name_alone_takes_the_environments_value(void **state)
{
	struct world *w = *state;

	assert_reads(w, "HOME\nNOBODY\nMIIhunter2x\n", "HOME=/root");
	assert_int_equal(2, w->warnings.n);
	assert_string_equal("f:3: a name without a value, which is not set either, is left out",
			    w->warnings.v[1]);
	assert_string_equal("f:2: variable 'NOBODY' is not set and left out", w->warnings.v[0]);
}

static void errors_have_a_line_and_no_value(void **state)
{
	assert_refused(*state, "A=1\n=hunter2", "f:2: has no name; write KEY=value");
	assert_refused(*state, "MY KEY=hunter2", "f:1: has a blank in its name");
	assert_refused(*state, "A='hunter2", "f:1: a quote is not closed on its line");
	assert_refused(*state, "A=\"hunter2\" x", "f:1: something stands behind the closing quote");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_line_is_a_variable),
		T(a_comment_begins_behind_a_blank),
		T(quotes_act_and_go),
		T(variables_see_the_environment_and_what_came_before),
		T(a_name_alone_takes_the_environments_value),
		T(errors_have_a_line_and_no_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

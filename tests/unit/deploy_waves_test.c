/*
 * Who begins when. A stack is written "a b>a c>a,b": c depends on a and b.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "deploy/waves.h"

static void stack_of(struct deploy_stack *out, const char *text)
{
	struct span rest = span_of_str(text), word;

	*out = (struct deploy_stack){ 0 };
	while (span_word(&rest, &word)) {
		struct span name, others, other;
		struct deploy_service s = { 0 };

		span_cut(word, '>', &name, &others);
		s.name = span_dup(name);
		while (others.n) {
			span_cut(others, ',', &other, &others);
			strv_add_span(&s.depends_on, other);
		}
		MEM_GROW(out->services, out->nr, out->cap);
		out->services[out->nr++] = s;
	}
}

/* want: a digit per service; NULL: a circle. */
static void assert_waves(const char *text, const char *want, size_t nr_want)
{
	auto_stack struct deploy_stack stack;
	size_t wave[8], nr = 77;
	struct err e = ERR_INIT;
	char got[9] = "";

	stack_of(&stack, text);
	if (!want) {
		assert_int_equal(-1, deploy_waves(wave, &nr, &stack, &e));
		assert_int_equal(ERR_INPUT, e.kind);
		return;
	}
	assert_int_equal(0, deploy_waves(wave, &nr, &stack, &e));
	for (size_t i = 0; i < stack.nr; i++)
		got[i] = (char)('0' + wave[i]);
	assert_string_equal(want, got);
	assert_int_equal(nr_want, nr);
}

static void services_that_need_nothing_begin_together(void **state)
{
	(void)state;
	assert_waves("a b c", "000", 1);
	assert_waves("", "", 0);
}

static void a_service_comes_after_all_it_depends_on_wherever_they_stand(void **state)
{
	(void)state;
	assert_waves("a b>a c>a,b", "012", 3);
	assert_waves("c>b b>a a d", "2100", 3);
	assert_waves("web>db,cache db cache>db", "201", 3);
}

static void names_outside_the_stack_count_for_nothing(void **state)
{
	(void)state;
	assert_waves("a>elsewhere b", "00", 1);
}

static void a_circle_is_refused(void **state)
{
	(void)state;
	assert_waves("a>b b>a c", NULL, 0);
	assert_waves("a>a", NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_that_need_nothing_begin_together),
		cmocka_unit_test(a_service_comes_after_all_it_depends_on_wherever_they_stand),
		cmocka_unit_test(names_outside_the_stack_count_for_nothing),
		cmocka_unit_test(a_circle_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

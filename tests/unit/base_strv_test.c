/* Lists of strings, and environments made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/strv.h"

static void an_empty_list_has_no_array(void **state)
{
	auto_strv struct strv s = STRV_INIT;
	auto_free char *joined = strv_join(&s, ",");

	(void)state;
	assert_null(s.v);
	assert_string_equal("", joined);
	assert_false(strv_has(&s, "a"));
	assert_null(strv_env_get(&s, "a"));
	strv_sort(&s);
}

static void the_array_ends_in_null_however_it_grows(void **state)
{
	auto_strv struct strv s = STRV_INIT;

	(void)state;
	for (size_t i = 0; i < 50; i++) {
		strv_addf(&s, "%zu", i);
		assert_int_equal(i + 1, s.n);
		assert_null(s.v[s.n]);
	}
	assert_string_equal("49", s.v[49]);
}

static void all_ways_to_add(void **state)
{
	auto_strv struct strv s = STRV_INIT, t = STRV_INIT;
	auto_free char *joined = NULL;

	(void)state;
	strv_add(&s, "a");
	strv_add_span(&s, span_of("bc", 1));
	strv_take(&s, mem_strdup("c"));
	strv_copy(&t, &s);
	strv_copy(&t, &t);
	joined = strv_join(&t, ", ");
	assert_string_equal("a, b, c, a, b, c", joined);
}

static void remove_closes_the_gap(void **state)
{
	auto_strv struct strv s = STRV_INIT;

	(void)state;
	strv_add(&s, "a");
	strv_add(&s, "b");
	strv_add(&s, "c");
	strv_remove(&s, 1);
	strv_remove(&s, 1);
	assert_int_equal(1, s.n);
	assert_null(s.v[1]);
	assert_true(strv_has(&s, "a"));
	assert_false(strv_has(&s, "b"));
}

static void sort_is_by_bytes(void **state)
{
	auto_strv struct strv s = STRV_INIT;
	auto_free char *joined = NULL;

	(void)state;
	strv_add(&s, "b");
	strv_add(&s, "a");
	strv_add(&s, "B");
	strv_add(&s, "\xc3\xa9");
	strv_add(&s, "a-");
	strv_sort(&s);
	joined = strv_join(&s, " ");
	assert_string_equal("B a a- b \xc3\xa9", joined);
}

static void variables_are_replaced_in_place(void **state)
{
	auto_strv struct strv s = STRV_INIT;
	auto_free char *joined = NULL;

	(void)state;
	strv_env_set(&s, "A", "1");
	strv_env_set(&s, "B", "2");
	strv_env_set(&s, "A", "x=y");
	joined = strv_join(&s, " ");
	assert_string_equal("A=x=y B=2", joined);
	assert_string_equal("x=y", strv_env_get(&s, "A"));
}

static void a_value_may_come_from_the_list_itself(void **state)
{
	auto_strv struct strv s = STRV_INIT;

	(void)state;
	strv_env_set(&s, "A", "1");
	strv_env_set(&s, "A", strv_env_get(&s, "A"));
	assert_string_equal("1", strv_env_get(&s, "A"));
}

static void a_key_is_the_whole_key(void **state)
{
	auto_strv struct strv s = STRV_INIT;

	(void)state;
	strv_add(&s, "AB=1");
	strv_add(&s, "A"); /* no '=': no variable */
	assert_null(strv_env_get(&s, "A"));
	strv_env_set(&s, "A", "2");
	assert_string_equal("1", strv_env_get(&s, "AB"));
	assert_string_equal("2", strv_env_get(&s, "A"));
}

static void unset_takes_every_one_of_that_key(void **state)
{
	auto_strv struct strv s = STRV_INIT;
	auto_free char *joined = NULL;

	(void)state;
	strv_add(&s, "A=1");
	strv_add(&s, "B=2");
	strv_add(&s, "A=3");
	strv_env_unset(&s, "A");
	strv_env_unset(&s, "X");
	joined = strv_join(&s, " ");
	assert_string_equal("B=2", joined);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list_has_no_array),
		cmocka_unit_test(the_array_ends_in_null_however_it_grows),
		cmocka_unit_test(all_ways_to_add),
		cmocka_unit_test(remove_closes_the_gap),
		cmocka_unit_test(sort_is_by_bytes),
		cmocka_unit_test(variables_are_replaced_in_place),
		cmocka_unit_test(a_value_may_come_from_the_list_itself),
		cmocka_unit_test(a_key_is_the_whole_key),
		cmocka_unit_test(unset_takes_every_one_of_that_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

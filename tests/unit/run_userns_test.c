/* Which sub-ids are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"
#include "oci/run/userns.h"

static const char file[] =
	"root:100000:65536\n# a comment\nbroken\nanna:165536:65536\n1001:300000:10\nzero:1:0\n";

static void assert_subid(const char *name, uint32_t uid, bool found, uint64_t start, uint64_t count)
{
	uint64_t s = 0, c = 0;

	assert_int_equal(userns_subid_find(&s, &c, span_of_str(file), name, uid), found);
	if (found) {
		assert_int_equal(s, start);
		assert_int_equal(c, count);
	}
}

static void a_range_is_found_by_name(void **state)
{
	(void)state;
	assert_subid("anna", 1000, true, 165536, 65536);
}

static void a_range_is_found_by_number(void **state)
{
	(void)state;
	assert_subid(NULL, 1001, true, 300000, 10);
}

static void who_is_not_listed_has_no_range(void **state)
{
	(void)state;
	assert_subid("ann", 7, false, 0, 0);
}

static void an_empty_range_is_none(void **state)
{
	(void)state;
	assert_subid("zero", 8, false, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_is_found_by_name),
		cmocka_unit_test(a_range_is_found_by_number),
		cmocka_unit_test(who_is_not_listed_has_no_range),
		cmocka_unit_test(an_empty_range_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

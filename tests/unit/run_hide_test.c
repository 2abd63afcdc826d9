/* Secrets in lines of output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/run/hide.h"

static void assert_shown(const char *line, const char *shown)
{
	auto_strv struct strv texts = STRV_INIT;
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	hide_add(&texts, SPAN_LIT("s3cret\n"));
	hide_add(&texts, SPAN_LIT("s3cret-long"));
	hide_add(&texts, SPAN_LIT("abc"));
	hide_add(&texts, SPAN_LIT("-----BEGIN KEY-----\nshort\nlong enough\n"));
	if (!hide_line(&out, span_of_str(line), &texts))
		buf_add_str(&out, line);
	assert_string_equal(buf_str(&out), shown);
}

static void secrets_are_replaced_wherever_they_are(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "nothing here", "nothing here" },
		{ "s3cret", "***" },
		{ "token=s3cret, again s3cret!", "token=***, again ***!" },
		{ "s3crets3cret", "******" },
		{ "s3cret-long", "***" }, /* not "***-long" */
		{ "abc is too short", "abc is too short" },
		{ "x long enough x", "x *** x" }, /* a line of several */
		{ "short", "short" },		  /* but not one that may be any word */
		{ "s3cre", "s3cre" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_shown(cases[i][0], cases[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_replaced_wherever_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

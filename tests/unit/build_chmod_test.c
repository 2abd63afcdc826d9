/* --chmod: numbers, and chmod(1)'s lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/buf.h"
#include "oci/build/chmod.h"

static mode_t apply(const char *text, mode_t mode)
{
	struct chmod_rule r;
	struct err e = ERR_INIT;

	if (chmod_parse(&r, text, &e) < 0)
		fail_msg("%s", e.text);
	return chmod_apply(&r, mode);
}

static void numbers_are_taken_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(apply("0", S_IFREG | 0644), 0);
	assert_int_equal(apply("755", S_IFREG | 0644), 0755);
	assert_int_equal(apply("0755", S_IFDIR | 02711), 0755);
	assert_int_equal(apply("7777", S_IFREG), 07777);
	assert_int_equal(apply("07777", S_IFREG), 07777);
}

/* What GNU chmod with umask 0 makes of a file and of a directory. */
static const struct {
	const char *list;
	mode_t mode, file, dir;
} rows[] = {
	{ "u=rwX,go=rX", 0, 0644, 0755 },
	{ "u=rwX,go=rX", 0644, 0644, 0755 },
	{ "u=rwX,go=rX", 01777, 0755, 0755 },
	{ "+x", 0700, 0711, 0711 },
	{ "+x", 070, 0171, 0171 },
	{ "+x", 06711, 06711, 06711 },
	{ "a+x", 02755, 02755, 02755 },
	{ "a+x", 04755, 04755, 04755 },
	{ "a+x", 0644, 0755, 0755 },
	{ "-x", 0421, 0420, 0420 },
	{ "-x", 0, 0, 0 },
	{ "-x", 070, 060, 060 },
	{ "u+x", 0755, 0755, 0755 },
	{ "u+x", 0700, 0700, 0700 },
	{ "u+x", 04755, 04755, 04755 },
	{ "go-rwx", 01777, 01700, 01700 },
	{ "go-rwx", 02755, 02700, 02700 },
	{ "go-rwx", 0, 0, 0 },
	{ "a=rx", 06711, 0555, 06555 },
	{ "a=rx", 0421, 0555, 0555 },
	{ "a=rx", 0700, 0555, 0555 },
	{ "u=rw", 0644, 0644, 0644 },
	{ "u=rw", 0755, 0655, 0655 },
	{ "u=rw", 02755, 02655, 02655 },
	{ "=r", 070, 0444, 0444 },
	{ "=r", 01777, 0444, 0444 },
	{ "=r", 0421, 0444, 0444 },
	{ "=", 04755, 0, 04000 },
	{ "=", 06711, 0, 06000 },
	{ "=", 0755, 0, 0 },
	{ "u=", 0, 0, 0 },
	{ "u=", 0644, 044, 044 },
	{ "u=", 01777, 01077, 01077 },
	{ "g=u", 0700, 0770, 0770 },
	{ "g=u", 070, 0, 0 },
	{ "g=u", 06711, 04771, 06771 },
	{ "o=g", 02755, 02755, 02755 },
	{ "o=g", 04755, 04755, 04755 },
	{ "o=g", 0644, 0644, 0644 },
	{ "u+s", 0421, 04421, 04421 },
	{ "u+s", 0, 04000, 04000 },
	{ "u+s", 070, 04070, 04070 },
	{ "g+s", 0755, 02755, 02755 },
	{ "g+s", 0700, 02700, 02700 },
	{ "g+s", 04755, 06755, 06755 },
	{ "a+s", 01777, 07777, 07777 },
	{ "a+s", 02755, 06755, 06755 },
	{ "a+s", 0, 06000, 06000 },
	{ "+t", 06711, 07711, 07711 },
	{ "+t", 0421, 01421, 01421 },
	{ "+t", 0700, 01700, 01700 },
	{ "o+t", 0644, 01644, 01644 },
	{ "o+t", 0755, 01755, 01755 },
	{ "o+t", 02755, 03755, 03755 },
	{ "u=rwxs", 070, 04770, 04770 },
	{ "u=rwxs", 01777, 05777, 05777 },
	{ "u=rwxs", 0421, 04721, 04721 },
	{ "g=rs", 04755, 06745, 06745 },
	{ "g=rs", 06711, 06741, 06741 },
	{ "g=rs", 0755, 02745, 02745 },
	{ "g=rx", 0, 050, 050 },
	{ "g=rx", 0644, 0654, 0654 },
	{ "g=rx", 01777, 01757, 01757 },
	{ "a=rwX", 0700, 0777, 0777 },
	{ "a=rwX", 070, 0777, 0777 },
	{ "a=rwX", 06711, 0777, 06777 },
	{ "a-w+X", 02755, 02555, 02555 },
	{ "a-w+X", 04755, 04555, 04555 },
	{ "a-w+X", 0644, 0444, 0555 },
	{ "u=rwx,g=u,o=g-w", 0421, 0775, 0775 },
	{ "u=rwx,g=u,o=g-w", 0, 0775, 0775 },
	{ "u=rwx,g=u,o=g-w", 070, 0775, 0775 },
	{ "ug+rw,o-rwx", 0755, 0770, 0770 },
	{ "ug+rw,o-rwx", 0700, 0760, 0760 },
	{ "ug+rw,o-rwx", 04755, 04770, 04770 },
	{ "u-x,+X", 01777, 01777, 01777 },
	{ "u-x,+X", 02755, 02755, 02755 },
	{ "u-x,+X", 0, 0, 0111 },
	{ "uo=rw,+X", 06711, 02717, 06717 },
	{ "uo=rw,+X", 0421, 0626, 0737 },
	{ "uo=rw,+X", 0700, 0606, 0717 },
	{ "a=r,u+w,+X", 0644, 0644, 0755 },
	{ "a=r,u+w,+X", 0755, 0644, 0755 },
	{ "a=r,u+w,+X", 02755, 0644, 02755 },
	{ "u=g,g=o,o=", 070, 0700, 0700 },
	{ "u=g,g=o,o=", 01777, 0770, 0770 },
	{ "u=g,g=o,o=", 0421, 0210, 0210 },
	{ "ugo=rwxt", 04755, 01777, 05777 },
	{ "ugo=rwxt", 06711, 01777, 07777 },
	{ "ugo=rwxt", 0755, 01777, 01777 },
};

static void lists_do_what_chmod_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		mode_t file = apply(rows[i].list, S_IFREG | rows[i].mode);
		mode_t dir = apply(rows[i].list, S_IFDIR | rows[i].mode);

		if (file != rows[i].file || dir != rows[i].dir)
			fail_msg("%s on %04o: file %04o, directory %04o", rows[i].list,
				 rows[i].mode, file, dir);
	}
}

static void big_x_means_directories_and_what_runs_already(void **state)
{
	(void)state;
	assert_int_equal(apply("u=rwX,go=rX", S_IFREG | 0600), 0644);
	assert_int_equal(apply("u=rwX,go=rX", S_IFREG | 0700), 0755);
	assert_int_equal(apply("u=rwX,go=rX", S_IFDIR | 0700), 0755);
}

static void anything_else_is_refused(void **state)
{
	static const char *const wrong[] = { "",      "10000", "999", "8",    "u",   "u+k", "rwx",
					     "u=rw,", ",u=r",  "x+u", "u=gr", "u+7", "0x1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct chmod_rule r;
		struct err e = ERR_INIT;

		if (chmod_parse(&r, wrong[i], &e) == 0)
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_non_null(strstr(e.text, "invalid chmod parameter: '"));
	}
}

static void a_list_has_an_end(void **state)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct chmod_rule r;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < CHMOD_CLAUSES_MAX + 1; i++)
		buf_add_str(&text, i ? ",+x" : "+x");
	assert_int_equal(chmod_parse(&r, buf_str(&text), &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_taken_as_they_are),
		cmocka_unit_test(lists_do_what_chmod_does),
		cmocka_unit_test(big_x_means_directories_and_what_runs_already),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(a_list_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

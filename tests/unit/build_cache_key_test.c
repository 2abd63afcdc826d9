/* What changes a key, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "oci/build/cache_why.h"
#include "oci/build/content.h"
#include "tests/fakes/tmpdir.h"

static struct cache_key form(const char *name, const char *value)
{
	auto_cache_text struct cache_text t;
	struct cache_key k;

	cache_text_init(&t, "RUN");
	cache_text_add_str(&t, name, value);
	cache_text_final(&k, &t);
	return k;
}

static bool same(const struct cache_key *a, const struct cache_key *b)
{
	return strcmp(a->hex, b->hex) == 0;
}

static void fields_do_not_run_into_each_other(void **state)
{
	const struct cache_key a = form("ab", "c"), b = form("a", "bc"), again = form("ab", "c");

	(void)state;
	assert_false(same(&a, &b));
	assert_true(same(&a, &again));
}

static void a_key_depends_on_all_that_it_is_over(void **state)
{
	const struct cache_key f = form("a", "b"), g = form("a", "c");
	struct cache_key base, ids[5];
	struct oci_digest x, y;

	(void)state;
	cache_key_of_base(&base, NULL, NULL, 0);
	cache_key_of(&ids[0], &base, &f, NULL, 0);
	cache_key_of(&ids[1], &base, &g, NULL, 0);
	cache_key_of(&ids[2], &ids[0], &f, NULL, 0);
	oci_digest_of_bytes(&x, SPAN_LIT("x"));
	oci_digest_of_bytes(&y, SPAN_LIT("y"));
	cache_key_of(&ids[3], &base, &f, &x, 1);
	cache_key_of(&ids[4], &base, &f, &y, 1);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		for (size_t k = 0; k < i; k++)
			assert_false(same(&ids[i], &ids[k]));
}

static void an_image_is_its_blobs_and_what_they_claim_to_hold(void **state)
{
	struct oci_descriptor x = { .size_bytes = 1 }, y = { .size_bytes = 1 };
	struct oci_digest id;
	struct cache_key a, b, none;

	(void)state;
	oci_digest_of_bytes(&x.digest, SPAN_LIT("x"));
	oci_digest_of_bytes(&y.digest, SPAN_LIT("y"));
	oci_digest_of_bytes(&id, SPAN_LIT("tar"));
	cache_key_of_base(&a, &x, &id, 1);
	cache_key_of_base(&b, &y, &id, 1);
	cache_key_of_base(&none, NULL, NULL, 0);
	assert_false(same(&a, &b));
	assert_false(same(&a, &none));
}

/* -- content --------------------------------------------------------------------------- */

struct file {
	const char *path, *bytes;
	mode_t mode;
	uid_t uid;
	time_t time;
};

static struct cache_key content(const struct file *files, size_t nr)
{
	auto_tmpdir struct tmpdir dir;
	auto_cache_text struct cache_text t;
	const struct op op = { .clock = &clock_system };
	auto_listing struct layer_listing l = LISTING_INIT;
	struct err e = ERR_INIT;
	struct cache_key k;

	tmpdir_init(&dir);
	for (size_t i = 0; i < nr; i++) {
		tmpdir_file(&dir, files[i].path, files[i].bytes);
		listing_add(&l, &(struct layer_change){
					.path = (char *)files[i].path,
					.origin_fd = dir.fd,
					.origin_path = (char *)files[i].path,
					.st = { .st_mode = S_IFREG | files[i].mode,
						.st_uid = files[i].uid,
						.st_size = (off_t)strlen(files[i].bytes),
						.st_mtim.tv_sec = files[i].time } });
	}
	cache_text_init(&t, "content");
	if (content_add(&t, &op, &l, true, &e) < 0)
		fail_msg("%s", e.text);
	cache_text_final(&k, &t);
	return k;
}

static void all_of_a_file_counts_but_its_time(void **state)
{
	static const struct file files[] = {
		{ "a", "text", 0644, 0, 1 }, { "a", "text", 0644, 0, 2 }, /* touched */
		{ "b", "text", 0644, 0, 1 }, { "a", "texu", 0644, 0, 1 },
		{ "a", "text", 0755, 0, 1 }, { "a", "text", 0644, 7, 1 },
	};
	const struct cache_key first = content(&files[0], 1), touched = content(&files[1], 1);

	(void)state;
	assert_true(same(&first, &touched));
	for (size_t i = 2; i < ARRAY_LEN(files); i++) {
		const struct cache_key other = content(&files[i], 1);

		assert_false(same(&first, &other));
	}
}

static void each_file_counts(void **state)
{
	static const struct file files[] = { { "a", "x", 0644, 0, 1 }, { "b", "y", 0644, 0, 1 } };
	const struct cache_key one = content(files, 1), two = content(files, 2);

	(void)state;
	assert_false(same(&one, &two));
}

/* -- why ---------------------------------------------------------------------------------- */

static void assert_why(const char *before, const char *now, const char *want)
{
	auto_free char *got = cache_why_compare(span_of_str(before), span_of_str(now));

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void the_first_difference_is_told(void **state)
{
	(void)state;
	assert_why("a\t1\n", "a\t1\n", NULL);
	assert_why("a\t1\nENV B\t2\n", "a\t1\nENV B\t3\n", "ENV B differs");
	assert_why("what lies below\t1\na\t1\n", "what lies below\t2\na\t2\n",
		   "what lies below differs");
	/* not known yet: no reason */
	assert_why("what lies below\t1\na\t1\n", "a\t1\n", NULL);
	assert_why("what lies below\t1\na\t1\n", "a\t2\n", "a differs");
	assert_why("a\t1\nENV B\t2\nc\t1\n", "a\t1\nc\t1\n", "ENV B is gone");
	assert_why("a\t1\nc\t1\n", "a\t1\nENV B\t2\nc\t1\n", "ENV B is new");
	assert_why("a\t1\n", "a\t1\nENV B\t2\n", "ENV B is new");
	assert_why("a\t1\ncontent\nentries\t1\nf1/app/main.py\t1\n",
		   "a\t1\ncontent\nentries\t2\nf1/app/main.py\t2\n",
		   "content changed: app/main.py");
	assert_why("", "", NULL);
	assert_why("\n\t\n", "x", "x is new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_do_not_run_into_each_other),
		cmocka_unit_test(a_key_depends_on_all_that_it_is_over),
		cmocka_unit_test(an_image_is_its_blobs_and_what_they_claim_to_hold),
		cmocka_unit_test(all_of_a_file_counts_but_its_time),
		cmocka_unit_test(each_file_counts),
		cmocka_unit_test(the_first_difference_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

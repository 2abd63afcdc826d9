/* What files are in a list, when they are not what they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "oci/build/content.h"
#include "tests/fakes/tmpdir.h"

static void a_file_that_became_a_fifo_does_not_stop_us(void **state)
{
	const struct op op = { .clock = &clock_system };
	char name[] = "file";
	struct layer_change change = { .kind = LAYER_ENTRY, .path = name, .origin_path = name };
	auto_listing struct layer_listing l = LISTING_INIT;
	struct err e = ERR_INIT;
	auto_cache_text struct cache_text text;
	auto_tmpdir struct tmpdir t;
	int r;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, name, "");
	change.origin_fd = t.fd;
	assert_int_equal(fstatat(t.fd, name, &change.st, 0), 0);
	assert_int_equal(unlinkat(t.fd, name, 0), 0);
	assert_int_equal(mkfifoat(t.fd, name, 0600), 0);
	listing_add(&l, &change);
	cache_text_init(&text, "test");
	r = content_add(&text, &op, &l, false, &e); /* comes back, whatever it says */
	assert_true(r == 0 || e.kind != ERR_NONE);
}

static void a_directory_that_became_a_link_is_not_followed(void **state)
{
	const struct op op = { .clock = &clock_system };
	char path[] = "d/file";
	auto_listing struct layer_listing l = LISTING_INIT;
	auto_cache_text struct cache_text text;
	struct err e = ERR_INIT;
	auto_tmpdir struct tmpdir t;

	(void)state;
	tmpdir_init(&t);
	assert_int_equal(mkdirat(t.fd, "elsewhere", 0755), 0);
	tmpdir_file(&t, "elsewhere/file", "not this one");
	assert_int_equal(symlinkat("elsewhere", t.fd, "d"), 0);
	listing_add(&l, &(struct layer_change){ .path = path,
						.st.st_mode = S_IFREG | 0644,
						.origin_fd = t.fd,
						.origin_path = path });
	cache_text_init(&text, "test");
	assert_int_equal(content_add(&text, &op, &l, false, &e), -1);
	assert_int_equal(e.sys, ELOOP);
}

static void key_of(struct cache_key *key, const struct layer_listing *l)
{
	const struct op op = { .clock = &clock_system };
	auto_cache_text struct cache_text text;
	struct err e = ERR_INIT;

	cache_text_init(&text, "test");
	assert_int_equal(content_add(&text, &op, l, false, &e), 0);
	cache_text_final(key, &text);
}

/* nth has other bytes than all the rest. */
static void key_of_many(struct cache_key *key, const struct tmpdir *t, size_t nth)
{
	auto_listing struct layer_listing l = LISTING_INIT;
	char same[] = "same", other[] = "other";

	for (size_t i = 0; i < 17000; i++) {
		auto_free char *path = mem_printf("%zu", i);

		listing_add(&l, &(struct layer_change){ .path = path,
							.st.st_mode = S_IFREG | 0644,
							.origin_fd = t->fd,
							.origin_path = i == nth ? other : same });
	}
	key_of(key, &l);
}

/* More files than are hashed at a time (16384). */
static void each_of_many_files_counts(void **state)
{
	static const size_t nths[] = { SIZE_MAX, 16383, 16384, 16999 };
	struct cache_key keys[ARRAY_LEN(nths)];
	auto_tmpdir struct tmpdir t;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "same", "");
	tmpdir_file(&t, "other", "1");
	for (size_t i = 0; i < ARRAY_LEN(nths); i++) {
		key_of_many(&keys[i], &t, nths[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i].hex, keys[j].hex);
	}
}

static void a_file_that_cannot_be_read_is_told_by_its_name_in_the_image(void **state)
{
	const struct op op = { .clock = &clock_system };
	struct layer_change c = { .st.st_mode = S_IFDIR | 0755 };
	char dir[] = "srv", good[] = "srv/a", bad[] = "srv/b", here[] = "7", gone[] = "42";
	auto_listing struct layer_listing l = LISTING_INIT;
	auto_cache_text struct cache_text text;
	struct err e = ERR_INIT;
	auto_tmpdir struct tmpdir t;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, here, "1");
	c.path = dir;
	listing_add(&l, &c);
	c = (struct layer_change){
		.path = good, .st.st_mode = S_IFREG | 0644, .origin_fd = t.fd, .origin_path = here
	};
	listing_add(&l, &c);
	c.path = bad;
	c.origin_path = gone;
	listing_add(&l, &c);
	cache_text_init(&text, "test");
	assert_int_equal(content_add(&text, &op, &l, false, &e), -1);
	assert_string_equal(e.text, "'/srv/b': open '42': No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_became_a_fifo_does_not_stop_us),
		cmocka_unit_test(a_directory_that_became_a_link_is_not_followed),
		cmocka_unit_test(each_of_many_files_counts),
		cmocka_unit_test(a_file_that_cannot_be_read_is_told_by_its_name_in_the_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

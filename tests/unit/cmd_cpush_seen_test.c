#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cmd/cpush_seen.h"
#include "tests/fakes/tmpdir.h"

struct fixture {
	struct tmpdir dir;
	struct op op;
	struct oci_reference to;
	struct strv tags, seen;
	struct oci_digest one, two;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	struct err e = ERR_INIT;

	tmpdir_init(&f->dir);
	assert_int_equal(0, oci_reference_parse(&f->to, "r.example/a/b:1", &e));
	oci_digest_of_bytes(&f->one, SPAN_LIT("one"));
	oci_digest_of_bytes(&f->two, SPAN_LIT("two"));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tmpdir_release(&f->dir);
	oci_reference_release(&f->to);
	strv_release(&f->tags);
	strv_release(&f->seen);
	free(f);
	return 0;
}

static void save(struct fixture *f, const struct oci_digest *d)
{
	cpush_seen_save(&f->op, f->dir.path, &f->to, &f->tags, d);
}

static void load(struct fixture *f)
{
	strv_release(&f->seen);
	f->seen = (struct strv)STRV_INIT;
	cpush_seen_load(&f->seen, f->dir.path, &f->to);
}

static void tags_are_known_by_the_digest_of_their_last_push(void **state)
{
	struct fixture *f = *state;

	load(f);
	assert_int_equal(0, f->seen.n);
	save(f, &f->one);
	strv_add(&f->tags, "latest");
	save(f, &f->two);
	load(f);
	assert_int_equal(2, f->seen.n);
	assert_string_equal(f->two.text, strv_env_get(&f->seen, "1"));
	assert_string_equal(f->two.text, strv_env_get(&f->seen, "latest"));
}

static void other_repositories_are_others(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	save(f, &f->one);
	oci_reference_release(&f->to);
	assert_int_equal(0, oci_reference_parse(&f->to, "r.example/a/bc:1", &e));
	load(f);
	assert_int_equal(0, f->seen.n);
}

static void the_file_does_not_grow_for_ever(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 1010; i++)
		strv_addf(&f->tags, "t%d", i);
	save(f, &f->one);
	load(f);
	assert_int_equal(1000, f->seen.n);
	assert_null(strv_env_get(&f->seen, "t0"));
	assert_non_null(strv_env_get(&f->seen, "t1009"));
}

static void what_we_did_not_write_says_nothing(void **state)
{
	static const char *const lines[] = {
		"",
		"r.example/a/b:1",
		"r.example/a/b:1 ",
		"r.example/a/b:1 sha256:00",
		"r.example/a/../b:1 sha256:"
		"7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
		"r.example/a/b@sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed "
		"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		auto_reference struct oci_reference ref = { 0 };
		struct oci_digest d;

		assert_false(cpush_seen_parse(&ref, &d, span_of_str(lines[i])));
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tags_are_known_by_the_digest_of_their_last_push),
		T(other_repositories_are_others),
		T(the_file_does_not_grow_for_ever),
		T(what_we_did_not_write_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

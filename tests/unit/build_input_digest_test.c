/* The input digest: what changes it and what does not; modes of a context as git knows them. */
#include "oci/build/input_digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <utime.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/call.h"
#include "tests/fakes/build_world.h"

#define PLAIN "FROM registry.test/base:1 AS one\nARG USED\nCOPY . /\nFROM one AS two\nRUN x\n"

static int set_up(void **state)
{
	struct build_world *w = mem_zalloc(sizeof(*w));

	build_world_init(w);
	w->env.sandbox = NULL;
	tmpdir_file(&w->dir, "ctx/Dockerfile", PLAIN);
	tmpdir_file(&w->dir, "ctx/a", "text");
	tmpdir_file(&w->dir, "ctx/dir/b", "text");
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	build_world_release(*state);
	free(*state);
	return 0;
}

/* Nobody is asked: the world has no registry. Owned by the caller. */
static char *digest_of(struct build_world *w)
{
	const struct build_call_options what = { .call = BUILD_CALL_INPUT };
	struct buf out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	bool warned;

	if (oci_build_call(&out, &warned, &w->op, &w->env, &w->opt, &what, &e) < 0)
		fail_msg("%s", e.text);
	assert_memory_equal(buf_str(&out), "sha256:", 7);
	assert_int_equal(out.len, 71);
	return buf_steal(&out);
}

/* was is freed. */
static char *assert_same(struct build_world *w, char *was)
{
	char *now = digest_of(w);

	assert_string_equal(was, now);
	free(was);
	return now;
}

static char *assert_other(struct build_world *w, char *was)
{
	char *now = digest_of(w);

	assert_string_not_equal(was, now);
	free(was);
	return now;
}

static void set_mode(const struct build_world *w, const char *name, mode_t mode)
{
	assert_int_equal(fchmodat(w->dir.fd, name, mode, 0), 0);
}

static void another_checkout_has_the_same(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = digest_of(w);
	auto_free char *file = mem_printf("%s/a", w->context);
	const struct utimbuf old = { .actime = 1000, .modtime = 1000 };

	/* a umask of 0, other times, another order of making */
	set_mode(w, "ctx/dir/b", 0666);
	set_mode(w, "ctx/dir", 0777);
	assert_int_equal(unlinkat(w->dir.fd, "ctx/a", 0), 0);
	tmpdir_file(&w->dir, "ctx/a", "text");
	assert_int_equal(utime(file, &old), 0);
	was = assert_same(w, was);
	w->opt.git_modes = true;
	was = assert_same(w, was);
}

static void what_git_and_dockerignore_keep_to_themselves_does_not_count(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = NULL;

	tmpdir_file(&w->dir, "ctx/.dockerignore", "out\n!out/kept\n*.log\n");
	was = digest_of(w);
	tmpdir_file(&w->dir, "ctx/.git/HEAD", "x");
	tmpdir_file(&w->dir, "ctx/dir/.git", "gitdir: ../.git/modules/dir");
	tmpdir_file(&w->dir, "ctx/x.log", "x");
	tmpdir_file(&w->dir, "ctx/out/more", "x");
	was = assert_same(w, was);
	tmpdir_file(&w->dir, "ctx/out/kept", "x");
	was = assert_other(w, was);
	tmpdir_file(&w->dir, "ctx/.gitignore", "x");
	was = assert_other(w, was);
}

static void files_count_by_name_bytes_mode_and_kind(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = digest_of(w);

	tmpdir_file(&w->dir, "ctx/a", "texT");
	was = assert_other(w, was);
	set_mode(w, "ctx/a", 0744);
	was = assert_other(w, was);
	assert_int_equal(renameat(w->dir.fd, "ctx/a", w->dir.fd, "ctx/c"), 0);
	was = assert_other(w, was);
	tmpdir_link(&w->dir, "ctx/l", "c");
	was = assert_other(w, was);
	assert_int_equal(unlinkat(w->dir.fd, "ctx/l", 0), 0);
	tmpdir_link(&w->dir, "ctx/l", "dir");
	was = assert_other(w, was);
	tmpdir_dir(&w->dir, "ctx/empty");
	was = assert_other(w, was);
}

static void options_count_when_they_can_change_the_image(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = digest_of(w);

	strv_add(&w->opt.build_args, "UNUSED=1");
	strv_add(&w->opt.build_args, "http_proxy=http://p");
	was = assert_same(w, was);
	strv_add(&w->opt.build_args, "USED=1");
	was = assert_other(w, was);
	w->opt.target = "two"; /* the last one anyway */
	was = assert_same(w, was);
	w->opt.target = "one";
	was = assert_other(w, was);
	strv_add(&w->opt.labels, "a=b");
	was = assert_other(w, was);
	w->opt.has_epoch = true;
	w->opt.epoch = 7;
	was = assert_same(w, was);
}

static void what_names_the_commit_does_not_count(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = digest_of(w);
	struct err e = ERR_INIT;

	strv_add(&w->opt.labels, "org.opencontainers.image.revision=0123");
	strv_add(&w->opt.labels, "org.opencontainers.image.created=2026-01-02T03:04:05Z");
	was = assert_same(w, was);
	assert_int_equal(build_annotations_parse(&w->opt.annotations,
						 "org.opencontainers.image.revision=0123", &e),
			 0);
	was = assert_same(w, was);
	strv_add(&w->opt.labels, "org.opencontainers.image.revisions=1");
	was = assert_other(w, was);
	assert_int_equal(build_annotations_parse(&w->opt.annotations,
						 "org.opencontainers.image.version=1", &e),
			 0);
	was = assert_other(w, was);
}

static void platforms_count(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = digest_of(w);
	struct err e = ERR_INIT;

	assert_int_equal(build_platforms_parse(&w->opt, "linux/s390x", &e), 0);
	was = assert_other(w, was);
	assert_int_equal(build_platforms_parse(&w->opt, "linux/arm64", &e), 0);
	was = assert_other(w, was);
}

static void named_contexts_count_by_what_they_hold(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = digest_of(w);
	auto_free char *word = mem_printf("more=%s/more", w->dir.path);

	tmpdir_file(&w->dir, "more/x", "1");
	strv_add(&w->opt.contexts, word);
	was = assert_other(w, was);
	tmpdir_file(&w->dir, "more/x", "2");
	was = assert_other(w, was);
	/* an image is not looked up */
	strv_add(&w->opt.contexts, "base=docker-image://registry.test/x:1");
	was = assert_other(w, was);
}

static void the_state_of_the_tools_may_lie_in_the_context(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = digest_of(w);
	auto_free char *root = mem_printf("%s/state", w->context);

	w->env.root = root;
	tmpdir_file(&w->dir, "ctx/state/store/x", "x");
	was = assert_same(w, was);
}

static void a_context_that_is_too_deep_is_refused(void **state)
{
	struct build_world *w = *state;
	const struct build_call_options what = { .call = BUILD_CALL_INPUT };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_buf struct buf deep = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	bool warned;

	buf_add_str(&deep, "ctx");
	for (int i = 0; i < 600; i++)
		buf_add_str(&deep, "/d");
	tmpdir_dir(&w->dir, buf_str(&deep));
	assert_int_equal(oci_build_call(&out, &warned, &w->op, &w->env, &w->opt, &what, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.text, "nested"));
}

static void copy_takes_gits_modes_when_asked(void **state)
{
	struct build_world *w = *state;
	auto_free char *layer = NULL;

	w->opt.git_modes = true;
	set_mode(w, "ctx/a", 0666);
	set_mode(w, "ctx/dir", 0777);
	set_mode(w, "ctx/dir/b", 04767);
	tmpdir_file(&w->dir, "ctx/.dockerignore", "Dockerfile\n.dockerignore\n");
	build_world_ok(w, "FROM scratch\nCOPY . /\n");
	layer = build_world_layer(w, 0, false);
	assert_string_equal(layer, "f 0644 0:0 a = text\nd 0755 0:0 dir\n"
				   "f 0755 0:0 dir/b = text\n");
}

static void a_build_tells_it_when_asked(void **state)
{
	struct build_world *w = *state;
	auto_free char *was = NULL;

	tmpdir_file(&w->dir, "ctx/Dockerfile", "FROM scratch\nCOPY a /\n");
	was = digest_of(w);
	build_world_ok(w, "FROM scratch\nCOPY a /\n");
	assert_false(oci_digest_is_set(&w->result.input));
	w->opt.has_input = true;
	build_world_ok(w, "FROM scratch\nCOPY a /\n");
	assert_string_equal(w->result.input.text, was);
	assert_false(w->result.is_reused);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_checkout_has_the_same),
		TEST(what_git_and_dockerignore_keep_to_themselves_does_not_count),
		TEST(files_count_by_name_bytes_mode_and_kind),
		TEST(options_count_when_they_can_change_the_image),
		TEST(what_names_the_commit_does_not_count),
		TEST(platforms_count),
		TEST(named_contexts_count_by_what_they_hold),
		TEST(the_state_of_the_tools_may_lie_in_the_context),
		TEST(a_context_that_is_too_deep_is_refused),
		TEST(copy_takes_gits_modes_when_asked),
		TEST(a_build_tells_it_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

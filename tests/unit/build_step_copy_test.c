/* COPY, judged by the layer it makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/mem.h"
#include "tests/fakes/build_world.h"

static int setup(void **state)
{
	struct build_world *w = mem_zalloc(sizeof(*w));

	build_world_init(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	build_world_release(*state);
	free(*state);
	return 0;
}

static void assert_layer(const struct build_world *w, size_t index, const char *want)
{
	auto_free char *got = build_world_layer(w, index, false);

	assert_string_equal(got, want);
}

static void assert_fails(struct build_world *w, const char *dockerfile, const char *part)
{
	const char *said = build_world_fails(w, dockerfile);

	if (!strstr(said, part))
		fail_msg("'%s' is not in '%s'", part, said);
	assert_int_equal(w->err.kind, ERR_INPUT);
}

static void set_mode(struct build_world *w, const char *name, mode_t mode)
{
	assert_int_equal(fchmodat(w->dir.fd, name, mode, 0), 0);
}

static void set_time(struct build_world *w, const char *name, int64_t sec)
{
	const struct timespec times[2] = { { .tv_sec = sec }, { .tv_sec = sec } };

	assert_int_equal(utimensat(w->dir.fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* -- where things go ---------------------------------------------------------- */

static void a_file_becomes_the_destination(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nCOPY a /srv/b\n");
	assert_layer(w, 0, "d 0755 0:0 srv\nf 0644 0:0 srv/b = text\n");
}

static void a_slash_makes_the_destination_a_directory(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nCOPY a /srv/\nCOPY a /opt/.\n");
	assert_layer(w, 0, "d 0755 0:0 srv\nf 0644 0:0 srv/a = text\n");
	assert_layer(w, 1, "d 0755 0:0 opt\nf 0644 0:0 opt/a = text\n");
}

static void a_file_goes_into_a_directory_that_is_there(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nWORKDIR /srv\nCOPY a /srv\n");
	assert_layer(w, 1, "d 0755 0:0 srv\nf 0644 0:0 srv/a = text\n");
}

static void relative_destinations_are_below_the_working_directory(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nWORKDIR /srv\nCOPY a b\nCOPY a .\n");
	assert_layer(w, 1, "d 0755 0:0 srv\nf 0644 0:0 srv/b = text\n");
	assert_layer(w, 2, "d 0755 0:0 srv\nf 0644 0:0 srv/a = text\n");
}

static void of_a_directory_the_contents_are_copied(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/sub/a", "1");
	tmpdir_file(&w->dir, "ctx/d/b", "2");
	set_mode(w, "ctx/d", 0700);
	set_mode(w, "ctx/d/sub", 0750);
	build_world_ok(w, "FROM scratch\nCOPY d /srv\n");
	assert_layer(w, 0,
		     "d 0755 0:0 srv\nf 0644 0:0 srv/b = 2\nd 0750 0:0 srv/sub\n"
		     "f 0644 0:0 srv/sub/a = 1\n");
}

static void directories_of_a_wildcard_flow_into_one(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d1/a", "1");
	tmpdir_file(&w->dir, "ctx/d2/b", "2");
	build_world_ok(w, "FROM scratch\nCOPY d* /x/\n");
	assert_layer(w, 0, "d 0755 0:0 x\nf 0644 0:0 x/a = 1\nf 0644 0:0 x/b = 2\n");
}

static void a_wildcard_without_matches_makes_an_empty_layer(void **state)
{
	struct build_world *w = *state;
	auto_free char *history = NULL;

	build_world_ok(w, "FROM scratch\nCOPY *.none /x/\n");
	history = build_world_history(w);
	assert_layer(w, 0, "");
	assert_string_equal(history, "COPY *.none /x/ # buildkit\n");
}

static void several_files_need_a_directory(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a.py", "1");
	tmpdir_file(&w->dir, "ctx/b.py", "2");
	assert_fails(w, "FROM scratch\nCOPY *.py /x\n", "must be a directory and end with /");
	build_world_ok(w, "FROM scratch\nCOPY a* /x\n");
	assert_layer(w, 0, "f 0644 0:0 x = 1\n");
}

/* -- what is there already ------------------------------------------------------ */

static int make_links(struct fake_sandbox *f, struct sandbox_tree *t, const struct run_spec *spec,
		      int *status, struct err *e)
{
	(void)f, (void)spec, (void)status, (void)e;
	assert_int_equal(mkdirat(t->root_fd, "real", 0755), 0);
	assert_int_equal(symlinkat("/real", t->root_fd, "link"), 0);
	assert_int_equal(symlinkat("../../etc/target", t->root_fd, "real/dangling"), 0);
	assert_int_equal(symlinkat("/dev/null", t->root_fd, "real/a"), 0);
	return 0;
}

static void links_in_the_destination_stay_inside_the_root(void **state)
{
	struct build_world *w = *state;

	w->sandbox.on_run = make_links;
	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nRUN x\nCOPY a /link/b\nCOPY a /real/dangling\n");
	assert_layer(w, 1, "d 0755 0:0 real\nf 0644 0:0 real/b = text\n");
	assert_layer(w, 2, "d 0755 0:0 etc\nf 0644 0:0 etc/target = text\n");
}

static void a_link_where_an_entry_belongs_is_replaced(void **state)
{
	struct build_world *w = *state;

	w->sandbox.on_run = make_links;
	tmpdir_file(&w->dir, "ctx/a", "text");
	build_world_ok(w, "FROM scratch\nRUN x\nCOPY a /real/\n");
	assert_layer(w, 1, "d 0755 0:0 real\nf 0644 0:0 real/a = text\n");
}

static void kinds_that_do_not_fit_are_refused(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	tmpdir_file(&w->dir, "ctx/d/sub/x", "2");
	tmpdir_file(&w->dir, "ctx/e/sub", "3");
	tmpdir_file(&w->dir, "ctx/Dockerfile.dockerignore", "nothing\n");
	assert_fails(w, "FROM scratch\nCOPY a /x\nCOPY d /x\n",
		     "cannot copy a directory to '/x': not a directory");
	assert_fails(w, "FROM scratch\nCOPY d /x\nCOPY e /x\n",
		     "cannot replace the directory '/x/sub' with a file");
	assert_fails(w, "FROM scratch\nCOPY e /x\nCOPY d /x\n",
		     "cannot copy a directory to '/x/sub': not a directory");
	assert_fails(w, "FROM scratch\nCOPY a /x\nCOPY a /x/\n", "'/x' is not a directory");
	assert_fails(w, "FROM scratch\nCOPY a /x\nCOPY a /x/y/z\n", "not a directory");
}

static void the_same_file_again_is_an_empty_layer(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nCOPY a /x\nCOPY a /x\n");
	assert_layer(w, 1, "");
}

/* -- whose they are ---------------------------------------------------------------- */

static void from_the_context_all_is_roots(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	assert_int_equal(fchownat(w->dir.fd, "ctx/d/a", 12, 34, 0), 0);
	build_world_ok(w, "FROM scratch\nCOPY d /\n");
	assert_layer(w, 0, "f 0644 0:0 a = 1\n");
}

static void from_a_stage_owners_stay(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch AS one\nCOPY --chown=5:6 a /d/a\n"
			  "FROM scratch\nCOPY --from=one /d /e\nCOPY --from=0 /d/a /f\n");
	assert_layer(w, 0, "d 0755 0:0 e\nf 0644 5:6 e/a = 1\n");
	assert_layer(w, 1, "f 0644 5:6 f = 1\n");
}

static void chown_and_chmod_hold_for_all_that_is_made(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/sub/a", "1");
	tmpdir_link(&w->dir, "ctx/d/l", "a");
	build_world_ok(w, "FROM scratch\nARG M=4711\nCOPY --chown=5:6 --chmod=$M d /x/y\n");
	assert_layer(w, 0,
		     "d 4711 5:6 x\nd 4711 5:6 x/y\nl 5:6 x/y/l -> a\nd 4711 5:6 x/y/sub\n"
		     "f 4711 5:6 x/y/sub/a = 1\n");
}

static void names_are_looked_up_in_the_stage(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/passwd", "app:x:1000:1001::/:/bin/sh\n");
	tmpdir_file(&w->dir, "ctx/group", "web:x:33:\n");
	tmpdir_file(&w->dir, "ctx/a", "1");
	build_world_ok(w, "FROM scratch\nCOPY passwd group /etc/\nCOPY --chown=app a /a\n"
			  "COPY --chown=app:web a /b\n");
	assert_layer(w, 1, "f 0644 1000:1001 a = 1\n");
	assert_layer(w, 2, "f 0644 1000:33 b = 1\n");
	assert_fails(w, "FROM scratch\nCOPY --chown=nobody a /a\n", "nobody");
}

static void a_symbolic_chmod_is_refused(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/a", "1");
	assert_fails(w, "FROM scratch\nCOPY --chmod=u+x a /a\n", "invalid chmod parameter: 'u+x'");
}

static void times_and_capabilities_come_along(void **state)
{
	struct build_world *w = *state;
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0x20 };
	auto_free char *path = mem_printf("%s/ctx/d/a", w->dir.path);
	auto_free char *layer = NULL;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	if (setxattr(path, "security.capability", capability, sizeof(capability), 0) < 0)
		fail_msg("no capabilities in the temporary directory");
	set_time(w, "ctx/d/a", 1234567890);
	set_time(w, "ctx/d", 1000000000);
	build_world_ok(w, "FROM scratch\nCOPY d /e\n");
	layer = build_world_layer(w, 0, true);
	assert_string_equal(
		layer,
		"d 0755 0:0 @1000000000 e\nf 0644 0:0 @1234567890 e/a (20 bytes of capability) = 1\n");
}

static void names_of_one_file_stay_one_file(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	assert_int_equal(linkat(w->dir.fd, "ctx/d/a", w->dir.fd, "ctx/d/b", 0), 0);
	build_world_ok(w, "FROM scratch\nCOPY d /\n");
	assert_layer(w, 0, "f 0644 0:0 a = 1\nh b == a\n");
}

static void a_link_is_never_made_to_what_replaced_its_file(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d1/x", "mine");
	tmpdir_file(&w->dir, "ctx/d2/x", "another");
	assert_int_equal(linkat(w->dir.fd, "ctx/d1/x", w->dir.fd, "ctx/d2/z", 0), 0);
	build_world_ok(w, "FROM scratch\nCOPY d1 d2 /e/\n");
	assert_layer(w, 0, "d 0755 0:0 e\nf 0644 0:0 e/x = another\nf 0644 0:0 e/z = mine\n");
}

/* -- what is left out ------------------------------------------------------------------ */

static void ignored_entries_stay_behind(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/d/a", "1");
	tmpdir_file(&w->dir, "ctx/d/skip/x", "2");
	tmpdir_file(&w->dir, "ctx/d/part/keep", "3");
	tmpdir_file(&w->dir, "ctx/d/part/drop", "4");
	tmpdir_file(&w->dir, "ctx/.dockerignore", "d/skip\nd/part\n!d/part/keep\n");
	build_world_ok(w, "FROM scratch\nCOPY d /\n");
	assert_layer(w, 0, "f 0644 0:0 a = 1\nd 0755 0:0 part\nf 0644 0:0 part/keep = 3\n");
}

static void the_state_directory_is_never_part_of_the_context(void **state)
{
	struct build_world *w = *state;
	auto_free char *inside = mem_printf("%s/ctx/state", w->dir.path);

	w->env.root = inside;
	tmpdir_file(&w->dir, "ctx/a", "1");
	tmpdir_file(&w->dir, "ctx/.dockerignore", ".dockerignore\nDockerfile\n");
	free(w->root);
	w->root = mem_strdup(inside);
	build_world_ok(w, "FROM scratch\nCOPY . /\n");
	assert_layer(w, 0, "f 0644 0:0 a = 1\n");
}

static void a_source_that_is_missing_names_line_and_path(void **state)
{
	struct build_world *w = *state;

	assert_fails(w, "FROM scratch\n\nCOPY nope /\n",
		     "Dockerfile:3: COPY nope /: 'nope' is not");
}

static void a_named_context_is_a_directory_to_copy_from(void **state)
{
	struct build_world *w = *state;
	auto_free char *context = mem_printf("other=%s/other", w->dir.path);

	tmpdir_file(&w->dir, "other/a", "1");
	tmpdir_file(&w->dir, "other/b", "2");
	tmpdir_file(&w->dir, "other/.dockerignore", "b\n.dockerignore\n");
	strv_add(&w->opt.contexts, context);
	build_world_ok(w, "FROM scratch\nCOPY --from=other / /x/\n");
	assert_layer(w, 0, "d 0755 0:0 x\nf 0644 0:0 x/a = 1\n");
	assert_fails(w, "FROM other\n", "is a directory, not an image");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_becomes_the_destination),
		TEST(a_slash_makes_the_destination_a_directory),
		TEST(a_file_goes_into_a_directory_that_is_there),
		TEST(relative_destinations_are_below_the_working_directory),
		TEST(of_a_directory_the_contents_are_copied),
		TEST(directories_of_a_wildcard_flow_into_one),
		TEST(a_wildcard_without_matches_makes_an_empty_layer),
		TEST(several_files_need_a_directory),
		TEST(links_in_the_destination_stay_inside_the_root),
		TEST(a_link_where_an_entry_belongs_is_replaced),
		TEST(kinds_that_do_not_fit_are_refused),
		TEST(the_same_file_again_is_an_empty_layer),
		TEST(from_the_context_all_is_roots),
		TEST(from_a_stage_owners_stay),
		TEST(chown_and_chmod_hold_for_all_that_is_made),
		TEST(names_are_looked_up_in_the_stage),
		TEST(a_symbolic_chmod_is_refused),
		TEST(times_and_capabilities_come_along),
		TEST(names_of_one_file_stay_one_file),
		TEST(a_link_is_never_made_to_what_replaced_its_file),
		TEST(ignored_entries_stay_behind),
		TEST(the_state_directory_is_never_part_of_the_context),
		TEST(a_source_that_is_missing_names_line_and_path),
		TEST(a_named_context_is_a_directory_to_copy_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Where a build's context and its Dockerfile are. Standard input is told end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "tests/fakes/build_world.h"
#include "tests/fakes/http_script.h"

struct world {
	struct build_world w;
	struct http_script *script;
};

static int set_up(void **state)
{
	struct world *x = mem_zalloc(sizeof(*x));

	build_world_init(&x->w);
	x->script = http_script_new();
	x->w.env.http = http_script_http(x->script);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct world *x = *state;

	http_script_free(x->script);
	build_world_release(&x->w);
	free(x);
	return 0;
}

static void answer(struct world *x, const char *text)
{
	HTTP_EXPECT(x->script, .method = "GET", .url = "http://h/x", .status = 200, .answer = text);
}

static void assert_refused(struct world *x, enum err_kind kind, const char *part)
{
	const char *why = build_world_fails(&x->w, "FROM scratch\nLABEL of=dir\n");

	http_script_done(x->script);
	if (x->w.err.kind != kind || !strstr(why, part))
		fail_msg("kind %d: %s", (int)x->w.err.kind, why);
}

static void a_directory_may_have_a_scheme(void **state)
{
	struct world *x = *state;
	auto_free char *word = mem_printf("dir://%s", x->w.context);
	auto_free char *layer = NULL;

	x->w.opt.context = word;
	tmpdir_file(&x->w.dir, "ctx/a", "text");
	build_world_ok(&x->w, "FROM scratch\nCOPY a /\n");
	layer = build_world_layer(&x->w, 0, false);
	assert_string_equal("f 0644 0:0 a = text\n", layer);
}

static void an_ignore_file_is_not_read_from_outside(void **state)
{
	struct world *x = *state;

	tmpdir_file(&x->w.dir, "outside", "a\n");
	tmpdir_file(&x->w.dir, "ctx/inside", "b\n");
	tmpdir_file(&x->w.dir, "ctx/a", "a");
	tmpdir_file(&x->w.dir, "ctx/b", "b");
	tmpdir_link(&x->w.dir, "ctx/.dockerignore", "../outside");
	for (int i = 0; i < 2; i++) {
		fs_without_openat2 = i;
		assert_refused(x, ERR_INPUT, "'.dockerignore' in the context");
	}
	fs_without_openat2 = false;
	unlinkat(x->w.dir.fd, "ctx/.dockerignore", 0);
	tmpdir_link(&x->w.dir, "ctx/.dockerignore", "/inside");
	assert_non_null(
		strstr(build_world_fails(&x->w, "FROM scratch\nCOPY a b /\n"), ".dockerignore:1"));
}

static void a_dockerfile_by_its_address_has_an_empty_context(void **state)
{
	struct world *x = *state;

	x->w.opt.context = "http://u:p@h/x";
	answer(x, "FROM scratch\nLABEL a=b\n");
	build_world_ok(&x->w, "");
	answer(x, "FROM scratch\n\nCOPY a /\n");
	assert_refused(x, ERR_INPUT,
		       "http://h/x:3: COPY a /: 'a' is not in the context, which is empty");
	answer(x, "NOPE\n");
	assert_refused(x, ERR_INPUT, "http://h/x:1: ");
	answer(x, "FROM scratch\n");
	x->w.opt.dockerfile = "other";
	assert_refused(x, ERR_INPUT, "http://h/x is a Dockerfile itself");
}

static void standard_input_can_be_one_thing_only(void **state)
{
	struct world *x = *state;

	x->w.opt.context = x->w.opt.dockerfile = "-";
	assert_refused(x, ERR_INPUT, "both the context and the Dockerfile");
	x->w.opt.context = x->w.context;
	x->w.opt.dockerfile = NULL;
	strv_add(&x->w.opt.contexts, "n=-");
	assert_refused(x, ERR_INPUT, "--build-context n: standard input");
}

static void a_named_context_may_be_an_archive(void **state)
{
	struct world *x = *state;
	auto_free char *layer = NULL;

	strv_add(&x->w.opt.contexts, "n=tar://testdata/fuzz/layer_archive/xz");
	build_world_ok(&x->w, "FROM scratch\nCOPY --from=n . /\n");
	layer = build_world_layer(&x->w, 0, false);
	assert_string_equal("f 0640 0:0 a = hello\n\n", layer);
	x->w.opt.contexts.v[0][0] = 'm';
	assert_non_null(strstr(build_world_fails(&x->w, "FROM scratch\nCOPY --from=m b /\n"),
			       "'b' is not in the context 'tar://testdata/fuzz/layer_archive/xz'"));
}

static void a_named_context_that_cannot_be_says_which(void **state)
{
	struct world *x = *state;

	strv_add(&x->w.opt.contexts, "n=target:other");
	assert_refused(x, ERR_INPUT, "--build-context n: 'target:' names another build");
	strv_release(&x->w.opt.contexts);
	x->w.opt.contexts = (struct strv)STRV_INIT;
	strv_add(&x->w.opt.contexts, "n=http://h/x");
	answer(x, "just text\n");
	assert_refused(x, ERR_INPUT, "--build-context n: 'http://h/x' is no archive");
	HTTP_EXPECT(x->script, .method = "GET", .url = "http://h/x", .status = 404);
	assert_refused(x, ERR_ABSENT, "--build-context n: fetch 'http://h/x'");
}

int main(void)
{
#define WITH_WORLD(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_directory_may_have_a_scheme),
		WITH_WORLD(an_ignore_file_is_not_read_from_outside),
		WITH_WORLD(a_dockerfile_by_its_address_has_an_empty_context),
		WITH_WORLD(standard_input_can_be_one_thing_only),
		WITH_WORLD(a_named_context_may_be_an_archive),
		WITH_WORLD(a_named_context_that_cannot_be_says_which),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

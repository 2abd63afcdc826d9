/* Contexts that are no directory: standard input, archives, files by their address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/context_fetch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/http_script.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

#define SAMPLES "testdata/fuzz/layer_archive"

struct world {
	struct tmpdir t;
	struct recorder rec;
	struct fake_clock clock;
	struct op op;
	struct http_script *script;
	struct workspace ws;
	struct context_fetched got;
	struct err e;
	int stdin_fd;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	auto_free char *root = NULL;

	tmpdir_init(&w->t);
	w->op = (struct op){ .progress = recorder_init(&w->rec),
			     .clock = fake_clock_init(&w->clock) };
	w->script = http_script_new();
	root = mem_printf("%s/root", w->t.path);
	w->ws = WORKSPACE_INIT;
	w->stdin_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	*state = w;
	return workspace_open(&w->ws, root, &w->e);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	if (w->stdin_fd >= 0) {
		dup2(w->stdin_fd, STDIN_FILENO);
		close(w->stdin_fd);
	}
	context_fetched_release(&w->got);
	http_script_free(w->script);
	workspace_release(&w->ws);
	recorder_release(&w->rec);
	tmpdir_release(&w->t);
	free(w);
	return 0;
}

static int fetch(struct world *w, const char *word)
{
	struct context_fetched got;
	int r;

	err_clear(&w->e);
	r = context_fetch(&got, &w->op, http_script_http(w->script), &w->ws, word, "context", false,
			  &w->e);
	http_script_done(w->script);
	if (r == 0)
		w->got = got;
	return r;
}

static void assert_fetched(struct world *w, const char *word)
{
	if (fetch(w, word) < 0)
		fail_msg("%s", w->e.text);
}

static void assert_refused(struct world *w, const char *word, enum err_kind kind, const char *part)
{
	assert_int_equal(-1, fetch(w, word));
	if (w->e.kind != kind || !strstr(w->e.text, part))
		fail_msg("kind %d: %s", (int)w->e.kind, w->e.text);
}

static void give_stdin(struct world *w, const char *path)
{
	int fd;

	(void)w;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	close(fd);
}

static void assert_holds(struct world *w, const char *name, const char *text)
{
	auto_free char *path = mem_printf("%s/%s", w->got.dir, name);
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	if (fs_read_file(AT_FDCWD, path, &b, &w->e) < 0)
		fail_msg("%s", w->e.text);
	assert_string_equal(text, buf_str(&b));
	assert_false(w->got.has_text);
}

static void words_that_are_no_directory(void **state)
{
	static const char *const yes[] = {
		"-",	   "tar://a.tar",   "tar://stdin", "http://h/x", "https://h/x.git",
		"git@h:x", "github.com/a/b"
	};
	static const char *const no[] = { ".", "", "a-", "dir://a", "file:///a", "a/https://h" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(context_is_fetched(yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(context_is_fetched(no[i]));
	assert_string_equal("/a b", context_dir_path("dir:///a b"));
	assert_string_equal("a", context_dir_path("a"));
}

static void standard_input_may_be_a_tar_of_any_compression(void **state)
{
	static const char *const names[] = { "plain", "gzip", "bzip2", "xz", "zstd" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *path = mem_printf(SAMPLES "/%s", names[i]);
		struct world *w = *state;

		give_stdin(w, path);
		assert_fetched(w, "-");
		assert_holds(w, "a", "hello\n");
		assert_int_equal(0, fs_remove_tree(AT_FDCWD, w->got.dir, &w->e));
		context_fetched_release(&w->got);
	}
}

static void standard_input_may_be_a_dockerfile(void **state)
{
	struct world *w = *state;

	give_stdin(w, SAMPLES "/text");
	assert_fetched(w, "-");
	assert_true(w->got.has_text);
	assert_string_equal("no tar at all\n", buf_str(&w->got.text));
	assert_string_equal("-", w->got.shown);
}

static void an_empty_standard_input_is_an_error(void **state)
{
	struct world *w = *state;

	give_stdin(w, "/dev/null");
	assert_refused(w, "-", ERR_INPUT, "standard input is empty");
}

static void a_tar_that_was_promised_must_be_one(void **state)
{
	struct world *w = *state;

	give_stdin(w, SAMPLES "/text");
	assert_refused(w, "tar://stdin", ERR_INPUT, "is no archive");
}

static void a_tar_is_a_context(void **state)
{
	struct world *w = *state;

	assert_fetched(w, "tar://" SAMPLES "/gzip");
	assert_holds(w, "a", "hello\n");
}

static void a_missing_tar_is_absent(void **state)
{
	struct world *w = *state;

	assert_refused(w, "tar:///nonexistent/x.tar", ERR_ABSENT, "/nonexistent/x.tar");
}

static void hostile_tars_are_refused(void **state)
{
	struct world *w = *state;

	assert_refused(w, "tar://" SAMPLES "/outside", ERR_INPUT,
		       "'tar://" SAMPLES "/outside': '../x' leads outside");
}

static void an_address_gives_a_tar_or_a_dockerfile(void **state)
{
	auto_buf struct buf tar = BUF_INIT(BUF_SMALL);
	struct world *w = *state;

	assert_int_equal(0, fs_read_file(AT_FDCWD, SAMPLES "/gzip", &tar, &w->e));
	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/x", .status = 200,
		    .answer = tar.data, .answer_len = tar.len);
	assert_fetched(w, "http://u:p@h/x");
	assert_holds(w, "a", "hello\n");
	assert_string_equal("http://h/x", w->got.shown);
	assert_int_equal(0, fs_remove_tree(AT_FDCWD, w->got.dir, &w->e));
	context_fetched_release(&w->got);
	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/y", .status = 200,
		    .answer = "FROM scratch\n");
	assert_fetched(w, "http://h/y");
	assert_true(w->got.has_text);
	assert_string_equal("FROM scratch\n", buf_str(&w->got.text));
}

static void an_address_without_a_file_says_so(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->script, .method = "GET", .url = "http://h/x", .status = 404);
	assert_refused(w, "http://h/x", ERR_ABSENT, "404");
}

int main(void)
{
#define WITH_WORLD(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_that_are_no_directory),
		WITH_WORLD(standard_input_may_be_a_tar_of_any_compression),
		WITH_WORLD(standard_input_may_be_a_dockerfile),
		WITH_WORLD(an_empty_standard_input_is_an_error),
		WITH_WORLD(a_tar_that_was_promised_must_be_one),
		WITH_WORLD(a_tar_is_a_context),
		WITH_WORLD(a_missing_tar_is_absent),
		WITH_WORLD(hostile_tars_are_refused),
		WITH_WORLD(an_address_gives_a_tar_or_a_dockerfile),
		WITH_WORLD(an_address_without_a_file_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ADD of what COPY cannot: files by their address, and archives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "tests/fakes/build_world.h"
#include "tests/fakes/http_script.h"

#define SAMPLES	     "testdata/fuzz/layer_archive"
#define HELLO_DIGEST "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

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

/* The context gets a copy of a sample archive. */
static void sample(struct world *x, const char *name, const char *as)
{
	auto_free char *path = mem_printf(SAMPLES "/%s", name), *to = mem_printf("ctx/%s", as);
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	if (fs_read_file(AT_FDCWD, path, &b, &e) < 0 ||
	    fs_write_file(x->w.dir.fd, to, buf_span(&b), 0644, &e) < 0)
		fail_msg("%s", e.text);
}

static void assert_layer(struct world *x, const char *dockerfile, bool times, const char *want)
{
	auto_free char *layer = NULL;

	build_world_ok(&x->w, dockerfile);
	http_script_done(x->script);
	layer = build_world_layer(&x->w, 0, times);
	assert_string_equal(want, layer);
}

static void assert_fails(struct world *x, const char *dockerfile, enum err_kind kind,
			 const char *part)
{
	const char *why = build_world_fails(&x->w, dockerfile);

	http_script_done(x->script);
	if (x->w.err.kind != kind || !strstr(why, part))
		fail_msg("kind %d: %s", (int)x->w.err.kind, why);
}

static void a_file_by_its_address_is_roots_alone_and_as_old_as_it_says(void **state)
{
	struct world *x = *state;

	HTTP_EXPECT(x->script, .method = "GET", .url = "http://h/a/b%20c?d", .status = 200,
		    .headers = { "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT" },
		    .answer = "hello");
	HTTP_EXPECT(x->script, .method = "GET", .url = "http://h/", .status = 200, .answer = "x");
	assert_layer(x, "FROM scratch\nADD http://h/a/b%20c?d http://h /x/\n", true,
		     "d 0755 0:0 @1767225600 x\n"
		     "f 0600 0:0 @0 x/__unnamed__ = x\n"
		     "f 0600 0:0 @1445412480 x/b c = hello\n");
}

static void a_file_by_its_address_may_be_called_otherwise(void **state)
{
	struct world *x = *state;
	auto_free char *history = NULL;

	HTTP_EXPECT(x->script, .method = "GET", .url = "http://h/a",
		    .has = { "Authorization: Basic dTpw" }, .status = 200, .answer = "hello");
	assert_layer(x,
		     "FROM scratch\nARG H=h\n"
		     "ADD --chmod=644 --chown=1:2 --checksum=" HELLO_DIGEST " http://u:p@$H/a b\n",
		     false, "f 0644 1:2 b = hello\n");
	history = build_world_history(&x->w);
	assert_non_null(strstr(history, "ADD --chown=1:2 --chmod=644 http://h/a b # buildkit"));
	assert_false(recorder_has(&x->w.progress, "u:p"));
}

static void a_wrong_checksum_is_no_image(void **state)
{
	struct world *x = *state;

	HTTP_EXPECT(x->script, .method = "GET", .url = "http://h/a", .status = 200,
		    .answer = "other");
	assert_fails(x, "FROM scratch\nADD --checksum=" HELLO_DIGEST " http://h/a b\n", ERR_CORRUPT,
		     "expected " HELLO_DIGEST);
	assert_fails(x, "FROM scratch\nADD --checksum=sha256:12 http://h/a b\n", ERR_INPUT,
		     "Dockerfile:2: ");
	assert_fails(x, "FROM scratch\nADD --checksum=xyz git://h/a b\n", ERR_INPUT,
		     "hexadecimal digits");
}

static void an_archive_is_unpacked_whatever_it_is_called(void **state)
{
	static const char *const names[] = { "plain", "gzip", "bzip2", "xz", "zstd" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct world *x = *state;

		sample(x, names[i], "text.txt");
		assert_layer(x, "FROM scratch\nADD text.txt /to\n", true,
			     "d 0755 0:0 @1767225600 to\n"
			     "f 0640 7:8 @1000 to/a = hello\n\n");
	}
}

static void an_archive_is_copied_when_it_is_not_to_be_unpacked(void **state)
{
	struct world *x = *state;
	auto_free char *layer = NULL;

	sample(x, "plain", "a.tar");
	build_world_ok(&x->w, "FROM scratch\nADD --unpack=false a.tar /to/\n");
	layer = build_world_layer(&x->w, 0, false);
	assert_non_null(strstr(layer, "to/a.tar"));
	assert_null(strstr(layer, "to/a "));
}

static void what_is_no_archive_is_copied(void **state)
{
	struct world *x = *state;

	sample(x, "text", "x.tar.gz");
	sample(x, "empty", "y.tar");
	assert_layer(x, "FROM scratch\nADD x.tar.gz y.tar /to/\n", false,
		     "d 0755 0:0 to\n"
		     "f 0644 0:0 to/x.tar.gz = no tar at all\n\n"
		     "f 0644 0:0 to/y.tar\n");
}

static void a_fetched_archive_is_unpacked_on_demand(void **state)
{
	struct world *x = *state;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	assert_int_equal(0, fs_read_file(AT_FDCWD, SAMPLES "/gzip", &b, &e));
	HTTP_EXPECT(x->script, .method = "GET", .url = "http://h/x", .status = 200,
		    .answer = b.data, .answer_len = b.len);
	assert_layer(x, "FROM scratch\nADD --unpack --chown=3 http://h/x /to\n", false,
		     "d 0755 3:3 to\n"
		     "f 0640 3:3 to/a = hello\n\n");
}

static void a_mode_is_for_what_is_copied_only(void **state)
{
	struct world *x = *state;

	sample(x, "plain", "a");
	assert_layer(x, "FROM scratch\nADD --chmod=600 a /to/\n", false,
		     "d 0755 0:0 to\n"
		     "f 0640 7:8 to/a = hello\n\n");
}

static void several_archives_go_over_each_other(void **state)
{
	struct world *x = *state;

	sample(x, "plain", "a");
	sample(x, "gnu", "b");
	sample(x, "gzip", "c");
	build_world_ok(&x->w, "FROM scratch\nADD a b c /to/\nADD c /to/\n");
}

static void a_hostile_archive_is_named(void **state)
{
	struct world *x = *state;

	sample(x, "whiteout", "a");
	assert_fails(x, "FROM scratch\nADD a /to\n", ERR_INPUT,
		     "'a': 'd/.wh.x': no name may begin with '.wh.'");
}

int main(void)
{
#define WITH_WORLD(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_file_by_its_address_is_roots_alone_and_as_old_as_it_says),
		WITH_WORLD(a_file_by_its_address_may_be_called_otherwise),
		WITH_WORLD(a_wrong_checksum_is_no_image),
		WITH_WORLD(an_archive_is_unpacked_whatever_it_is_called),
		WITH_WORLD(an_archive_is_copied_when_it_is_not_to_be_unpacked),
		WITH_WORLD(what_is_no_archive_is_copied),
		WITH_WORLD(a_fetched_archive_is_unpacked_on_demand),
		WITH_WORLD(a_mode_is_for_what_is_copied_only),
		WITH_WORLD(several_archives_go_over_each_other),
		WITH_WORLD(a_hostile_archive_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

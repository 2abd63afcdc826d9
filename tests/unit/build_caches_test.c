/* Whole builds on several machines (each has a root of its own) that share a cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "oci/image/layout.h"
#include "tests/fakes/build_world.h"

#define FILE_TEXT                                                                                  \
	"FROM scratch AS one\nCOPY a /\nCOPY b /\n"                                                \
	"FROM scratch\nCOPY b /\nCOPY --from=one /a /c/\n"

static int setup(void **state)
{
	struct build_world *w = mem_zalloc(sizeof(*w));

	build_world_init(w);
	tmpdir_file(&w->dir, "ctx/a", "text of a");
	tmpdir_file(&w->dir, "ctx/b", "text of b");
	assert_int_equal(chdir(w->dir.path), 0); /* caches are named from here */
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(chdir("/"), 0);
	build_world_release(*state);
	free(*state);
	return 0;
}

static void parse(struct build_world *w, bool to, const char *text)
{
	if ((to ? cache_spec_parse_to(&w->opt, text, &w->err)
		: cache_spec_parse_from(&w->opt, text, &w->err)) < 0)
		fail_msg("%s", w->err.text);
}

/* From here on it is another machine, which is asked for nothing yet. */
static void another(struct build_world *w, const char *name)
{
	free(w->root);
	w->root = mem_printf("%s/%s", w->dir.path, name);
	w->env.root = w->root;
	cache_specs_release(&w->opt.cache_to);
	cache_specs_release(&w->opt.cache_from);
	recorder_clear(&w->progress);
}

static size_t times(const struct build_world *w, const char *part)
{
	const char *at = recorder_text(&w->progress);
	size_t n = 0;

	for (; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

static void assert_cached(const struct build_world *w, size_t n)
{
	if (times(w, "cached ") != n)
		fail_msg("%zu cached, not %zu: %s", times(w, "cached "), n,
			 recorder_text(&w->progress));
}

static void another_machine_makes_nothing_anew(void **state)
{
	struct build_world *w = *state;
	auto_free char *first = NULL;

	parse(w, true, "type=local,dest=kept,mode=max");
	build_world_ok(w, FILE_TEXT);
	assert_cached(w, 0);
	first = mem_strdup(w->result.manifest.text);
	another(w, "two");
	parse(w, false, "type=local,src=kept");
	build_world_ok(w, FILE_TEXT);
	assert_cached(w, 4);
	assert_string_equal(w->result.manifest.text, first);
	another(w, "three");
	build_world_ok(w, FILE_TEXT);
	assert_cached(w, 0);
}

static void an_image_carries_the_cache_of_its_own_layers(void **state)
{
	struct build_world *w = *state;
	auto_manifest struct oci_manifest m = { 0 };
	auto_free char *first = NULL;

	parse(w, true, "type=inline");
	build_world_ok(w, FILE_TEXT);
	build_world_manifest(w, &m);
	assert_int_equal(m.nr_layers, 2);
	for (size_t i = 0; i < 2; i++)
		assert_non_null(strv_env_get(&m.layers[i].annotations, "io.cbuild.cache.keys"));
	first = mem_strdup(w->result.manifest.text);
	another(w, "two");
	parse(w, false, "type=local,src=root/store");
	parse(w, true, "type=inline");
	build_world_ok(w, FILE_TEXT);
	assert_string_equal(w->result.manifest.text, first);
	assert_cached(w, 2);
}

/* What the builder stage is besides has its layers in another key of the COPY. */
static void an_inline_cache_is_the_same_when_what_was_copied_is(void **state)
{
#define BUILDER_TEXT                                                                               \
	"FROM scratch AS one\nCOPY a n /\nFROM scratch\nCOPY b /\nCOPY --from=one /a /c/\n"
	struct build_world *w = *state;
	auto_free char *first = NULL;

	tmpdir_file(&w->dir, "ctx/n", "1");
	parse(w, true, "type=inline");
	build_world_ok(w, BUILDER_TEXT);
	first = mem_strdup(w->result.manifest.text);
	tmpdir_file(&w->dir, "ctx/n", "2");
	recorder_clear(&w->progress);
	build_world_ok(w, BUILDER_TEXT);
	assert_cached(w, 2);
	assert_string_equal(w->result.manifest.text, first);
	recorder_clear(&w->progress);
	build_world_ok(w, BUILDER_TEXT);
	assert_cached(w, 3);
	assert_string_equal(w->result.manifest.text, first);
}

static void an_inline_cache_needs_an_output_that_holds_it(void **state)
{
	struct build_world *w = *state;

	parse(w, true, "type=inline");
	assert_int_equal(build_output_parse(&w->opt, "type=cacheonly", &w->err), 0);
	assert_non_null(strstr(build_world_fails(w, FILE_TEXT), "no output can hold it"));
	assert_int_equal(w->err.kind, ERR_INPUT);
	w->opt.cache_to.v[0].when_possible = true;
	build_world_ok(w, FILE_TEXT);
}

/* Whatever is in the directory's blobs is something else now, of the same size. */
static void damage_layers(struct build_world *w)
{
	auto_free char *path = mem_printf("%s/kept/blobs/sha256", w->dir.path);
	DIR *d = opendir(path);
	struct dirent *ent;

	assert_non_null(d);
	while ((ent = readdir(d))) {
		auto_free char *name = mem_printf("kept/blobs/sha256/%s", ent->d_name);
		auto_free char *text = ent->d_name[0] == '.' ? NULL : tmpdir_read(&w->dir, name);

		if (text && text[0] == '\x1f') { /* gzip */
			auto_free char *full = mem_printf("%s/%s", path, ent->d_name);
			FILE *f = fopen(full, "r+");

			assert_non_null(f);
			assert_int_equal(fseek(f, 12, SEEK_SET), 0);
			assert_int_equal(fputc('!', f), '!');
			assert_int_equal(fclose(f), 0);
		}
	}
	closedir(d);
}

static void a_build_whose_cached_layers_are_damaged_begins_again_and_is_right(void **state)
{
	struct build_world *w = *state;
	auto_free char *first = NULL;

	parse(w, true, "type=local,dest=kept,mode=max");
	build_world_ok(w, FILE_TEXT);
	first = mem_strdup(w->result.manifest.text);
	damage_layers(w);
	another(w, "two");
	parse(w, false, "type=local,src=kept");
	build_world_ok(w, FILE_TEXT);
	assert_string_equal(w->result.manifest.text, first);
	assert_true(times(w, "is not used: ") >= 1);
	assert_true(times(w, "the build begins again") >= 1);
}

static void no_cache_does_not_even_read_it(void **state)
{
	struct build_world *w = *state;

	w->opt.no_cache = true;
	parse(w, false, "type=local,src=none");
	build_world_ok(w, FILE_TEXT);
	assert_int_equal(times(w, "warn: "), 0);
}

#define TWO_TEXT "FROM scratch\nCOPY a /\nCOPY b /\n"

static int open_dir(struct build_world *w, const char *name)
{
	int fd = openat(w->dir.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* Calls `with` for each file of a directory. */
static void each_file(struct build_world *w, const char *dir,
		      void (*with)(struct build_world *w, const char *name, char *text))
{
	DIR *d = fdopendir(open_dir(w, dir));
	struct dirent *ent;

	assert_non_null(d);
	while ((ent = readdir(d))) {
		auto_free char *name = mem_printf("%s/%s", dir, ent->d_name);
		auto_free char *text = ent->d_name[0] == '.' ? NULL : tmpdir_read(&w->dir, name);

		if (text)
			with(w, name, text);
	}
	closedir(d);
}

#define FORGED "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void forge(struct build_world *w, const char *name, char *text)
{
	char *at = strstr(text, "\"diffId\":\"sha256:");

	assert_non_null(at);
	if (!strstr(text, "\"text\":\"COPY b /\""))
		return;
	memcpy(at + strlen("\"diffId\":\"sha256:"), FORGED, strlen(FORGED));
	tmpdir_file(&w->dir, name, text);
}

static size_t nr_forged;

static void count_forged(struct build_world *w, const char *name, char *text)
{
	(void)w;
	(void)name;
	nr_forged += strstr(text, FORGED) != NULL;
}

static size_t forged_in(struct build_world *w, const char *dir)
{
	nr_forged = 0;
	each_file(w, dir, count_forged);
	return nr_forged;
}

static void remove_one(struct build_world *w, const char *name, char *text)
{
	(void)text;
	assert_int_equal(unlinkat(w->dir.fd, name, 0), 0);
}

/* The blob is on this machine, from a build of its own; the claim is another's. */
static void what_another_cache_says_of_a_layer_goes_on_when_it_is_true(void **state)
{
	struct build_world *w = *state;

	assert_int_equal(build_output_parse(&w->opt, "type=cacheonly", &w->err), 0);
	build_world_ok(w, TWO_TEXT);
	each_file(w, "root/cache/steps", forge);
	parse(w, true, "type=local,dest=kept");
	build_world_ok(w, TWO_TEXT);
	assert_true(forged_in(w, "kept/blobs/sha256") > 0);

	another(w, "two");
	build_world_ok(w, TWO_TEXT);
	each_file(w, "two/cache/steps", remove_one);
	parse(w, false, "type=local,src=kept");
	parse(w, true, "type=local,dest=other");
	recorder_clear(&w->progress);
	build_world_ok(w, TWO_TEXT);
	assert_cached(w, 2);
	assert_int_equal(times(w, "is not used: "), 1);
	assert_int_equal(forged_in(w, "other/blobs/sha256"), 0);
}

static void fail_if_there(struct build_world *w, const char *name, char *text)
{
	(void)w;
	(void)text;
	fail_msg("%s", name);
}

/* The directory of a pipeline comes and goes back: its layers are not read for that. */
static void a_cache_that_goes_back_where_it_came_from_is_not_read(void **state)
{
	struct build_world *w = *state;

	assert_int_equal(build_output_parse(&w->opt, "type=cacheonly", &w->err), 0);
	parse(w, true, "type=local,dest=kept");
	build_world_ok(w, TWO_TEXT);
	another(w, "two");
	parse(w, false, "type=local,src=kept");
	parse(w, true, "type=local,dest=kept");
	build_world_ok(w, TWO_TEXT);
	assert_cached(w, 2);
	each_file(w, "two/cache/blobs/blobs/sha256", fail_if_there);
}

static void a_cache_that_cannot_be_written_fails_the_build_that_is_done(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "kept", "in the way");
	parse(w, true, "type=local,dest=kept");
	assert_non_null(strstr(build_world_fails(w, FILE_TEXT), "cache to '"));
}

/* -- files that change meanwhile ----------------------------------------------------------- */

/* Writes other bytes into ctx/a, as many, when the build says something. */
struct editor {
	struct log base;
	struct build_world *w;
	const char *when;
	bool is_told; /* that the step is not kept */
};

static void write_a(struct build_world *w, const char *text)
{
	const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	tmpdir_file(&w->dir, "ctx/a", text);
	/* the clock of a file system may not have moved on when it is written again */
	assert_int_equal(utimensat(w->dir.fd, "ctx/a", long_ago, 0), 0);
}

static void edit(struct log *l, const char *line)
{
	struct editor *x = (struct editor *)l;

	x->is_told |= strstr(line, " changed while it was read: not kept in the cache") != NULL;
	if (x->when && strstr(line, x->when)) {
		x->when = NULL;
		tmpdir_file(&x->w->dir, "ctx/a", "v2");
	}
}

/* One is read for the key before the layer is packed, one after. Whichever was packed: neither the
 * old text nor the new one may find it. */
static void assert_not_kept(struct build_world *w, const char *when)
{
	static const char *const texts[] = { "v2", "v1" };
	struct editor x = { .base = { .level = 1, .write = edit }, .w = w, .when = when };

	w->op.log = &x.base;
	write_a(w, "v1");
	build_world_ok(w, "FROM scratch\nCOPY a /\n");
	w->op.log = NULL;
	assert_null(x.when);
	assert_true(x.is_told);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		auto_free char *want = mem_printf("f 0644 0:0 a = %s\n", texts[i]);
		auto_free char *layer = NULL;

		write_a(w, texts[i]);
		build_world_ok(w, "FROM scratch\nCOPY a /\n");
		assert_cached(w, 0);
		layer = build_world_layer(w, 0, false);
		assert_string_equal(layer, want);
	}
	write_a(w, "v1");
	build_world_ok(w, "FROM scratch\nCOPY a /\n");
	assert_cached(w, 1);
}

static void a_file_that_changes_after_it_was_hashed_is_not_kept(void **state)
{
	struct build_world *w = *state;

	build_world_ok(w, "FROM scratch\nCOPY a /\n"); /* worth while to hash from now on */
	assert_not_kept(w, ": not cached: ");
}

static void a_file_that_changes_after_it_was_packed_is_not_kept(void **state)
{
	assert_not_kept(*state, " bytes in layer ");
}

/* Something is done to the context between the look for the key and the one for the layer. */
static void edit_names(struct log *l, const char *line)
{
	struct editor *x = (struct editor *)l;
	const char *how = x->when;

	x->is_told |= strstr(line, "what it copies changed while it was read") != NULL;
	if (!how || !strstr(line, ": not cached: "))
		return;
	x->when = NULL;
	if (strcmp(how, "chmod") == 0)
		assert_int_equal(fchmodat(x->w->dir.fd, "ctx/d/f", 0755, 0), 0);
	else if (strcmp(how, "chmod dir") == 0)
		assert_int_equal(fchmodat(x->w->dir.fd, "ctx/d/sub", 0700, 0), 0);
	else if (strcmp(how, "comes") == 0)
		tmpdir_link(&x->w->dir, "ctx/d/new", "f");
	else if (strcmp(how, "goes") == 0)
		assert_int_equal(unlinkat(x->w->dir.fd, "ctx/d/g", 0), 0);
	else
		tmpdir_file(&x->w->dir, "ctx/d/ignored/new", "");
}

static void as_before(struct build_world *w)
{
	tmpdir_file(&w->dir, "ctx/d/sub/h", "h");
	tmpdir_file(&w->dir, "ctx/d/f", "f");
	tmpdir_file(&w->dir, "ctx/d/g", "g");
	assert_int_equal(fchmodat(w->dir.fd, "ctx/d/sub", 0755, 0), 0);
	assert_int_equal(fchmodat(w->dir.fd, "ctx/d/f", 0644, 0), 0);
	(void)!unlinkat(w->dir.fd, "ctx/d/new", 0);
}

#define DIR_TEXT "FROM scratch\nCOPY d /d\n"

static bool is_kept(struct build_world *w, const char *how)
{
	struct editor x = { .base = { .level = 1, .write = edit_names }, .w = w, .when = how };

	as_before(w);
	w->op.log = &x.base;
	build_world_ok(w, DIR_TEXT);
	w->op.log = NULL;
	assert_null(x.when);
	as_before(w);
	recorder_clear(&w->progress);
	w->opt.no_cache = false;
	build_world_ok(w, DIR_TEXT);
	assert_int_equal(times(w, "cached ") == 0, x.is_told);
	w->opt.no_cache = true;
	return !x.is_told;
}

static void names_and_modes_that_change_between_two_looks_are_not_kept(void **state)
{
	static const char *const hows[] = { "chmod", "chmod dir", "comes", "goes" };
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "ctx/.dockerignore", "d/ignored");
	tmpdir_dir(&w->dir, "ctx/d/ignored");
	for (size_t i = 0; i < ARRAY_LEN(hows); i++) {
		auto_free char *root = mem_printf("root-%zu", i);

		another(w, root);
		if (is_kept(w, hows[i]))
			fail_msg("%s", hows[i]);
	}
	another(w, "root-ignored");
	assert_true(is_kept(w, "what is ignored"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(another_machine_makes_nothing_anew),
		T(an_image_carries_the_cache_of_its_own_layers),
		T(an_inline_cache_is_the_same_when_what_was_copied_is),
		T(an_inline_cache_needs_an_output_that_holds_it),
		T(a_build_whose_cached_layers_are_damaged_begins_again_and_is_right),
		T(no_cache_does_not_even_read_it),
		T(what_another_cache_says_of_a_layer_goes_on_when_it_is_true),
		T(a_cache_that_goes_back_where_it_came_from_is_not_read),
		T(a_cache_that_cannot_be_written_fails_the_build_that_is_done),
		T(a_file_that_changes_after_it_was_hashed_is_not_kept),
		T(a_file_that_changes_after_it_was_packed_is_not_kept),
		T(names_and_modes_that_change_between_two_looks_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

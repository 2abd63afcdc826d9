/*
 * Tables of contents against the directory that unpacking gives: both must look the same, whatever
 * the layers hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/gzip.h"
#include "base/mem.h"
#include "oci/layer/apply.h"
#include "oci/layer/passwd.h"
#include "oci/layer/tar.h"
#include "oci/layer/toc_file.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"
#include "tests/fakes/mem_store.h"

#define LAYERS_MAX 8
#define SAMPLES	   "testdata/fuzz/layer_apply"

struct world {
	struct disk unpacked, spool;
	struct oci_store *store;
	struct buf tar; /* of the layer in the making */
	struct buf_sink k;
	struct sink *out;
	struct oci_descriptor layers[LAYERS_MAX];
	struct oci_digest diff_ids[LAYERS_MAX];
	struct toc_layers all;
	struct toc toc;
	struct tree *tree;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	disk_open(&w->unpacked);
	disk_open(&w->spool);
	w->store = mem_store_new();
	buf_init(&w->tar, SIZE_MAX);
	w->out = buf_sink_init(&w->k, &w->tar);
	w->all = (struct toc_layers){ .blobs = w->store, .v = w->layers, .diff_ids = w->diff_ids };
	*state = w;
	return 0;
}

static void forget(struct world *w)
{
	tree_free(STEAL(&w->tree));
	toc_release(&w->toc);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	forget(w);
	buf_release(&w->tar);
	oci_store_free(w->store);
	disk_close(&w->unpacked);
	disk_close(&w->spool);
	free(w);
	return 0;
}

static void must(struct world *w, int r)
{
	if (r < 0)
		fail_msg("%s", w->e.text);
}

/* -- layers ------------------------------------------------------------------------ */

static void add(struct world *w, enum tar_type type, const char *path, const char *text)
{
	bool is_link = type == TAR_SYMLINK || type == TAR_HARD_LINK;
	size_t n = type == TAR_FILE ? strlen(text) : 0;
	const struct tar_entry ent = { .type = type,
				       .path = path,
				       .link = is_link ? text : NULL,
				       .size_bytes = n,
				       .mode = type == TAR_DIR ? 0755 : 0644,
				       .uid = 3,
				       .gid = 4,
				       .mtime = DISK_TIME + (int64_t)strlen(path),
				       .dev_major = 1,
				       .dev_minor = 3 };

	must(w, tar_write_header(w->out, &ent, &w->e));
	if (n)
		must(w, sink_write(w->out, text, n, &w->e));
	if (type == TAR_FILE)
		must(w, tar_write_padding(w->out, n, &w->e));
}

static void dir(struct world *w, const char *path)
{
	add(w, TAR_DIR, path, NULL);
}

static void file(struct world *w, const char *path, const char *text)
{
	add(w, TAR_FILE, path, text);
}

static void gone(struct world *w, const char *path)
{
	file(w, path, "");
}

static void link_to(struct world *w, const char *path, const char *target)
{
	add(w, TAR_SYMLINK, path, target);
}

static void same_as(struct world *w, const char *path, const char *first)
{
	add(w, TAR_HARD_LINK, path, first);
}

/* Whether the unpacked directory takes it. */
static int end_layer_as_it_is(struct world *w)
{
	size_t i = w->all.nr++;
	struct span_source src;
	int r;

	assert_true(i < LAYERS_MAX);
	oci_digest_of_bytes(&w->diff_ids[i], buf_span(&w->tar));
	must(w, oci_store_write(w->store, buf_span(&w->tar), &w->layers[i].digest, &w->e));
	span_source_init(&src, buf_span(&w->tar));
	r = layer_apply(NULL, w->unpacked.fd, &src.base, NULL, &w->e);
	buf_reset(&w->tar);
	return r;
}

static int end_layer(struct world *w)
{
	must(w, tar_write_end(w->out, &w->e));
	return end_layer_as_it_is(w);
}

static void layer(struct world *w)
{
	must(w, end_layer(w));
}

/* -- what is expected ---------------------------------------------------------------- */

static void open_tree(struct world *w)
{
	must(w, toc_tree_open(&w->tree, &w->toc, NULL, &w->all, w->spool.fd, &w->e));
}

static void assert_same_text(struct world *w, bool times)
{
	auto_free char *want = disk_text(&w->unpacked, times);
	auto_free char *got = NULL;

	open_tree(w);
	got = tree_text(w->tree, times);
	assert_string_equal(got, want);
	tree_free(STEAL(&w->tree));
}

/* The table, and one that was written down and read again, look as the directory. */
static void assert_same(struct world *w, bool times)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);

	must(w, toc_read(&w->toc, NULL, &w->all, &w->e));
	assert_same_text(w, times);
	toc_encode(&b, &w->toc);
	toc_release(&w->toc);
	assert_int_equal(toc_decode(&w->toc, buf_span(&b)), 0);
	assert_same_text(w, times);
}

static void assert_refused(struct world *w, const char *why)
{
	assert_int_equal(end_layer(w), -1);
	err_clear(&w->e);
	assert_int_equal(toc_read(&w->toc, NULL, &w->all, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	if (!strstr(w->e.text, why))
		fail_msg("'%s' does not say '%s'", w->e.text, why);
}

/* -- ordinary images ------------------------------------------------------------------ */

static void every_type_is_there_with_its_time(void **state)
{
	struct world *w = *state;

	dir(w, "d");
	file(w, "d/f", "text");
	link_to(w, "d/l", "f");
	same_as(w, "a", "d/f");
	add(w, TAR_CHAR, "null", NULL);
	add(w, TAR_FIFO, "pipe", NULL);
	layer(w);
	dir(w, "d");
	file(w, "d/f", "new");
	dir(w, "e");
	layer(w);
	assert_same(w, true);
}

static void later_layers_hide_earlier_ones(void **state)
{
	struct world *w = *state;

	dir(w, "d");
	file(w, "d/1", "1");
	file(w, "d/2", "2");
	dir(w, "d/s");
	file(w, "d/s/3", "3");
	dir(w, "o");
	file(w, "o/old", "x");
	file(w, "f", "f");
	layer(w);
	gone(w, "d/.wh.1");
	gone(w, "d/.wh.s");
	file(w, "o/new", "y");
	gone(w, "o/.wh..wh..opq");
	gone(w, ".wh.f");
	dir(w, "f");
	file(w, "f/in", "z");
	layer(w);
	assert_same(w, false);
}

static void missing_parents_are_roots(void **state)
{
	struct world *w = *state;

	file(w, "./a/b//c", "x");
	file(w, "/e/f", "y");
	layer(w);
	assert_same(w, false);
}

static void names_lead_through_links_of_lower_layers(void **state)
{
	struct world *w = *state;

	dir(w, "usr");
	dir(w, "usr/lib");
	file(w, "usr/lib/old", "1");
	link_to(w, "lib", "usr/lib");
	link_to(w, "abs", "/usr/../lib");
	link_to(w, "usr/top", "/usr/lib");
	layer(w);
	file(w, "lib/new", "2");
	file(w, "abs/more", "3");
	same_as(w, "abs/again", "lib/old");
	file(w, "usr/top/by-top", "4");
	gone(w, "lib/.wh.old");
	layer(w);
	assert_same(w, false);
	file(w, "lib/last", "5");
	gone(w, ".wh.lib");
	file(w, "lib/own", "6"); /* in a directory now */
	layer(w);
	forget(w);
	assert_same(w, false);
}

static void a_link_as_last_name_is_replaced(void **state)
{
	struct world *w = *state;

	dir(w, "d");
	link_to(w, "l", "d");
	layer(w);
	file(w, "l", "x");
	file(w, "d/y", "y");
	layer(w);
	dir(w, "l");
	file(w, "l/z", "z");
	layer(w);
	assert_same(w, false);
}

static void hard_links_reach_into_lower_layers(void **state)
{
	struct world *w = *state;

	file(w, "b", "text");
	link_to(w, "s", "b");
	layer(w);
	same_as(w, "a", "b");
	same_as(w, "t", "s");
	layer(w);
	gone(w, ".wh.b");
	layer(w);
	assert_same(w, true);
}

static void capabilities_come_along(void **state)
{
	struct world *w = *state;
	const struct tar_entry ent = { .type = TAR_FILE,
				       .path = "f",
				       .mode = 0755,
				       .capability = SPAN_LIT(
					       "\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0") };
	struct tree_node node;

	must(w, tar_write_header(w->out, &ent, &w->e));
	layer(w);
	assert_same(w, true);
	open_tree(w);
	assert_int_equal(tree_look(w->tree, "f", &node, &w->e), 1);
	assert_true(span_eq(node.capability, ent.capability));
}

static void an_image_without_layers_is_empty(void **state)
{
	assert_same(*state, true);
}

/* -- hostile ones ------------------------------------------------------------------------ */

static void what_cannot_be_applied_cannot_be_listed(void **state)
{
	static const struct {
		enum tar_type type;
		const char *path, *text, *why;
	} v[] = {
		{ TAR_FILE, "f/x", "", "Not a directory" },
		{ TAR_FILE, "dangling/x", "", "File exists" },
		{ TAR_FILE, "loop/x", "", "Too many levels" },
		{ TAR_FILE, "d/../x", "", "holds '..'" },
		{ TAR_FILE, "d/.wh.", "", "no name" },
		{ TAR_FILE, "loop/.wh.x", "", "Too many levels" },
		{ TAR_HARD_LINK, "h", "none", "No such file" },
		{ TAR_HARD_LINK, "h", "d", "not permitted" },
		{ TAR_HARD_LINK, "h", "h", "hard link" },
		{ TAR_HARD_LINK, "h", "../f", "holds '..'" },
		{ TAR_HARD_LINK, "d", "d/in", "No such file" },
		{ TAR_SYMLINK, "s", "", "of no type" },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct world *w;

		tear_down(state);
		set_up(state);
		w = *state;
		file(w, "f", "x");
		dir(w, "d");
		file(w, "d/in", "x");
		link_to(w, "dangling", "nowhere");
		link_to(w, "loop", "loop");
		layer(w);
		add(w, v[i].type, v[i].path, v[i].text);
		assert_refused(w, v[i].why);
	}
}

static void whiteouts_spare_what_their_layer_has_set(void **state)
{
	struct world *w = *state;

	dir(w, "d");
	file(w, "d/old", "1");
	dir(w, "d/s");
	file(w, "d/s/old", "2");
	layer(w);
	file(w, "d/s/new", "4"); /* where the layer before ended */
	file(w, "d/new", "3");
	gone(w, ".wh.d");
	gone(w, "d/s/.wh.new");
	layer(w);
	assert_same(w, false);
}

/* What once was made to break the unpacking. Neither may take what the other refuses. */
static void every_sample_looks_as_it_unpacks(void **state)
{
	DIR *d = opendir(SAMPLES);
	const struct dirent *ent;
	int seen = 0;

	assert_non_null(d);
	while ((ent = readdir(d))) {
		struct world *w;

		if (ent->d_name[0] == '.')
			continue;
		tear_down(state);
		set_up(state);
		w = *state;
		w->all.diff_ids = NULL; /* some are compressed */
		must(w, fs_read_file(dirfd(d), ent->d_name, &w->tar, &w->e));
		seen++;
		if (end_layer_as_it_is(w) == 0) {
			assert_same(w, false);
			continue;
		}
		err_clear(&w->e);
		assert_int_equal(toc_read(&w->toc, NULL, &w->all, &w->e), -1);
	}
	closedir(d);
	assert_true(seen > 10);
}

/* Small names so that they meet; the same sequence every time. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static char *random_path(uint32_t *seed, const char *last)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	for (uint32_t n = next_random(seed) % 3; n; n--)
		buf_addf(&b, "%c/", "abcl"[next_random(seed) % 4]);
	buf_add_str(&b, last);
	return buf_steal(&b);
}

static void add_random(struct world *w, uint32_t *seed)
{
	static const char *const targets[] = { "a",   "b/a",  "/a",  "..", "../b",
					       "a/b", "/c/l", "l/a", "c",  "." };
	static const char *const names[] = { "a", "b", "c", "l" };
	const char *name = names[next_random(seed) % ARRAY_LEN(names)];
	auto_free char *path = random_path(seed, name);
	auto_free char *other = random_path(seed, names[next_random(seed) % ARRAY_LEN(names)]);
	auto_free char *hidden = mem_printf(".wh.%s", name);
	auto_free char *whiteout = random_path(seed, hidden);
	auto_free char *opaque = random_path(seed, ".wh..wh..opq");

	switch (next_random(seed) % 20) {
	case 0 ... 5:
		file(w, path, other);
		break;
	case 6 ... 13:
		dir(w, path);
		break;
	case 14 ... 15:
		link_to(w, path, targets[next_random(seed) % ARRAY_LEN(targets)]);
		break;
	case 16:
		same_as(w, path, other);
		break;
	case 17 ... 18:
		gone(w, whiteout);
		break;
	default:
		gone(w, opaque);
	}
}

/* After every layer. One that cannot be applied ends it: both must say so. */
static void compare_random(struct world *w, uint32_t seed)
{
	while (w->all.nr < LAYERS_MAX) {
		for (uint32_t n = 1 + next_random(&seed) % 4; n; n--)
			add_random(w, &seed);
		forget(w);
		if (end_layer(w) < 0) {
			err_clear(&w->e);
			assert_int_equal(toc_read(&w->toc, NULL, &w->all, &w->e), -1);
			assert_int_equal(w->e.kind, ERR_CORRUPT);
			return;
		}
		assert_same(w, false);
	}
}

static void random_layers_look_as_they_unpack(void **state)
{
	const char *more = getenv("TOC_TEST_RUNS");
	uint64_t runs = 150;

	if (more)
		assert_int_equal(span_to_u64(&runs, span_of_str(more)), 0);
	for (uint32_t i = 0; i < runs; i++) {
		tear_down(state);
		set_up(state);
		compare_random(*state, i * 7919 + 1);
	}
}

/* -- bytes --------------------------------------------------------------------------- */

static char *read_whole(struct world *w, const char *path)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_close int fd = tree_open_file(w->tree, path, &w->e);
	struct fd_source src;

	if (fd < 0)
		return NULL;
	must(w, io_read_all(fd_source_init(&src, fd, path), &b, &w->e));
	return buf_steal(&b);
}

static void assert_holds(struct world *w, const char *path, const char *want)
{
	auto_free char *got = read_whole(w, path);

	if (!got)
		fail_msg("%s", w->e.text);
	assert_string_equal(got, want);
}

static void users_are_known_without_any_layer(void **state)
{
	struct world *w = *state;
	auto_passwd_user struct passwd_user u = { 0 };

	dir(w, "etc");
	file(w, "etc/passwd", "app:x:5:6::/home/app:/bin/sh\n");
	file(w, "etc/group", "app:x:6:\n");
	layer(w);
	assert_same(w, true);
	w->all.blobs = NULL; /* nobody may ask it */
	open_tree(w);
	must(w, passwd_user_find(&u, w->tree, "app", &w->e));
	assert_int_equal(u.uid, 5);
	assert_string_equal(u.home, "/home/app");
}

static void a_replaced_file_of_users_is_forgotten(void **state)
{
	struct world *w = *state;

	file(w, "etc/passwd", "old");
	layer(w);
	file(w, "etc/passwd", "new");
	layer(w);
	assert_same(w, false);
	assert_int_equal(w->toc.nr_texts, 1);
	gone(w, "etc/.wh.passwd");
	layer(w);
	forget(w);
	assert_same(w, false);
	assert_int_equal(w->toc.nr_texts, 0);
}

static void bytes_come_from_the_layer_that_has_them(void **state)
{
	struct world *w = *state;

	file(w, "a", "a of 1");
	file(w, "b", "b of 1");
	file(w, "c", "c of 1");
	layer(w);
	file(w, "b", "b of 2");
	layer(w);
	must(w, toc_read(&w->toc, NULL, &w->all, &w->e));
	open_tree(w);
	assert_holds(w, "c", "c of 1");
	assert_holds(w, "b", "b of 2");
	assert_holds(w, "c", "c of 1");
	assert_int_equal(faccessat(w->spool.fd, "0", F_OK, 0), -1);
	assert_holds(w, "a", "a of 1");
}

/* The second file of a layer brings the others along. */
static void a_layer_is_read_twice_at_most(void **state)
{
	struct world *w = *state;

	file(w, "a", "1");
	file(w, "b", "2");
	file(w, "c", "3");
	layer(w);
	must(w, toc_read(&w->toc, NULL, &w->all, &w->e));
	open_tree(w);
	assert_holds(w, "b", "2");
	assert_int_equal(faccessat(w->spool.fd, "0", F_OK, 0), -1);
	assert_holds(w, "a", "1");
	assert_int_equal(faccessat(w->spool.fd, "2", F_OK, 0), 0);
	w->all.blobs = NULL;
	assert_holds(w, "c", "3");
}

static void without_a_spool_there_are_no_bytes(void **state)
{
	struct world *w = *state;

	file(w, "a", "1");
	layer(w);
	must(w, toc_read(&w->toc, NULL, &w->all, &w->e));
	must(w, toc_tree_open(&w->tree, &w->toc, NULL, &w->all, -1, &w->e));
	assert_int_equal(tree_open_file(w->tree, "a", &w->e), -1);
	assert_int_equal(w->e.kind, ERR_IMPOSSIBLE);
}

static void layers_are_checked(void **state)
{
	struct world *w = *state;

	file(w, "a", "1");
	layer(w);
	oci_digest_of_bytes(&w->diff_ids[0], SPAN_LIT("other"));
	assert_int_equal(toc_read(&w->toc, NULL, &w->all, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, w->layers[0].digest.text));
}

static void a_layer_that_changed_later_gives_no_bytes(void **state)
{
	struct world *w = *state;

	file(w, "a", "some text");
	layer(w);
	must(w, toc_read(&w->toc, NULL, &w->all, &w->e));
	open_tree(w);
	mem_store_damage(w->store, &w->layers[0].digest, true);
	assert_null(read_whole(w, "a"));
	assert_int_equal(w->e.kind, ERR_CORRUPT);
}

static void compressed_layers_are_read(void **state)
{
	struct world *w = *state;
	auto_buf struct buf packed = BUF_INIT(SIZE_MAX);
	struct buf_sink to;
	struct gzip_sink gz;
	struct sink *k;

	file(w, "a", "1");
	must(w, tar_write_end(w->out, &w->e));
	oci_digest_of_bytes(&w->diff_ids[0], buf_span(&w->tar));
	k = gzip_sink_init(&gz, buf_sink_init(&to, &packed), 6, NULL);
	must(w, sink_write(k, w->tar.data, w->tar.len, &w->e));
	must(w, gzip_sink_finish(&gz, &w->e));
	must(w, oci_store_write(w->store, buf_span(&packed), &w->layers[0].digest, &w->e));
	w->all.nr = 1;
	must(w, toc_read(&w->toc, NULL, &w->all, &w->e));
	open_tree(w);
	assert_holds(w, "a", "1");
}

/* -- files --------------------------------------------------------------------------- */

static void a_damaged_file_is_none(void **state)
{
	struct world *w = *state;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct toc t = { 0 };

	file(w, "etc/passwd", "root:x:0:0::/:\n");
	layer(w);
	must(w, toc_read(&w->toc, NULL, &w->all, &w->e));
	must(w, toc_save(&w->toc, w->spool.fd, "saved", &w->e));
	must(w, fs_read_file(w->spool.fd, "saved", &b, &w->e));
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 1;
		must(w, fs_write_file(w->spool.fd, "bad", buf_span(&b), 0600, &w->e));
		assert_int_equal(toc_load(&t, w->spool.fd, "bad", &w->e), 0);
		b.data[i] ^= 1;
	}
	must(w, fs_write_file(w->spool.fd, "bad", span_head(buf_span(&b), b.len - 1), 0600, &w->e));
	assert_int_equal(toc_load(&t, w->spool.fd, "bad", &w->e), 0);
	assert_int_equal(toc_load(&t, w->spool.fd, "none", &w->e), 0);
}

static void a_table_is_read_once(void **state)
{
	struct world *w = *state;
	auto_toc struct toc again = { 0 };

	file(w, "a", "1");
	layer(w);
	must(w, toc_get(&w->toc, NULL, &w->all, w->spool.fd, "t", &w->e));
	w->all.blobs = NULL;
	must(w, toc_get(&again, NULL, &w->all, w->spool.fd, "t", &w->e));
	assert_int_equal(again.files.nr, 1);
	assert_int_equal(again.files.bytes, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_type_is_there_with_its_time),
		TEST(later_layers_hide_earlier_ones),
		TEST(missing_parents_are_roots),
		TEST(names_lead_through_links_of_lower_layers),
		TEST(a_link_as_last_name_is_replaced),
		TEST(hard_links_reach_into_lower_layers),
		TEST(capabilities_come_along),
		TEST(an_image_without_layers_is_empty),
		TEST(what_cannot_be_applied_cannot_be_listed),
		TEST(whiteouts_spare_what_their_layer_has_set),
		TEST(every_sample_looks_as_it_unpacks),
		TEST(random_layers_look_as_they_unpack),
		TEST(users_are_known_without_any_layer),
		TEST(a_replaced_file_of_users_is_forgotten),
		TEST(bytes_come_from_the_layer_that_has_them),
		TEST(a_layer_is_read_twice_at_most),
		TEST(without_a_spool_there_are_no_bytes),
		TEST(layers_are_checked),
		TEST(a_layer_that_changed_later_gives_no_bytes),
		TEST(compressed_layers_are_read),
		TEST(a_damaged_file_is_none),
		TEST(a_table_is_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

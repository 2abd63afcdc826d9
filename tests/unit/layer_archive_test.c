#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/archive.h"
#include "oci/layer/tar.h"
#include "oci/layer/tree_dir.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"
#include "tests/fakes/tmpdir.h"

#define SAMPLES "testdata/fuzz/layer_archive"

struct world {
	struct tmpdir t;
	struct op op;
	struct buf tar;
	struct buf_sink k;
	struct sink *out;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	tmpdir_init(&w->t);
	tmpdir_dir(&w->t, "in");
	w->op.clock = &clock_system;
	buf_init(&w->tar, 64u << 20);
	w->out = buf_sink_init(&w->k, &w->tar);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	tmpdir_release(&w->t);
	buf_release(&w->tar);
	free(w);
	return 0;
}

static void add(struct world *w, enum tar_type type, const char *path, uint32_t mode,
		const char *text)
{
	bool file = type == TAR_FILE;
	struct tar_entry ent = {
		.type = type,
		.path = path,
		.mode = mode,
		.uid = 7,
		.gid = 8,
		.mtime = 1000,
		.link = file ? NULL : text,
		.size_bytes = file && text ? strlen(text) : 0,
	};

	assert_int_equal(tar_write_header(w->out, &ent, &w->e), 0);
	if (!ent.size_bytes)
		return;
	assert_int_equal(sink_write(w->out, text, strlen(text), &w->e), 0);
	assert_int_equal(tar_write_padding(w->out, strlen(text), &w->e), 0);
}

/* -- telling ------------------------------------------------------------------------ */

static int detect(const void *p, size_t n)
{
	auto_close int fd = memfd_create("file", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	int r;

	assert_true(fd >= 0);
	assert_int_equal(0, fs_write_all(fd, p, n, "file", &e));
	r = archive_detect(fd, &e);
	if (r < 0)
		fail_msg("%s", e.text);
	assert_int_equal(0, lseek(fd, 0, SEEK_CUR));
	return r;
}

static int detect_sample(const char *name)
{
	auto_free char *path = mem_printf(SAMPLES "/%s", name);
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	if (fs_read_file(AT_FDCWD, path, &b, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(archive_looks_like(span_head(buf_span(&b), ARCHIVE_HEAD)),
			 strcmp(name, "text") != 0 && strcmp(name, "empty") != 0 &&
				 strcmp(name, "zeros") != 0);
	return detect(buf_str(&b), b.len);
}

static void an_archive_is_told_by_its_content(void **state)
{
	static const char *const yes[] = { "plain", "gzip", "bzip2", "xz",
					   "zstd",  "all",  "gnu",   "cut" };
	static const char *const no[] = { "text", "empty", "zeros" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (detect_sample(yes[i]) != 1)
			fail_msg("'%s' is one", yes[i]);
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (detect_sample(no[i]) != 0)
			fail_msg("'%s' is none", no[i]);
}

static void compressed_text_is_no_archive(void **state)
{
	static const char gz[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\x05\x00\x47\x97"
				 "\x2c\xb2\x02\x00\x00\x00";
	static const char zstd[] = "\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00"
				   "abc";

	(void)state;
	assert_int_equal(0, detect(gz, sizeof(gz) - 1));
	assert_int_equal(0, detect(gz, 4));
	assert_int_equal(0, detect(zstd, sizeof(zstd) - 1));
	assert_int_equal(0, detect("BZh9 is how this text begins, by chance", 39));
	assert_true(archive_looks_like(span_of(gz, sizeof(gz) - 1)));
}

/* -- onto a disk ---------------------------------------------------------------------- */

static int extract_span(struct world *w, struct span bytes)
{
	auto_close int fd = openat(w->t.fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct span_source in;

	assert_true(fd >= 0);
	err_clear(&w->e);
	return archive_extract(&w->op, fd, span_source_init(&in, bytes), &w->e);
}

static int extract(struct world *w)
{
	assert_int_equal(0, tar_write_end(w->out, &w->e));
	return extract_span(w, buf_span(&w->tar));
}

static void assert_extracts(struct world *w)
{
	if (extract(w) < 0)
		fail_msg("%s", w->e.text);
}

static void assert_refused(struct world *w, enum err_kind kind, const char *part)
{
	assert_int_equal(-1, extract(w));
	if (w->e.kind != kind || !strstr(w->e.text, part))
		fail_msg("kind %d: %s", (int)w->e.kind, w->e.text);
	buf_reset(&w->tar);
}

static struct stat look(struct world *w, const char *path)
{
	struct stat st;

	assert_int_equal(0, fstatat(w->t.fd, path, &st, AT_SYMLINK_NOFOLLOW));
	return st;
}

static void a_context_is_there_with_modes_and_times_and_is_ours(void **state)
{
	struct world *w = *state;
	auto_free char *a = NULL;
	struct stat st;

	add(w, TAR_DIR, "./", 0700, NULL);
	add(w, TAR_DIR, "d", 0711, NULL);
	add(w, TAR_FILE, "d/a", 04755, "text");
	add(w, TAR_HARD_LINK, "h", 0, "d/a");
	add(w, TAR_SYMLINK, "l", 0777, "/etc/../x");
	assert_extracts(w);
	a = tmpdir_read(&w->t, "in/d/a");
	assert_string_equal("text", a);
	st = look(w, "in/d/a");
	assert_int_equal(04755, st.st_mode & 07777);
	assert_int_equal(1000, st.st_mtime);
	assert_int_equal(geteuid(), st.st_uid);
	assert_int_equal(2, st.st_nlink);
	st = look(w, "in/d");
	assert_int_equal(0711, st.st_mode & 07777);
	assert_int_equal(1000, st.st_mtime);
	assert_true(S_ISLNK(look(w, "in/l").st_mode));
	assert_int_not_equal(0700, look(w, "in").st_mode & 07777);
}

static void nothing_leaves_the_directory(void **state)
{
	struct world *w = *state;

	tmpdir_dir(&w->t, "out");
	add(w, TAR_FILE, "../x", 0644, "y");
	assert_refused(w, ERR_INPUT, "leads outside");
	add(w, TAR_FILE, "a/../../x", 0644, "y");
	assert_refused(w, ERR_INPUT, "leads outside");
	add(w, TAR_FILE, "/abs", 0644, "y");
	add(w, TAR_SYMLINK, "up", 0777, "../out");
	add(w, TAR_SYMLINK, "far", 0777, "/etc");
	add(w, TAR_DIR, "etc", 0755, NULL);
	add(w, TAR_DIR, "out", 0755, NULL);
	add(w, TAR_FILE, "up/x", 0644, "y");
	add(w, TAR_FILE, "far/x", 0644, "y");
	assert_extracts(w);
	assert_true(tmpdir_has(&w->t, "in/abs") && tmpdir_has(&w->t, "in/etc/x") &&
		    tmpdir_has(&w->t, "in/out/x"));
	assert_false(tmpdir_has(&w->t, "out/x"));
	buf_reset(&w->tar);
	add(w, TAR_HARD_LINK, "h", 0, "../out");
	assert_refused(w, ERR_CORRUPT, "..");
}

static void what_no_context_holds_is_refused(void **state)
{
	struct world *w = *state;

	add(w, TAR_CHAR, "null", 0666, NULL);
	assert_refused(w, ERR_INPUT, "'null' is a device or a fifo");
	add(w, TAR_FIFO, "p", 0666, NULL);
	assert_refused(w, ERR_INPUT, "'p' is a device or a fifo");
	add(w, TAR_FILE, "d/.wh.x", 0644, "y");
	assert_refused(w, ERR_INPUT, "'.wh.'");
}

static void a_file_of_no_end_is_refused_before_it_is_written(void **state)
{
	struct world *w = *state;
	const struct tar_entry ent = { .type = TAR_FILE,
				       .path = "f",
				       .size_bytes = ARCHIVE_FILE_MAX + 1 };

	assert_int_equal(tar_write_header(w->out, &ent, &w->e), 0);
	assert_refused(w, ERR_INPUT, "says it has");
	assert_false(tmpdir_has(&w->t, "in/f"));
}

static void damage_is_corrupt(void **state)
{
	struct world *w = *state;

	assert_int_equal(-1, extract_span(w, SPAN_LIT("no tar at all, but of some length")));
	assert_int_equal(ERR_CORRUPT, w->e.kind);
	add(w, TAR_FILE, "f", 0644, "some bytes");
	assert_int_equal(-1, extract_span(w, span_head(buf_span(&w->tar), 515)));
	assert_int_equal(ERR_CORRUPT, w->e.kind);
}

/* -- into a layer ---------------------------------------------------------------------- */

#define NOW 1700000000

/* What lies below: etc/passwd, etc/f (two names), lib -> etc, srv. */
struct layer {
	struct disk below;
	struct tree *tree;
	struct layer_builder *b;
	struct archive_target to;
	uint64_t same;
	int spool;
	struct layer_changes changes;
};

static void layer_open(struct layer *l, struct world *w, const char *dest)
{
	const struct timespec now = { .tv_sec = NOW };

	*l = (struct layer){ .same = 40 };
	disk_open(&l->below);
	disk_dir(&l->below, "etc");
	disk_file(&l->below, "etc/passwd", "root");
	disk_dir(&l->below, "etc/d");
	disk_file(&l->below, "etc/d/f", "f");
	disk_dir(&l->below, "srv");
	disk_symlink(&l->below, "srv/up", "../etc");
	disk_settle(&l->below);
	assert_int_equal(0, tree_dir_open(&l->tree, l->below.fd, NULL, &w->e));
	l->b = layer_builder_new(l->tree, &now);
	assert_int_equal(0, fs_remove_tree(w->t.fd, "spool", &w->e));
	tmpdir_dir(&w->t, "spool");
	l->spool = openat(w->t.fd, "spool", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->to = (struct archive_target){ .dest = dest, .spool_fd = l->spool, .same = &l->same };
}

static void layer_close(struct layer *l)
{
	layer_builder_free(l->b);
	tree_free(l->tree);
	layer_changes_release(&l->changes);
	disk_close(&l->below);
	close(l->spool);
}
#define auto_layer CLEANUP(layer_close)

static int unpack(struct layer *l, struct world *w)
{
	struct span_source in;

	assert_int_equal(0, tar_write_end(w->out, &w->e));
	err_clear(&w->e);
	return archive_unpack(l->b, &w->op, span_source_init(&in, buf_span(&w->tar)), &l->to,
			      &w->e);
}

static void assert_unpacks(struct layer *l, struct world *w, const char *want)
{
	auto_free char *got = NULL;

	if (unpack(l, w) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(0, built_changes(&l->changes, l->b, &w->e));
	got = changes_text(&l->changes);
	assert_string_equal(want, got);
}

/* The whole tree, with times. */
static void assert_unpacks_to(struct layer *l, struct world *w, const char *want)
{
	auto_free char *got = NULL;

	if (unpack(l, w) < 0)
		fail_msg("%s", w->e.text);
	got = tree_text(layer_builder_tree(l->b), true);
	assert_string_equal(want, got);
}

static void assert_unpack_refused(struct world *w, const char *part)
{
	auto_layer struct layer l;

	layer_open(&l, w, "srv");
	assert_int_equal(-1, unpack(&l, w));
	if (w->e.kind != ERR_INPUT || !strstr(w->e.text, part))
		fail_msg("kind %d: %s", (int)w->e.kind, w->e.text);
	buf_reset(&w->tar);
}

static void entries_keep_their_attributes_and_the_destination_its_own(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;

	layer_open(&l, w, "srv");
	add(w, TAR_DIR, "./", 0700, NULL);
	add(w, TAR_DIR, "d/", 0711, NULL);
	add(w, TAR_FILE, "d/f", 04755, "text");
	add(w, TAR_FILE, "/imp/x", 0600, "i");
	add(w, TAR_SYMLINK, "l", 0777, "../../out");
	assert_unpacks_to(&l, w,
			  "d 0755 0:0 @1000000000 etc\n"
			  "d 0755 0:0 @1000000000 etc/d\n"
			  "f 0644 0:0 @1000000000 1 etc/d/f = f\n"
			  "f 0644 0:0 @1000000000 4 etc/passwd = root\n"
			  "d 0755 0:0 @1700000000 srv\n"
			  "d 0711 7:8 @1000 srv/d\n"
			  "f 4755 7:8 @1000 4 srv/d/f = text\n"
			  "d 0755 0:0 @1700000000 srv/imp\n"
			  "f 0600 7:8 @1000 1 srv/imp/x = i\n"
			  "l 7:8 @1000 srv/l -> ../../out\n"
			  "l @1000000000 srv/up -> ../etc\n");
}

static void an_owner_that_was_asked_for_goes_before_the_archives(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;

	layer_open(&l, w, "srv");
	l.to.has_owner = true;
	l.to.uid = 1;
	l.to.gid = 2;
	add(w, TAR_FILE, "f", 0644, "x");
	add(w, TAR_FILE, "i/f", 0644, "x");
	assert_unpacks_to(&l, w,
			  "d 0755 0:0 @1000000000 etc\n"
			  "d 0755 0:0 @1000000000 etc/d\n"
			  "f 0644 0:0 @1000000000 1 etc/d/f = f\n"
			  "f 0644 0:0 @1000000000 4 etc/passwd = root\n"
			  "d 0755 0:0 @1700000000 srv\n"
			  "f 0644 1:2 @1000 1 srv/f = x\n"
			  "d 0755 0:0 @1700000000 srv/i\n"
			  "f 0644 1:2 @1000 1 srv/i/f = x\n"
			  "l @1000000000 srv/up -> ../etc\n");
}

static void what_is_there_is_replaced_as_tar_does(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;

	layer_open(&l, w, "etc");
	add(w, TAR_FILE, "d", 0644, "no directory any more");
	add(w, TAR_FILE, "passwd", 0644, "first");
	add(w, TAR_SYMLINK, "passwd", 0777, "d");
	add(w, TAR_DIR, "passwd", 0700, NULL);
	add(w, TAR_FILE, "passwd/x", 0644, "x");
	assert_unpacks(&l, w,
		       "+ etc\n"
		       "+ etc/d\n"
		       "+ etc/passwd\n"
		       "+ etc/passwd/x\n");
}

static void the_last_header_of_a_directory_says_its_time(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;
	struct tar_entry again = { .type = TAR_DIR, .path = "d", .mode = 0750, .mtime = -5 };

	layer_open(&l, w, "etc");
	add(w, TAR_DIR, "d", 0711, NULL);
	add(w, TAR_FILE, "d/new", 0644, "x");
	assert_int_equal(0, tar_write_header(w->out, &again, &w->e));
	add(w, TAR_FILE, "d/newer", 0644, "x");
	assert_unpacks_to(&l, w,
			  "d 0755 0:0 @1000000000 etc\n"
			  "d 0750 0:0 @0 etc/d\n"
			  "f 0644 0:0 @1000000000 1 etc/d/f = f\n"
			  "f 0644 7:8 @1000 1 etc/d/new = x\n"
			  "f 0644 7:8 @1000 1 etc/d/newer = x\n"
			  "f 0644 0:0 @1000000000 4 etc/passwd = root\n"
			  "d 0755 0:0 @1000000000 srv\n"
			  "l @1000000000 srv/up -> ../etc\n");
}

static void hard_links_are_one_file(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;

	layer_open(&l, w, "etc");
	add(w, TAR_FILE, "a", 0644, "one");
	add(w, TAR_HARD_LINK, "sub/b", 0644, "./a");
	add(w, TAR_HARD_LINK, "c", 0644, "/sub/b");
	add(w, TAR_HARD_LINK, "p", 0644, "passwd");
	add(w, TAR_SYMLINK, "s", 0777, "a");
	add(w, TAR_HARD_LINK, "t", 0777, "s");
	assert_unpacks(&l, w,
		       "+ etc\n"
		       "+ etc/a\n"
		       "= etc/c == etc/a\n"
		       "+ etc/p\n"
		       "= etc/passwd == etc/p\n"
		       "+ etc/s\n"
		       "+ etc/sub\n"
		       "= etc/sub/b == etc/a\n"
		       "+ etc/t\n");
	assert_int_equal(42, l.same);
}

static void links_on_the_way_end_in_the_destination(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;

	layer_open(&l, w, "srv");
	add(w, TAR_FILE, "up/passwd", 0644, "evil"); /* srv/up leads to etc */
	add(w, TAR_SYMLINK, "far", 0777, "/a/b");
	add(w, TAR_FILE, "far/x", 0644, "x");
	add(w, TAR_SYMLINK, "far", 0777, "/c");
	add(w, TAR_FILE, "far/x", 0644, "y");
	assert_unpacks(&l, w,
		       "+ srv\n"
		       "+ srv/a\n"
		       "+ srv/a/b\n"
		       "+ srv/a/b/x\n"
		       "+ srv/c\n"
		       "+ srv/c/x\n"
		       "+ srv/etc\n"
		       "+ srv/etc/passwd\n"
		       "+ srv/far\n");
}

static void devices_are_left_out_and_touch_nothing(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;

	layer_open(&l, w, "etc");
	add(w, TAR_CHAR, "passwd", 0644, NULL);
	add(w, TAR_FIFO, "none/p", 0644, NULL);
	assert_unpacks(&l, w, "");
}

static void hostile_entries_are_refused(void **state)
{
	struct world *w = *state;

	add(w, TAR_HARD_LINK, "h", 0644, "../etc/passwd");
	assert_unpack_refused(w, "no file in here");
	add(w, TAR_HARD_LINK, "h", 0644, "h");
	assert_unpack_refused(w, "no file in here");
	add(w, TAR_DIR, "d", 0755, NULL);
	add(w, TAR_FILE, "d/f", 0644, "y");
	add(w, TAR_HARD_LINK, "d", 0644, "d/f");
	assert_unpack_refused(w, "replaces itself");
	add(w, TAR_FILE, "a/.wh.b", 0644, "y");
	assert_unpack_refused(w, "'.wh.'");
	add(w, TAR_FILE, "f", 0644, "y");
	add(w, TAR_FILE, "f/g", 0644, "y");
	assert_unpack_refused(w, "not a directory");
	add(w, TAR_SYMLINK, "l", 0777, "l");
	add(w, TAR_FILE, "l/x", 0644, "y");
	assert_unpack_refused(w, "too many links");
}

static void names_that_go_up_end_in_the_destination(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;

	layer_open(&l, w, "srv");
	add(w, TAR_FILE, "../x", 0644, "x");
	add(w, TAR_FILE, "/../../d/../../y", 0644, "x");
	add(w, TAR_HARD_LINK, "..", 0644, "../x"); /* the destination itself */
	add(w, TAR_HARD_LINK, "h", 0644, "../../x");
	assert_unpacks(&l, w, "+ srv\n+ srv/h\n= srv/x == srv/h\n+ srv/y\n");
}

static void a_name_that_stays_inside_may_go_up(void **state)
{
	struct world *w = *state;
	auto_layer struct layer l;

	layer_open(&l, w, "");
	add(w, TAR_FILE, "a/../b", 0644, "x");
	add(w, TAR_FILE, "/..b/...", 0644, "x");
	assert_unpacks(&l, w,
		       "+ ..b\n"
		       "+ ..b/...\n"
		       "+ b\n");
}

int main(void)
{
#define WITH_WORLD(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_archive_is_told_by_its_content),
		cmocka_unit_test(compressed_text_is_no_archive),
		WITH_WORLD(a_context_is_there_with_modes_and_times_and_is_ours),
		WITH_WORLD(nothing_leaves_the_directory),
		WITH_WORLD(what_no_context_holds_is_refused),
		WITH_WORLD(a_file_of_no_end_is_refused_before_it_is_written),
		WITH_WORLD(damage_is_corrupt),
		WITH_WORLD(entries_keep_their_attributes_and_the_destination_its_own),
		WITH_WORLD(an_owner_that_was_asked_for_goes_before_the_archives),
		WITH_WORLD(what_is_there_is_replaced_as_tar_does),
		WITH_WORLD(the_last_header_of_a_directory_says_its_time),
		WITH_WORLD(hard_links_are_one_file),
		WITH_WORLD(links_on_the_way_end_in_the_destination),
		WITH_WORLD(devices_are_left_out_and_touch_nothing),
		WITH_WORLD(hostile_entries_are_refused),
		WITH_WORLD(names_that_go_up_end_in_the_destination),
		WITH_WORLD(a_name_that_stays_inside_may_go_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

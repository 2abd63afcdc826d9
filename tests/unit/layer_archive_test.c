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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

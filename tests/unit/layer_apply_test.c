#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/xattr.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/gzip.h"
#include "base/mem.h"
#include "oci/layer/apply.h"
#include "oci/layer/tar.h"
#include "tests/fakes/layer_disk.h"

struct world {
	struct disk t;
	struct buf tar;
	struct buf_sink k;
	struct sink *out;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	disk_open(&w->t);
	buf_init(&w->tar, 64u << 20);
	w->out = buf_sink_init(&w->k, &w->tar);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	disk_close(&w->t);
	buf_release(&w->tar);
	free(w);
	return 0;
}

/* Adds an entry; times and owners are the same everywhere. */
static void add(struct world *w, enum tar_type type, const char *path, uint32_t mode,
		const char *text)
{
	bool file = type == TAR_FILE;
	struct tar_entry ent = {
		.type = type,
		.path = path,
		.mode = mode,
		.mtime = DISK_TIME,
		.link = file ? NULL : text,
		.size_bytes = file && text ? strlen(text) : 0,
	};

	assert_int_equal(tar_write_header(w->out, &ent, &w->e), 0);
	if (!ent.size_bytes)
		return;
	assert_int_equal(sink_write(w->out, text, strlen(text), &w->e), 0);
	assert_int_equal(tar_write_padding(w->out, strlen(text), &w->e), 0);
}

static void add_file(struct world *w, const char *path, const char *text)
{
	add(w, TAR_FILE, path, 0644, text);
}

static void add_dir(struct world *w, const char *path)
{
	add(w, TAR_DIR, path, 0755, NULL);
}

static int apply(struct world *w)
{
	struct span_source src;

	assert_int_equal(tar_write_end(w->out, &w->e), 0);
	return layer_apply(NULL, w->t.fd, span_source_init(&src, buf_span(&w->tar)), NULL, &w->e);
}

static void assert_tree(struct world *w, const char *want)
{
	auto_free char *got = disk_text(&w->t, false);

	assert_string_equal(got, want);
}

static void assert_applied(struct world *w, const char *want)
{
	if (apply(w) < 0)
		fail_msg("%s", w->e.text);
	assert_tree(w, want);
}

static void assert_refused(struct world *w, const char *why)
{
	assert_int_equal(apply(w), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	if (!strstr(w->e.text, why))
		fail_msg("'%s' does not say '%s'", w->e.text, why);
}

static void every_type_comes_to_be(void **state)
{
	struct world *w = *state;

	add_dir(w, "d");
	add(w, TAR_FILE, "d/f", 04711, "hello");
	add(w, TAR_HARD_LINK, "d/h", 0644, "d/f");
	add(w, TAR_SYMLINK, "l", 0777, "../out");
	add(w, TAR_FIFO, "p", 0620, NULL);
	add_file(w, "empty", NULL);
	assert_applied(w, "d 0755 0:0 d\n"
			  "f 4711 0:0 5 d/f = hello\n"
			  "h d/h == d/f\n"
			  "f 0644 0:0 0 empty = \n"
			  "l l -> ../out\n"
			  "p 0620 0:0 p\n");
}

static void owners_modes_and_times_are_those_of_the_tar(void **state)
{
	struct world *w = *state;
	struct tar_entry dir = { .type = TAR_DIR,
				 .path = "d",
				 .mode = 02770,
				 .uid = 12,
				 .gid = 34,
				 .mtime = 1234567890 };
	struct tar_entry file = {
		.type = TAR_FILE, .path = "d/f", .mode = 06755, .uid = 56, .gid = 78, .mtime = -1
	};
	struct tar_entry link = {
		.type = TAR_SYMLINK, .path = "d/l", .link = "f", .uid = 9, .gid = 9, .mtime = 5
	};
	auto_free char *got = NULL;

	assert_int_equal(tar_write_header(w->out, &dir, &w->e), 0);
	assert_int_equal(tar_write_header(w->out, &file, &w->e), 0);
	assert_int_equal(tar_write_header(w->out, &link, &w->e), 0);
	assert_int_equal(apply(w), 0);
	got = disk_text(&w->t, true);
	assert_string_equal(got, "d 2770 12:34 @1234567890 d\n"
				 "f 6755 56:78 @-1 0 d/f = \n"
				 "l 9:9 @5 d/l -> f\n");
}

static void capabilities_are_set(void **state)
{
	struct world *w = *state;
	const char cap[20] = { 1, 0, 0, 2, 0, 4 };
	char got[64];
	auto_close int fd = -1;
	struct tar_entry ent = { .type = TAR_FILE,
				 .path = "f",
				 .mode = 0755,
				 .uid = 3,
				 .capability = span_of(cap, sizeof(cap)) };

	assert_int_equal(tar_write_header(w->out, &ent, &w->e), 0);
	assert_int_equal(apply(w), 0);
	fd = openat(w->t.fd, "f", O_RDONLY);
	assert_int_equal(fgetxattr(fd, "security.capability", got, sizeof(got)), 20);
	assert_memory_equal(got, cap, 20);
}

static void missing_parents_are_made(void **state)
{
	struct world *w = *state;

	add_file(w, "a/b/c", "x");
	assert_applied(w, "d 0755 0:0 a\n"
			  "d 0755 0:0 a/b\n"
			  "f 0644 0:0 1 a/b/c = x\n");
}

static void absolute_names_stay_inside(void **state)
{
	struct world *w = *state;

	add_file(w, "/etc/x", "1");
	add(w, TAR_HARD_LINK, "y", 0644, "/etc/x");
	assert_applied(w, "d 0755 0:0 etc\n"
			  "f 0644 0:0 1 etc/x = 1\n"
			  "h y == etc/x\n");
}

static void the_root_itself_is_left_alone(void **state)
{
	struct world *w = *state;
	struct stat before, after;

	assert_int_equal(fstat(w->t.fd, &before), 0);
	add(w, TAR_DIR, ".", 0000, NULL);
	add(w, TAR_SYMLINK, "./", 0777, "/tmp");
	assert_applied(w, "");
	assert_int_equal(fstat(w->t.fd, &after), 0);
	assert_int_equal(before.st_mode, after.st_mode);
}

static void names_that_go_up_are_refused(void **state)
{
	struct world *w = *state;

	add_file(w, "../evil", "x");
	assert_refused(w, "'..'");
}

static void links_in_the_tree_cannot_lead_out_of_it(void **state)
{
	struct world *w = *state;
	struct disk out;
	auto_free char *left = NULL;
	auto_free char *inside = NULL;

	disk_open(&out);
	add(w, TAR_SYMLINK, "abs", 0777, out.path);
	add(w, TAR_SYMLINK, "up", 0777, "../../../../../../..");
	add_file(w, "up/evil", "x");
	/* "abs" leads to a directory that is not there, inside */
	add_file(w, "abs/evil", "x");
	assert_int_equal(apply(w), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	left = disk_text(&out, false);
	assert_string_equal(left, "");
	disk_close(&out);
	inside = disk_text(&w->t, false);
	assert_non_null(strstr(inside, "f 0644 0:0 1 evil = x\n"));
}

static void links_to_directories_are_followed_inside(void **state)
{
	struct world *w = *state;

	add_dir(w, "usr");
	add_dir(w, "usr/lib");
	add(w, TAR_SYMLINK, "lib", 0777, "/usr/lib");
	add_file(w, "lib/x", "1");
	assert_applied(w, "l lib -> /usr/lib\n"
			  "d 0755 0:0 usr\n"
			  "d 0755 0:0 usr/lib\n"
			  "f 0644 0:0 1 usr/lib/x = 1\n");
}

static void a_link_as_last_name_is_replaced_and_not_followed(void **state)
{
	struct world *w = *state;

	add_file(w, "victim", "old");
	add(w, TAR_SYMLINK, "f", 0777, "victim");
	add_file(w, "f", "new");
	add_dir(w, "dir");
	add(w, TAR_SYMLINK, "d", 0777, "dir");
	add(w, TAR_DIR, "d", 0700, NULL);
	assert_applied(w, "d 0700 0:0 d\n"
			  "d 0755 0:0 dir\n"
			  "f 0644 0:0 3 f = new\n"
			  "f 0644 0:0 3 victim = old\n");
}

static void a_directory_that_becomes_a_link_is_not_remembered(void **state)
{
	struct world *w = *state;

	add_dir(w, "real");
	add_dir(w, "d");
	add_file(w, "d/one", "1");
	add(w, TAR_SYMLINK, "d", 0777, "real");
	add_file(w, "d/two", "2");
	assert_applied(w, "l d -> real\n"
			  "d 0755 0:0 real\n"
			  "f 0644 0:0 1 real/two = 2\n");
}

static void a_link_that_a_whiteout_removes_is_not_remembered(void **state)
{
	struct world *w = *state;

	disk_dir(&w->t, "real");
	disk_symlink(&w->t, "l", "real");
	add_file(w, "l/one", "1");
	add_file(w, ".wh.l", NULL);
	add_file(w, "l/two", "2");
	assert_applied(w, "d 0755 0:0 l\n"
			  "f 0644 0:0 1 l/two = 2\n"
			  "d 0755 0:0 real\n"
			  "f 0644 0:0 1 real/one = 1\n");
}

static void a_path_through_what_it_replaces_is_not_remembered(void **state)
{
	struct world *w = *state;

	add_dir(w, "d");
	add_dir(w, "d/n");
	add(w, TAR_SYMLINK, "d/n/up", 0777, "..");
	add_file(w, "d/n/up/one", "1");
	add_file(w, "d/n/up/n", "no longer a directory");
	add_file(w, "d/n/up/two", "2");
	assert_refused(w, "d/n/up/two");
}

static void hard_links_cannot_reach_outside(void **state)
{
	struct world *w = *state;

	add(w, TAR_SYMLINK, "up", 0777, "../../../../../..");
	add(w, TAR_HARD_LINK, "shadow", 0644, "up/etc/shadow");
	assert_refused(w, "up/etc");
	assert_tree(w, "l up -> ../../../../../..\n");
}

static void a_hard_link_that_goes_up_is_refused(void **state)
{
	struct world *w = *state;

	add(w, TAR_HARD_LINK, "shadow", 0644, "../../../etc/shadow");
	assert_refused(w, "'..'");
}

static void a_hard_link_to_a_link_links_the_link(void **state)
{
	struct world *w = *state;

	add(w, TAR_SYMLINK, "l", 0777, "/etc/passwd");
	add(w, TAR_HARD_LINK, "m", 0777, "l");
	assert_applied(w, "l l -> /etc/passwd\nh m == l\n");
}

static void a_hard_link_to_nothing_or_itself_is_refused(void **state)
{
	struct world *w = *state;

	add_file(w, "f", "1");
	add(w, TAR_HARD_LINK, "f", 0644, "./f");
	assert_refused(w, "'./f'");
	assert_tree(w, "f 0644 0:0 1 f = 1\n");
	buf_reset(&w->tar);
	err_clear(&w->e);
	add(w, TAR_HARD_LINK, "g", 0644, "none");
	assert_refused(w, "'none'");
}

static void a_file_as_parent_is_refused(void **state)
{
	struct world *w = *state;

	add_file(w, "f", "1");
	add_file(w, "f/g", "2");
	assert_refused(w, "f/g");
}

static void links_in_circles_are_refused(void **state)
{
	struct world *w = *state;

	add(w, TAR_SYMLINK, "a", 0777, "b");
	add(w, TAR_SYMLINK, "b", 0777, "a");
	add_file(w, "a/x", "1");
	assert_refused(w, "a/x");
}

static void a_device_that_would_be_a_whiteout_is_refused(void **state)
{
	struct world *w = *state;

	add(w, TAR_CHAR, "null", 0666, NULL);
	assert_refused(w, "0:0");
}

/* Compressed as well, where the bound is behind the decompression. */
static int apply_bounded(struct world *w, uint64_t max_bytes, bool packed)
{
	const struct entries_layer layer = { .max_bytes = max_bytes };
	auto_buf struct buf small = BUF_INIT(1u << 20);
	struct span_source from;
	struct buf_sink k;
	struct gzip_sink gz;
	struct disk t;
	int r;

	if (packed) {
		assert_int_equal(sink_write(gzip_sink_init(&gz, buf_sink_init(&k, &small), 5, NULL),
					    w->tar.data, w->tar.len, &w->e),
				 0);
		assert_int_equal(gzip_sink_finish(&gz, &w->e), 0);
		gzip_sink_release(&gz);
	}
	disk_open(&t);
	r = layer_apply_recorded(NULL, NULL, t.fd,
				 span_source_init(&from, buf_span(packed ? &small : &w->tar)),
				 &layer, &w->e);
	disk_close(&t);
	return r;
}

static void a_layer_that_unpacks_to_too_much_is_refused(void **state)
{
	struct world *w = *state;
	auto_free char *text = mem_zalloc(1u << 20);

	memset(text, 'x', (1u << 20) - 1);
	add_file(w, "big", text);
	add_file(w, "second", text);
	for (int packed = 0; packed <= 1; packed++) {
		assert_int_equal(apply_bounded(w, w->tar.len, packed), 0);
		assert_int_equal(apply_bounded(w, w->tar.len - 1, packed), -1);
		assert_int_equal(w->e.kind, ERR_CORRUPT);
		assert_non_null(strstr(w->e.text, "unpacks to more than"));
		err_clear(&w->e);
	}
}

/* One file of 1 GiB in GNU's old sparse form, all hole: 512 bytes. */
static void holes_count_as_what_they_claim_to_be(void **state)
{
	struct world *w = *state;
	char h[512] = "hole";
	unsigned sum = 0;

	memcpy(h + 100, "0000644", 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	memcpy(h + 124, "00000000000", 12);
	memcpy(h + 136, "00000000000", 12);
	h[156] = 'S';
	memcpy(h + 257, "ustar  ", 8);
	memcpy(h + 386, "10000000000", 12); /* a piece there, of no bytes */
	memcpy(h + 398, "00000000000", 12);
	memcpy(h + 483, "10000000000", 12);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_add(&w->tar, h, sizeof(h));
	assert_int_equal(apply_bounded(w, UINT64_C(1) << 30, false), 0);
	assert_int_equal(apply_bounded(w, (UINT64_C(1) << 30) - 1, false), -1);
	assert_non_null(strstr(w->e.text, "unpacks to more than"));
}

static void the_last_of_two_entries_wins(void **state)
{
	struct world *w = *state;

	add_file(w, "a", "first");
	add_file(w, "a", "2nd");
	add_dir(w, "d");
	add_file(w, "d/x", "1");
	add(w, TAR_DIR, "d", 0700, NULL);
	add_dir(w, "e");
	add_file(w, "e/x", "1");
	add_file(w, "e", "file now");
	assert_applied(w, "f 0644 0:0 3 a = 2nd\n"
			  "d 0700 0:0 d\n"
			  "f 0644 0:0 1 d/x = 1\n"
			  "f 0644 0:0 8 e = file now\n");
}

static void a_new_file_does_not_write_through_to_an_old_hard_link(void **state)
{
	struct world *w = *state;

	disk_file(&w->t, "a", "old");
	disk_hard_link(&w->t, "b", "a");
	add_file(w, "a", "new");
	assert_applied(w, "f 0644 0:0 3 a = new\nf 0644 0:0 3 b = old\n");
}

static void whiteouts_remove_what_was_there_and_are_never_stored(void **state)
{
	struct world *w = *state;

	disk_file(&w->t, "f", "1");
	disk_dir(&w->t, "d");
	disk_dir(&w->t, "d/e");
	disk_file(&w->t, "d/e/g", "2");
	disk_file(&w->t, "stays", "3");
	add_file(w, ".wh.f", NULL);
	add_file(w, ".wh.d", NULL);
	add_file(w, ".wh.never-there", NULL);
	add_file(w, "no/such/.wh.dir", NULL);
	add_file(w, ".wh..wh.aufs", NULL);
	assert_applied(w, "f 0644 0:0 1 stays = 3\n");
}

static void a_whiteout_removes_a_link_and_not_what_it_leads_to(void **state)
{
	struct world *w = *state;

	disk_dir(&w->t, "d");
	disk_file(&w->t, "d/f", "1");
	disk_symlink(&w->t, "l", "d");
	add_file(w, ".wh.l", NULL);
	assert_applied(w, "d 0755 0:0 d\nf 0644 0:0 1 d/f = 1\n");
}

static void an_opaque_mark_hides_only_earlier_layers_wherever_it_stands(void **state)
{
	struct world *w = *state;

	disk_dir(&w->t, "d");
	disk_file(&w->t, "d/old", "1");
	disk_dir(&w->t, "d/sub");
	disk_file(&w->t, "d/sub/old", "2");
	disk_dir(&w->t, "d/gone");
	add_dir(w, "d");
	add_file(w, "d/new", "3");
	add_file(w, "d/sub/new", "4");
	add_file(w, "d/.wh..wh..opq", NULL);
	add_file(w, "d/later", "5");
	assert_applied(w, "d 0755 0:0 d\n"
			  "f 0644 0:0 1 d/later = 5\n"
			  "f 0644 0:0 1 d/new = 3\n"
			  "d 0755 0:0 d/sub\n"
			  "f 0644 0:0 1 d/sub/new = 4\n");
}

static void a_whiteout_does_not_hide_its_own_layer(void **state)
{
	struct world *w = *state;

	disk_dir(&w->t, "d");
	disk_file(&w->t, "d/old", "1");
	disk_dir(&w->t, "d/e");
	disk_file(&w->t, "d/e/old", "1");
	disk_dir(&w->t, "d/e/g");
	disk_file(&w->t, "f", "old");
	add_file(w, "d/e/g/new", "2");
	add_file(w, "f", "new");
	add_file(w, ".wh.d", NULL);
	add_file(w, ".wh.f", NULL);
	assert_applied(w, "d 0755 0:0 d\n"
			  "d 0755 0:0 d/e\n"
			  "d 0755 0:0 d/e/g\n"
			  "f 0644 0:0 1 d/e/g/new = 2\n"
			  "f 0644 0:0 3 f = new\n");
}

/* Disks use the numbers of inodes again. */
static void a_new_directory_is_not_taken_for_one_that_is_gone(void **state)
{
	struct world *w = *state;

	disk_dir(&w->t, "a");
	disk_file(&w->t, "a/old", "1");
	disk_file(&w->t, "f", "2");
	add_dir(w, "y");
	add(w, TAR_HARD_LINK, "y", 0644, "f"); /* the directory goes, and no file comes */
	add_file(w, "a/new/z", "3");
	add_file(w, ".wh.a", NULL);
	assert_applied(w, "d 0755 0:0 a\n"
			  "d 0755 0:0 a/new\n"
			  "f 0644 0:0 1 a/new/z = 3\n"
			  "f 0644 0:0 1 f = 2\n"
			  "h y == f\n");
}

static void whiteouts_of_no_name_are_refused(void **state)
{
	struct world *w = *state;

	disk_file(&w->t, "f", "1");
	add_file(w, "d/.wh...", NULL);
	assert_refused(w, "whiteout");
	assert_tree(w, "f 0644 0:0 1 f = 1\n");
}

static void whiteouts_stay_inside(void **state)
{
	struct world *w = *state;
	struct disk out;
	auto_free char *left = NULL;
	auto_free char *mark = NULL;

	disk_open(&out);
	disk_file(&out, "precious", "1");
	add(w, TAR_SYMLINK, "abs", 0777, out.path);
	mark = mem_printf("up%s/.wh.precious", out.path);
	add_file(w, "abs/.wh.precious", NULL);
	add_file(w, "abs/.wh..wh..opq", NULL);
	add(w, TAR_SYMLINK, "up", 0777, "../../../../..");
	add_file(w, mark, NULL);
	assert_int_equal(apply(w), 0);
	left = disk_text(&out, false);
	assert_string_equal(left, "f 0644 0:0 1 precious = 1\n");
	disk_close(&out);
}

/* The digest of the tar in w. */
static struct oci_digest tar_digest(const struct world *w)
{
	struct oci_digest d;

	oci_digest_of_bytes(&d, buf_span(&w->tar));
	return d;
}

static void compressed_layers_are_read_and_checked_against_the_diff_id(void **state)
{
	struct world *w = *state;
	auto_buf struct buf gz = BUF_INIT(1u << 20);
	struct span_source src;
	struct buf_sink k;
	struct gzip_sink z;
	struct oci_digest want;

	add_file(w, "f", "hello");
	assert_int_equal(tar_write_end(w->out, &w->e), 0);
	/* what other tools add at the end belongs to the digest, too */
	for (int i = 0; i < 1 << 20; i++)
		buf_add_char(&w->tar, '\0');
	want = tar_digest(w);
	assert_int_equal(sink_write(gzip_sink_init(&z, buf_sink_init(&k, &gz), 6, NULL),
				    w->tar.data, w->tar.len, &w->e),
			 0);
	assert_int_equal(gzip_sink_finish(&z, &w->e), 0);
	gzip_sink_release(&z);
	if (layer_apply(NULL, w->t.fd, span_source_init(&src, buf_span(&gz)), &want, &w->e) < 0)
		fail_msg("%s", w->e.text);
	assert_tree(w, "f 0644 0:0 5 f = hello\n");

	gz.data[gz.len - 5] ^= 1; /* in the checksum at the end */
	assert_int_equal(
		layer_apply(NULL, w->t.fd, span_source_init(&src, buf_span(&gz)), &want, &w->e),
		-1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
}

/* Whoever reads a blob while it comes knows at its end, and not before, that it is one. */
static void a_blob_is_read_to_its_end_beyond_what_is_compressed(void **state)
{
	struct world *w = *state;
	auto_buf struct buf blob = BUF_INIT(1u << 20);
	struct span_source src;
	char more;

	if (fs_read_file(AT_FDCWD, "testdata/fuzz/layer_archive/bzip2", &blob, &w->e) < 0)
		fail_msg("%s", w->e.text);
	for (int i = 0; i < 1 << 19; i++)
		buf_add_char(&blob, '\0');
	span_source_init(&src, buf_span(&blob));
	if (layer_apply(NULL, w->t.fd, &src.base, NULL, &w->e) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(source_read(&src.base, &more, 1, &w->e), 0);
}

static void another_diff_id_is_corrupt_and_both_are_named(void **state)
{
	struct world *w = *state;
	struct span_source src;
	struct oci_digest real, want;

	oci_digest_of_bytes(&want, SPAN_LIT("other"));
	add_file(w, "f", "hello");
	assert_int_equal(tar_write_end(w->out, &w->e), 0);
	real = tar_digest(w);
	assert_int_equal(
		layer_apply(NULL, w->t.fd, span_source_init(&src, buf_span(&w->tar)), &want, &w->e),
		-1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, want.text));
	assert_non_null(strstr(w->e.text, real.text));
}

static void a_large_file_arrives_whole(void **state)
{
	struct world *w = *state;
	const size_t size = (3u << 20) + 17;
	auto_free char *text = mem_alloc(size + 1);
	auto_buf struct buf got = BUF_INIT(8u << 20);

	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + i * i % 26);
	text[size] = '\0';
	add_file(w, "big", text);
	assert_int_equal(apply(w), 0);
	assert_int_equal(fs_read_file(w->t.fd, "big", &got, &w->e), 0);
	assert_int_equal(got.len, size);
	assert_memory_equal(got.data, text, size);
}

static void the_fallback_for_old_kernels_is_as_safe(void **state)
{
	fs_without_openat2 = true;
	links_to_directories_are_followed_inside(state);
	tear_down(state);
	set_up(state);
	links_in_the_tree_cannot_lead_out_of_it(state);
	fs_without_openat2 = false;
}

static void cancelling_ends_it(void **state)
{
	struct world *w = *state;
	struct cancel c;
	struct op op = { .cancel = &c };
	struct span_source src;

	assert_int_equal(cancel_init(&c, &w->e), 0);
	cancel_set(&c, 15);
	add_file(w, "f", "1");
	assert_int_equal(tar_write_end(w->out, &w->e), 0);
	assert_int_equal(
		layer_apply(&op, w->t.fd, span_source_init(&src, buf_span(&w->tar)), NULL, &w->e),
		-1);
	assert_int_equal(w->e.kind, ERR_CANCELLED);
	cancel_release(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_type_comes_to_be),
		TEST(owners_modes_and_times_are_those_of_the_tar),
		TEST(capabilities_are_set),
		TEST(missing_parents_are_made),
		TEST(absolute_names_stay_inside),
		TEST(the_root_itself_is_left_alone),
		TEST(names_that_go_up_are_refused),
		TEST(links_in_the_tree_cannot_lead_out_of_it),
		TEST(links_to_directories_are_followed_inside),
		TEST(a_link_as_last_name_is_replaced_and_not_followed),
		TEST(a_directory_that_becomes_a_link_is_not_remembered),
		TEST(a_link_that_a_whiteout_removes_is_not_remembered),
		TEST(a_path_through_what_it_replaces_is_not_remembered),
		TEST(hard_links_cannot_reach_outside),
		TEST(a_hard_link_that_goes_up_is_refused),
		TEST(a_hard_link_to_a_link_links_the_link),
		TEST(a_hard_link_to_nothing_or_itself_is_refused),
		TEST(a_file_as_parent_is_refused),
		TEST(links_in_circles_are_refused),
		TEST(a_device_that_would_be_a_whiteout_is_refused),
		TEST(a_layer_that_unpacks_to_too_much_is_refused),
		TEST(holes_count_as_what_they_claim_to_be),
		TEST(the_last_of_two_entries_wins),
		TEST(a_new_file_does_not_write_through_to_an_old_hard_link),
		TEST(whiteouts_remove_what_was_there_and_are_never_stored),
		TEST(a_whiteout_removes_a_link_and_not_what_it_leads_to),
		TEST(an_opaque_mark_hides_only_earlier_layers_wherever_it_stands),
		TEST(a_whiteout_does_not_hide_its_own_layer),
		TEST(a_new_directory_is_not_taken_for_one_that_is_gone),
		TEST(whiteouts_of_no_name_are_refused),
		TEST(whiteouts_stay_inside),
		TEST(compressed_layers_are_read_and_checked_against_the_diff_id),
		TEST(a_blob_is_read_to_its_end_beyond_what_is_compressed),
		TEST(another_diff_id_is_corrupt_and_both_are_named),
		TEST(a_large_file_arrives_whole),
		TEST(the_fallback_for_old_kernels_is_as_safe),
		TEST(cancelling_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

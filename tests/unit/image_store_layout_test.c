/* The layout on disk: opening, what killed writers leave, links, hostile folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/image/store_layout.h"

struct world {
	char dir[64], path[80];
	int fd; /* of dir */
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/image-layout-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/a", w->dir);
	w->fd = fs_open_dir(w->dir, &w->e);
	*state = w;
	return w->fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int r = fs_remove_tree(AT_FDCWD, w->dir, &w->e);

	close(w->fd);
	free(w);
	return r;
}

static struct oci_store *create(struct world *w, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", w->dir, name);
	struct oci_store *s = NULL;

	if (oci_store_layout_open(&s, path, OCI_LAYOUT_CREATE, &w->e) < 0)
		fail_msg("%s", w->e.text);
	return s;
}

static void write_file(struct world *w, const char *name, const char *text)
{
	assert_int_equal(fs_write_file(w->fd, name, span_of_str(text), 0644, &w->e), 0);
}

static void assert_refused(struct world *w, enum oci_layout_mode mode, enum err_kind kind,
			   const char *says)
{
	struct oci_store *s = NULL;

	w->e = (struct err)ERR_INIT;
	assert_int_equal(oci_store_layout_open(&s, w->path, mode, &w->e), -1);
	if (w->e.kind != kind || !strstr(w->e.text, says) || !strstr(w->e.text, w->path))
		fail_msg("kind %d: %s", (int)w->e.kind, w->e.text);
	assert_null(s);
}

static size_t count_tmp(struct world *w, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", w->dir, name);
	DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *ent; (ent = readdir(d));)
		n += strncmp(ent->d_name, ".tmp-", 5) == 0;
	closedir(d);
	return n;
}

static void layout_made_is_what_the_specification_says(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = create(w, "a/b/c");
	auto_buf struct buf b = BUF_INIT(1000);

	assert_int_equal(fs_read_file(w->fd, "a/b/c/oci-layout", &b, &w->e), 0);
	assert_string_equal(buf_str(&b), "{\"imageLayoutVersion\":\"1.0.0\"}");
	buf_reset(&b);
	assert_int_equal(fs_read_file(w->fd, "a/b/c/index.json", &b, &w->e), 0);
	assert_non_null(strstr(buf_str(&b), "\"manifests\":[]"));
	assert_true(oci_store_layout_fd(s) >= 0);
}

static void layout_opened_again_keeps_its_blobs_and_index(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = create(w, "a"), *again = NULL, *reader = NULL;
	struct oci_digest d;

	assert_int_equal(oci_store_write(s, SPAN_LIT("x"), &d, &w->e), 0);
	write_file(w, "a/index.json", "{\"manifests\":[],\"x\":1}");
	again = create(w, "a");
	assert_true(oci_store_has(again, &d, NULL));
	assert_int_equal(oci_store_layout_open(&reader, w->path, OCI_LAYOUT_READ, &w->e), 0);
	assert_true(oci_store_has(reader, &d, NULL));
	{
		auto_buf struct buf b = BUF_INIT(1000);

		assert_int_equal(fs_read_file(w->fd, "a/index.json", &b, &w->e), 0);
		assert_non_null(strstr(buf_str(&b), "\"x\":1"));
	}
}

static void layout_to_read_must_be_one(void **state)
{
	struct world *w = *state;

	assert_refused(w, OCI_LAYOUT_READ, ERR_ABSENT, "No such file");
	write_file(w, "a", "");
	assert_refused(w, OCI_LAYOUT_READ, ERR_INPUT, "Not a directory");
	assert_int_equal(unlinkat(w->fd, "a", 0), 0);
	assert_int_equal(mkdirat(w->fd, "a", 0755), 0);
	assert_refused(w, OCI_LAYOUT_READ, ERR_INPUT, "no file 'oci-layout'");
	write_file(w, "a/oci-layout", "{}");
	assert_refused(w, OCI_LAYOUT_READ, ERR_CORRUPT, "imageLayoutVersion");
	write_file(w, "a/oci-layout", "{\"imageLayoutVersion\":\"2.0\"}");
	assert_refused(w, OCI_LAYOUT_READ, ERR_INPUT, "'2.0'");
}

static void layout_is_not_made_among_other_files(void **state)
{
	struct world *w = *state;

	assert_int_equal(mkdirat(w->fd, "a", 0755), 0);
	write_file(w, "a/photo.jpg", "");
	assert_refused(w, OCI_LAYOUT_CREATE, ERR_INPUT, "photo.jpg");
	assert_int_equal(faccessat(w->fd, "a/oci-layout", F_OK, 0), -1);
}

static void layout_half_made_by_a_killed_opener_is_completed(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = NULL;

	assert_int_equal(mkdirat(w->fd, "a", 0755), 0);
	assert_int_equal(mkdirat(w->fd, "a/blobs", 0755), 0);
	write_file(w, "a/.tmp-0123", "{");
	s = create(w, "a");
	assert_int_equal(count_tmp(w, "a"), 0);
	assert_int_equal(faccessat(w->fd, "a/index.json", F_OK, 0), 0);
}

static void layout_opened_for_reading_takes_no_blob(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = create(w, "a"), *reader = NULL;
	struct oci_digest d;

	assert_int_equal(oci_store_write(s, SPAN_LIT("x"), &d, &w->e), 0);
	assert_int_equal(oci_store_layout_open(&reader, w->path, OCI_LAYOUT_READ, &w->e), 0);
	assert_int_equal(oci_store_write(reader, SPAN_LIT("x"), &d, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
}

static void layout_without_blobs_folder_is_an_empty_one_to_read(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = NULL;
	struct oci_blob blob = { 0 };
	struct oci_digest d;

	assert_int_equal(mkdirat(w->fd, "a", 0755), 0);
	write_file(w, "a/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	assert_int_equal(oci_store_layout_open(&s, w->path, OCI_LAYOUT_READ, &w->e), 0);
	oci_digest_of_bytes(&d, SPAN_LIT("x"));
	assert_false(oci_store_has(s, &d, NULL));
	assert_int_equal(oci_store_open(s, &d, &blob, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_ABSENT);
}

static void layout_removes_what_a_killed_writer_left_and_nothing_else(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = create(w, "a"), *again = NULL;
	struct oci_blob_writer bw = { 0 };
	struct oci_digest d;
	pid_t pid;
	int status;

	/* one writer of ours is alive, another is killed in the middle */
	assert_int_equal(oci_store_begin(s, &bw, &w->e), 0);
	assert_int_equal(sink_write(bw.sink, "alive", 5, &w->e), 0);
	pid = fork();
	if (pid == 0) {
		struct oci_blob_writer dead = { 0 };
		struct oci_store *mine = NULL;

		if (oci_store_layout_open(&mine, w->path, OCI_LAYOUT_CREATE, &w->e) < 0 ||
		    oci_store_begin(mine, &dead, &w->e) < 0 ||
		    sink_write(dead.sink, "dead", 4, &w->e) < 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_tmp(w, "a/blobs/sha256"), 2);
	again = create(w, "a");
	assert_int_equal(oci_store_write(again, SPAN_LIT("next"), &d, &w->e), 0);
	assert_int_equal(count_tmp(w, "a/blobs/sha256"), 1);
	assert_int_equal(oci_store_commit(&bw, NULL, &d, NULL, &w->e), 0);
	assert_true(oci_store_has(again, &d, NULL));
	assert_int_equal(count_tmp(w, "a/blobs/sha256"), 0);
}

static void layout_leaves_no_temporary_file_when_a_blob_is_refused_or_there(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = create(w, "a");
	struct oci_descriptor want = { .size_bytes = 1 };
	struct oci_blob_writer bw = { 0 };
	struct oci_digest d;

	assert_int_equal(oci_store_begin(s, &bw, &w->e), 0);
	assert_int_equal(sink_write(bw.sink, "y", 1, &w->e), 0);
	oci_digest_of_bytes(&want.digest, SPAN_LIT("x"));
	assert_int_equal(oci_store_commit(&bw, &want, NULL, NULL, &w->e), -1);
	assert_int_equal(oci_store_write(s, SPAN_LIT("x"), &d, &w->e), 0);
	assert_int_equal(oci_store_write(s, SPAN_LIT("x"), &d, &w->e), 0);
	assert_int_equal(count_tmp(w, "a/blobs/sha256"), 0);
}

/* The file size limit stands in for a full disk: a write that the system refuses. */
static void layout_names_the_folder_when_a_write_is_refused(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = create(w, "a");
	struct rlimit old, none;
	struct oci_digest d;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(oci_store_write(s, SPAN_LIT("x"), &d, &w->e), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_non_null(strstr(w->e.text, w->path));
	assert_int_equal(count_tmp(w, "a/blobs/sha256"), 0);
}

static ino_t inode_of(struct world *w, const char *layout, const struct oci_digest *d)
{
	auto_free char *path = mem_printf("%s/blobs/sha256/%s", layout, oci_digest_hex(d));
	struct stat st;

	assert_int_equal(fstatat(w->fd, path, &st, 0), 0);
	return st.st_ino;
}

static void layout_links_a_blob_from_another_layout(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *a = create(w, "a"), *b = create(w, "b");
	struct oci_descriptor d = { .size_bytes = 5 };

	assert_int_equal(oci_store_write(a, SPAN_LIT("hello"), &d.digest, &w->e), 0);
	assert_int_equal(oci_store_copy_blob(NULL, b, a, &d, &w->e), 0);
	assert_int_equal(inode_of(w, "a", &d.digest), inode_of(w, "b", &d.digest));
}

static void layout_copies_and_verifies_a_file_that_others_may_change(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *a = create(w, "a"), *b = create(w, "b");
	struct oci_descriptor d = { .size_bytes = 5 };
	auto_free char *path = NULL;

	assert_int_equal(oci_store_write(a, SPAN_LIT("hello"), &d.digest, &w->e), 0);
	path = mem_printf("a/blobs/sha256/%s", oci_digest_hex(&d.digest));
	assert_int_equal(fchmodat(w->fd, path, 0664, 0), 0);
	assert_int_equal(oci_store_copy_blob(NULL, b, a, &d, &w->e), 0);
	assert_int_not_equal(inode_of(w, "a", &d.digest), inode_of(w, "b", &d.digest));
}

static struct oci_store *read_only(struct world *w, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", w->dir, name);
	struct oci_store *s = NULL;

	if (oci_store_layout_open(&s, path, OCI_LAYOUT_READ, &w->e) < 0)
		fail_msg("%s", w->e.text);
	return s;
}

static void layout_verifies_what_comes_from_one_that_is_only_read(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *a = create(w, "a"), *b = create(w, "b");
	auto_store struct oci_store *stranger = read_only(w, "a");
	struct oci_descriptor d = { .size_bytes = 5 };
	auto_free char *path = NULL;

	assert_int_equal(oci_store_write(a, SPAN_LIT("hello"), &d.digest, &w->e), 0);
	path = mem_printf("a/blobs/sha256/%s", oci_digest_hex(&d.digest));
	write_file(w, path, "jello");
	assert_int_equal(oci_store_copy_blob(NULL, b, stranger, &d, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_false(oci_store_has(b, &d.digest, NULL));
	write_file(w, path, "hello");
	assert_int_equal(oci_store_copy_blob(NULL, b, stranger, &d, &w->e), 0);
	assert_int_not_equal(inode_of(w, "a", &d.digest), inode_of(w, "b", &d.digest));
}

static void layout_does_not_link_a_blob_of_the_wrong_size(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *a = create(w, "a"), *b = create(w, "b");
	struct oci_descriptor d = { .size_bytes = 6 };

	assert_int_equal(oci_store_write(a, SPAN_LIT("hello"), &d.digest, &w->e), 0);
	assert_int_equal(oci_store_copy_blob(NULL, b, a, &d, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, "/a'"));
	assert_false(oci_store_has(b, &d.digest, NULL));
}

static void layout_replaces_a_short_blob_by_a_copy(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *a = create(w, "a"), *b = create(w, "b");
	struct oci_descriptor d = { .size_bytes = 5 };
	auto_free char *path = NULL;
	uint64_t size;

	assert_int_equal(oci_store_write(a, SPAN_LIT("hello"), &d.digest, &w->e), 0);
	path = mem_printf("b/blobs/sha256/%s", oci_digest_hex(&d.digest));
	write_file(w, path, "");
	assert_int_equal(oci_store_copy_blob(NULL, b, a, &d, &w->e), 0);
	assert_true(oci_store_has(b, &d.digest, &size));
	assert_int_equal(size, 5);
}

static void layout_opens_no_blob_that_is_a_link_or_a_pipe(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *s = create(w, "a");
	auto_free char *path = NULL;
	struct oci_blob blob = { 0 };
	struct oci_digest d;

	oci_digest_of_bytes(&d, SPAN_LIT("x"));
	path = mem_printf("a/blobs/sha256/%s", oci_digest_hex(&d));
	assert_int_equal(symlinkat("/etc/passwd", w->fd, path), 0);
	assert_false(oci_store_has(s, &d, NULL));
	assert_int_equal(oci_store_open(s, &d, &blob, &w->e), -1);
	assert_int_equal(unlinkat(w->fd, path, 0), 0);
	assert_int_equal(mkfifoat(w->fd, path, 0600), 0);
	assert_int_equal(oci_store_open(s, &d, &blob, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
}

static void layout_whose_blobs_lie_behind_a_link_is_refused(void **state)
{
	struct world *w = *state;
	struct oci_store *s = NULL;

	assert_int_equal(mkdirat(w->fd, "a", 0755), 0);
	write_file(w, "a/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	assert_int_equal(symlinkat("/tmp", w->fd, "a/blobs"), 0);
	assert_int_equal(oci_store_layout_open(&s, w->path, OCI_LAYOUT_READ, &w->e), -1);
	assert_null(s);
}

static void layout_whose_version_is_a_link_is_refused(void **state)
{
	struct world *w = *state;
	struct oci_store *s = NULL;

	assert_int_equal(mkdirat(w->fd, "a", 0755), 0);
	write_file(w, "elsewhere", "{\"imageLayoutVersion\":\"1.0.0\"}");
	assert_int_equal(symlinkat("../elsewhere", w->fd, "a/oci-layout"), 0);
	assert_int_equal(oci_store_layout_open(&s, w->path, OCI_LAYOUT_READ, &w->e), -1);
	assert_int_equal(w->e.sys, ELOOP);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(layout_made_is_what_the_specification_says),
		TEST(layout_opened_again_keeps_its_blobs_and_index),
		TEST(layout_to_read_must_be_one),
		TEST(layout_is_not_made_among_other_files),
		TEST(layout_half_made_by_a_killed_opener_is_completed),
		TEST(layout_opened_for_reading_takes_no_blob),
		TEST(layout_without_blobs_folder_is_an_empty_one_to_read),
		TEST(layout_removes_what_a_killed_writer_left_and_nothing_else),
		TEST(layout_leaves_no_temporary_file_when_a_blob_is_refused_or_there),
		TEST(layout_names_the_folder_when_a_write_is_refused),
		TEST(layout_links_a_blob_from_another_layout),
		TEST(layout_copies_and_verifies_a_file_that_others_may_change),
		TEST(layout_verifies_what_comes_from_one_that_is_only_read),
		TEST(layout_does_not_link_a_blob_of_the_wrong_size),
		TEST(layout_replaces_a_short_blob_by_a_copy),
		TEST(layout_opens_no_blob_that_is_a_link_or_a_pipe),
		TEST(layout_whose_blobs_lie_behind_a_link_is_refused),
		TEST(layout_whose_version_is_a_link_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

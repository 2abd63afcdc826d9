/*
 * What every store promises: one set of tests, run over the store in memory and
 * over a layout on disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/image/store_layout.h"
#include "tests/fakes/mem_store.h"

struct world {
	bool on_disk;
	char dir[64];
	struct oci_store *store;
	struct err e;
};

static struct oci_store *layout_new(const char *dir, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", dir, name);
	struct oci_store *s = NULL;
	struct err e = ERR_INIT;

	if (oci_store_layout_open(&s, path, OCI_LAYOUT_CREATE, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static int set_up(void **state, bool on_disk)
{
	struct world *w = mem_zalloc(sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/image-store-XXXXXX");
	w->on_disk = on_disk;
	if (!mkdtemp(w->dir))
		return -1;
	w->store = on_disk ? layout_new(w->dir, "s") : mem_store_new();
	*state = w;
	return 0;
}

static int set_up_mem(void **state)
{
	return set_up(state, false);
}

static int set_up_disk(void **state)
{
	return set_up(state, true);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int r;

	oci_store_free(w->store);
	r = fs_remove_tree(AT_FDCWD, w->dir, &w->e);
	free(w);
	return r;
}

static void damage(struct world *w, const struct oci_digest *d, bool shorter)
{
	auto_free char *path = mem_printf("%s/s/blobs/sha256/%s", w->dir, oci_digest_hex(d));
	struct stat st;

	if (!w->on_disk) {
		mem_store_damage(w->store, d, shorter);
		return;
	}
	assert_int_equal(stat(path, &st), 0);
	if (shorter) {
		assert_int_equal(truncate(path, st.st_size - 1), 0);
	} else {
		auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

		assert_int_equal(pwrite(fd, "~", 1, 0), 1);
	}
}

static void put(struct world *w, const char *text, struct oci_descriptor *d)
{
	if (oci_store_write(w->store, span_of_str(text), &d->digest, &w->e) < 0)
		fail_msg("%s", w->e.text);
	d->size_bytes = strlen(text);
}

static void store_gives_back_what_was_written(void **state)
{
	struct world *w = *state;
	struct oci_descriptor d = { 0 }, empty = { 0 };
	auto_buf struct buf b = BUF_INIT(100);
	struct oci_digest want;
	uint64_t size;

	buf_add_str(&b, "before");
	put(w, "hello", &d);
	put(w, "", &empty);
	oci_digest_of_bytes(&want, SPAN_LIT("hello"));
	assert_string_equal(d.digest.text, want.text);
	assert_true(oci_store_has(w->store, &d.digest, &size));
	assert_int_equal(size, 5);
	assert_int_equal(oci_store_read(w->store, &d, 100, &b, &w->e), 0);
	assert_string_equal(buf_str(&b), "hello");
	assert_int_equal(oci_store_read(w->store, &empty, 100, &b, &w->e), 0);
	assert_int_equal(b.len, 0);
}

static void store_does_not_have_what_was_never_written(void **state)
{
	struct world *w = *state;
	struct oci_blob blob = { 0 };
	struct oci_digest d;

	oci_digest_of_bytes(&d, SPAN_LIT("nothing"));
	assert_false(oci_store_has(w->store, &d, NULL));
	assert_int_equal(oci_store_open(w->store, &d, &blob, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_ABSENT);
	assert_non_null(strstr(w->e.text, d.text));
	oci_blob_close(&blob);
}

static void store_shows_a_blob_only_after_commit(void **state)
{
	struct world *w = *state;
	struct oci_blob_writer bw = { 0 };
	struct oci_digest d, got;
	uint64_t size;

	oci_digest_of_bytes(&d, SPAN_LIT("ab"));
	assert_int_equal(oci_store_begin(w->store, &bw, &w->e), 0);
	assert_int_equal(sink_write(bw.sink, "a", 1, &w->e), 0);
	assert_int_equal(sink_write(bw.sink, "b", 1, &w->e), 0);
	assert_false(oci_store_has(w->store, &d, NULL));
	assert_int_equal(oci_store_commit(&bw, NULL, &got, &size, &w->e), 0);
	assert_true(oci_store_has(w->store, &d, NULL));
	assert_true(oci_digest_eq(&d, &got));
	assert_int_equal(size, 2);
	assert_null(bw.store);
	assert_int_equal(bw.fd, -1);
}

static void store_forgets_what_was_aborted(void **state)
{
	struct world *w = *state;
	struct oci_blob_writer bw = { 0 };
	struct oci_digest d;

	oci_digest_of_bytes(&d, SPAN_LIT("ab"));
	assert_int_equal(oci_store_begin(w->store, &bw, &w->e), 0);
	assert_int_equal(sink_write(bw.sink, "ab", 2, &w->e), 0);
	oci_store_abort(&bw);
	oci_store_abort(&bw); /* twice is fine */
	assert_int_equal(bw.fd, -1);
	assert_false(oci_store_has(w->store, &d, NULL));
}

static void store_refuses_bytes_that_are_not_what_was_wanted(void **state)
{
	struct world *w = *state;
	struct oci_blob_writer bw = { 0 };
	struct oci_descriptor want = { .size_bytes = 2 };
	struct oci_digest d, out = { "before" };

	oci_digest_of_bytes(&want.digest, SPAN_LIT("ab"));
	oci_digest_of_bytes(&d, SPAN_LIT("ax"));
	assert_int_equal(oci_store_begin(w->store, &bw, &w->e), 0);
	assert_int_equal(sink_write(bw.sink, "ax", 2, &w->e), 0);
	assert_int_equal(oci_store_commit(&bw, &want, &out, NULL, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, want.digest.text));
	assert_string_equal(out.text, "before");
	assert_null(bw.store);
	assert_false(oci_store_has(w->store, &d, NULL));

	assert_int_equal(oci_store_begin(w->store, &bw, &w->e), 0);
	assert_int_equal(sink_write(bw.sink, "a", 1, &w->e), 0);
	assert_int_equal(oci_store_commit(&bw, &want, NULL, NULL, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, "1 bytes"));
}

static void store_read_names_the_blob_and_the_store_when_bytes_changed(void **state)
{
	struct world *w = *state;
	struct oci_descriptor d = { 0 };
	auto_buf struct buf b = BUF_INIT(100);

	buf_add_str(&b, "before");
	put(w, "hello", &d);
	damage(w, &d.digest, false);
	assert_int_equal(oci_store_read(w->store, &d, 100, &b, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, d.digest.text));
	assert_non_null(strstr(w->e.text, w->store->name));
	assert_string_equal(buf_str(&b), "before");
}

static void store_read_refuses_a_blob_of_another_length(void **state)
{
	struct world *w = *state;
	struct oci_descriptor d = { 0 };
	auto_buf struct buf b = BUF_INIT(100);

	put(w, "hello", &d);
	damage(w, &d.digest, true);
	assert_int_equal(oci_store_read(w->store, &d, 100, &b, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, "4 bytes"));
	d.size_bytes = 101;
	assert_int_equal(oci_store_read(w->store, &d, 100, &b, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, "at most 100"));
}

static void store_replaces_a_short_blob_when_it_is_written_again(void **state)
{
	struct world *w = *state;
	struct oci_descriptor d = { 0 };
	auto_buf struct buf b = BUF_INIT(100);

	put(w, "hello", &d);
	damage(w, &d.digest, true);
	put(w, "hello", &d);
	assert_int_equal(oci_store_read(w->store, &d, 100, &b, &w->e), 0);
	assert_string_equal(buf_str(&b), "hello");
}

static void store_takes_the_same_blob_twice(void **state)
{
	struct world *w = *state;
	struct oci_descriptor a = { 0 }, b = { 0 };

	put(w, "hello", &a);
	put(w, "hello", &b);
	assert_true(oci_digest_eq(&a.digest, &b.digest));
}

static void store_copies_a_blob_and_verifies_it(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *to = mem_store_new();
	struct oci_descriptor d = { 0 };

	put(w, "hello", &d);
	assert_int_equal(oci_store_copy_blob(NULL, to, w->store, &d, &w->e), 0);
	assert_true(oci_store_has(to, &d.digest, NULL));
	damage(w, &d.digest, false);
	/* there already: the damaged source is not even looked at */
	assert_int_equal(oci_store_copy_blob(NULL, to, w->store, &d, &w->e), 0);
	mem_store_damage(to, &d.digest, true);
	assert_int_equal(oci_store_copy_blob(NULL, to, w->store, &d, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	assert_non_null(strstr(w->e.text, w->store->name));
	assert_non_null(strstr(w->e.text, d.digest.text));
}

static void store_copy_of_an_absent_blob_says_so(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *to = mem_store_new();
	struct oci_descriptor d = { .size_bytes = 1 };

	oci_digest_of_bytes(&d.digest, SPAN_LIT("x"));
	assert_int_equal(oci_store_copy_blob(NULL, to, w->store, &d, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_ABSENT);
	assert_int_equal(oci_store_copy_blob(NULL, w->store, w->store, &d, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_ABSENT);
}

static void store_copy_stops_when_cancelled_and_leaves_nothing(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *to = mem_store_new();
	struct oci_descriptor d = { 0 };
	struct cancel cn;
	struct op op = { .cancel = &cn };

	put(w, "hello", &d);
	assert_int_equal(cancel_init(&cn, &w->e), 0);
	cancel_set(&cn, 15);
	assert_int_equal(oci_store_copy_blob(&op, to, w->store, &d, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_CANCELLED);
	assert_int_equal(mem_store_count(to), 0);
	cancel_release(&cn);
}

static void store_write_that_fails_leaves_nothing(void **state)
{
	struct world *w = *state;
	auto_store struct oci_store *full = mem_store_new();
	struct oci_descriptor d = { 0 };

	put(w, "hello", &d);
	mem_store_fail_write(full, 1);
	assert_int_equal(oci_store_copy_blob(NULL, full, w->store, &d, &w->e), -1);
	assert_int_equal(w->e.kind, ERR_IMPOSSIBLE);
	assert_int_equal(mem_store_count(full), 0);
}

#define BOTH(f)                                                                                    \
	{ #f "_in_memory", f, set_up_mem, tear_down, NULL },                                       \
	{                                                                                          \
#f "_on_disk", f, set_up_disk, tear_down, NULL                                     \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(store_gives_back_what_was_written),
		BOTH(store_does_not_have_what_was_never_written),
		BOTH(store_shows_a_blob_only_after_commit),
		BOTH(store_forgets_what_was_aborted),
		BOTH(store_refuses_bytes_that_are_not_what_was_wanted),
		BOTH(store_read_names_the_blob_and_the_store_when_bytes_changed),
		BOTH(store_read_refuses_a_blob_of_another_length),
		BOTH(store_replaces_a_short_blob_when_it_is_written_again),
		BOTH(store_takes_the_same_blob_twice),
		BOTH(store_copies_a_blob_and_verifies_it),
		BOTH(store_copy_of_an_absent_blob_says_so),
		BOTH(store_copy_stops_when_cancelled_and_leaves_nothing),
		BOTH(store_write_that_fails_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

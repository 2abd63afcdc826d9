/* What a build believes of the results that it finds, and what it keeps of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/content.h"
#include "oci/build/layer.h"
#include "oci/image/store_layout.h"
#include "tests/fakes/tmpdir.h"

#define KEY  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEPT "cache/steps/" KEY

/* A cache of others that says of each blob what the test wants. */
struct others {
	struct cache_source base;
	enum err_kind says;
};

struct world {
	struct tmpdir dir;
	struct op op;
	struct err e;
	struct oci_store *blobs;
	struct cache_book book;
	struct others others;
	struct cache_result r;
};

static int others_fetch(struct cache_source *s, const struct op *op, const struct cache_result *r,
			struct oci_store *into, struct err *e)
{
	struct others *o = CONTAINER_OF(s, struct others, base);

	(void)op;
	(void)into;
	return o->says ? err_set(e, o->says, "%s is another layer", r->blob.digest.text) : 0;
}

static const struct cache_source_ops others_ops = { .fetch = others_fetch };

static void world_init(struct world *w)
{
	auto_free char *blobs = NULL, *cache = NULL;

	*w = (struct world){ .op = { .clock = &clock_system } };
	tmpdir_init(&w->dir);
	w->others.base = (struct cache_source){ .ops = &others_ops, .name = "others" };
	blobs = fs_path_join(w->dir.path, "blobs");
	cache = fs_path_join(w->dir.path, "cache");
	assert_int_equal(oci_store_layout_open(&w->blobs, blobs, OCI_LAYOUT_CREATE, &w->e), 0);
	assert_int_equal(cache_book_open(&w->book, &w->op, cache, w->blobs, &w->e), 0);
	memcpy(w->r.id.hex, KEY, sizeof(w->r.id.hex));
	assert_int_equal(oci_store_write(w->blobs, SPAN_LIT("blob"), &w->r.blob.digest, &w->e), 0);
	w->r.blob.media_type = mem_strdup(OCI_MEDIA_LAYER);
	w->r.blob.size_bytes = 4;
	oci_digest_of_bytes(&w->r.parent, SPAN_LIT("parent"));
	w->r.diff_id = w->r.blob.digest;
	w->r.packing = mem_strdup("uncompressed");
	w->r.created = mem_strdup("2026-01-02T03:04:05Z");
	w->r.text = mem_strdup("RUN make");
}

static void world_release(struct world *w)
{
	cache_result_release(&w->r);
	cache_book_release(&w->book);
	oci_store_free(w->blobs);
	tmpdir_release(&w->dir);
}

static struct cache_note *hit(struct world *w, struct cache_source *from)
{
	const struct cache_step step = { .text = "RUN make", .created = w->r.created };

	return cache_note_hit(&w->book, &step, &w->r, from);
}

static struct layer *found(struct world *w)
{
	struct layer *l =
		layer_new_found(&w->r, &w->others.base, &w->book, w->dir.path, "RUN make");

	l->note = hit(w, &w->others.base);
	return l;
}

static void what_others_say_of_a_blob_that_is_here_is_checked_before_it_is_kept(void **state)
{
	CLEANUP(world_release) struct world w;
	struct layer *l;

	(void)state;
	world_init(&w);
	l = found(&w);
	assert_false(tmpdir_has(&w.dir, KEPT));
	assert_int_equal(layer_fetch(l, &w.op, &w.e), 0);
	assert_true(tmpdir_has(&w.dir, KEPT));
	layer_free(l);
}

static void what_others_say_wrongly_of_a_blob_that_is_here_is_not_kept(void **state)
{
	CLEANUP(world_release) struct world w;
	struct layer *l;

	(void)state;
	world_init(&w);
	w.others.says = ERR_CORRUPT;
	l = found(&w);
	assert_int_equal(layer_fetch(l, &w.op, &w.e), -1);
	assert_int_equal(w.e.kind, ERR_CORRUPT);
	assert_int_equal(cache_book_spoiled(&w.book), 1);
	assert_false(tmpdir_has(&w.dir, KEPT));
	layer_free(l);
}

static void a_wrong_record_does_not_take_an_intact_blob_with_it(void **state)
{
	CLEANUP(world_release) struct world w;

	(void)state;
	world_init(&w);
	cache_book_spoil(&w.book, &w.r);
	assert_true(oci_store_has(w.blobs, &w.r.blob.digest, NULL));
	oci_digest_of_bytes(&w.r.diff_id, SPAN_LIT("honest"));
	assert_int_equal(cache_local_put(w.book.local, &w.r.id, &w.r, &w.e), 0);
	{
		auto_cache_result struct cache_result got = { .packing = NULL };
		struct cache_source *from;

		assert_int_equal(cache_book_find(&w.book, &w.r.id, &got, &from), 1);
	}
}

static void a_blob_that_is_not_its_digest_goes(void **state)
{
	CLEANUP(world_release) struct world w;
	auto_free char *path = NULL;

	(void)state;
	world_init(&w);
	path = mem_printf("blobs/blobs/sha256/%s", oci_digest_hex(&w.r.blob.digest));
	assert_int_equal(unlinkat(w.dir.fd, path, 0), 0);
	tmpdir_file(&w.dir, path, "bold");
	cache_book_spoil(&w.book, &w.r);
	assert_false(oci_store_has(w.blobs, &w.r.blob.digest, NULL));
}

static void a_hit_that_is_packed_anew_is_kept_so(void **state)
{
	CLEANUP(world_release) struct world w;
	struct cache_note *n;

	(void)state;
	world_init(&w);
	auto_cache_result struct cache_result got = { .packing = NULL };

	assert_int_equal(cache_local_put(w.book.local, &w.r.id, &w.r, &w.e), 0);
	n = hit(&w, w.book.local);
	cache_note_packed(&w.book, n, w.blobs, &w.r.blob, &w.r.diff_id, "zstd 3");
	assert_int_equal(w.book.local->ops->find(w.book.local, &w.op, &w.r.id, &got, &w.e), 1);
	assert_string_equal(got.packing, "zstd 3");
}

static void changed_is(const struct content_seen *seen, const char *want)
{
	auto_free char *got = content_changed(seen);

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void the_file_that_changed_is_told_wherever_it_is_opened(void **state)
{
	CLEANUP(world_release) struct world w;
	CLEANUP(content_seen_release) struct content_seen seen = { .nr = 0 };
	auto_close int sub = -1;

	(void)state;
	world_init(&w);
	tmpdir_file(&w.dir, "a", "1");
	tmpdir_file(&w.dir, "d/b", "1");
	tmpdir_file(&w.dir, "d/c", "1");
	sub = openat(w.dir.fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	struct layer_change v[] = {
		{ .st = { .st_mode = S_IFREG },
		  .path = (char *)"a",
		  .origin_fd = w.dir.fd,
		  .origin_path = (char *)"a" },
		{ .st = { .st_mode = S_IFREG },
		  .path = (char *)"b",
		  .origin_fd = sub,
		  .origin_path = (char *)"b" },
		{ .st = { .st_mode = S_IFREG },
		  .path = (char *)"c",
		  .origin_fd = sub,
		  .origin_path = (char *)"c" },
		{ .st = { .st_mode = S_IFREG },
		  .path = (char *)"d",
		  .origin_fd = w.dir.fd,
		  .origin_path = (char *)"d/c" },
	};
	auto_listing struct layer_listing list = LISTING_INIT;

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		listing_add(&list, &v[i]);
	content_see(&seen, &list);
	changed_is(&seen, NULL);
	assert_int_equal(unlinkat(sub, "c", 0), 0);
	changed_is(&seen, "c");
	tmpdir_file(&w.dir, "d/c", "22");
	changed_is(&seen, "c");
	tmpdir_file(&w.dir, "a", "22");
	changed_is(&seen, "a");
}

/* Records of a step that is packed before its files are hashed, with an edit in between or none. */
static size_t records_of(struct world *w, bool is_edited)
{
	const bool packed[] = { true };
	const struct cache_form form = { .nr_deps = 0 };
	auto_free struct cache_record *records = NULL;
	struct layer_change v = { .path = (char *)"a",
				  .st = { .st_mode = S_IFREG },
				  .origin_fd = w->dir.fd,
				  .origin_path = (char *)"a" };
	auto_listing struct layer_listing list = LISTING_INIT;
	struct content_seen seen = { .nr = 0 };
	const struct cache_step step = { .text = "COPY a /",
					 .created = w->r.created,
					 .below.id = w->r.id,
					 .forms = &form,
					 .nr_forms = 1,
					 .seen = &seen };
	struct cache_note *n;

	tmpdir_file(&w->dir, "a", "v1");
	listing_add(&list, &v);
	content_see(&seen, &list);
	n = cache_note_new(&w->book, &step);
	cache_note_packed(&w->book, n, w->blobs, &w->r.blob, &w->r.diff_id, "uncompressed");
	if (is_edited) {
		assert_int_equal(unlinkat(w->dir.fd, "a", 0), 0);
		tmpdir_file(&w->dir, "b", "takes its inode");
		tmpdir_file(&w->dir, "a", "v2");
	}
	cache_note_form(&w->book, n, &w->r.id);
	return cache_book_records(&records, &w->book, packed, false);
}

static void what_is_hashed_after_an_edit_is_no_key_of_what_was_packed_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(world_release) struct world w;

		world_init(&w);
		assert_int_equal(records_of(&w, i == 1), i == 1 ? 0 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_others_say_of_a_blob_that_is_here_is_checked_before_it_is_kept),
		cmocka_unit_test(what_others_say_wrongly_of_a_blob_that_is_here_is_not_kept),
		cmocka_unit_test(a_wrong_record_does_not_take_an_intact_blob_with_it),
		cmocka_unit_test(a_blob_that_is_not_its_digest_goes),
		cmocka_unit_test(a_hit_that_is_packed_anew_is_kept_so),
		cmocka_unit_test(the_file_that_changed_is_told_wherever_it_is_opened),
		cmocka_unit_test(what_is_hashed_after_an_edit_is_no_key_of_what_was_packed_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

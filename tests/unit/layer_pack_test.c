#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/gzip.h"
#include "base/mem.h"
#include "oci/layer/apply.h"
#include "oci/layer/pack.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/mem_store.h"

struct world {
	struct disk t;
	struct layer_changes changes;
	struct oci_store *store;
	struct layer_pack_options opt;
	struct oci_descriptor blob;
	struct oci_digest diff_id;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	disk_open(&w->t);
	disk_file(&w->t, "f", "hello");
	w->store = mem_store_new();
	assert_int_equal(layer_changes_from_upper(&w->changes, NULL, w->t.fd, NULL, 0, &w->e), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	disk_close(&w->t);
	layer_changes_release(&w->changes);
	oci_descriptor_release(&w->blob);
	oci_store_free(w->store);
	free(w);
	return 0;
}

static int pack(struct world *w)
{
	oci_descriptor_release(&w->blob);
	return layer_pack(&w->blob, &w->diff_id, NULL, &w->changes, w->t.fd, w->store, &w->opt,
			  &w->e);
}

static void the_blob_is_the_tar_compressed_and_both_digests_are_right(void **state)
{
	struct world *w = *state;
	auto_buf struct buf blob = BUF_INIT(1u << 20);
	auto_buf struct buf tar = BUF_INIT(1u << 20);
	struct span_source src;
	struct gunzip_source gz;
	struct oci_digest d;

	assert_int_equal(pack(w), 0);
	assert_string_equal(w->blob.media_type, OCI_MEDIA_LAYER_GZIP);
	assert_int_equal(oci_store_read(w->store, &w->blob, 1u << 20, &blob, &w->e), 0);
	assert_int_equal(blob.len, w->blob.size_bytes);
	assert_int_equal(
		io_read_all(gunzip_source_init(&gz, span_source_init(&src, buf_span(&blob))), &tar,
			    &w->e),
		0);
	gunzip_source_release(&gz);
	oci_digest_of_bytes(&d, buf_span(&tar));
	assert_string_equal(d.text, w->diff_id.text);
	assert_int_equal(tar.len, 512 + 512 + 1024);
}

static void zstd_has_its_own_media_type_and_the_same_diff_id(void **state)
{
	struct world *w = *state;
	auto_buf struct buf blob = BUF_INIT(1u << 20);
	struct oci_digest diff;

	assert_int_equal(pack(w), 0);
	diff = w->diff_id;
	w->opt.compression = LAYER_ZSTD;
	assert_int_equal(pack(w), 0);
	assert_string_equal(w->blob.media_type, OCI_MEDIA_LAYER_ZSTD);
	assert_string_equal(w->diff_id.text, diff.text);
	assert_int_equal(oci_store_read(w->store, &w->blob, 1u << 20, &blob, &w->e), 0);
	assert_memory_equal("\x28\xb5\x2f\xfd", blob.data, 4);
}

static void uncompressed_the_digest_is_the_diff_id(void **state)
{
	struct world *w = *state;

	w->opt.compression = LAYER_UNCOMPRESSED;
	assert_int_equal(pack(w), 0);
	assert_string_equal(w->blob.media_type, OCI_MEDIA_LAYER);
	assert_string_equal(w->blob.digest.text, w->diff_id.text);
	assert_int_equal(w->blob.size_bytes, 2048);
}

static void packing_twice_gives_the_same_blob(void **state)
{
	struct world *w = *state;
	struct oci_digest first;

	assert_int_equal(pack(w), 0);
	first = w->blob.digest;
	assert_int_equal(pack(w), 0);
	assert_string_equal(w->blob.digest.text, first.text);
	assert_int_equal(mem_store_count(w->store), 1);
}

static void levels_change_the_blob_and_not_the_diff_id(void **state)
{
	struct world *w = *state;
	struct oci_digest diff, blob;

	assert_int_equal(pack(w), 0);
	diff = w->diff_id;
	blob = w->blob.digest;
	w->opt.level = 1;
	assert_int_equal(pack(w), 0);
	assert_string_equal(w->diff_id.text, diff.text);
	assert_string_not_equal(w->blob.digest.text, blob.text);
}

static void a_full_disk_leaves_nothing_and_the_outputs_alone(void **state)
{
	struct world *w = *state;

	mem_store_fail_write(w->store, 1);
	assert_int_equal(pack(w), -1);
	assert_non_null(strstr(w->e.text, "disk full"));
	assert_int_equal(mem_store_count(w->store), 0);
	assert_null(w->blob.media_type);
	assert_string_equal(w->diff_id.text, "");
}

static void a_file_that_is_gone_leaves_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(unlinkat(w->t.fd, "f", 0), 0);
	assert_int_equal(pack(w), -1);
	assert_int_equal(mem_store_count(w->store), 0);
}

static void assert_applies(struct world *w)
{
	auto_blob struct oci_blob blob = { 0 };
	struct disk to;
	auto_free char *got = NULL;

	disk_open(&to);
	assert_int_equal(pack(w), 0);
	assert_int_equal(oci_store_open(w->store, &w->blob.digest, &blob, &w->e), 0);
	assert_int_equal(layer_apply(NULL, to.fd, blob.source, &w->diff_id, &w->e), 0);
	got = disk_text(&to, true);
	disk_close(&to);
	assert_string_equal(got, "f 0644 0:0 @1000000000 5 f = hello\n");
}

static void a_layer_of_any_compression_can_be_applied(void **state)
{
	struct world *w = *state;

	for (enum layer_compression c = LAYER_GZIP; c <= LAYER_UNCOMPRESSED; c++) {
		w->opt.compression = c;
		assert_applies(w);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_blob_is_the_tar_compressed_and_both_digests_are_right),
		TEST(zstd_has_its_own_media_type_and_the_same_diff_id),
		TEST(uncompressed_the_digest_is_the_diff_id),
		TEST(packing_twice_gives_the_same_blob),
		TEST(levels_change_the_blob_and_not_the_diff_id),
		TEST(a_full_disk_leaves_nothing_and_the_outputs_alone),
		TEST(a_file_that_is_gone_leaves_nothing),
		TEST(a_layer_of_any_compression_can_be_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Results of steps: kept, found, and when they are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/cache.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/tmpdir.h"

#define KEY  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ALSO "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct world {
	struct tmpdir dir;
	struct oci_store *blobs;
	struct cache_source *cache;
	struct op op;
	struct err e;
};

static void world_init(struct world *w)
{
	*w = (struct world){ .op = { .clock = &clock_system } };
	tmpdir_init(&w->dir);
	w->blobs = mem_store_new();
	if (cache_local_open(&w->cache, w->dir.path, w->blobs, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

static void world_release(struct world *w)
{
	cache_source_free(w->cache);
	oci_store_free(w->blobs);
	tmpdir_release(&w->dir);
}

static struct cache_key key_of(const char *hex)
{
	struct cache_key k;

	memcpy(k.hex, hex, sizeof(k.hex));
	return k;
}

/* A result whose blob is these bytes, which are in the store. */
static struct cache_result result_of(struct world *w, const char *bytes)
{
	struct cache_result r = { .id = key_of(KEY) };

	if (oci_store_write(w->blobs, span_of_str(bytes), &r.blob.digest, &w->e) < 0)
		fail_msg("%s", w->e.text);
	r.blob.media_type = mem_strdup(OCI_MEDIA_LAYER_GZIP);
	r.blob.size_bytes = strlen(bytes);
	oci_digest_of_bytes(&r.parent, SPAN_LIT("parent"));
	oci_digest_of_bytes(&r.diff_id, SPAN_LIT("tar"));
	r.packing = mem_strdup("gzip 6");
	r.created = mem_strdup("2026-01-02T03:04:05Z");
	r.text = mem_strdup("RUN \"make\"\n\t\xff");
	return r;
}

static void put(struct world *w, const char *hex, const struct cache_result *r)
{
	struct cache_key k = key_of(hex);

	if (cache_local_put(w->cache, &k, r, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

static int find(struct world *w, const char *hex, struct cache_result *out)
{
	struct cache_key k = key_of(hex);
	int r = w->cache->ops->find(w->cache, &w->op, &k, out, &w->e);

	if (r < 0)
		fail_msg("%s", w->e.text);
	return r;
}

static void what_was_put_is_found_whole(void **state)
{
	CLEANUP(world_release) struct world w;

	(void)state;
	world_init(&w);
	auto_cache_result struct cache_result r = result_of(&w, "blob"), got = { .packing = NULL };

	assert_int_equal(find(&w, KEY, &got), 0);
	put(&w, KEY, &r);
	assert_int_equal(find(&w, KEY, &got), 1);
	assert_string_equal(got.id.hex, KEY);
	assert_true(oci_digest_eq(&got.parent, &r.parent));
	assert_true(oci_digest_eq(&got.diff_id, &r.diff_id));
	assert_true(oci_digest_eq(&got.blob.digest, &r.blob.digest));
	assert_int_equal(got.blob.size_bytes, 4);
	assert_string_equal(got.blob.media_type, OCI_MEDIA_LAYER_GZIP);
	assert_string_equal(got.packing, "gzip 6");
	assert_string_equal(got.created, "2026-01-02T03:04:05Z");
	assert_string_equal(got.text, "RUN \"make\"\n\t\xef\xbf\xbd");
}

static void an_alias_leads_to_the_same_id(void **state)
{
	CLEANUP(world_release) struct world w;

	(void)state;
	world_init(&w);
	auto_cache_result struct cache_result r = result_of(&w, "blob"), got = { .packing = NULL };

	put(&w, ALSO, &r);
	assert_int_equal(find(&w, ALSO, &got), 1);
	assert_string_equal(got.id.hex, KEY);
}

static void the_newest_result_of_a_key_counts(void **state)
{
	CLEANUP(world_release) struct world w;

	(void)state;
	world_init(&w);
	auto_cache_result struct cache_result a = result_of(&w, "a"), b = result_of(&w, "bb"),
					      got = { .packing = NULL };

	put(&w, KEY, &a);
	put(&w, KEY, &b);
	assert_int_equal(find(&w, KEY, &got), 1);
	assert_int_equal(got.blob.size_bytes, 2);
}

static void a_result_that_has_lost_its_blob_is_none_and_goes(void **state)
{
	CLEANUP(world_release) struct world w;

	(void)state;
	world_init(&w);
	auto_cache_result struct cache_result r = result_of(&w, "blob"), got = { .packing = NULL };

	r.blob.size_bytes++;
	put(&w, KEY, &r);
	assert_true(tmpdir_has(&w.dir, "steps/" KEY));
	assert_int_equal(find(&w, KEY, &got), 0);
	assert_false(tmpdir_has(&w.dir, "steps/" KEY));
	r.blob.size_bytes--;
	oci_digest_of_bytes(&r.blob.digest, SPAN_LIT("elsewhere"));
	put(&w, KEY, &r);
	assert_int_equal(find(&w, KEY, &got), 0);
	assert_false(tmpdir_has(&w.dir, "steps/" KEY));
}

static void a_blob_that_is_gone_is_absent_and_not_fetched(void **state)
{
	CLEANUP(world_release) struct world w;

	(void)state;
	world_init(&w);
	auto_cache_result struct cache_result r = result_of(&w, "blob");

	assert_int_equal(w.cache->ops->fetch(w.cache, &w.op, &r, w.blobs, &w.e), 0);
	oci_digest_of_bytes(&r.blob.digest, SPAN_LIT("elsewhere"));
	assert_int_equal(w.cache->ops->fetch(w.cache, &w.op, &r, w.blobs, &w.e), -1);
	assert_int_equal(w.e.kind, ERR_ABSENT);
}

static void what_does_not_parse_is_none_and_goes(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{\"id\":\"x\"}",
					     "{\"id\":\"" KEY "\"}" };
	CLEANUP(world_release) struct world w;
	struct cache_result got;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		tmpdir_file(&w.dir, "steps/" KEY, texts[i]);
		assert_int_equal(find(&w, KEY, &got), 0);
		assert_false(tmpdir_has(&w.dir, "steps/" KEY));
	}
}

static void a_result_that_is_found_counts_as_used_now(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	CLEANUP(world_release) struct world w;
	struct stat st;

	(void)state;
	world_init(&w);
	auto_cache_result struct cache_result r = result_of(&w, "blob"), got = { .packing = NULL };

	put(&w, KEY, &r);
	assert_int_equal(utimensat(w.dir.fd, "steps/" KEY, old, 0), 0);
	assert_int_equal(find(&w, KEY, &got), 1);
	assert_int_equal(fstatat(w.dir.fd, "steps/" KEY, &st, 0), 0);
	assert_true(st.st_mtim.tv_sec > 1000);
}

static void a_chain_depends_on_each_layer_and_their_order(void **state)
{
	struct oci_digest a, b, none, ab, ba, only;

	(void)state;
	oci_digest_of_bytes(&a, SPAN_LIT("a"));
	oci_digest_of_bytes(&b, SPAN_LIT("b"));
	cache_chain_begin(&none);
	cache_chain(&only, &none, &a);
	cache_chain(&ab, &only, &b);
	cache_chain(&ba, &none, &b);
	cache_chain(&ba, &ba, &a);
	assert_false(oci_digest_eq(&ab, &ba));
	assert_false(oci_digest_eq(&ab, &only));
	assert_false(oci_digest_eq(&only, &a));
}

static void cancel_it(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	cancel_set(fc->arg, 15);
}

static void who_waits_for_the_lock_can_be_cancelled(void **state)
{
	auto_tmpdir struct tmpdir dir;
	struct fake_clock fc;
	struct cancel cancel = CANCEL_INIT;
	struct op op = { .clock = fake_clock_init(&fc), .cancel = &cancel };
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&dir);
	fc.on_sleep = cancel_it;
	fc.arg = &cancel;
	for (int alone = 0; alone < 2; alone++) {
		auto_close int held = alone ? fs_lock_shared(dir.fd, CACHE_LOCK, false, &e)
					    : fs_lock(dir.fd, CACHE_LOCK, false, &e);

		assert_true(held >= 0);
		cancel_release(&cancel);
		assert_int_equal(cancel_init(&cancel, &e), 0);
		err_clear(&e);
		assert_int_equal(cache_lock(&op, dir.fd, alone, &e), -1);
		assert_int_equal(e.kind, ERR_CANCELLED);
		err_clear(&e);
	}
	assert_int_equal(fc.sleeps, 2);
	cancel_release(&cancel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_whole),
		cmocka_unit_test(an_alias_leads_to_the_same_id),
		cmocka_unit_test(the_newest_result_of_a_key_counts),
		cmocka_unit_test(a_result_that_has_lost_its_blob_is_none_and_goes),
		cmocka_unit_test(a_blob_that_is_gone_is_absent_and_not_fetched),
		cmocka_unit_test(what_does_not_parse_is_none_and_goes),
		cmocka_unit_test(a_result_that_is_found_counts_as_used_now),
		cmocka_unit_test(who_waits_for_the_lock_can_be_cancelled),
		cmocka_unit_test(a_chain_depends_on_each_layer_and_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

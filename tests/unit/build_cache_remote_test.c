/* Caches written to a directory or a registry, and read again by another build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/cache_export.h"
#include "oci/build/cache_remote.h"
#include "oci/image/layout.h"
#include "oci/image/store_layout.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

struct fixture {
	struct tmpdir dir;
	char *cache; /* dir/cache */
	struct recorder rec;
	struct fake_clock clock;
	struct op op;
	struct oci_store *work, *blobs;
	struct cache_record records[3];
	struct cache_export x;
	struct cache_spec spec;
	struct err e;
};

static void key_of(struct cache_key *k, const char *text)
{
	struct oci_digest d;

	oci_digest_of_bytes(&d, span_of_str(text));
	memcpy(k->hex, oci_digest_hex(&d), sizeof(k->hex));
}

/* Its blob, not compressed, is the text. */
static void make(struct fixture *f, struct cache_record *r, const char *text, size_t stage)
{
	*r = (struct cache_record){ .stage = stage, .is_target = stage == 1, .nr_aliases = 1 };
	key_of(&r->result.id, text);
	r->aliases = mem_zalloc(sizeof(*r->aliases));
	key_of(r->aliases, r->result.id.hex);
	r->result.blob.media_type = mem_strdup(OCI_MEDIA_LAYER);
	r->result.blob.size_bytes = strlen(text);
	assert_int_equal(
		oci_store_write(f->blobs, span_of_str(text), &r->result.blob.digest, &f->e), 0);
	r->result.diff_id = r->result.parent = r->result.blob.digest;
	r->result.packing = mem_strdup("uncompressed");
	r->result.created = mem_strdup("2026-01-01T00:00:00Z");
	r->result.text = mem_printf("RUN %s", text);
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	tmpdir_init(&f->dir);
	f->cache = fs_path_join(f->dir.path, "cache");
	f->op = (struct op){ .progress = recorder_init(&f->rec),
			     .clock = fake_clock_init(&f->clock) };
	f->work = mem_store_new();
	f->blobs = mem_store_new();
	make(f, &f->records[0], "builder", 0);
	make(f, &f->records[1], "first", 1);
	make(f, &f->records[2], "second", 1);
	f->x = (struct cache_export){ .op = &f->op,
				      .work = f->work,
				      .blobs = f->blobs,
				      .records = f->records,
				      .nr_records = 3 };
	f->spec = (struct cache_spec){ .kind = CACHE_LOCAL, .dir = f->cache, .all_stages = true };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		cache_result_release(&f->records[i].result);
		free(f->records[i].aliases);
	}
	oci_store_free(f->work);
	oci_store_free(f->blobs);
	recorder_release(&f->rec);
	free(f->cache);
	tmpdir_release(&f->dir);
	free(f);
	return 0;
}

static int export(struct fixture *f)
{
	struct cache_specs specs = { .v = &f->spec, .nr = 1 };

	err_clear(&f->e);
	return cache_export_run(&f->x, &specs, &f->e);
}

static void must_export(struct fixture *f)
{
	if (export(f) < 0)
		fail_msg("%s", f->e.text);
}

static struct cache_source *open_cache(struct fixture *f)
{
	const struct cache_remote_options opt = { .op = &f->op, .spec = &f->spec };

	return cache_remote_new(&opt);
}

/* Whether s has the record, by id or by alias. */
static int find(struct fixture *f, struct cache_source *s, size_t i, bool by_alias)
{
	auto_cache_result struct cache_result out = { .packing = NULL };
	const struct cache_record *r = &f->records[i];
	int found = s->ops->find(s, &f->op, by_alias ? r->aliases : &r->result.id, &out, &f->e);

	if (found == 1)
		assert_string_equal(out.id.hex, r->result.id.hex);
	return found;
}

static void assert_told(struct fixture *f, size_t times, const char *part)
{
	const char *at = recorder_text(&f->rec);
	size_t n = 0;

	for (; (at = strstr(at, part)); at++)
		n++;
	if (n != times)
		fail_msg("%zu times '%s' in: %s", n, part, recorder_text(&f->rec));
}

static size_t count_blobs(struct fixture *f)
{
	auto_free char *path = mem_printf("%s/blobs/sha256", f->cache);
	struct tmpdir blobs = { .fd = -1 };

	snprintf(blobs.path, sizeof(blobs.path), "%s", path);
	return tmpdir_count(&blobs);
}

static void what_one_build_made_another_finds(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = NULL;
	auto_store struct oci_store *into = mem_store_new();

	must_export(f);
	s = open_cache(f);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(find(f, s, i, false), 1);
		assert_int_equal(find(f, s, i, true), 1);
	}
	assert_int_equal(s->ops->fetch(s, &f->op, &f->records[2].result, into, &f->e), 0);
	assert_true(oci_store_has(into, &f->records[2].result.blob.digest, NULL));
	assert_false(oci_store_has(into, &f->records[1].result.blob.digest, NULL));
	assert_told(f, 0, "warn:");
}

static void mode_min_is_the_images_layers_alone(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = NULL;

	f->spec.all_stages = false;
	must_export(f);
	s = open_cache(f);
	assert_int_equal(find(f, s, 0, false), 0);
	assert_int_equal(find(f, s, 1, false), 1);
	assert_int_equal(count_blobs(f), 4);
}

static void what_this_build_did_not_use_goes_out_of_the_directory(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = NULL;

	must_export(f);
	assert_int_equal(count_blobs(f), 5);
	f->x.records = &f->records[1];
	f->x.nr_records = 1;
	must_export(f);
	assert_int_equal(count_blobs(f), 3);
	s = open_cache(f);
	assert_int_equal(find(f, s, 1, false), 1);
	assert_int_equal(find(f, s, 2, false), 0);
	/* another name beside it keeps what it has */
	f->spec.name = (char *)(uintptr_t) "other";
	f->x.records = &f->records[2];
	must_export(f);
	assert_int_equal(count_blobs(f), 6);
}

static void a_cache_that_is_not_there_is_empty_and_told_once(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = open_cache(f);

	assert_int_equal(find(f, s, 0, false), 0);
	assert_int_equal(find(f, s, 1, false), 0);
	assert_told(f, 1, "not there, going on without it");
}

static void garbage_is_an_empty_cache_too(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = NULL;

	must_export(f);
	tmpdir_file(&f->dir, "cache/index.json", "{");
	s = open_cache(f);
	assert_int_equal(find(f, s, 0, false), 0);
	assert_told(f, 1, "cannot be read, going on without it");
}

static void an_image_without_a_cache_says_so(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = NULL;

	f->x.nr_records = 0;
	must_export(f);
	s = open_cache(f);
	assert_int_equal(find(f, s, 0, false), 0);
	assert_told(f, 1, "there is no cache in it");
}

static void assert_not_used(struct fixture *f, const char *why)
{
	auto_cache_source struct cache_source *s = open_cache(f);
	auto_store struct oci_store *into = mem_store_new();

	assert_int_equal(find(f, s, 1, false), 1);
	assert_int_equal(s->ops->fetch(s, &f->op, &f->records[1].result, into, &f->e), -1);
	assert_int_equal(s->ops->fetch(s, &f->op, &f->records[1].result, into, &f->e), -1);
	assert_int_equal(find(f, s, 1, false), 0);
	assert_int_equal(find(f, s, 1, true), 0);
	assert_int_equal(find(f, s, 2, false), 1);
	assert_told(f, 1, "the layer of 'RUN first' is not used");
	assert_told(f, 1, why);
}

static void a_blob_that_was_changed_is_not_used(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = NULL;

	must_export(f);
	path = mem_printf("cache/blobs/sha256/%s",
			  oci_digest_hex(&f->records[1].result.blob.digest));
	tmpdir_file(&f->dir, path, "tsrif");
	assert_not_used(f, "its bytes have the digest");
}

static void a_blob_that_is_another_layer_is_not_used(void **state)
{
	struct fixture *f = *state;

	f->records[1].result.diff_id = f->records[2].result.diff_id;
	must_export(f);
	assert_not_used(f, "the cache says");
}

static void a_blob_of_another_size_is_not_used(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = NULL;

	must_export(f);
	path = mem_printf("cache/blobs/sha256/%s",
			  oci_digest_hex(&f->records[1].result.blob.digest));
	tmpdir_file(&f->dir, path, "fir");
	assert_not_used(f, "is 3 bytes long, must be 5");
}

static void what_is_older_than_its_ttl_is_not_found(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = NULL;

	must_export(f);
	s = open_cache(f);
	f->spec.ttl_ms = 1000;
	fake_clock_advance(&f->clock, 999);
	assert_int_equal(find(f, s, 0, false), 1);
	fake_clock_advance(&f->clock, 2);
	assert_int_equal(find(f, s, 0, false), 0);
}

static void forget_blob(struct fixture *f, size_t i)
{
	auto_store struct oci_store *rest = mem_store_new();

	for (size_t k = 0; k < 3; k++)
		if (k != i)
			assert_int_equal(oci_store_copy_blob(&f->op, rest, f->blobs,
							     &f->records[k].result.blob, &f->e),
					 0);
	oci_store_free(f->blobs);
	f->x.blobs = f->blobs = STEAL(&rest);
}

static void what_was_found_in_one_cache_goes_into_another(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = NULL;
	struct cache_source *sources[1];
	auto_free char *second = fs_path_join(f->dir.path, "second");

	must_export(f);
	s = open_cache(f);
	assert_int_equal(find(f, s, 0, false), 1);
	forget_blob(f, 0);
	sources[0] = s;
	f->x.sources = sources;
	f->x.nr_sources = 1;
	{
		struct cache_spec to = { .kind = CACHE_LOCAL, .dir = second, .all_stages = true };
		struct cache_specs specs = { .v = &to, .nr = 1 };

		if (cache_export_run(&f->x, &specs, &f->e) < 0)
			fail_msg("%s", f->e.text);
	}
	free(f->cache);
	f->cache = STEAL(&second);
	assert_int_equal(count_blobs(f), 5);
}

static void a_result_that_nobody_has_is_left_out(void **state)
{
	struct fixture *f = *state;
	auto_cache_source struct cache_source *s = NULL;

	forget_blob(f, 1);
	must_export(f);
	s = open_cache(f);
	assert_int_equal(find(f, s, 0, false), 1);
	assert_int_equal(find(f, s, 1, false), 0);
	assert_int_equal(find(f, s, 2, false), 1);
}

static void a_cache_that_may_fail_is_a_warning(void **state)
{
	struct fixture *f = *state;

	tmpdir_file(&f->dir, "cache", "in the way");
	assert_int_equal(export(f), -1);
	assert_non_null(strstr(f->e.text, "cache to '"));
	f->spec.may_fail = true;
	must_export(f);
	assert_told(f, 1, "warn: cache to '");
}

/* -- a registry ---------------------------------------------------------------------------- */

struct fake_sink {
	struct image_sink base;
	char *names, *origins;
	size_t layers;
};

static int sink_put(struct image_sink *base, struct op *op, const struct image_sink_job *job,
		    struct err *e)
{
	struct fake_sink *k = (struct fake_sink *)base;
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_manifest struct oci_manifest m = { 0 };

	free(k->names);
	free(k->origins);
	k->names = strv_join(job->names, " ");
	k->origins = strv_join(job->origins, " ");
	if (oci_store_read(job->from, job->image, OCI_MANIFEST_MAX, &text, e) < 0 ||
	    oci_manifest_parse(&m, buf_span(&text), job->image->media_type, e) < 0 ||
	    oci_store_read(job->from, &m.config, OCI_CONFIG_MAX, &text, e) < 0)
		return -1;
	for (k->layers = 0; k->layers < m.nr_layers; k->layers++) {
		auto_blob struct oci_blob blob = { 0 };

		assert_true(oci_store_has(job->from, &m.layers[k->layers].digest, NULL));
		if (oci_store_open(job->from, &m.layers[k->layers].digest, &blob, e) < 0)
			return -1;
	}
	return op ? 0 : -1;
}

static char *origin_of_all(struct cache_source *s, const struct cache_result *r)
{
	(void)s;
	(void)r;
	return mem_strdup("h.example/other");
}

static void into_a_registry_goes_an_image_and_where_its_layers_can_be_mounted_from(void **state)
{
	struct fixture *f = *state;
	struct fake_sink sink = { .base.put = sink_put };
	const struct cache_source_ops ops = { .origin = origin_of_all };
	struct cache_source source = { .ops = &ops, .name = "other" }, *sources[] = { &source };
	auto_free char *want =
		mem_printf("%s=h.example/other", f->records[1].result.blob.digest.text);

	f->x.sink = &sink.base;
	f->x.sources = sources;
	f->x.nr_sources = 1;
	f->spec = (struct cache_spec){ .kind = CACHE_REGISTRY,
				       .ref = (char *)(uintptr_t) "h.example/a:c" };
	must_export(f);
	assert_string_equal(sink.names, "h.example/a:c");
	assert_int_equal(sink.layers, 2);
	assert_non_null(strstr(sink.origins, want));
	free(sink.names);
	free(sink.origins);
}

static void an_images_layers_say_what_they_are_results_of(void **state)
{
	struct fixture *f = *state;
	auto_manifest struct oci_manifest m = { 0 };

	/* the same layer twice, from two steps */
	oci_descriptor_release(&f->records[2].result.blob);
	oci_descriptor_copy(&f->records[2].result.blob, &f->records[1].result.blob);
	oci_manifest_add_layer(&m, &f->records[0].result.blob);
	oci_manifest_add_layer(&m, &f->records[1].result.blob);
	oci_manifest_add_layer(&m, &f->records[2].result.blob);
	cache_export_annotate(&m, f->records, 3);
	assert_int_equal(m.layers[0].annotations.n, 0);
	for (size_t i = 1; i < 3; i++)
		assert_memory_equal(strv_env_get(&m.layers[i].annotations, "io.cbuild.cache.keys"),
				    f->records[i].result.id.hex, HASH_SHA256_HEX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_one_build_made_another_finds),
		T(mode_min_is_the_images_layers_alone),
		T(what_this_build_did_not_use_goes_out_of_the_directory),
		T(a_cache_that_is_not_there_is_empty_and_told_once),
		T(garbage_is_an_empty_cache_too),
		T(an_image_without_a_cache_says_so),
		T(a_blob_that_was_changed_is_not_used),
		T(a_blob_that_is_another_layer_is_not_used),
		T(a_blob_of_another_size_is_not_used),
		T(what_is_older_than_its_ttl_is_not_found),
		T(what_was_found_in_one_cache_goes_into_another),
		T(a_result_that_nobody_has_is_left_out),
		T(a_cache_that_may_fail_is_a_warning),
		T(into_a_registry_goes_an_image_and_where_its_layers_can_be_mounted_from),
		T(an_images_layers_say_what_they_are_results_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

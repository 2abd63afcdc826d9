#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/push_plan.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

struct fixture {
	struct registry_world w;
	struct oci_descriptor one, two, index;
	struct push_plan plan;
};

static void index_of(struct fixture *f, struct oci_descriptor *out,
		     const struct oci_descriptor *const *list, size_t n)
{
	auto_index struct oci_index x = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	x.media_type = mem_strdup(OCI_MEDIA_INDEX);
	for (size_t i = 0; i < n; i++)
		oci_index_add(&x, list[i], NULL);
	oci_index_write(&text, &x);
	registry_world_blob(&f->w, out, OCI_MEDIA_INDEX, buf_str(&text));
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	registry_world_image(&f->w, &f->one,
			     "the first layer, which is the longest of all of them, "
			     "longer than the config, too, so that it comes first");
	registry_world_image(&f->w, &f->two, "second");
	index_of(f, &f->index, (const struct oci_descriptor *[]){ &f->one, &f->two }, 2);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	push_plan_release(&f->plan);
	registry_world_release(&f->w);
	oci_descriptor_release(&f->one);
	oci_descriptor_release(&f->two);
	oci_descriptor_release(&f->index);
	free(f);
	return 0;
}

static void blobs_come_once_and_the_largest_first(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(0, push_plan_init(&f->plan, f->w.store, &f->index, &f->w.e));
	/* two layers, and a config that both share */
	assert_int_equal(3, f->plan.nr_blobs);
	assert_string_equal(OCI_MEDIA_LAYER_GZIP, f->plan.blobs[0].media_type);
	assert_string_equal(OCI_MEDIA_CONFIG, f->plan.blobs[1].media_type);
	assert_int_equal(6, f->plan.blobs[2].size_bytes);
}

static void children_come_before_their_index(void **state)
{
	struct fixture *f = *state;
	struct oci_descriptor outer;

	index_of(f, &outer, (const struct oci_descriptor *[]){ &f->one, &f->index }, 2);
	assert_int_equal(0, push_plan_init(&f->plan, f->w.store, &outer, &f->w.e));
	assert_int_equal(4, f->plan.nr_documents);
	assert_true(oci_digest_eq(&f->one.digest, &f->plan.documents[0].digest));
	assert_true(oci_digest_eq(&f->two.digest, &f->plan.documents[1].digest));
	assert_true(oci_digest_eq(&f->index.digest, &f->plan.documents[2].digest));
	assert_true(oci_digest_eq(&outer.digest, &f->plan.documents[3].digest));
	oci_descriptor_release(&outer);
}

static void indexes_cannot_be_nested_without_end(void **state)
{
	struct fixture *f = *state;
	struct oci_descriptor chain[6];
	const struct oci_descriptor *below = &f->one;

	for (size_t i = 0; i < ARRAY_LEN(chain); i++) {
		index_of(f, &chain[i], &below, 1);
		below = &chain[i];
	}
	assert_int_equal(-1, push_plan_init(&f->plan, f->w.store, below, &f->w.e));
	assert_err(&f->w, ERR_CORRUPT, "nested more than");
	for (size_t i = 0; i < ARRAY_LEN(chain); i++)
		oci_descriptor_release(&chain[i]);
}

static void foreign_layers_are_not_planned(void **state)
{
	struct fixture *f = *state;
	auto_free char *text = registry_world_text(&f->w, &f->one);
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf out = BUF_INIT(OCI_MANIFEST_MAX);
	auto_descriptor struct oci_descriptor d = { 0 };

	assert_int_equal(0, oci_manifest_parse(&m, span_of_str(text), NULL, &f->w.e));
	free(m.layers[0].media_type);
	m.layers[0].media_type =
		mem_strdup("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
	oci_manifest_write(&out, &m);
	registry_world_blob(&f->w, &d, OCI_MEDIA_MANIFEST, buf_str(&out));
	assert_int_equal(0, push_plan_init(&f->plan, f->w.store, &d, &f->w.e));
	assert_int_equal(1, f->plan.nr_blobs);
	assert_string_equal(OCI_MEDIA_CONFIG, f->plan.blobs[0].media_type);
}

static void a_damaged_document_is_named(void **state)
{
	struct fixture *f = *state;

	mem_store_damage(f->w.store, &f->two.digest, false);
	assert_int_equal(-1, push_plan_init(&f->plan, f->w.store, &f->index, &f->w.e));
	assert_err(&f->w, ERR_CORRUPT, f->two.digest.text);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(blobs_come_once_and_the_largest_first), T(children_come_before_their_index),
		T(indexes_cannot_be_nested_without_end),  T(foreign_layers_are_not_planned),
		T(a_damaged_document_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Layers on their way into a store. */
#include "oci/build/layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/tmpdir.h"

static void pack(struct layer *l, struct oci_store *store)
{
	static const struct op op = { .clock = &clock_system };
	static const struct layer_pack_options opt = { .compression = LAYER_UNCOMPRESSED };
	struct pool_batch batch;

	l->op = &op;
	l->into = store;
	l->opt = &opt;
	pool_batch_init(&batch, NULL);
	layer_pack_begin(l, &batch);
	pool_batch_wait(&batch);
	assert_int_equal(l->r, 0);
}

/* The array of a listed layer comes to be while it is packed, whenever another step asks for it. */
static void a_listed_layer_is_packed_without_its_array(void **state)
{
	auto_listing struct layer_listing none = LISTING_INIT;
	struct layer *l = layer_new_listed(&none, "/nowhere", "COPY a a");
	struct oci_store *store = mem_store_new();

	(void)state;
	l->changes = (struct layer_changes){ .v = mem_zalloc(sizeof(*l->changes.v)), .nr = 1 };
	l->changes.v[0] = (struct layer_change){ .kind = LAYER_DELETED, .path = mem_strdup("a") };
	pack(l, store);
	assert_int_equal(l->blob.size_bytes, 1024); /* a tar's end */
	layer_free(l);
	oci_store_free(store);
}

/* A million files would be 300 MB. */
static void a_listed_layer_is_laid_down_without_its_array(void **state)
{
	auto_listing struct layer_listing listing = LISTING_INIT;
	struct tmpdir t;
	auto_free char *dir = NULL, *made = NULL;
	struct err e = ERR_INIT;
	struct layer *l;

	(void)state;
	listing_add(&listing, &(struct layer_change){ .path = (char[]){ "d" },
						      .st.st_mode = S_IFDIR | 0755 });
	tmpdir_init(&t);
	dir = mem_printf("%s/laid", t.path);
	made = mem_printf("%s/d", dir);
	l = layer_new_listed(&listing, dir, "WORKDIR /d");
	assert_int_equal(layer_make_dir(l, NULL, &e), 0);
	assert_int_equal(access(made, F_OK), 0);
	assert_int_equal(l->changes.nr, 0);
	layer_free(l);
	tmpdir_release(&t);
}

static void an_array_is_packed_as_it_is(void **state)
{
	struct layer_changes changes = { .v = mem_zalloc(sizeof(*changes.v)), .nr = 1 };
	struct oci_store *store = mem_store_new();
	struct layer *l;

	(void)state;
	changes.v[0] = (struct layer_change){ .kind = LAYER_DELETED, .path = mem_strdup("a") };
	l = layer_new_array(&changes, "/nowhere", "WORKDIR /a");
	pack(l, store);
	assert_int_equal(l->blob.size_bytes, 512 + 1024);
	layer_free(l);
	oci_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listed_layer_is_packed_without_its_array),
		cmocka_unit_test(a_listed_layer_is_laid_down_without_its_array),
		cmocka_unit_test(an_array_is_packed_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

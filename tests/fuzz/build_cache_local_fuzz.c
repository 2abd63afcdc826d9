/*
 * Any bytes as a step that a local cache knows (one that another job has packed may hold anything): none, and then it
 * is removed, or one that is written and found again.
 */
#include <assert.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/cache.h"
#include "oci/image/store_layout.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cache_key key = { .hex = KEY };

static void check_result(struct cache_source *s, const struct cache_result *r)
{
	auto_cache_result struct cache_result again = { .packing = NULL };
	const struct op op = { .clock = NULL };
	struct err e = ERR_INIT;

	assert(strlen(r->id.hex) == HASH_SHA256_HEX && oci_digest_is_set(&r->diff_id));
	assert(r->blob.size_bytes == 1 && r->packing && r->created && r->text);
	assert(cache_local_put(s, &key, r, &e) == 0);
	assert(s->ops->find(s, &op, &key, &again, &e) == 1);
	assert(strcmp(again.text, r->text) == 0 &&
	       strcmp(again.blob.digest.text, r->blob.digest.text) == 0);
}

static void find(const char *path, struct oci_store *blobs, struct span text)
{
	auto_free char *steps = mem_printf("%s/steps/" KEY, path);
	auto_cache_result struct cache_result r = { .packing = NULL };
	auto_cache_source struct cache_source *s = NULL;
	const struct op op = { .clock = NULL };
	struct err e = ERR_INIT;
	int found;

	assert(cache_local_open(&s, path, blobs, &e) == 0);
	assert(fs_write_file(AT_FDCWD, steps, text, 0600, &e) == 0);
	found = s->ops->find(s, &op, &key, &r, &e);
	if (found == 1)
		check_result(s, &r);
	else /* no file of this kind fails a build */
		assert(found == 0 && access(steps, F_OK) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/cache-fuzz-XXXXXX";
	auto_store struct oci_store *blobs = NULL;
	struct oci_digest d;
	struct err e = ERR_INIT;

	assert(mkdtemp(path) != NULL);
	assert(oci_store_layout_open(&blobs, path, OCI_LAYOUT_SCRATCH, &e) == 0);
	assert(oci_store_write(blobs, SPAN_LIT("x"), &d, &e) == 0);
	find(path, blobs, span_of(data, size));
	assert(fs_remove_tree(AT_FDCWD, path, &e) == 0);
	return 0;
}

/*
 * An open hash table of 64-bit keys. Two names with one key would keep a file that
 * a whiteout should have removed, in an image whose author worked for it; so
 * keys are kept and names are not.
 */
#include "oci/layer/touched.h"

#include "base/mem.h"

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return x ? x : 1;
}

static uint64_t key_of(ino_t dir, const char *name)
{
	uint64_t h = FNV_START;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * FNV_PRIME;
	return mix(h ^ mix(dir));
}

/* Where key is, or the free slot where it belongs. */
static size_t slot_of(const uint64_t *slots, size_t size, uint64_t key)
{
	size_t i = key & (size - 1);

	while (slots[i] && slots[i] != key)
		i = (i + 1) & (size - 1);
	return i;
}

static void grow(struct touched *t)
{
	size_t size = t->size ? 2 * t->size : 256;
	uint64_t *slots = mem_resize(NULL, size, sizeof(*slots));

	memset(slots, 0, size * sizeof(*slots));
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i])
			slots[slot_of(slots, size, t->slots[i])] = t->slots[i];
	free(t->slots);
	t->slots = slots;
	t->size = size;
}

static void add(struct touched *t, uint64_t key)
{
	size_t i;

	if (2 * t->nr >= t->size)
		grow(t);
	i = slot_of(t->slots, t->size, key);
	if (!t->slots[i])
		t->nr++;
	t->slots[i] = key;
}

static bool has(const struct touched *t, uint64_t key)
{
	return t->size && t->slots[slot_of(t->slots, t->size, key)] == key;
}

void touched_add_dir(struct touched *t, ino_t dir)
{
	add(t, key_of(dir, ""));
}

bool touched_has_dir(const struct touched *t, ino_t dir)
{
	return has(t, key_of(dir, ""));
}

void touched_add_name(struct touched *t, ino_t dir, const char *name)
{
	add(t, key_of(dir, name));
}

bool touched_has_name(const struct touched *t, ino_t dir, const char *name)
{
	return has(t, key_of(dir, name));
}

void touched_release(struct touched *t)
{
	free(t->slots);
	*t = (struct touched){ 0 };
}

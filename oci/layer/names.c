/*
 * A chained hash table over (directory, name). Its hash begins with a random number, since names in
 * layers are chosen by strangers who could make them meet; nothing that comes out depends on it.
 */
#include "oci/layer/names.h"

#include <sys/random.h>

#include "base/mem.h"

#define CHUNK_BYTES (64u << 10)
#define FNV_PRIME   UINT64_C(0x100000001b3)

struct names_chunk {
	struct names_chunk *next;
	size_t used, size;
	char bytes[];
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static uint32_t slot_of(const struct names *n, uint32_t dir, struct span name)
{
	uint64_t h = mix(n->seed ^ dir);

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * FNV_PRIME;
	return (uint32_t)mix(h) & (n->nr_slots - 1);
}

static void grow_slots(struct names *n)
{
	n->nr_slots *= 2;
	n->slots = mem_resize(n->slots, n->nr_slots, sizeof(*n->slots));
	memset(n->slots, 0xff, n->nr_slots * sizeof(*n->slots));
	for (uint32_t i = 1; i < n->nr; i++) {
		struct name *at = &n->v[i];
		uint32_t slot;

		if (!at->text)
			continue;
		slot = slot_of(n, at->dir, span_of(at->text, at->len));
		at->same_slot = n->slots[slot];
		n->slots[slot] = i;
	}
}

static const char *keep_text(struct names *n, struct span text)
{
	struct names_chunk *c = n->chunks;
	char *at;

	if (!c || c->size - c->used < text.n + 1) {
		size_t size = text.n + 1 > CHUNK_BYTES ? text.n + 1 : CHUNK_BYTES;

		c = mem_alloc(sizeof(*c) + size);
		*c = (struct names_chunk){ .next = n->chunks, .size = size };
		n->chunks = c;
	}
	at = c->bytes + c->used;
	memcpy(at, text.p, text.n);
	at[text.n] = '\0';
	c->used += text.n + 1;
	n->text_bytes += text.n + 1;
	return at;
}

void names_init(struct names *n)
{
	*n = (struct names){ .free = NAMES_NONE, .nr_slots = 128 };
	/* without it the worst is slow */
	if (getrandom(&n->seed, sizeof(n->seed), GRND_NONBLOCK) < 0)
		n->seed = (uintptr_t)n;
	MEM_GROW(n->v, n->nr, n->cap);
	n->v[n->nr++] = (struct name){ .text = "",
				       .dir = NAMES_NONE,
				       .first = NAMES_NONE,
				       .next = NAMES_NONE,
				       .prev = NAMES_NONE };
	grow_slots(n);
}

void names_release(struct names *n)
{
	while (n->chunks) {
		struct names_chunk *c = n->chunks;

		n->chunks = c->next;
		free(c);
	}
	free(n->v);
	free(n->slots);
	*n = (struct names){ .free = NAMES_NONE };
}

uint32_t names_find(const struct names *n, uint32_t dir, struct span name)
{
	uint32_t at = n->slots[slot_of(n, dir, name)];

	while (at != NAMES_NONE) {
		const struct name *v = &n->v[at];

		if (v->dir == dir && v->len == name.n && memcmp(v->text, name.p, name.n) == 0)
			return at;
		at = v->same_slot;
	}
	return NAMES_NONE;
}

static uint32_t take_number(struct names *n)
{
	uint32_t at = n->free;

	if (at != NAMES_NONE) {
		n->free = n->v[at].next;
		return at;
	}
	MEM_GROW(n->v, n->nr, n->cap);
	return n->nr++;
}

uint32_t names_add(struct names *n, uint32_t dir, struct span name)
{
	uint32_t at, slot, first;

	if (++n->nr_there > n->nr_slots)
		grow_slots(n);
	at = take_number(n);
	slot = slot_of(n, dir, name);
	first = n->v[dir].first;
	n->v[at] = (struct name){ .text = keep_text(n, name),
				  .len = (uint32_t)name.n,
				  .dir = dir,
				  .first = NAMES_NONE,
				  .next = first,
				  .prev = NAMES_NONE,
				  .same_slot = n->slots[slot] };
	n->slots[slot] = at;
	if (first != NAMES_NONE)
		n->v[first].prev = at;
	n->v[dir].first = at;
	return at;
}

static void leave_slot(struct names *n, uint32_t at)
{
	const struct name *v = &n->v[at];
	uint32_t *to = &n->slots[slot_of(n, v->dir, span_of(v->text, v->len))];

	while (*to != at)
		to = &n->v[*to].same_slot;
	*to = v->same_slot;
}

void names_remove(struct names *n, uint32_t at)
{
	struct name *v = &n->v[at];

	leave_slot(n, at);
	if (v->prev != NAMES_NONE)
		n->v[v->prev].next = v->next;
	else
		n->v[v->dir].first = v->next;
	if (v->next != NAMES_NONE)
		n->v[v->next].prev = v->prev;
	*v = (struct name){ .dir = NAMES_NONE, .first = NAMES_NONE, .next = n->free };
	n->free = at;
	n->nr_there--;
}

static int by_text(const void *a, const void *b, void *names)
{
	const struct name *v = ((const struct names *)names)->v;

	return strcmp(v[*(const uint32_t *)a].text, v[*(const uint32_t *)b].text);
}

uint32_t *names_sorted(const struct names *n, uint32_t dir, size_t *nr)
{
	uint32_t *out, *last;
	size_t count = 0;

	for (uint32_t i = n->v[dir].first; i != NAMES_NONE; i = n->v[i].next)
		count++;
	out = mem_resize(NULL, count + 1, sizeof(*out));
	last = out + count;
	/* names come mostly in order, and each was put before the one that was there */
	for (uint32_t i = n->v[dir].first; i != NAMES_NONE; i = n->v[i].next)
		*--last = i;
	if (count)
		qsort_r(out, count, sizeof(*out), by_text, (void *)n);
	*nr = count;
	return out;
}

char *names_path(const struct names *n, uint32_t at)
{
	size_t len = 0;
	char *out, *end;

	for (uint32_t i = at; i != NAMES_ROOT; i = n->v[i].dir)
		len += n->v[i].len + 1;
	out = mem_alloc(len + 1);
	end = out + (len ? len - 1 : 0);
	*end = '\0';
	for (uint32_t i = at; i != NAMES_ROOT; i = n->v[i].dir) {
		end -= n->v[i].len;
		memcpy(end, n->v[i].text, n->v[i].len);
		if (end > out)
			*--end = '/';
	}
	return out;
}

/*
 * The names of a file tree in memory: every name knows its directory and what is in it. Found by
 * directory and name in one look-up, whatever the size. What a name is the caller keeps in an
 * array of its own, by the same numbers.
 *
 * The root has number 0 and no name. Numbers of removed names are used again.
 */
#ifndef OCI_LAYER_NAMES_H
#define OCI_LAYER_NAMES_H

#include "base/span.h"

#define NAMES_NONE UINT32_MAX
#define NAMES_ROOT 0u

struct name {
	const char *text; /* terminated; in the tree's memory. NULL: a free number */
	uint32_t len;
	uint32_t dir;	     /* NAMES_NONE for the root */
	uint32_t first;	     /* in it; NAMES_NONE: nothing */
	uint32_t next, prev; /* in its directory, in no order */
	uint32_t same_slot;  /* names of one hash */
};
struct names {
	struct name *v;
	uint32_t nr, cap; /* numbers given out so far: all are below nr */
	uint32_t nr_there;
	uint32_t free; /* the first free number, linked by next */
	uint32_t *slots;
	uint32_t nr_slots;
	uint64_t seed;
	struct names_chunk *chunks; /* the texts */
	uint64_t text_bytes;	    /* in chunks: of removed names, too */
};

void names_init(struct names *n);
void names_release(struct names *n);

/* NAMES_NONE: dir has none of that name. */
uint32_t names_find(const struct names *n, uint32_t dir, struct span name);
/* Must not be there yet. */
uint32_t names_add(struct names *n, uint32_t dir, struct span name);
/* Must have nothing in it. */
void names_remove(struct names *n, uint32_t at);

/* What is in dir, sorted by bytes; owned by the caller. */
uint32_t *names_sorted(const struct names *n, uint32_t dir, size_t *nr) MUST_CHECK;
/* The path from the root; owned by the caller. */
char *names_path(const struct names *n, uint32_t at) MUST_CHECK;

#endif

/*
 * Numbers as bytes, 7 bits in each, the lowest first: most that are kept of files are small.
 */
#ifndef OCI_LAYER_VARINT_H
#define OCI_LAYER_VARINT_H

#include "base/buf.h"

static inline void varint_add(struct buf *b, uint64_t v)
{
	while (v >= 0x80) {
		buf_add_char(b, (char)(v | 0x80));
		v >>= 7;
	}
	buf_add_char(b, (char)v);
}

/* Takes one off the front; false: there is none that is whole and fits. */
static inline bool varint_take(struct span *from, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 64 && from->n; shift += 7) {
		unsigned char c = (unsigned char)*from->p;

		*from = span_sub(*from, 1);
		if (shift == 63 && c > 1)
			return false;
		*v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

/* Times before 1970 are small numbers, too. */
static inline uint64_t varint_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t varint_unzigzag(uint64_t v)
{
	return (int64_t)((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
}

#endif

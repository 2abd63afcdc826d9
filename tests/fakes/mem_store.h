/*
 * A store in memory, for tests that need blobs and no disk. Thread-safe, as every
 * store. Free it with oci_store_free.
 */
#ifndef TESTS_FAKES_MEM_STORE_H
#define TESTS_FAKES_MEM_STORE_H

#include "oci/image/store.h"

struct oci_store *mem_store_new(void);

size_t mem_store_count(struct oci_store *s); /* blobs in it */

/* Changes the blob: its first byte flipped, or (shorter) its last byte gone. */
void mem_store_damage(struct oci_store *s, const struct oci_digest *d, bool shorter);

/* From now on the nth write to a writer fails with "disk full"; 0: none does. */
void mem_store_fail_write(struct oci_store *s, unsigned nth);

#endif

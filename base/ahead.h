/*
 * A source that reads another one ahead on a pool: a decompressor below it
 * works while the reader does something with what came before. Without a pool
 * it reads when it is asked.
 *
 * The reader may be a worker of that very pool: what nobody has begun it reads
 * itself. in is borrowed; it may be used on another thread until the end was
 * read or ahead_source_release has returned.
 */
#ifndef BASE_AHEAD_H
#define BASE_AHEAD_H

#include "base/io.h"
#include "base/pool.h"

struct ahead;
struct ahead_source {
	struct source base;
	struct ahead *a; /* shared with the worker */
};

struct source *ahead_source_init(struct ahead_source *s, struct source *in, struct pool *pool);
void ahead_source_release(struct ahead_source *s); /* also of one that is zeroed */

#endif

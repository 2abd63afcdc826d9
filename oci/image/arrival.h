/*
 * A blob that is read while it still comes: who fetches it says in which file its bytes lie and how
 * many there are by now, who reads waits for more. The reader meets the end only when the blob is
 * whole, verified and in its store. So whoever has read to the end has read the blob; what was made of the
 * bytes before that came from anybody, and counts for nothing until then.
 *
 *	the thread that fetches			the one that reads
 *	arrival_begin(a, fd)			src = arrival_source(a)	waits for a byte, a drop or the end
 *	arrival_grow(a, bytes)*			source_read(src)*
 *	arrival_drop(a)				fails: those were not the blob's bytes
 *	arrival_end(a, true)			… 0: the end
 *						arrival_leave(a)
 *
 * After a drop the blob may come anew; it is not read while it does. The calls of the one who
 * fetches do nothing when a is NULL: nobody reads.
 */
#ifndef OCI_IMAGE_ARRIVAL_H
#define OCI_IMAGE_ARRIVAL_H

#include <pthread.h>

#include "base/io.h"

struct arrival {
	struct source base;   /* the reader's */
	uint64_t given;	      /* likewise */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t moved;
	int fd;		/* our own descriptor of the file; -1: there is none to read */
	uint64_t bytes; /* of it that are there */
	bool is_read;	/* then the file is open until the reader leaves */
	bool is_dropped, is_over, is_good;
};

void arrival_init(struct arrival *a);
void arrival_release(struct arrival *a); /* when neither uses it any more */

/* fd: borrowed, can be read; -1: it cannot, and the reader has to wait for the end. After a drop it does
 * nothing. */
void arrival_begin(struct arrival *a, int fd);
void arrival_grow(struct arrival *a, uint64_t bytes); /* so many are there in all */
void arrival_drop(struct arrival *a);
void arrival_end(struct arrival *a, bool is_good); /* is_good: the store has it */

/* NULL: it does not come in a way that can be read; await who fetches it, and look into the store. */
struct source *arrival_source(struct arrival *a) MUST_CHECK;
/* What arrival_source gave is read no more, whether it came to an end or not. */
void arrival_leave(struct arrival *a);
bool arrival_was_dropped(struct arrival *a) MUST_CHECK;

#endif

/*
 * A progress that remembers the steps of a build, for its report, and hands all events on.
 * Thread-safe; what it has collected is read when the build has ended.
 */
#ifndef CMD_FACTS_H
#define CMD_FACTS_H

#include <pthread.h>

#include "base/clock.h"
#include "base/progress.h"

enum fact_outcome {
	FACT_DONE,
	FACT_CACHED,
	FACT_FAILED,
};
struct fact {
	char *id;
	char *text;		  /* "[app 2/3] RUN make" */
	char *why;		  /* it was not in the cache; NULL: nobody said */
	int64_t begin_ms, end_ms; /* since the beginning */
	enum fact_outcome outcome;
	bool has_ended;
};
struct facts {
	struct progress base;
	struct progress *to;
	struct clock *clock;
	int64_t begin_ms;
	pthread_mutex_t lock;
	struct fact *v; /* in the order in which they began */
	size_t nr, cap;
};

/* Returns &f->base. to and clock: borrowed. */
struct progress *facts_init(struct facts *f, struct progress *to, struct clock *clock);
void facts_release(struct facts *f);

#endif

/*
 * The five things long work needs: first input parameter of whatever waits.
 * Borrowed by everyone, owned by cmd/app.c. Nothing else joins it.
 * progress, cancel, log and pool may be NULL; clock may not.
 */
#ifndef BASE_OP_H
#define BASE_OP_H

struct progress;
struct cancel;
struct log;
struct clock;
struct pool;

struct op {
	struct progress *progress;
	struct cancel *cancel;
	struct log *log;
	struct clock *clock;
	struct pool *pool;
};

#endif

/*
 * "Stop, please": one flag and one pollable descriptor. Set by the signal
 * thread (or a test), looked at by whatever works long. Everything then returns
 * ERR_CANCELLED by the normal error path. Thread-safe.
 */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <stdatomic.h>

#include "base/cc.h"
#include "base/err.h"

struct cancel {
	atomic_int signo; /* 0: go on; else the signal that asked, or CANCEL_PEER */
	int fd;		  /* readable once cancelled, to be polled only */
	int event;	  /* the eventfd behind it */
	const struct cancel *parent;
};

#define CANCEL_INIT ((struct cancel){ .fd = -1, .event = -1 }) /* to be released without _init */

/* In place of a signal: the work is of no use any more, because another part of it failed. */
#define CANCEL_PEER (-1)

int cancel_init(struct cancel *c, struct err *e) MUST_CHECK;
/* For a part of the work that may be stopped alone: it is set when its parent is, which must
 * outlive it; NULL: none. */
int cancel_init_part(struct cancel *c, const struct cancel *parent, struct err *e) MUST_CHECK;
void cancel_release(struct cancel *c);
void cancel_set(struct cancel *c, int signo); /* async-signal-safe */
bool cancel_is_set(const struct cancel *c);   /* NULL: false */
int cancel_check(const struct cancel *c, struct err *e)
	MUST_CHECK; /* -1 and ERR_CANCELLED when set */

#endif

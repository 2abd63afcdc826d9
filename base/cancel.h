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
	atomic_int signo; /* 0: go on; else the signal that asked */
	int fd;		  /* readable once cancelled (eventfd) */
};

int cancel_init(struct cancel *c, struct err *e) MUST_CHECK;
void cancel_release(struct cancel *c);
void cancel_set(struct cancel *c, int signo); /* async-signal-safe */
bool cancel_is_set(const struct cancel *c);   /* NULL: false */
int cancel_check(const struct cancel *c, struct err *e)
	MUST_CHECK; /* -1 and ERR_CANCELLED when set */

#endif

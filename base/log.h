/*
 * What we follow: -v and -vv lines on stderr. Never a secret. Thread-safe.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/cc.h"
#include "base/op.h"

struct log {
	int level;					/* 0: nothing, 1: -v, 2: -vv */
	void (*write)(struct log *l, const char *line); /* thread-safe; line has no newline */
};

void log_info(const struct op *op, const char *fmt, ...) PRINTF_FMT(2, 3);  /* -v */
void log_debug(const struct op *op, const char *fmt, ...) PRINTF_FMT(2, 3); /* -vv */

#endif

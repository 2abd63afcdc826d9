/* The exit statuses of the three tools: the only such table (the manual pages' EXIT STATUS). */
#ifndef CMD_EXITCODE_H
#define CMD_EXITCODE_H

#include "base/err.h"

/* signo: what asked for the end, for ERR_CANCELLED. */
int exitcode_of(enum err_kind kind, int signo);

#endif

/*
 * Log lines are formatted only when somebody asked for their level. The text is
 * an err's on purpose: that makes foreign bytes harmless and bounds the line.
 */
#include "base/log.h"

#include <stdarg.h>

#include "base/err.h"

static PRINTF_FMT(3, 0)
void log_at(const struct op *op, int level, const char *fmt, va_list ap)
{
	struct err line;

	if (!op || !op->log || op->log->level < level)
		return;
	err_vset(&line, ERR_NONE, fmt, ap);
	op->log->write(op->log, line.text);
}

void log_info(const struct op *op, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_at(op, 1, fmt, ap);
	va_end(ap);
}

void log_debug(const struct op *op, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_at(op, 2, fmt, ap);
	va_end(ap);
}

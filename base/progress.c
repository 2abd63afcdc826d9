/*
 * Small makers of events, so that rooms say what happened in one line. All of
 * them do nothing, and format nothing, when nobody listens.
 */
#include "base/progress.h"

#include <stdarg.h>

#include "base/buf.h"

void progress_emit(struct progress *p, const struct progress_event *ev)
{
	if (p)
		p->emit(p, ev);
}

static void emit_text(struct progress *p, enum progress_kind kind, const char *id, const char *fmt,
		      va_list ap)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	buf_vaddf(&text, fmt, ap);
	progress_emit(p,
		      &(struct progress_event){ .kind = kind, .id = id, .text = buf_str(&text) });
}

void progress_begin(struct progress *p, const char *id, const char *fmt, ...)
{
	va_list ap;

	if (!p)
		return;
	va_start(ap, fmt);
	emit_text(p, PROGRESS_BEGIN, id, fmt, ap);
	va_end(ap);
}

void progress_tick(struct progress *p, const char *id, uint64_t done, uint64_t total)
{
	progress_emit(p, &(struct progress_event){
				 .kind = PROGRESS_TICK, .id = id, .done = done, .total = total });
}

void progress_end(struct progress *p, const char *id, uint64_t bytes)
{
	progress_emit(p, &(struct progress_event){ .kind = PROGRESS_END, .id = id, .done = bytes });
}

void progress_cached(struct progress *p, const char *id, const char *why)
{
	progress_emit(p,
		      &(struct progress_event){ .kind = PROGRESS_CACHED, .id = id, .text = why });
}

void progress_fail(struct progress *p, const char *id, const char *why)
{
	progress_emit(p, &(struct progress_event){ .kind = PROGRESS_FAIL, .id = id, .text = why });
}

void progress_give_up(struct progress *p, const char *id, const struct err *e)
{
	progress_emit(p, &(struct progress_event){ .kind = PROGRESS_FAIL,
						   .id = id,
						   .text = e->text,
						   .returned = e->kind != ERR_CANCELLED });
}

void progress_why(struct progress *p, const char *id, const char *why)
{
	progress_emit(p, &(struct progress_event){ .kind = PROGRESS_WHY, .id = id, .text = why });
}

void progress_note(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	if (!p)
		return;
	va_start(ap, fmt);
	emit_text(p, PROGRESS_NOTE, NULL, fmt, ap);
	va_end(ap);
}

void progress_warn(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	if (!p)
		return;
	va_start(ap, fmt);
	emit_text(p, PROGRESS_WARN, NULL, fmt, ap);
	va_end(ap);
}

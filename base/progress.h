/*
 * What users follow. Rooms emit facts; how they look is cmd/render_*.c's affair
 * (no room knows about layout). Any thread may emit; a NULL progress is
 * silent. Events borrow their strings for the call only.
 *
 * A thing with a beginning and an end has an id: PROGRESS_BEGIN once, any number
 * of TICK, LINE and WHY, then exactly one END, CACHED or FAIL.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include "base/err.h"

enum progress_kind {
	PROGRESS_BEGIN,	 /* text: what it is ("[app 2/5] RUN make") */
	PROGRESS_TICK,	 /* done, total in bytes */
	PROGRESS_LINE,	 /* text: one line of output of a RUN, no newline; stream 1 or 2 */
	PROGRESS_END,	 /* done: bytes it was about, 0 when that says nothing; text may be NULL */
	PROGRESS_CACHED, /* ended without work; text: why ("exists", "mounted", "cached") */
	PROGRESS_FAIL,	 /* text: why, one line */
	PROGRESS_NOTE,	 /* free-standing line of the story */
	PROGRESS_WARN,	 /* the same, to be seen */
	PROGRESS_WHY,	 /* text: why a step is carried out that might have been in the cache */
};

struct progress_event {
	enum progress_kind kind;
	const char *id; /* NULL for NOTE and WARN */
	const char *text;
	uint64_t done, total; /* bytes; total 0 = unknown */
	int stream;
	bool returned; /* FAIL: why it failed goes up to the caller, and is told when all has ended */
};

struct progress {
	void (*emit)(struct progress *p, const struct progress_event *ev);
};

void progress_emit(struct progress *p, const struct progress_event *ev);
void progress_begin(struct progress *p, const char *id, const char *fmt, ...) PRINTF_FMT(3, 4);
void progress_tick(struct progress *p, const char *id, uint64_t done, uint64_t total);
void progress_end(struct progress *p, const char *id, uint64_t bytes);
void progress_cached(struct progress *p, const char *id, const char *why);
/* Its reason is told here and nowhere else. */
void progress_fail(struct progress *p, const char *id, const char *why);
/* … and of what ends with an error that is returned, too. */
void progress_give_up(struct progress *p, const char *id, const struct err *e);
void progress_why(struct progress *p, const char *id, const char *why);
void progress_note(struct progress *p, const char *fmt, ...) PRINTF_FMT(2, 3);
void progress_warn(struct progress *p, const char *fmt, ...) PRINTF_FMT(2, 3);

#endif

/*
 * What tasks have printed, as the engine keeps it: its stream of frames read into lines,
 * and the last lines of a task fetched, bounded in lines, bytes and time.
 *
 *	auto_logs struct deploy_logs l = { 0 };
 *	struct logs_options o = { .tail = 20, .tty = engine_spec_tty(spec) };
 *	if (deploy_logs_get(&l, op, eng, "tasks", id, &o, e) == 0)
 *		for (size_t i = 0; i < l.nr; i++) … l.v[i].text …
 *
 * The engine's logs are known to hang (nodes that are gone, drivers that cannot be read), so they
 * are never followed: who wants what comes next asks again, `since` the last line.
 */
#ifndef DEPLOY_LOGS_H
#define DEPLOY_LOGS_H

#include "base/io.h"
#include "deploy/engine.h"

#define LOG_LINE_MAX	(32u << 10) /* what is longer ends in "…" */
#define LOGS_BYTES_DFLT (500u << 10)
#define LOGS_TIME_DFLT	10000

struct log_line {
	int64_t wall_ns; /* 0: the engine did not say when */
	int stream;	 /* 1 stdout, 2 stderr */
	char *text;	 /* without line end; bytes are as the task wrote them, NUL ends it early */
};

/* The newest lines, oldest first. */
struct deploy_logs {
	struct log_line *v;
	size_t nr, cap;
	size_t bytes, max; /* of text kept, and its ceiling; older lines give way */
	char *trouble;	   /* why there may be more than this: the engine's words, a limit; NULL */
};
void deploy_logs_release(struct deploy_logs *l);
#define auto_logs CLEANUP(deploy_logs_release)

/*
 * A sink for the body of a log answer. tty: of a service with a terminal, whose log is raw
 * bytes and not frames. Lines come with the engine's time in front (timestamps=1).
 * ERR_CORRUPT: not such a stream.
 */
struct log_reader {
	struct sink base;
	struct deploy_logs *to; /* borrowed */
	bool tty;
	uint64_t arrived;      /* bytes, with heads */
	unsigned char head[8]; /* of the frame that is coming in */
	size_t nr_head;
	uint32_t left;	    /* of its payload */
	unsigned which;	    /* its stream */
	struct buf message; /* what has come of it */
	struct log_part {
		struct buf text;
		int64_t wall_ns;
	} part[4]; /* a line not ended yet, by stream */
};
struct sink *log_reader_init(struct log_reader *r, struct deploy_logs *to, bool tty);
void log_reader_end(struct log_reader *r); /* what has no line end is a line, too; releases r */

struct logs_options {
	uint64_t tail;	  /* so many lines at most; 0: all */
	int64_t since_ns; /* only what is newer than this; 0: from the beginning */
	size_t bytes_max; /* of text to keep; 0: LOGS_BYTES_DFLT */
	int64_t time_ms;  /* for the whole answer; 0: LOGS_TIME_DFLT */
	bool tty;
};

/*
 * kind: "tasks" or "services". What came before a limit or an error of the engine is kept, and
 * `trouble` says so: 0. -1: nothing came. ERR_ABSENT: no such task. ERR_UNAVAILABLE: no
 * answer in time. ERR_CANCELLED.
 */
int deploy_logs_get(struct deploy_logs *out, struct op *op, struct engine *eng, const char *kind,
		    const char *id, const struct logs_options *opt, struct err *e) MUST_CHECK;

/*
 * A line of it for a terminal: colours stay, and end with it; what moves the cursor or asks the terminal something
 * becomes '?'.
 */
void deploy_log_add_plain(struct buf *out, const char *line);

/* Whether a service of this spec has a terminal. */
bool engine_spec_tty(const json_t *spec);

#endif

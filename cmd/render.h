/*
 * How progress looks, on stderr. One renderer per form; each is a struct progress, thread-safe,
 * and knows nothing of what the rooms do.
 */
#ifndef CMD_RENDER_H
#define CMD_RENDER_H

#include "base/clock.h"
#include "base/progress.h"
#include "base/span.h"

struct render {
	struct progress progress;	  /* first member */
	void (*finish)(struct render *r); /* take the live area away; before any other output */
	void (*last_words)(
		struct render *r); /* again, what the one that failed said last; NULL: no need */
	void (*tick)(struct render *r); /* some time has passed; NULL: of no interest */
	void (*free)(struct render *r);
};

/* A line per event that matters: for logs. quiet: only warnings, and the last lines of what failed. */
struct render *render_plain_new(struct clock *clock, bool color, bool quiet);
/* A live area with bars below what is finished. columns: of the terminal. */
struct render *render_tty_new(struct clock *clock, bool color);
/* The same with sections for GitLab's page. tool: borrowed, what their names begin with. */
struct render *render_gitlab_new(struct clock *clock, const char *tool, bool color);
/* One JSON object per event and line. */
struct render *render_json_new(struct clock *clock);

/* The things under way, by id: what plain and tty remember. */
struct render_task {
	char *id, *text;
	int64_t begin_ms;
	int64_t told_ms; /* when it last had a line (plain) */
	uint64_t done, total;
	char *tail[20]; /* the last lines of output, oldest first */
	size_t nr_tail;
	bool has_lines;
};
struct render_tasks {
	struct render_task *v;
	size_t nr, cap;
};
struct render_task *render_task_begin(struct render_tasks *t, const char *id, const char *text,
				      int64_t now_ms);
struct render_task *render_task_find(struct render_tasks *t, const char *id); /* NULL: none */
void render_task_line(struct render_task *t, const char *line);
void render_task_end(struct render_tasks *t, struct render_task *task);
void render_tasks_release(struct render_tasks *t);

/* The last lines of the first task that failed. */
struct render_last {
	char *id, *label, *lines[20];
	size_t nr;
};
void render_last_take(struct render_last *l, struct render_task *from);
void render_last_release(struct render_last *l);

/* The "[stage 2/5]" that a step's text begins with; empty: it is no step. */
struct span render_task_label(const struct render_task *task);

/* How many bytes at p (not at the end of the text) a terminal may act on or cannot show; 0: a
 * character, of render_char bytes. */
size_t render_control(const char *p);
size_t render_char(const char *p);

/* "12.3 MB", "417 B" (powers of 1000) and "0.3s", "1m04s". out holds 24 bytes. */
void render_bytes(char out[24], uint64_t n);
void render_time(char out[24], int64_t ms);
/* ", 1.2 MB/s"; "" for what took less than a second, where it would say nothing. out holds 40 bytes. */
void render_rate(char out[40], uint64_t bytes, int64_t ms);

#endif

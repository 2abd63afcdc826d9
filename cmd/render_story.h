/*
 * Events as lines for a log: what begins is one, output of a RUN is indented below it, what ends after
 * more than a moment or with bytes to tell is one, too. Where the lines go is the affair of
 * render_plain.c and render_gitlab.c.
 */
#ifndef CMD_RENDER_STORY_H
#define CMD_RENDER_STORY_H

#include "base/buf.h"
#include "cmd/render.h"

struct render_story {
	struct clock *clock;
	bool color;
	bool has_labels; /* lines of steps side by side begin with whose they are */
	struct render_tasks tasks;
	struct render_last last;
};

/* Adds the event's line, without its end; nothing, when there is nothing to say. */
void render_story_tell(struct render_story *s, const struct progress_event *ev, struct buf *out);
/* The last lines of what failed first (s->last). has_head: behind a line that says whose they are. */
void render_story_last_words(const struct render_story *s, bool has_head, struct buf *out);
void render_story_release(struct render_story *s);

/* Keeps tabs and "ESC [ digits m" (colours) and drops every other control character. A colour
 * that is left on is turned off: it may be one that hides the lines to come. */
void render_add_clean(struct buf *out, const char *text);
/* The last part after a carriage return is what a terminal would show. */
const char *render_after_cr(const char *text);

#endif

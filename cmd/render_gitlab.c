/*
 * For the log page of GitLab: a step, an image that is pushed, a service that is deployed is a section
 * that can be opened and closed there. Sections of that page cannot lie over each other, so one of those
 * under way has the log: its lines come at once, the others' are kept until theirs comes, in the
 * order in which they began. What belongs to no section stands where it comes.
 *
 * The page hides what is in a section: why one failed is said once more behind it.
 */
#include <pthread.h>

#include "base/mem.h"
#include "cmd/render_story.h"

#define STILL_MS                                                                                   \
	50000 /* no line for so long: say that we live; looked at often enough for a minute */
#define KEPT_MAX ((size_t)1 << 20) /* lines of a section whose turn has not come */
#define WORD_MAX 40
#define START	 "\033[0Ksection_start:"
#define END	 "\033[0Ksection_end:"
#define HEADER	 "\r\033[0K"

struct section {
	char *id, *name, *header;
	int64_t begin_s;
	struct buf kept;
	size_t nr_lost;
	bool has_ended;
	int64_t end_s;
	char *after; /* what is said behind it; NULL: nothing */
};

struct gitlab {
	struct render base;
	pthread_mutex_t lock;
	struct render_story story;
	const char *tool;
	unsigned nr_begun;
	struct section *v; /* [0] has the log */
	size_t nr, cap;
	int64_t said_ms; /* when the log has had its last line */
};

static int64_t wall_s(const struct gitlab *g)
{
	return g->story.clock->wall_ns(g->story.clock) / INT64_C(1000000000);
}

static void write_out(struct gitlab *g, const struct buf *out)
{
	fwrite(out->data, 1, out->len, stderr);
	fflush(stderr);
	g->said_ms = g->story.clock->mono_ms(g->story.clock);
}

static void write_line(struct gitlab *g, struct buf *line)
{
	buf_add_char(line, '\n');
	write_out(g, line);
}

/* -- which and how they are called ------------------------------------------------------ */

static const char *service_of(const char *text)
{
	const char *name = strstr(text, "service '");

	return name ? name + strlen("service '") : NULL;
}

static bool is_section(const char *text)
{
	struct span s = span_of_str(text);

	if (span_starts(s, "push "))
		return !span_starts(s, "push sha256:");
	return text[0] == '[' || service_of(text);
}

/* Letters, digits, "_", "." and "-" are what a name may have. */
static void add_word(struct buf *out, const char *p)
{
	for (size_t n = 0; *p && *p != ' ' && *p != '\'' && n < WORD_MAX; p++, n++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
			     c == '_' || c == '-';

		buf_add_char(out, plain ? c : '-');
	}
}

/* "cbuild_003_run", "cdeploy_001_web" */
static char *name_of(struct gitlab *g, const char *text)
{
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);
	const char *word = service_of(text), *label = strchr(text, ']');

	if (text[0] == '[' && label)
		word = label + 1 + strspn(label + 1, " ");
	buf_addf(&name, "%s_%03u_", g->tool, ++g->nr_begun);
	add_word(&name, word ? word : text);
	return buf_steal(&name);
}

/* -- one section ------------------------------------------------------------------------ */

static void section_release(struct section *s)
{
	free(s->id);
	free(s->name);
	free(s->header);
	free(s->after);
	buf_release(&s->kept);
}

static struct section *find(struct gitlab *g, const char *id)
{
	for (size_t i = 0; id && i < g->nr; i++)
		if (strcmp(g->v[i].id, id) == 0)
			return &g->v[i];
	return NULL;
}

/* It has the log now. */
static void open_first(struct gitlab *g)
{
	const struct section *s = &g->v[0];
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);

	buf_addf(&out, START "%jd:%s[collapsed=true]" HEADER "%s\n", (intmax_t)s->begin_s, s->name,
		 s->header);
	buf_add_span(&out, buf_span(&s->kept));
	if (s->nr_lost)
		buf_addf(&out, "  (%zu more lines are left out)\n", s->nr_lost);
	write_out(g, &out);
}

static void close_first(struct gitlab *g)
{
	struct section *s = &g->v[0];
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);

	buf_addf(&out, END "%jd:%s" HEADER, (intmax_t)(s->has_ended ? s->end_s : wall_s(g)),
		 s->name);
	/* the line that the marker stands on is only seen when it has text */
	if (s->after)
		buf_addf(&out, g->story.color ? "\033[31m%s\033[0m" : "%s", s->after);
	buf_add_char(&out, '\n');
	write_out(g, &out);
	section_release(s);
	g->nr--;
	memmove(g->v, g->v + 1, g->nr * sizeof(*g->v));
}

/* Those that have ended go, until one is under way. */
static void move_on(struct gitlab *g)
{
	while (g->nr && g->v[0].has_ended) {
		close_first(g);
		if (g->nr)
			open_first(g);
	}
}

static void keep(struct section *s, const struct buf *line)
{
	if (s->kept.len + line->len > KEPT_MAX) {
		s->nr_lost++;
		return;
	}
	buf_add_span(&s->kept, buf_span(line));
	buf_add_char(&s->kept, '\n');
}

static void begin(struct gitlab *g, const struct progress_event *ev, const struct buf *line)
{
	MEM_GROW(g->v, g->nr, g->cap);
	g->v[g->nr++] = (struct section){ .id = mem_strdup(ev->id),
					  .name = name_of(g, ev->text),
					  .header = mem_strndup(line->data, line->len),
					  .begin_s = wall_s(g),
					  .kept = BUF_INIT(SIZE_MAX) };
	if (g->nr == 1)
		open_first(g);
}

/* Of what fails the reason that nobody tells at the end, else that it did. */
static void end(struct gitlab *g, struct section *s, bool failed, const struct buf *line)
{
	s->has_ended = true;
	s->end_s = wall_s(g);
	if (failed && line->len)
		s->after = mem_strndup(line->data, line->len);
	move_on(g);
}

/* -- events ------------------------------------------------------------------------------- */

static void place(struct gitlab *g, const struct progress_event *ev, struct buf *line)
{
	struct section *s = ev->kind == PROGRESS_BEGIN ? NULL : find(g, ev->id);
	bool ends = ev->kind == PROGRESS_END || ev->kind == PROGRESS_CACHED ||
		    ev->kind == PROGRESS_FAIL;

	if (ev->kind == PROGRESS_BEGIN && is_section(ev->text)) {
		begin(g, ev, line);
		return;
	}
	if (line->len && s && s != g->v)
		keep(s, line);
	else if (line->len) {
		/* kept without its end for what may follow it */
		auto_buf struct buf copy = BUF_INIT(SIZE_MAX);

		buf_add_span(&copy, buf_span(line));
		write_line(g, &copy);
	}
	if (s && ends)
		end(g, s, ev->kind == PROGRESS_FAIL, line);
}

static void gitlab_emit(struct progress *progress, const struct progress_event *ev)
{
	struct gitlab *g = CONTAINER_OF(progress, struct gitlab, base.progress);
	auto_buf struct buf line = BUF_INIT(SIZE_MAX);

	pthread_mutex_lock(&g->lock);
	render_story_tell(&g->story, ev, &line);
	place(g, ev, &line);
	pthread_mutex_unlock(&g->lock);
}

/* A log that stands still is taken for a job that hangs. */
static void gitlab_tick(struct render *r)
{
	struct gitlab *g = CONTAINER_OF(r, struct gitlab, base);
	auto_buf struct buf line = BUF_INIT(SIZE_MAX);
	int64_t now_ms = g->story.clock->mono_ms(g->story.clock);

	pthread_mutex_lock(&g->lock);
	if (now_ms - g->said_ms >= STILL_MS && g->story.tasks.nr) {
		const struct render_task *task = &g->story.tasks.v[0];
		char time[24];

		render_time(time, now_ms - task->begin_ms);
		buf_add_str(&line, "still at it: ");
		render_add_clean(&line, task->text);
		buf_addf(&line, ", %s", time);
		if (g->story.tasks.nr > 1)
			buf_addf(&line, " (and %zu more)", g->story.tasks.nr - 1);
		write_line(g, &line);
	}
	pthread_mutex_unlock(&g->lock);
}

/* What comes now is no section's. */
static void gitlab_finish(struct render *r)
{
	struct gitlab *g = CONTAINER_OF(r, struct gitlab, base);

	pthread_mutex_lock(&g->lock);
	while (g->nr) {
		close_first(g);
		if (g->nr)
			open_first(g);
	}
	pthread_mutex_unlock(&g->lock);
}

static void gitlab_last_words(struct render *r)
{
	struct gitlab *g = CONTAINER_OF(r, struct gitlab, base);
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);

	if (!g->story.last.nr)
		return;
	render_story_last_words(&g->story, true, &out);
	write_line(g, &out);
}

static void gitlab_free(struct render *r)
{
	struct gitlab *g = CONTAINER_OF(r, struct gitlab, base);

	for (size_t i = 0; i < g->nr; i++)
		section_release(&g->v[i]);
	free(g->v);
	render_story_release(&g->story);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

struct render *render_gitlab_new(struct clock *clock, const char *tool, bool color)
{
	struct gitlab *g = mem_zalloc(sizeof(*g));

	g->base = (struct render){ .progress = { gitlab_emit },
				   .finish = gitlab_finish,
				   .last_words = gitlab_last_words,
				   .tick = gitlab_tick,
				   .free = gitlab_free };
	g->story = (struct render_story){ .clock = clock, .color = color };
	g->tool = tool;
	g->said_ms = clock->mono_ms(clock);
	pthread_mutex_init(&g->lock, NULL);
	return &g->base;
}

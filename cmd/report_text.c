/* The lines for a log, the JSON, and what all three forms share. */
#include "cmd/report.h"

#include "base/mem.h"
#include "cmd/render.h"

#define LINES_MAX 5 /* of files in a log */

static const char *const outcomes[] = { "done", "cached", "failed" };

size_t report_count(const struct report *r, enum fact_outcome outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nr_steps; i++)
		n += r->steps[i].outcome == outcome;
	return n;
}

size_t report_unread(const struct report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->weight->nr; i++)
		n += !r->weight->layers[i].is_read;
	return n;
}

void report_growth(char out[32], const struct report *r)
{
	uint64_t before = r->weight->before_bytes;
	bool less = r->size_bytes < before;
	char bytes[24];

	*out = '\0';
	if (!r->weight->before)
		return;
	render_bytes(bytes, less ? before - r->size_bytes : r->size_bytes - before);
	snprintf(out, 32, "%s%s", less ? "-" : "+", bytes);
}

/* -- text ---------------------------------------------------------------------------------- */

static void text_layer(struct buf *out, const struct report *r, size_t i)
{
	const struct weight_layer *l = &r->weight->layers[i];
	char bytes[24];

	render_bytes(bytes, l->size_bytes);
	buf_addf(out, "  %8s  %3.0f%%  %.60s%s\n", bytes,
		 r->size_bytes ? 100.0 * (double)l->size_bytes / (double)r->size_bytes : 0.0,
		 l->by[0] ? l->by : l->digest.text, l->is_base ? " (base)" : "");
}

static void text_files(struct buf *out, const char *head, const struct weight_list *l)
{
	for (size_t i = 0; i < l->nr && i < LINES_MAX; i++) {
		char bytes[24];

		render_bytes(bytes, l->v[i].size_bytes);
		if (i == 0)
			buf_addf(out, "%s\n", head);
		buf_addf(out, "  %8s  %s\n", bytes, l->v[i].path);
	}
}

static void text_steps(struct buf *out, const struct report *r)
{
	for (size_t i = 0; i < r->nr_steps; i++) {
		const struct fact *s = &r->steps[i];
		char time[24];

		render_time(time, s->end_ms - s->begin_ms);
		buf_addf(out, "  %8s  %.70s%s%s\n", s->outcome == FACT_CACHED ? "cached" : time,
			 s->text, s->why ? ": " : "", s->why ? s->why : "");
	}
}

/* One stage is the whole build. */
static void text_stages(struct buf *out, const struct report *r)
{
	auto_report_stages struct report_stages s;

	report_stages_init(&s, r);
	for (size_t i = 0; s.nr > 1 && i < s.nr; i++) {
		char time[24];

		render_time(time, s.v[i].end_ms - s.v[i].begin_ms);
		buf_addf(out, "  %8s  stage " SPAN_FMT ", %zu steps, %zu of them cached\n", time,
			 SPAN_ARG(s.v[i].name), s.v[i].nr_steps, s.v[i].nr_cached);
	}
}

void report_text(struct buf *out, const struct report *r)
{
	char time[24], bytes[24], growth[32];

	render_time(time, r->took_ms);
	render_bytes(bytes, r->size_bytes);
	report_growth(growth, r);
	buf_addf(out, "%zu steps in %s, %zu of them cached\n", r->nr_steps, time,
		 report_count(r, FACT_CACHED));
	text_stages(out, r);
	text_steps(out, r);
	buf_addf(out, "%zu layers, %s", r->weight->nr, bytes);
	if (*growth)
		buf_addf(out, " (%s against %s)", growth, r->weight->before);
	buf_add_char(out, '\n');
	for (size_t i = 0; i < r->weight->nr; i++)
		text_layer(out, r, i);
	if (report_unread(r))
		buf_addf(out, "files of %zu layers are not on this machine\n", report_unread(r));
	text_files(out, "largest files", &r->weight->files);
	render_bytes(bytes, r->weight->hidden_bytes);
	if (r->weight->hidden_bytes)
		buf_addf(out, "%s are added by one layer and hidden by a later one\n", bytes);
	text_files(out, "the largest of these", &r->weight->hidden);
}

/* -- JSON ------------------------------------------------------------------------------------ */

static void json_str(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "\"%s\": ", name);
	buf_add_json(out, value);
}

static void json_files(struct buf *out, const char *name, const struct weight_list *l)
{
	buf_addf(out, ",\n  \"%s\": [", name);
	for (size_t i = 0; i < l->nr; i++) {
		buf_add_str(out, i ? ",\n    {" : "\n    {");
		json_str(out, "path", l->v[i].path);
		buf_addf(out, ", \"bytes\": %ju, \"layer\": %zu}", (uintmax_t)l->v[i].size_bytes,
			 l->v[i].layer);
	}
	buf_add_char(out, ']');
}

static void json_step(struct buf *out, const struct fact *s)
{
	json_str(out, "text", s->text);
	buf_addf(out, ", \"outcome\": \"%s\", \"begin_ms\": %jd, \"end_ms\": %jd",
		 outcomes[s->outcome], (intmax_t)s->begin_ms, (intmax_t)s->end_ms);
	if (!s->why)
		return;
	buf_add_str(out, ", ");
	json_str(out, "not_cached", s->why);
}

static void json_stages(struct buf *out, const struct report *r)
{
	auto_report_stages struct report_stages s;

	report_stages_init(&s, r);
	buf_add_str(out, ",\n  \"stages\": [");
	for (size_t i = 0; i < s.nr; i++) {
		auto_free char *name = span_dup(s.v[i].name);

		buf_add_str(out, i ? ",\n    {" : "\n    {");
		json_str(out, "name", name);
		buf_addf(out,
			 ", \"steps\": %zu, \"cached\": %zu, \"begin_ms\": %jd, \"end_ms\": %jd}",
			 s.v[i].nr_steps, s.v[i].nr_cached, (intmax_t)s.v[i].begin_ms,
			 (intmax_t)s.v[i].end_ms);
	}
	buf_add_char(out, ']');
}

static void json_layer(struct buf *out, const struct weight_layer *l)
{
	json_str(out, "digest", l->digest.text);
	buf_addf(out, ", \"bytes\": %ju, \"base\": %s, \"read\": %s, ", (uintmax_t)l->size_bytes,
		 l->is_base ? "true" : "false", l->is_read ? "true" : "false");
	json_str(out, "created_by", l->by);
}

void report_json(struct buf *out, const struct report *r)
{
	const struct build_weight *w = r->weight;

	buf_add_str(out, "{\n  ");
	json_str(out, "name", r->name);
	buf_add_str(out, ",\n  ");
	json_str(out, "digest", r->digest);
	buf_add_str(out, ",\n  ");
	json_str(out, "input", r->input);
	buf_addf(out,
		 ",\n  \"bytes\": %ju,\n  \"reused\": %s,\n  \"took_ms\": %jd,\n  \"steps\": [",
		 (uintmax_t)r->size_bytes, r->is_reused ? "true" : "false", (intmax_t)r->took_ms);
	for (size_t i = 0; i < r->nr_steps; i++) {
		buf_add_str(out, i ? "},\n    {" : "\n    {");
		json_step(out, &r->steps[i]);
	}
	buf_add_str(out, r->nr_steps ? "}]" : "]");
	json_stages(out, r);
	buf_add_str(out, ",\n  \"layers\": [");
	for (size_t i = 0; i < w->nr; i++) {
		buf_add_str(out, i ? "},\n    {" : "\n    {");
		json_layer(out, &w->layers[i]);
	}
	buf_add_str(out, w->nr ? "}]" : "]");
	json_files(out, "files", &w->files);
	json_files(out, "hidden", &w->hidden);
	buf_addf(out, ",\n  \"hidden_bytes\": %ju", (uintmax_t)w->hidden_bytes);
	if (w->before) {
		buf_add_str(out, ",\n  \"before\": {");
		json_str(out, "name", w->before);
		buf_addf(out, ", \"bytes\": %ju}", (uintmax_t)w->before_bytes);
	}
	buf_add_str(out, "\n}\n");
}

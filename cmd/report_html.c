/*
 * Bars are inline SVG, colours are variables that a dark page gives other values. Every text is
 * somebody's Dockerfile: it is escaped, whatever it is.
 */
#include "base/mem.h"
#include "cmd/render.h"
#include "cmd/report.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<link rel=\"icon\" href=\"data:,\">\n<style>\n"
	":root { --fg: #1c2430; --dim: #667085; --bg: #fff; --line: #e4e7ec; --bar: #2f6fde; "
	"--pale: #a9c2f2; --bad: #c4320a; --base: #98a2b3 }\n"
	"@media (prefers-color-scheme: dark) { :root { --fg: #e6e9ef; --dim: #98a2b3; --bg: #12161d; "
	"--line: #2a313c; --bar: #6ea1ff; --pale: #3f5c97; --bad: #ff8a65; --base: #56606f } }\n"
	"body { font: 15px/1.45 system-ui, sans-serif; color: var(--fg); background: var(--bg); "
	"max-width: 1000px; margin: 2em auto; padding: 0 1em }\n"
	"h1 { font-size: 1.4em; overflow-wrap: anywhere } h2 { font-size: 1.1em; margin-top: 2em }\n"
	"p { margin: .3em 0 } .dim { color: var(--dim) }\n"
	"table { border-collapse: collapse; width: 100%; table-layout: fixed }\n"
	"td, th { border-bottom: 1px solid var(--line); padding: .3em .5em; text-align: left; "
	"vertical-align: top; overflow-wrap: anywhere }\n"
	"th { color: var(--dim); font-weight: normal }\n"
	".n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; width: 6em }\n"
	".w { width: 32% } code { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap }\n"
	"svg { display: block; width: 100%; height: 14px; margin-top: 4px }\n"
	".track { fill: var(--line) } .done { fill: var(--bar) } .cached { fill: var(--pale) } "
	".failed { fill: var(--bad) } .base { fill: var(--base) }\n"
	"</style>\n";

static void add_text(struct buf *out, const char *p)
{
	size_t n;

	for (; p && *p; p += n) {
		n = render_control(p);
		if (*p == '<')
			buf_add_str(out, "&lt;");
		else if (*p == '>')
			buf_add_str(out, "&gt;");
		else if (*p == '&')
			buf_add_str(out, "&amp;");
		else if (*p == '"')
			buf_add_str(out, "&quot;");
		else if (*p == '\'')
			buf_add_str(out, "&#39;");
		else if (n)
			buf_add_str(out, *p == '\t' || *p == '\n' ? " " : "\xef\xbf\xbd");
		else
			buf_add(out, p, render_char(p));
		if (!n)
			n = render_char(p);
	}
}

static void bar_begin(struct buf *out)
{
	buf_add_str(
		out,
		"<svg viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		"<rect class=\"track\" y=\"6\" width=\"1000\" height=\"2\"/>");
}

/* From and to in thousandths of the width; what is too short to be seen is seen all the same. */
static void bar_part(struct buf *out, const char *class, double from, double to)
{
	double width = to - from < 8 ? 8 : to - from;

	if (from > 992)
		from = 992;
	buf_addf(out, "<rect class=\"%s\" x=\"%.0f\" width=\"%.0f\" height=\"14\"/>", class, from,
		 width);
}

static void add_bar(struct buf *out, const char *class, double from, double to)
{
	bar_begin(out);
	bar_part(out, class, from, to);
	buf_add_str(out, "</svg>");
}

static double thousandths(uint64_t part, uint64_t whole)
{
	return whole ? 1000.0 * (double)part / (double)whole : 0;
}

/* -- steps --------------------------------------------------------------------------------- */

static void bar_step(struct buf *out, const struct report *r, const struct fact *s)
{
	static const char *const classes[] = { "done", "cached", "failed" };
	uint64_t all = r->took_ms > 0 ? (uint64_t)r->took_ms : 1;

	bar_part(out, classes[s->outcome], thousandths((uint64_t)s->begin_ms, all),
		 thousandths((uint64_t)s->end_ms, all));
}

static void add_step(struct buf *out, const struct report *r, const struct fact *s)
{
	char time[24];

	render_time(time, s->end_ms - s->begin_ms);
	buf_add_str(out, "<tr><td><code>");
	add_text(out, s->text);
	buf_add_str(out, "</code>");
	if (s->why) {
		buf_add_str(out, "<p class=\"dim\">not cached: ");
		add_text(out, s->why);
		buf_add_str(out, "</p>");
	}
	buf_addf(out, "</td><td class=\"n\">%s</td><td class=\"w\">",
		 s->outcome == FACT_CACHED ? "cached" : time);
	bar_begin(out);
	bar_step(out, r, s);
	buf_add_str(out, "</svg></td></tr>\n");
}

/* Its steps on one bar, one behind the other. */
static void add_stage(struct buf *out, const struct report *r, const struct report_stage *stage)
{
	auto_free char *name = span_dup(stage->name);
	char time[24];

	render_time(time, stage->end_ms - stage->begin_ms);
	buf_add_str(out, "<tr><td><code>");
	add_text(out, name);
	buf_addf(out,
		 "</code></td><td class=\"n\">%zu</td><td class=\"n\">%zu</td>"
		 "<td class=\"n\">%s</td><td class=\"w\">",
		 stage->nr_steps, stage->nr_cached, time);
	bar_begin(out);
	for (size_t i = 0; i < r->nr_steps; i++)
		if (span_eq(report_stage_of(&r->steps[i]), stage->name))
			bar_step(out, r, &r->steps[i]);
	buf_add_str(out, "</svg></td></tr>\n");
}

/* One stage is the whole build. */
static void add_stages(struct buf *out, const struct report *r)
{
	auto_report_stages struct report_stages s;

	report_stages_init(&s, r);
	if (s.nr < 2)
		return;
	buf_add_str(out, "<h2>Stages</h2>\n<table id=\"stages\">\n<tr><th>stage</th>"
			 "<th class=\"n\">steps</th><th class=\"n\">cached</th>"
			 "<th class=\"n\">time</th><th class=\"w\">when</th></tr>\n");
	for (size_t i = 0; i < s.nr; i++)
		add_stage(out, r, &s.v[i]);
	buf_add_str(out, "</table>\n");
}

static void add_steps(struct buf *out, const struct report *r)
{
	char time[24];

	render_time(time, r->took_ms);
	buf_addf(out, "<h2>Steps</h2>\n<p>%zu steps in %s, %zu of them cached (pale)</p>\n",
		 r->nr_steps, time, report_count(r, FACT_CACHED));
	buf_add_str(out, "<table id=\"steps\">\n<tr><th>step</th><th class=\"n\">time</th>"
			 "<th class=\"w\">when</th></tr>\n");
	for (size_t i = 0; i < r->nr_steps; i++)
		add_step(out, r, &r->steps[i]);
	buf_add_str(out, "</table>\n");
}

/* -- layers ---------------------------------------------------------------------------------- */

static void add_layer(struct buf *out, const struct report *r, size_t i)
{
	const struct weight_layer *l = &r->weight->layers[i];
	double share = thousandths(l->size_bytes, r->size_bytes);
	char bytes[24];

	render_bytes(bytes, l->size_bytes);
	buf_addf(out, "<tr><td class=\"n\">%zu</td><td><code>", i + 1);
	add_text(out, l->by[0] ? l->by : "?");
	buf_addf(out, "</code><p class=\"dim\">%.19s%s</p></td><td class=\"n\">%s</td>",
		 l->digest.text, l->is_base ? ", of the base" : "", bytes);
	buf_addf(out, "<td class=\"n\">%.1f %%</td><td class=\"w\">", share / 10);
	add_bar(out, l->is_base ? "base" : "done", 0, share);
	buf_add_str(out, "</td></tr>\n");
}

static void add_layers(struct buf *out, const struct report *r)
{
	buf_add_str(out, "<h2>Layers</h2>\n<table id=\"layers\">\n<tr><th class=\"n\">layer</th>"
			 "<th>made by</th><th class=\"n\">size</th><th class=\"n\">share</th>"
			 "<th class=\"w\"></th></tr>\n");
	for (size_t i = 0; i < r->weight->nr; i++)
		add_layer(out, r, i);
	buf_add_str(out, "</table>\n");
	if (report_unread(r))
		buf_addf(out,
			 "<p class=\"dim\">Files of %zu layers are not on the machine of the "
			 "build: what follows does not count them.</p>\n",
			 report_unread(r));
}

static void add_files(struct buf *out, const char *title, const char *id, const char *layer,
		      const struct weight_list *l)
{
	if (!l->nr)
		return;
	buf_addf(out,
		 "<h2>%s</h2>\n<table id=\"%s\">\n<tr><th>file</th><th class=\"n\">%s</th>"
		 "<th class=\"n\">size</th><th class=\"w\"></th></tr>\n",
		 title, id, layer);
	for (size_t i = 0; i < l->nr; i++) {
		char bytes[24];

		render_bytes(bytes, l->v[i].size_bytes);
		buf_add_str(out, "<tr><td><code>/");
		add_text(out, l->v[i].path);
		buf_addf(out,
			 "</code></td><td class=\"n\">%zu</td><td class=\"n\">%s</td>"
			 "<td class=\"w\">",
			 l->v[i].layer + 1, bytes);
		add_bar(out, "done", 0, thousandths(l->v[i].size_bytes, l->v[0].size_bytes));
		buf_add_str(out, "</td></tr>\n");
	}
	buf_add_str(out, "</table>\n");
}

/* -- the page ---------------------------------------------------------------------------------- */

static void add_summary(struct buf *out, const struct report *r)
{
	char bytes[24], hidden[24], growth[32];

	render_bytes(bytes, r->size_bytes);
	render_bytes(hidden, r->weight->hidden_bytes);
	report_growth(growth, r);
	buf_addf(out, "<p id=\"size\"><b>%s</b> in %zu layers", bytes, r->weight->nr);
	if (*growth) {
		buf_addf(out, ", %s against <code>", growth);
		add_text(out, r->weight->before);
		buf_add_str(out, "</code>");
	}
	buf_add_str(out, "</p>\n");
	if (r->weight->hidden_bytes)
		buf_addf(out,
			 "<p id=\"hidden-bytes\">%s are added by one layer and hidden by a "
			 "later one: everybody downloads them, nobody sees them.</p>\n",
			 hidden);
	if (r->is_reused)
		buf_add_str(out,
			    "<p>Nothing was built: an image of the same input was there.</p>\n");
	buf_addf(out, "<p class=\"dim\">image <code>%s</code></p>\n", r->digest);
	if (r->input[0])
		buf_addf(out, "<p class=\"dim\">input <code>%s</code></p>\n", r->input);
}

void report_html(struct buf *out, const struct report *r)
{
	buf_add_str(out, head);
	buf_add_str(out, "<title>build of ");
	add_text(out, r->name);
	buf_add_str(out, "</title>\n</head>\n<body>\n<h1>");
	add_text(out, r->name);
	buf_add_str(out, "</h1>\n");
	add_summary(out, r);
	add_stages(out, r);
	add_steps(out, r);
	add_layers(out, r);
	add_files(out, "Largest files", "files", "layer", &r->weight->files);
	add_files(out, "Added, then hidden", "hidden", "hidden by", &r->weight->hidden);
	buf_add_str(out, "</body>\n</html>\n");
}

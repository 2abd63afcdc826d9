/*
 * Warnings and targets. Text shows a warning with the lines it is about and two around them;
 * columns of a table are as wide as what is in them.
 */
#include "oci/dockerfile/report.h"

#include "base/code_quality.h"
#include "base/hash.h"
#include "base/mem.h"
#include "oci/dockerfile/report_table.h"

#define LINES_AROUND 2
#define LINES_MAX    12 /* of one warning; a long instruction is cut */
#define RULE_LINE    "--------------------\n"

/* -- check: text --------------------------------------------------------------------- */

/* Text that is safe for a terminal: no control bytes but tabs. */
static void add_safe(struct buf *out, struct span line)
{
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];

		buf_add_char(out, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : (char)c);
	}
}

/*
 * Warnings come by line, so the file is gone through once for all of them: *rest begins at line
 * *nr, which is never behind the first line to show.
 */
struct excerpt {
	struct span rest;
	unsigned nr;
};

static void add_excerpt(struct buf *out, struct excerpt at, const struct lint_warning *w)
{
	unsigned shown = 0;
	struct span line;

	buf_add_str(out, RULE_LINE);
	for (unsigned nr = at.nr; span_line(&at.rest, &line); nr++) {
		bool marked = nr >= w->line && nr <= w->last_line;

		if (nr + LINES_AROUND < w->line)
			continue;
		if (nr > w->last_line + LINES_AROUND || shown++ == LINES_MAX)
			break;
		buf_addf(out, "%4u | %s ", nr, marked ? ">>>" : "   ");
		add_safe(out, span_head(span_rtrim(line), 200));
		buf_add_char(out, '\n');
	}
	buf_add_str(out, RULE_LINE);
}

/* To where the first line to show of w begins. */
static void excerpt_advance(struct excerpt *at, const struct lint_warning *w)
{
	struct span line;

	while (at->nr + LINES_AROUND < w->line && span_line(&at->rest, &line))
		at->nr++;
}

void report_check(struct buf *out, const struct dockerfile *df, const struct lint *lint)
{
	struct excerpt at = { .rest = span_of_str(df->text), .nr = 1 };

	if (!lint->nr) {
		buf_add_str(out, "Check complete, no warnings found.\n");
		return;
	}
	buf_addf(out, "Check complete, %zu warning%s found!\n", lint->nr,
		 lint->nr == 1 ? " has been" : "s have been");
	for (size_t i = 0; i < lint->nr && !out->over; i++) {
		const struct lint_warning *w = &lint->v[i];
		char url[LINT_URL_MAX];

		lint_url(url, w->rule);
		buf_addf(out, "\nWARNING: %s - %s\n", w->rule, url);
		add_safe(out, span_of_str(w->detail));
		buf_addf(out, "\n%s:%u\n", df->file, w->line);
		excerpt_advance(&at, w);
		add_excerpt(out, at, w);
	}
}

/* -- check: JSON ----------------------------------------------------------------------- */

static void add_field(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\"%s\": ", key);
	buf_add_json(out, value);
}

static void add_location(struct buf *out, unsigned line, unsigned last_line)
{
	buf_addf(
		out,
		"\"location\": {\"ranges\": [{\"start\": {\"line\": %u}, \"end\": {\"line\": %u}}]}",
		line, last_line);
}

static void add_warning(struct buf *out, const struct lint_warning *w)
{
	char url[LINT_URL_MAX];

	lint_url(url, w->rule);
	buf_add_str(out, "    {");
	add_field(out, "ruleName", w->rule);
	buf_add_str(out, ", ");
	add_field(out, "description", w->about);
	buf_add_str(out, ", ");
	add_field(out, "url", url);
	buf_add_str(out, ", ");
	add_field(out, "detail", w->detail);
	buf_add_str(out, ", ");
	add_location(out, w->line, w->last_line);
	buf_add_char(out, '}');
}

void report_check_json(struct buf *out, const char *file, struct span text, const struct lint *lint,
		       const char *error)
{
	auto_free char *data = base64_encode(text, false);

	buf_add_str(out, "{\n  \"warnings\": [");
	for (size_t i = 0; i < lint->nr; i++) {
		buf_add_str(out, i ? ",\n" : "\n");
		add_warning(out, &lint->v[i]);
	}
	buf_add_str(out, lint->nr ? "\n  ],\n" : "],\n");
	if (error) {
		buf_add_str(out, "  \"buildError\": {");
		add_field(out, "message", error);
		buf_add_str(out, "},\n");
	}
	buf_add_str(out, "  \"sources\": [{");
	add_field(out, "fileName", file);
	buf_addf(out, ", \"language\": \"Dockerfile\", \"data\": \"%s\"}]\n}\n", data);
}

/* A secret in an image is everybody's; the rest is taste, or a surprise for later. */
static const char *severity_of(const struct lint_warning *w)
{
	return strcmp(w->rule, "SecretsUsedInArgOrEnv") == 0 ? "critical" : "minor";
}

void report_check_quality(struct code_quality *out, const struct dockerfile *df, const char *path,
			  const struct lint *lint)
{
	for (size_t i = 0; i < lint->nr; i++) {
		const struct lint_warning *w = &lint->v[i];

		code_quality_add(
			out, &(struct code_issue){
				     .check = w->rule,
				     .text = w->detail ? w->detail : w->about,
				     .severity = severity_of(w),
				     .path = path,
				     .line = w->line,
				     .source = code_quality_line(span_of_str(df->text), w->line) });
	}
}

/* -- targets --------------------------------------------------------------------------- */

const char *report_description(const struct dockerfile_instr *in, const char *name)
{
	struct span doc = span_of_str(in->doc), first;

	if (!in->doc)
		return "";
	if (name && span_word(&doc, &first) && span_eq_nocase(first, name))
		return span_ltrim(doc).p;
	return in->doc;
}

static bool is_last(const struct dockerfile *df, size_t i)
{
	return i + 1 == df->nr_stages;
}

void report_targets(struct buf *out, const struct dockerfile *df)
{
	CLEANUP(report_table_release) struct report_table t = { .nr_columns = 2 };

	report_table_row(&t, (const char *const[]){ "TARGET", "DESCRIPTION" });
	for (size_t i = 0; i < df->nr_stages; i++) {
		const struct dockerfile_instr *from = &df->stages[i].from;
		auto_free char *name = mem_printf("%s%s", from->name ? from->name : "",
						  is_last(df, i) ? " (default)" : "");

		if (from->name || is_last(df, i))
			report_table_row(
				&t, (const char *const[]){ *name == ' ' ? name + 1 : name,
							   report_description(from, from->name) });
	}
	report_table_print(out, &t);
}

void report_targets_json(struct buf *out, const struct dockerfile *df)
{
	buf_add_str(out, "{\n  \"targets\": [\n");
	for (size_t i = 0; i < df->nr_stages; i++) {
		const struct dockerfile_instr *from = &df->stages[i].from;

		buf_add_str(out, "    {");
		if (from->name) {
			add_field(out, "name", from->name);
			buf_add_str(out, ", ");
		}
		if (is_last(df, i))
			buf_add_str(out, "\"default\": true, ");
		if (from->doc) {
			add_field(out, "description", report_description(from, from->name));
			buf_add_str(out, ", ");
		}
		add_field(out, "base", from->words.v[0]);
		buf_add_str(out, ", ");
		if (from->platform) {
			add_field(out, "platform", from->platform);
			buf_add_str(out, ", ");
		}
		add_location(out, from->line, from->last_line);
		buf_add_str(out, is_last(df, i) ? "}\n" : "},\n");
	}
	buf_add_str(out, "  ]\n}\n");
}

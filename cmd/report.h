/*
 * The report of a build: how long each step took and why, what the image weighs and where. Pure: the same
 * facts give the same bytes. As a page that needs nothing beside it (no script, no other file), as
 * JSON, and as lines for a log.
 */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include "base/buf.h"
#include "base/span.h"
#include "cmd/facts.h"
#include "oci/build/weigh.h"

struct report {		  /* all borrowed */
	const char *name; /* what was built, for people */
	const char *digest, *input;
	uint64_t size_bytes;
	bool is_reused;
	int64_t took_ms;
	const struct fact *steps;
	size_t nr_steps;
	const struct build_weight *weight;
};

void report_html(struct buf *out, const struct report *r);
void report_json(struct buf *out, const struct report *r);
/* Lines, each with its end. */
void report_text(struct buf *out, const struct report *r);

/* The stages of a build, in the order in which they began; from the first of its steps to the end of its last. */
struct report_stage {
	struct span name; /* borrowed from the steps */
	int64_t begin_ms, end_ms;
	size_t nr_steps, nr_cached;
};
struct report_stages {
	struct report_stage *v;
	size_t nr, cap;
};
void report_stages_init(struct report_stages *s, const struct report *r);
void report_stages_release(struct report_stages *s);
#define auto_report_stages CLEANUP(report_stages_release)
/* The stage that a step belongs to. */
struct span report_stage_of(const struct fact *step);

/* Shared by these: how many steps have an outcome; in how many layers nobody has looked. */
size_t report_count(const struct report *r, enum fact_outcome outcome);
size_t report_unread(const struct report *r);
/* "+1.2 MB" against what was before; "" when that is not known. out holds 32 bytes. */
void report_growth(char out[32], const struct report *r);

#endif

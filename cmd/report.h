/*
 * The report of a build: how long each step took and why, what the image weighs and where. Pure: the same
 * facts give the same bytes. As a page that needs nothing beside it (no script, no other file), as
 * JSON, and as lines for a log.
 */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include "base/buf.h"
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

/* Shared by these: how many steps have an outcome; in how many layers nobody has looked. */
size_t report_count(const struct report *r, enum fact_outcome outcome);
size_t report_unread(const struct report *r);
/* "+1.2 MB" against what was before; "" when that is not known. out holds 32 bytes. */
void report_growth(char out[32], const struct report *r);

#endif

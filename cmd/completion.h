/*
 * What a shell needs to complete a tool's options, made of the tool's own tables. What a value can be is
 * told by what the usage calls it: FILE, DIR, or words split at '|'.
 */
#ifndef CMD_COMPLETION_H
#define CMD_COMPLETION_H

#include "base/buf.h"
#include "cmd/opts.h"

struct completion {
	const char *tool;
	const struct opt_table *tables;
	size_t nr;
	const struct strv
		*commands; /* first word that is no option; empty: these words are files */
};

/* The script for "bash", "zsh" or "fish". ERR_INPUT: there is none for that shell. */
int completion_write(struct buf *out, const struct completion *c, const char *shell, struct err *e)
	MUST_CHECK;

#endif

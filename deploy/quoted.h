/*
 * What a message quotes of a user's file, where not all of that may be seen. Pure.
 */
#ifndef DEPLOY_QUOTED_H
#define DEPLOY_QUOTED_H

#include "base/cc.h"
#include "base/span.h"
#include "base/strv.h"

struct quoted_from {
	struct span line, shown; /* the line, and what is shown of it */
	struct span value; /* what is wrong, as it was read: escapes are undone; empty: not known */
	const struct strv *variables; /* NAME=VALUE of those used up to there; NULL: none */
};

/*
 * A copy of the message. Where something of the line, of the value or of a variable that the value names is hidden,
 * "***" stands for each word in 'ticks' that is not in what is shown of them; elsewhere for one that holds a hidden
 * value of another variable. Secrets within words are hidden by deploy/mask.h.
 */
char *quoted_hide(const char *message, const struct quoted_from *from) MUST_CHECK;
/* The same without a look at the file: all that is in ticks is one "***". */
char *quoted_hide_all(const char *message) MUST_CHECK;

#endif

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
	const struct strv *
		variables; /* NAME=VALUE of those whose values may stand in the message; NULL: none */
};

/*
 * A copy of the message with "***" for each word in 'ticks' that the line, the value or a variable's value has, and
 * what may be shown of that has not. Secrets within words are hidden by deploy/mask.h; our own words stay.
 */
char *quoted_hide(const char *message, const struct quoted_from *from) MUST_CHECK;

#endif

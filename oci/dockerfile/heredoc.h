/*
 * Here-documents in a line: which words open one (docker's rule, not the shell's), and the tabs
 * that "<<-" takes off a body.
 */
#ifndef OCI_DOCKERFILE_HEREDOC_H
#define OCI_DOCKERFILE_HEREDOC_H

#include "base/span.h"

struct heredoc_word {
	char *name;  /* the delimiter, quotes undone; owned by the caller */
	bool expand; /* no part of it was quoted */
	bool tabs;   /* "<<-" */
};

/* Whether text, blanks skipped, begins with a word that opens one; it is taken off then. */
bool heredoc_take(struct heredoc_word *out, struct span *text);
/* The next such word in text, which goes on behind it; false: there is none. */
bool heredoc_next(struct heredoc_word *out, struct span *text);
/* Whether text is such a word and nothing else ("RUN <<EOF"). */
bool heredoc_is_lone(struct span text);

/* Without the tabs at the start of each line. Owned by the caller. */
char *heredoc_untab(struct span body) MUST_CHECK;

#endif

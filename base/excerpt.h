/*
 * The lines of a user's file that an error is about, shown above its text with the place marked:
 *	Dockerfile:3
 *	     3 | FORM python:3
 *	       | ^^^^
 * At most six lines; long ones are cut around the mark. Whoever does this first for an error knows
 * best; later calls change nothing.
 */
#ifndef BASE_EXCERPT_H
#define BASE_EXCERPT_H

#include "base/err.h"
#include "base/span.h"

/* Lines line to last_line of text, word marked where it first stands in them; word may be empty, or
 * not be there. Passwords in addresses are left out. line 0: nothing is shown. */
void excerpt_word(struct err *e, const char *file, struct span text, unsigned line,
		  unsigned last_line, struct span word);

/* The line itself, `n` columns of it marked from `column` on (from 1, in characters; 0: nothing
 * is marked). What is secret in it the caller has left out. */
void excerpt_line(struct err *e, const char *file, unsigned nr, struct span line, unsigned column,
		  size_t n);

#endif

/*
 * Examples: a file with an input, and beside it files with what is to come out. GOLDEN=1 in the
 * environment writes those instead; read the difference before keeping it.
 */
#ifndef TESTS_FAKES_EXAMPLE_H
#define TESTS_FAKES_EXAMPLE_H

#include "base/span.h"

/* STEM.SUFFIX in dirfd holds `got`; no text at all means no such file. -1: it does not, and that was
 * printed. dir: for messages. */
int example_compare(int dirfd, const char *dir, const char *stem, const char *suffix,
		    struct span got) MUST_CHECK;

#endif

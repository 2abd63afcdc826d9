/*
 * Files that options name for results. That their folders are there is looked at before any work; they are
 * written when all is done, before the line on standard output.
 */
#ifndef CMD_RESULT_FILES_H
#define CMD_RESULT_FILES_H

#include "base/cc.h"
#include "base/err.h"

struct result_file {
	const char *option, *path; /* path NULL: nobody wants it */
	const char *text;
};

/* ERR_ABSENT and the like, with the option's name: what would be lost at the end. */
int result_files_check(const struct result_file *v, size_t n, struct err *e) MUST_CHECK;
int result_files_write(const struct result_file *v, size_t n, struct err *e) MUST_CHECK;

#endif

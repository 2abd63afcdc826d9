/*
 * What was found in files, as GitLab's code-quality report: a JSON array that merge requests show beside
 * the lines. Owns its text: _init, _add, _finish, _release.
 *
 * A finding is known again by its fingerprint, over what it says, the path, and the text of its line (not
 * its number): lines that move above it make no new one. Equal findings are numbered.
 */
#ifndef BASE_CODE_QUALITY_H
#define BASE_CODE_QUALITY_H

#include "base/buf.h"
#include "base/strv.h"

#define CODE_QUALITY_MAX (16u << 20)

struct code_issue {	      /* all borrowed */
	const char *check;    /* "StageNameCasing" */
	const char *text;     /* a sentence for people */
	const char *severity; /* info, minor, major, critical, blocker */
	const char *path;     /* from the repository's root: code_quality_path */
	unsigned line;	      /* from 1 */
	struct span source;   /* that line */
};
struct code_quality {
	struct buf out;
	struct strv seen; /* fingerprints */
};

void code_quality_init(struct code_quality *q);
void code_quality_add(struct code_quality *q, const struct code_issue *issue);
/* The whole report; q's. Nothing may be added afterwards. */
const char *code_quality_finish(struct code_quality *q);
void code_quality_release(struct code_quality *q);
#define auto_code_quality CLEANUP(code_quality_release)

/* file as seen from cwd -> as seen from root, when it is in there, else as it is, cleaned. root: where the
 * repository is checked out (CI_PROJECT_DIR); NULL: cwd. Owned by the caller. */
char *code_quality_path(const char *file, const char *cwd, const char *root) MUST_CHECK;

/* The text of a line, counted from 1; empty when there is none. */
struct span code_quality_line(struct span text, unsigned line);

#endif

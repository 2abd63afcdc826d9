/*
 * What a file for a deploy may mean to say and better would not: secrets in plain text, the
 * engine's socket in a container, and their kin. Looked for in the text as it stands, before
 * variables are filled in: a ${VARIABLE} is no literal. Pure.
 *
 * A finding never holds a value of the file.
 */
#ifndef DEPLOY_LINT_H
#define DEPLOY_LINT_H

#include <jansson.h>

#include "base/strv.h"
#include "deploy/yaml.h"

enum lint_severity { LINT_INFO, LINT_MINOR, LINT_MAJOR, LINT_BLOCKER };

struct lint_finding {
	const char *check; /* "literal-secret", static */
	char *file, *text; /* one line */
	unsigned line;
	enum lint_severity severity;
};

struct lint {
	struct lint_finding *v;
	size_t nr, cap;
};

/* Adds what is found in one document. */
void deploy_lint(struct lint *out, const char *file, const struct deploy_yaml *doc);
/* A reader's line, "FILE:LINE:COLUMN: text" or "FILE: text": takes it apart. */
void lint_add_message(struct lint *out, const char *check, enum lint_severity severity,
		      const char *message);
size_t lint_count(const struct lint *l, enum lint_severity least);
/* "orcinus.yml:7: literal-secret: …" */
char *lint_line(const struct lint_finding *f) MUST_CHECK;
/*
 * GitLab's code quality report. A fingerprint is made of everything but the line, so that a finding
 * that moves is not a new one.
 */
json_t *lint_code_quality(const struct lint *l) MUST_CHECK;
void lint_release(struct lint *l);
#define auto_lint CLEANUP(lint_release)

#endif

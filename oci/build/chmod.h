/*
 * The value of --chmod: an octal number, or a list as chmod(1) takes it ("u=rwX,go=rX").
 *
 * Nobody's umask counts: a clause that names no one means all.
 */
#ifndef OCI_BUILD_CHMOD_H
#define OCI_BUILD_CHMOD_H

#include <sys/types.h>

#include "base/err.h"

#define CHMOD_CLAUSES_MAX 64

struct chmod_clause {
	char op;	 /* '+' '-' '=' */
	mode_t affected; /* the bits of those it names */
	mode_t named;	 /* bits that are written in it: setuid and setgid among them */
	mode_t bits;	 /* r w x s t of all, to be cut to affected */
	bool x_if_any;	 /* X */
	char like;	 /* 'u' 'g' 'o': as they are; 0: not */
};

struct chmod_rule {
	bool is_octal;
	mode_t mode; /* when is_octal */
	struct chmod_clause clauses[CHMOD_CLAUSES_MAX];
	size_t nr;
};

/* ERR_INPUT: it is neither. */
int chmod_parse(struct chmod_rule *out, const char *text, struct err *e) MUST_CHECK;

/* What an entry of this mode (with its type) gets, 0 to 07777. */
mode_t chmod_apply(const struct chmod_rule *r, mode_t mode);

#endif

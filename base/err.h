/*
 * What went wrong: a value on the caller's stack, the last parameter of
 * everything that can fail. Functions return 0 or -1; after -1 the err holds
 * a kind (which decides the exit status) and one line of text.
 *
 *	struct err e = ERR_INIT;
 *	if (thing_open(&t, path, &e) < 0)
 *		return err_wrap(&e, "stage '%s'", name);   // "stage 'x': open '…': …"
 *
 * Text: what was attempted, on what, why; no capital, no full stop, user text
 * in 'ticks', never a secret. Control bytes of foreign text are shown escaped.
 * Library code never prints; cmd/ prints an err once. e may not be NULL.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

#include "base/cc.h"

struct span;

enum err_kind {
	ERR_NONE = 0,
	ERR_FAILED,	 /* the work itself failed: a RUN exited non-zero */
	ERR_INPUT,	 /* what the user wrote is wrong (file and line in the text) */
	ERR_DENIED,	 /* credentials, certificate or signature refused */
	ERR_ABSENT,	 /* no such image, tag, file, service */
	ERR_UNAVAILABLE, /* the remote side did not serve us, after all retries */
	ERR_TIMEOUT,	 /* a time limit of ours was reached */
	ERR_IMPOSSIBLE,	 /* not possible here: no sandbox, disk full */
	ERR_CORRUPT,	 /* bytes are not what their digest or format promises */
	ERR_CANCELLED,	 /* SIGINT or SIGTERM; cmd exits with 128+n */
	ERR_ROLLED_BACK, /* deploy failed, the previous version runs again */
	ERR_STUCK,	 /* deploy failed and could not be rolled back */
	ERR_LOCKED,	 /* another deploy holds the lock */
	ERR_CHANGES,	 /* a plan shows changes, and whoever asked wants that told by the status */
	ERR_KINDS
};

#define ERR_TEXT_MAX	2048
#define ERR_EXCERPT_MAX 2048

struct err {
	enum err_kind kind;
	int sys;		 /* errno when a system call failed, else 0 */
	char text[ERR_TEXT_MAX]; /* always terminated; long text ends in "…" */
	/* where it is in something of the user's: whole lines, shown above the text; mostly empty */
	char excerpt[ERR_EXCERPT_MAX];
};

#define ERR_INIT ((struct err){ .kind = ERR_NONE })

/* All three return -1, so that `return err_set(…)` reads well. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_FMT(3, 4);
int err_vset(struct err *e, enum err_kind kind, const char *fmt, va_list ap) PRINTF_FMT(3, 0);

/*
 * A system call failed: kind from errno (ENOENT is ERR_ABSENT; ENOSPC and EDQUOT are
 * ERR_IMPOSSIBLE; all else is ERR_FAILED), text "<fmt>: <strerror>".
 */
int err_sys(struct err *e, const char *fmt, ...) PRINTF_FMT(2, 3);

/* Puts "<fmt>: " before the text; kind stays. ERR_CANCELLED is left as it is: where a signal found
 * us says nothing. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_FMT(2, 3);

/* Where it was a disk that is full: puts "the disk of '<where>' is full: " before the text. Who is
 * closest knows which disk; only the first counts. Always -1. */
int err_full_disk(struct err *e, const char *where);

/* Sets the excerpt to the lines that fit, unless there is one: who is closest knows best. */
void err_excerpt(struct err *e, struct span lines);

void err_clear(struct err *e);

#endif

/*
 * Child programs: start one, feed it, read what it says, wait for its end; or talk with one
 * for as long as it is needed.
 * The only place besides oci/run that makes processes. Used for small helpers
 * (credential helpers, ssh); RUN commands are oci/run's.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"
#include "base/op.h"
#include "base/strv.h"

struct proc_spec {
	const char *const *argv; /* argv[0] is looked up in PATH */
	const struct strv *env;	 /* NULL: our own environment */
	struct span input;	 /* given on stdin; empty: /dev/null */
	size_t output_max;  /* ceiling for each of stdout and stderr; more is dropped (buf.over) */
	int64_t timeout_ms; /* 0: none */
};
struct proc_result {
	int status; /* as waitpid gives it */
	struct buf out, err;
};

#define auto_proc_result CLEANUP(proc_result_release)

/*
 * Runs to the end. 0 also when the program exits non-zero: look at status.
 * ERR_ABSENT: no such program. ERR_TIMEOUT, ERR_CANCELLED: it was killed, with its process group
 * (it leads its own).
 * No descriptor of ours but 0-2 reaches the child.
 */
int proc_run(struct proc_result *out, const struct op *op, const struct proc_spec *spec,
	     struct err *e) MUST_CHECK;
void proc_result_release(struct proc_result *r);

/*
 * A program that runs beside us. Its stdin and stdout are one socket, whose other end somebody here holds: when that
 * is closed, by whatever ends us, it reads the end of its input. It leads a session of its own, so it
 * can ask nobody anything at the terminal.
 */
struct proc_talk {
	pid_t pid;  /* 0: none, or it was ended */
	int err;    /* its stderr; read by proc_talk_said */
	int status; /* as waitpid gives it, once it has ended */
	bool has_ended;
};
/* fd: its end of the socket; the caller's copy stays the caller's. ERR_ABSENT: no such program. */
int proc_talk_start(struct proc_talk *out, int fd, const char *const *argv, struct err *e)
	MUST_CHECK;
/* Adds what it has said on stderr since the last call; of all that, the last that `out` has room for is kept. Whoever
 * does not call this now and then lets it wait for its words to be read. One that never stops is heard for as much as
 * a pipe holds at the most. */
void proc_talk_said(struct proc_talk *t, struct buf *out);
/* Has it ended by itself? Waits up to wait_ms for that, and meanwhile hears what it says (said: NULL: nobody does). */
bool proc_talk_has_ended(struct proc_talk *t, struct buf *said, int64_t wait_ms);
/* Ends it with all it started: SIGTERM, and SIGKILL when a second later it is still there. */
void proc_talk_end(struct proc_talk *t);

/* "exit status 7", "exit status 137 (128 + 9: SIGKILL)", "killed by SIGSEGV (Segmentation fault)" into text. */
void proc_describe(char *text, size_t size, int status);

#endif

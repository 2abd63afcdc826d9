/*
 * Connections that a program of ours serves instead of a server in the network: a place inside this machine that
 * a client connects to, and whoever waits for the answer meanwhile takes the connection and hands it to `serve`.
 * (libcurl could be given a connected socket, but 7.88 connects it once more.)
 *
 * The place has no name in any folder: it is reached by a descriptor of ours, and connections of other processes are
 * sent away. Thread-safe: it does not matter which of several waiting threads takes a connection.
 *
 * What else is to be looked at while somebody waits (what the program says beside) is watched with it.
 */
#ifndef BASE_DIAL_H
#define BASE_DIAL_H

#include "base/cc.h"
#include "base/err.h"
#include "base/op.h"

struct dial {
	int fd;	       /* readable: there is something for dial_serve */
	int listening; /* where connections come in */
	int place;     /* what path leads to */
	char path[32]; /* of the Unix socket, in this process */
	/* fd is the other side's, until serve returns: who needs it longer has it by then. */
	int (*serve)(struct dial *d, struct op *op, int fd, struct err *e);
	void (*look)(struct dial *d); /* called before that, each time; NULL: nothing is watched */
};

int dial_open(struct dial *d, struct err *e) MUST_CHECK; /* serve and look are left alone */
/* Until it is closed. */
int dial_watch(struct dial *d, int fd, struct err *e) MUST_CHECK;
void dial_close(struct dial *d);
/* Takes the connections that wait. -1: one could not be served. */
int dial_serve(struct dial *d, struct op *op, struct err *e) MUST_CHECK;

#endif

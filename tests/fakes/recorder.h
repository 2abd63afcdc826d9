/*
 * A progress that writes down what it hears, one line per event:
 *
 *	begin app: [app 1/2] RUN make
 *	tick app 10/20			(only when ticks are wanted)
 *	line app 1: hello
 *	end app 20			("end app 20: text" when there is one)
 *	cached app: exists
 *	fail app: exit status 7
 *	note: pushed
 *	warn: no limit
 *
 * Thread-safe; lines of several threads come in the order they were emitted.
 *
 *	struct recorder rec;
 *	struct op op = { .progress = recorder_init(&rec), … };
 *	…
 *	assert_string_equal("note: pushed\n", recorder_text(&rec));
 *	recorder_release(&rec);
 */
#ifndef TESTS_FAKES_RECORDER_H
#define TESTS_FAKES_RECORDER_H

#include <pthread.h>

#include "base/buf.h"
#include "base/progress.h"

struct recorder {
	struct progress base;
	bool ticks; /* write ticks down, too; false after init */
	pthread_mutex_t lock;
	struct buf text;
};

struct progress *recorder_init(struct recorder *r);
void recorder_release(struct recorder *r);
const char *recorder_text(const struct recorder *r);
bool recorder_has(const struct recorder *r, const char *part); /* somewhere in the text */
void recorder_clear(struct recorder *r);

#define auto_recorder CLEANUP(recorder_release)

#endif

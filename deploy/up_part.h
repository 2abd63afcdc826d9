/*
 * What the files of a deploy share: the run and its services. up.c brings them there, up_network.c makes what
 * they join, up_end.c decides what becomes of a run that does not go well, up_back.c asks for the way back,
 * up_history.c remembers one that did.
 */
#ifndef DEPLOY_UP_PART_H
#define DEPLOY_UP_PART_H

#include "deploy/history.h"
#include "deploy/lock.h"
#include "deploy/reconcile.h"
#include "deploy/up.h"
#include "deploy/watch.h"

/* One service of the stack on its way. */
struct up_item {
	struct deploy_action *action;
	struct engine_service
		now; /* where it was not as planned any more when it was to be written */
	char *id;
	size_t wave;
	json_t *back;  /* borrowed: spec to go back to; NULL: there was none */
	bool remade;   /* the old one was removed for it; id is NULL while there is no new one */
	bool begun;    /* written to the engine, or found half way */
	bool in_doubt; /* begun, but nobody knows whether the write has arrived */
	bool has_outcome;
	enum deploy_verb verb;
	struct deploy_rollout rollout;
};

struct up {
	struct op *op;
	struct engine *eng;
	const struct deploy_stack *stack;
	struct deploy_options options;	  /* the caller's, and the number of this deploy */
	const struct deploy_options *opt; /* these */
	struct deploy_history history;	  /* before this run, where it is known */
	bool has_history;
	struct engine_state state;
	struct deploy_plan plan;
	struct engine_tasks tasks; /* before this run, of those where that matters */
	struct up_item *items;
	size_t nr;
	int64_t began_ms;
	struct deploy_lock lock; /* held from the first write to the end */
	bool was_cut_off;	 /* the lock of a run that was, was there */
	struct op unstoppable;	 /* for what is left when all run */
};

/* What went wrong on the way back is kept in *why; the first such thing counts. */
struct way_back {
	bool asked; /* for anything */
	bool restored, removed;
	struct strv left; /* quoted names: without a way back, and not as they are to be */
	struct err why;
};

const char *up_item_name(const struct up_item *it);
void up_item_settle(struct up_item *it, enum deploy_verb verb);
/* Its watch begins, of the way forth or back to spec. */
void up_item_start(struct up *u, struct up_item *it, const json_t *spec, bool taking_back);
/* The value of X-Registry-Auth for the service's image; NULL: none. Owned by the caller. */
char *up_item_auth(struct up *u, const struct up_item *it);
/* -1. e: why the one that was removed was not created. The lock lost stays that. */
int up_item_is_gone(struct err *e);

/* Those that the plan misses. */
int up_networks(struct up *u, struct err *e) MUST_CHECK;
/*
 * A service was refused, *e says why. 0: a network of the stack's was on its way out, is made again, and the plan's
 * specs have the new one: it may be tried once more. -1: that was not it, or *e says why it cannot be.
 */
int up_network_again(struct up *u, struct err *e) MUST_CHECK;

/* Those that have begun, watched with one loop. WATCH_ALL_ENDED is for the way back. */
int up_watch(struct up *u, enum watch_until until, struct err *e) MUST_CHECK;

/* Asks for all that this run wrote to be written back; does not wait for it. */
void up_undo(struct up *u, struct way_back *b);
void up_stuck(struct way_back *b, struct up_item *it, enum err_kind kind, const char *why);

/* A write was refused, or the watch broke off. -1, and *e says what became of it. */
int up_broke_off(struct up *u, bool may_undo, struct err *e) MUST_CHECK;
/* All that was watched has ended, or one has failed: then -1, and *e says what became of it. */
int up_settle(struct up *u, struct err *e) MUST_CHECK;

/* Before the first write: which number this deploy has. Labels the plan's specs with it. */
int up_history_begin(struct up *u, struct err *e) MUST_CHECK;
/* All went well, and no signal stops the rest: it is recorded, and secrets and configs that nobody can come back to are
 * removed. ERR_LOCKED: the lock was lost before that. */
int up_end_well(struct up *u, struct err *e) MUST_CHECK;

void up_report(struct deploy_outcome *outcomes, size_t *nr, const struct up *u);

#endif

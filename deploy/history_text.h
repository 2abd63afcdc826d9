/*
 * The history for people and for programs. Pure.
 */
#ifndef DEPLOY_HISTORY_TEXT_H
#define DEPLOY_HISTORY_TEXT_H

#include "base/buf.h"
#include "deploy/history.h"
#include "deploy/history_running.h"

/* Lines, the newest first, each beginning with the revision; the last without its end. */
void deploy_history_text(struct buf *out, const struct deploy_history *h,
			 const struct deploy_running *running);
json_t *deploy_history_json(const struct deploy_history *h, const struct deploy_running *running)
	MUST_CHECK;

/* "revision 3 of 2026-01-02T03:04:05Z (commit c0ffee12, pipeline 41)". Owned by the caller. */
char *deploy_record_words(const struct deploy_record *r) MUST_CHECK;

#endif

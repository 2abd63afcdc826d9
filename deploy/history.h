/*
 * What was deployed here before: a config object of the swarm for each deploy of an owner (project and scope)
 * that changed something and went well, "cdeploy-KEY-REVISION" (KEY: deploy_owner_key). Its labels say
 * who, when, and from where; its data is the stack as it was rendered (history_stack.h). The newest ten are kept.
 *
 * Revisions count up from 1. Each service carries that of the deploy that wrote it last (io.cdeploy.revision),
 * so the highest one there is what runs. A deploy that fails or is cut short leaves no record, and its number may be
 * missing. Whoever was killed between the deploy and its record is helped by the next run: when it finds
 * nothing to write, and no record of what runs, it writes that.
 *
 * A name is taken once only, so that two who count alike do not both write.
 *
 * This part is pure: it reads what the engine lists. history_keep.h asks and writes.
 */
#ifndef DEPLOY_HISTORY_H
#define DEPLOY_HISTORY_H

#include "deploy/config_object.h"
#include "deploy/owner.h"
#include "deploy/state.h"

#define DEPLOY_HISTORY_KEPT 10
/* Ten digits at most, for the engine takes names of 64 bytes. */
#define DEPLOY_REVISION_MAX UINT32_MAX

/* Labels of a record, beside those of owner.h. */
#define DEPLOY_LABEL_USER     DEPLOY_LABEL_PREFIX "user"
#define DEPLOY_LABEL_JOB      DEPLOY_LABEL_PREFIX "job"
#define DEPLOY_LABEL_TIME     DEPLOY_LABEL_PREFIX "time"
#define DEPLOY_LABEL_DETACHED DEPLOY_LABEL_PREFIX "detached"

struct deploy_record {
	uint64_t revision;
	struct config_object object;
	json_t *body; /* NULL: it cannot be read, and why says so */
	struct err why;
};

struct deploy_history {
	struct deploy_record *v; /* the newest first */
	size_t nr, cap;
};

/* The name of an owner's records, and what all of them begin with. Owned by the caller. */
char *deploy_history_name(const struct deploy_owner *o, uint64_t revision) MUST_CHECK;
char *deploy_history_prefix(const struct deploy_owner *o) MUST_CHECK;

/* Those of list (config objects) that are the owner's records. ERR_CORRUPT: no list of objects. */
int deploy_history_read(struct deploy_history *out, const json_t *list,
			const struct deploy_owner *o, struct err *e) MUST_CHECK;
void deploy_record_release(struct deploy_record *r);
void deploy_history_release(struct deploy_history *h);
#define auto_deploy_history CLEANUP(deploy_history_release)

/* NULL: the record has no such label. Borrowed. */
const char *deploy_record_label(const struct deploy_record *r, const char *key);
/* The revision that this one went back to; 0: it was no rollback. */
uint64_t deploy_record_back_to(const struct deploy_record *r);
/* NULL: no such record. Borrowed. */
const struct deploy_record *deploy_history_find(const struct deploy_history *h, uint64_t revision);

/* What a service's label says; 0: none. */
uint64_t deploy_history_revision_of(const json_t *spec);
/* The same of the revision that its rollback was on the way to; 0: no rollback wrote it. */
uint64_t deploy_history_back_to_of(const json_t *spec);
/* The highest of the owner's services; 0: none of them has one. */
uint64_t deploy_history_highest(const struct engine_state *s, const struct deploy_owner *o);
/* The number of the next deploy: above all records, and above what runs. */
uint64_t deploy_history_next(const struct deploy_history *h, const struct engine_state *s,
			     const struct deploy_owner *o);
/* The record of what runs; NULL: nothing does, or what does was not recorded. s: all of the owner's services. */
const struct deploy_record *deploy_history_running(const struct deploy_history *h,
						   const struct engine_state *s,
						   const struct deploy_owner *o);

/* What wrote the owner's services last was not recorded: the revision it was on the way back to; 0: no rollback. */
uint64_t deploy_history_cut_short(const struct engine_state *s, const struct deploy_owner *o);

/*
 * Where `rollback` goes. wanted 0: to the one before the one that runs. What a rollback went back to counts
 * for it, so the second one goes further back and not to what was wrong. running NULL: to where one that
 * was cut short was on its way (cut_short, if not 0), else to the newest. ERR_ABSENT: there is none.
 */
int deploy_history_target(const struct deploy_record **out, const struct deploy_history *h,
			  const struct deploy_record *running, uint64_t cut_short, uint64_t wanted,
			  struct err *e) MUST_CHECK;

#endif

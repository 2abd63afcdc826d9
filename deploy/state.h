/*
 * What the swarm says about itself, read into small structs: services, their tasks,
 * networks. The *_read functions take documents (pure; hostile ones are
 * ERR_CORRUPT), the *_get functions ask the engine.
 *
 * Owns what it holds. Specs stay JSON: a spec that is sent back for a rollback must
 * keep fields that we know nothing of.
 */
#ifndef DEPLOY_STATE_H
#define DEPLOY_STATE_H

#include <jansson.h>

#include "base/err.h"
#include "base/op.h"
#include "base/strv.h"
#include "deploy/engine.h"

/* In the order a task goes through them; beyond RUNNING it has ended. */
enum task_state {
	TASK_NEW,
	TASK_ALLOCATED,
	TASK_PENDING,
	TASK_ASSIGNED,
	TASK_ACCEPTED,
	TASK_PREPARING,
	TASK_READY,
	TASK_STARTING,
	TASK_RUNNING,
	TASK_COMPLETE,
	TASK_SHUTDOWN,
	TASK_FAILED,
	TASK_REJECTED,
	TASK_REMOVE,
	TASK_ORPHANED,
};

enum update_state {
	UPDATE_NONE, /* the engine has nothing to say: no update, or one just accepted */
	UPDATE_UPDATING,
	UPDATE_PAUSED,
	UPDATE_COMPLETED,
	UPDATE_ROLLBACK_STARTED,
	UPDATE_ROLLBACK_PAUSED,
	UPDATE_ROLLBACK_COMPLETED,
};

struct engine_task {
	char *id, *service; /* ids */
	char *node;	    /* id; "" as long as none has taken it */
	enum task_state state, desired;
	char *why; /* task_error(Status.Err); "" as long as nothing is wrong */
	int64_t exit_code;
	uint64_t
		job_iteration; /* of the service when the task was made; 0: of no job, or its first run */
	bool up_to_date;       /* made from the service's present spec */
};

struct engine_tasks {
	struct engine_task *v; /* by service, then by id */
	size_t nr, cap;
};

struct engine_service {
	char *id, *name;
	uint64_t version; /* Version.Index: what an update must quote */
	json_t *spec;
	json_t *previous; /* PreviousSpec; NULL: none */
	enum update_state update;
	char *update_message;
	uint64_t job_iteration;	   /* how often a job was run anew */
	bool is_counted;	   /* the engine said the next two (API 1.41) */
	uint64_t running, desired; /* tasks, whatever spec they are of */
	uint64_t completed;	   /* of a job, in its present run */
};

struct engine_network {
	char *id, *name;
	bool usable; /* of the swarm, or one of the engine's own (host, none, bridge) */
};

struct engine_object {
	bool is_secret; /* else a config */
	char *id, *name;
	struct strv labels; /* KEY=VALUE */
	char *data;	    /* of a config, base64; NULL: not said */
};

struct engine_state {
	struct engine_service *services;
	size_t nr, cap;
	struct engine_network *networks;
	size_t nr_networks, cap_networks;
	struct engine_object *objects; /* objects.h */
	size_t nr_objects, cap_objects;
};

const char *task_state_name(enum task_state s);
int task_state_read(enum task_state *out, const char *name, struct err *e)
	MUST_CHECK; /* ERR_CORRUPT */
/*
 * What the engine says of a task that went wrong, for people: secrets hidden, ids short (digests are not), and what is
 * wrong not behind the names of all the programs that it came through. Owned by the caller.
 */
char *task_error(const char *why) MUST_CHECK;
const char *update_state_name(enum update_state s); /* "" for UPDATE_NONE */

/*
 * What the engine lists at path (which may have a query) with filters={"key":[values…]}; key NULL: all.
 * New reference, an array. NULL: *e says why.
 */
json_t *engine_list(struct op *op, struct engine *eng, const char *path, const char *key,
		    const struct strv *values, struct err *e) MUST_CHECK;

int engine_service_read(struct engine_service *out, const json_t *o, struct err *e) MUST_CHECK;
/* up_to_date: the answer of the same question with the filter _up-to-date. */
int engine_tasks_read(struct engine_tasks *out, const json_t *all, const json_t *up_to_date,
		      struct err *e) MUST_CHECK;
int engine_networks_read(struct engine_state *out, const json_t *list, struct err *e) MUST_CHECK;

/* ERR_ABSENT: no such service. id may be a name. */
int engine_service_get(struct engine_service *out, struct op *op, struct engine *eng,
		       const char *id, struct err *e) MUST_CHECK;
/* Those of all these services: two questions, however many services. Without ids none are asked. */
int engine_tasks_get(struct engine_tasks *out, struct op *op, struct engine *eng,
		     const struct strv *service_ids, struct err *e) MUST_CHECK;
/* Those of one service, borrowed from all: must not be released. */
struct engine_tasks engine_tasks_of(const struct engine_tasks *all, const char *service_id);
/* Those of these ids that exist: one question. */
int engine_services_get(struct engine_state *out, struct op *op, struct engine *eng,
			const struct strv *ids, struct err *e) MUST_CHECK;
/* Those of these exact names that exist. */
int engine_state_get(struct engine_state *out, struct op *op, struct engine *eng,
		     const struct strv *services, const struct strv *networks, struct err *e)
	MUST_CHECK;

/* Adds the services that carry the project's label, as far as they are not there yet. */
int engine_state_add_owned(struct engine_state *s, struct op *op, struct engine *eng,
			   const char *project, struct err *e) MUST_CHECK;

/* The engine's answer to path?filters={key: values}, a list; its filters are loose. NULL: *e. */
json_t *engine_list(struct op *op, struct engine *eng, const char *path, const char *key,
		    const struct strv *values, struct err *e) MUST_CHECK;

/* NULL: none. Borrowed. Of two networks with one name the usable one. */
const struct engine_service *engine_state_service(const struct engine_state *s, const char *name);
const struct engine_service *engine_state_service_by_id(const struct engine_state *s,
							const char *id);
const struct engine_network *engine_state_network(const struct engine_state *s, const char *name);

/* The engine goes on with its update, or its way back, only when told to. */
bool engine_service_is_paused(const struct engine_service *s);

/* The image of a service spec; "" when it has none. Borrowed. */
const char *engine_spec_image(const json_t *spec);

void engine_service_release(struct engine_service *s);
void engine_tasks_release(struct engine_tasks *t);
void engine_state_release(struct engine_state *s);
#define auto_engine_service CLEANUP(engine_service_release)
#define auto_engine_tasks   CLEANUP(engine_tasks_release)
#define auto_engine_state   CLEANUP(engine_state_release)

#endif

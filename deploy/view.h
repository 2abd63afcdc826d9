/*
 * What runs, for people and programs: the services of a project and their tasks, read from the
 * engine's lists, as tables that users of docker know and as JSON. Changes nothing, and asks
 * no registry.
 */
#ifndef DEPLOY_VIEW_H
#define DEPLOY_VIEW_H

#include "base/buf.h"
#include "deploy/owner.h"
#include "deploy/state.h"

struct view_service {
	struct engine_service s;
	const char *mode; /* "replicated" "global" "replicated-job" "global-job" */
	char *ports;	  /* "*:8080->80/tcp, *:53->53/udp" */
	char *image;	  /* short: spec_short_image */
};

struct view_task {
	char *id;
	char *service; /* its name */
	char *name;    /* "web.1"; of a global service "web.NODE" */
	char *image, *node, *error;
	enum task_state state, desired;
	int64_t since_ns; /* of the state */
	uint64_t slot;
	bool has_container; /* and so perhaps a log */
	bool node_is_down;
};

struct view {
	struct view_service *services; /* by name */
	size_t nr, cap;
	struct strv
		absent; /* "NAME", "NAME (of project 'x')": of the file, not there or not ours */
	struct view_task *tasks; /* by name, the newest first */
	size_t nr_tasks, cap_tasks;
};

/* Which services: the owner's (NULL: anybody's); with names only those of them. */
struct view_filter {
	const struct deploy_owner *owner;
	/* as a file has them; a service of a compose stack is called STACK_NAME. NULL: all */
	const struct strv *names;
};

/* Whether a file that has `name` means this service: by its own name, or behind the stack's. */
bool view_is_called(const struct engine_service *s, const char *name);

/* From the documents of /services and /tasks, /nodes; pure. ERR_CORRUPT. */
int view_read_services(struct view *v, const json_t *list, const struct view_filter *f,
		       struct err *e) MUST_CHECK;
int view_read_tasks(struct view *v, const json_t *list, const json_t *nodes, struct err *e)
	MUST_CHECK;

/* One question; with_tasks: three. */
int view_get(struct view *v, struct op *op, struct engine *eng, const struct view_filter *f,
	     bool with_tasks, struct err *e) MUST_CHECK;
/* The tasks of v's services. */
int view_get_tasks(struct view *v, struct op *op, struct engine *eng, struct err *e) MUST_CHECK;
/* Those that are to run first, and the newest first; for whoever cannot look at all. */
void view_tasks_newest_first(struct view *v);
/* A service of this name, or of the project by a file's name for it. ERR_ABSENT. Borrowed. */
const struct view_service *view_find(const struct view *v, const char *name);
void view_release(struct view *v);
#define auto_view CLEANUP(view_release)

/* Lines, the last without its end. now_ns: wall time, for "3 minutes ago". */
void view_status_text(struct buf *out, const struct view *v);
void view_ps_text(struct buf *out, const struct view *v, int64_t now_ns);
json_t *view_status_json(const struct view *v) MUST_CHECK;
json_t *view_ps_json(const struct view *v) MUST_CHECK;

#endif

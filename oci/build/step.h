/*
 * Instructions, carried out: one function each, found by table.
 */
#ifndef OCI_BUILD_STEP_H
#define OCI_BUILD_STEP_H

#include "oci/build/stage.h"

struct step {
	struct job *job;
	struct stage *stage;
	const struct plan_step *plan;
	const struct dockerfile_instr *instr; /* plan->instr */
	const char *id;			      /* of progress and of its directory */
	const char *what;		      /* "Dockerfile:3: RUN make" */
	const char *text;		      /* "RUN make" */
	bool is_cached;			      /* its layer was found, not made */
};

/* Is it something to wait for (shown and counted), or only a note in the configuration? */
bool step_is_work(enum dockerfile_kind kind);
/* Errors carry no place: the caller wraps. */
int step_carry_out(struct step *s, struct err *e) MUST_CHECK;

/* Of an EXPOSE before its turn: the ports in which no variable stands. */
int step_expose_check(const struct dockerfile_instr *in, char escape, struct err *e) MUST_CHECK;

/* A line of history is not longer. */
#define STEP_HISTORY_MAX (4u << 20)

/* -- the functions behind the table -- */
int step_add(struct step *s, struct err *e);
int step_arg(struct step *s, struct err *e);
int step_cmd(struct step *s, struct err *e);
int step_copy(struct step *s, struct err *e);
int step_entrypoint(struct step *s, struct err *e);
int step_env(struct step *s, struct err *e);
int step_expose(struct step *s, struct err *e);
int step_healthcheck(struct step *s, struct err *e);
int step_label(struct step *s, struct err *e);
int step_maintainer(struct step *s, struct err *e);
int step_onbuild(struct step *s, struct err *e);
int step_run(struct step *s, struct err *e);
int step_shell(struct step *s, struct err *e);
int step_stopsignal(struct step *s, struct err *e);
int step_user(struct step *s, struct err *e);
int step_volume(struct step *s, struct err *e);
int step_workdir(struct step *s, struct err *e);

/* exec form: the words; shell form: the stage's shell and the text. */
void step_command(struct strv *out, const struct step *s);

#endif

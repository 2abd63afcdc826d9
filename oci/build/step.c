/*
 * The table of instructions.
 */
#include "oci/build/step.h"

#include <assert.h>

struct step_rule {
	int (*carry_out)(struct step *s, struct err *e);
	bool is_work;
};

static const struct step_rule rules[] = {
	[DOCKERFILE_ADD] = { step_add, true },
	[DOCKERFILE_ARG] = { step_arg, false },
	[DOCKERFILE_CMD] = { step_cmd, false },
	[DOCKERFILE_COPY] = { step_copy, true },
	[DOCKERFILE_ENTRYPOINT] = { step_entrypoint, false },
	[DOCKERFILE_ENV] = { step_env, false },
	[DOCKERFILE_EXPOSE] = { step_expose, false },
	[DOCKERFILE_HEALTHCHECK] = { step_healthcheck, false },
	[DOCKERFILE_MAINTAINER] = { step_maintainer, false },
	[DOCKERFILE_ONBUILD] = { step_onbuild, false },
	[DOCKERFILE_SHELL] = { step_shell, false },
	[DOCKERFILE_STOPSIGNAL] = { step_stopsignal, false },
	[DOCKERFILE_VOLUME] = { step_volume, false },
	[DOCKERFILE_LABEL] = { step_label, false },
	[DOCKERFILE_RUN] = { step_run, true },
	[DOCKERFILE_USER] = { step_user, false },
	[DOCKERFILE_WORKDIR] = { step_workdir, true },
};

static const struct step_rule *rule_of(enum dockerfile_kind kind)
{
	assert((size_t)kind < ARRAY_LEN(rules) && rules[kind].carry_out);
	return &rules[kind];
}

bool step_is_work(enum dockerfile_kind kind)
{
	return rule_of(kind)->is_work;
}

int step_carry_out(struct step *s, struct err *e)
{
	return rule_of(s->instr->kind)->carry_out(s, e);
}

void step_command(struct strv *out, const struct step *s)
{
	const struct oci_config *c = s->stage->state.config;

	if (s->instr->exec_form) {
		strv_copy(out, &s->instr->words);
		return;
	}
	if (c->shell.n) {
		strv_copy(out, &c->shell);
	} else {
		strv_add(out, "/bin/sh");
		strv_add(out, "-c");
	}
	strv_copy(out, &s->instr->words);
}

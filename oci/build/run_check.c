/*
 * Ids may hold variables, which are known only when their RUN's turn comes: such a mount may be
 * asking for anything.
 */
#include "oci/build/run_check.h"

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/step.h"
#include "oci/dockerfile/message.h"

int run_check(const struct dockerfile_instr *run, const struct run_options *o, struct err *e)
{
	const char *network = run->network, *security = run->security;

	if (network && strcmp(network, "default") != 0 && strcmp(network, "host") != 0 &&
	    strcmp(network, "none") != 0)
		return err_set(e, ERR_INPUT, "unsupported network mode '%.100s'", network);
	if (network && strcmp(network, "host") == 0 && o->no_network && !o->allows_host_network)
		return err_set(e, ERR_INPUT,
			       "--network=host is not allowed: the build was given --network=none "
			       "(and no --allow network.host)");
	if (security && strcmp(security, "insecure") == 0)
		return err_set(e, ERR_INPUT,
			       "--security=insecure cannot be had: every RUN is run "
			       "with docker's default rights");
	if (security && strcmp(security, "sandbox") != 0)
		return err_set(e, ERR_INPUT, "unsupported security mode '%.100s'", security);
	return 0;
}

bool run_has_no_network(const struct dockerfile_instr *run, const struct run_options *o)
{
	const char *network = run->network;

	return network && strcmp(network, "default") != 0 ? strcmp(network, "none") == 0
							  : o->no_network;
}

/* Of a secret or an agent, unexpanded; NULL: none. */
static const char *asked_id(const struct dockerfile_mount *m)
{
	const char *slash = m->target ? strrchr(m->target, '/') : NULL;

	if (m->id)
		return m->id;
	if (m->type == DOCKERFILE_MOUNT_SSH)
		return "default";
	return slash ? slash + 1 : m->target;
}

static bool asks_for(const struct dockerfile_mount *m, enum dockerfile_mount_type type,
		     const char *id)
{
	const char *asked = m->type == type ? asked_id(m) : NULL;

	return asked && (strchr(asked, '$') || strcmp(asked, id) == 0);
}

static bool is_asked_for(const struct dockerfile_plan *plan, enum dockerfile_mount_type type,
			 const char *id)
{
	for (size_t i = 0; i < plan->nr; i++)
		for (size_t k = 0; k < plan->stages[i].nr; k++) {
			const struct dockerfile_instr *in = plan->stages[i].steps[k].instr;

			for (size_t m = 0; m < in->nr_mounts; m++)
				if (asks_for(&in->mounts[m], type, id))
					return true;
		}
	return false;
}

int run_secret_missing(struct err *e, const char *id)
{
	return err_set(e, ERR_INPUT, "secret %s: not found (--secret id=%s,src=FILE gives it)",
		       id ? id : "", id ? id : "ID");
}

static int check_secrets(const struct dockerfile *df, const struct dockerfile_instr *in,
			 const struct run_options *o, struct err *e)
{
	(void)df;
	for (size_t i = 0; i < in->nr_mounts; i++) {
		const struct dockerfile_mount *m = &in->mounts[i];
		const char *id = m->type == DOCKERFILE_MOUNT_SECRET ? asked_id(m) : NULL;

		if (id && m->required && !strchr(id, '$') && !run_options_find_secret(o, id))
			return run_secret_missing(e, id);
	}
	return 0;
}

static int lacks(struct err *e, const struct sandbox *s, const char *what)
{
	return err_set(e, ERR_IMPOSSIBLE,
		       "%s cannot be had with --isolation=%s: that needs "
		       "namespaces and mounts",
		       what, s->bare);
}

static int check_bare(const struct dockerfile_instr *in, const struct run_options *o,
		      const struct sandbox *s, struct err *e)
{
	if (in->kind != DOCKERFILE_RUN)
		return 0;
	if (run_has_no_network(in, o))
		return lacks(e, s, "--network=none");
	if (o->shm_bytes)
		return lacks(e, s, "--shm-size");
	for (size_t i = 0; i < in->nr_mounts; i++)
		if (in->mounts[i].type == DOCKERFILE_MOUNT_TMPFS && in->mounts[i].size)
			return lacks(e, s, "size= of a tmpfs");
	return 0;
}

static int check_instr(const struct dockerfile *df, const struct dockerfile_instr *in,
		       const struct run_options *o, struct err *e)
{
	if (in->kind == DOCKERFILE_RUN)
		return run_check(in, o, e);
	return in->kind == DOCKERFILE_EXPOSE ? step_expose_check(in, df->escape, e) : 0;
}

typedef int check_fn(const struct dockerfile *df, const struct dockerfile_instr *in,
		     const struct run_options *o, struct err *e);

static int at_instr(struct err *e, const struct dockerfile_plan *plan,
		    const struct dockerfile_instr *in)
{
	message_excerpt_instr(e, plan->file, in);
	return err_wrap(e, "%s:%u: " MESSAGE_FMT, plan->file->file, in->line,
			MESSAGE_ARG(span_of_str(in->text)));
}

static int check_stage(const struct dockerfile_plan *plan, const struct plan_stage *st,
		       check_fn *check, const struct run_options *o, struct err *e)
{
	for (size_t i = 0; i < st->nr; i++)
		if (check(plan->file, st->steps[i].instr, o, e) < 0)
			return at_instr(e, plan, st->steps[i].instr);
	return 0;
}

static int check_all(const struct dockerfile_plan *plan, check_fn *check,
		     const struct run_options *o, struct err *e)
{
	for (size_t i = 0; i < plan->nr; i++)
		if (check_stage(plan, &plan->stages[i], check, o, e) < 0)
			return -1;
	return 0;
}

int run_check_plan(const struct dockerfile_plan *plan, const struct run_options *o, struct err *e)
{
	return check_all(plan, check_instr, o, e);
}

int run_check_sandbox(const struct dockerfile_plan *plan, const struct run_options *o,
		      const struct sandbox *s, struct err *e)
{
	for (size_t i = 0; s && s->bare && i < plan->nr; i++)
		for (size_t k = 0; k < plan->stages[i].nr; k++) {
			const struct dockerfile_instr *in = plan->stages[i].steps[k].instr;

			if (check_bare(in, o, s, e) < 0)
				return at_instr(e, plan, in);
		}
	return 0;
}

int run_check_secrets(const struct dockerfile_plan *plan, const struct run_options *o,
		      struct err *e)
{
	return check_all(plan, check_secrets, o, e);
}

void run_check_unused(struct progress *p, const struct dockerfile_plan *plan,
		      const struct run_options *o)
{
	for (size_t i = 0; i < o->nr_secrets; i++)
		if (!is_asked_for(plan, DOCKERFILE_MOUNT_SECRET, o->secrets[i].id))
			progress_warn(p, "--secret id=%s: no RUN asks for it", o->secrets[i].id);
	for (size_t i = 0; i < o->nr_ssh; i++)
		if (!is_asked_for(plan, DOCKERFILE_MOUNT_SSH, o->ssh[i].id))
			progress_warn(p, "--ssh %s: no RUN asks for it", o->ssh[i].id);
}

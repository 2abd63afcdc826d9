/*
 * What a container of the image starts, and how it is told whether it is well: CMD, ENTRYPOINT,
 * SHELL, HEALTHCHECK. Nothing in them is expanded: a shell does that when the container runs.
 */
#include "base/mem.h"
#include "oci/build/gotext.h"
#include "oci/build/step.h"

static void history(struct step *s, const struct buf *line)
{
	stage_history(s->job, s->stage, buf_str(line), false);
}

static void clear_list(struct strv *list)
{
	strv_release(list);
	*list = (struct strv)STRV_INIT;
}

static void set_command(struct step *s, const char *word, struct strv *to, bool *has)
{
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);

	clear_list(to);
	step_command(to, s);
	*has = false; /* an empty list is as none */
	buf_addf(&line, "%s ", word);
	gotext_quoted_list(&line, to);
	history(s, &line);
}

int step_cmd(struct step *s, struct err *e)
{
	struct state *st = &s->stage->state;

	(void)e;
	set_command(s, "CMD", &st->config->cmd, &st->config->has_cmd);
	st->config->args_escaped = true;
	st->has_own_cmd = true;
	return 0;
}

/* A CMD that came with the base would be arguments of something it was not meant for. */
int step_entrypoint(struct step *s, struct err *e)
{
	struct state *st = &s->stage->state;

	(void)e;
	set_command(s, "ENTRYPOINT", &st->config->entrypoint, &st->config->has_entrypoint);
	if (!st->has_own_cmd) {
		clear_list(&st->config->cmd);
		st->config->has_cmd = false;
	}
	return 0;
}

int step_shell(struct step *s, struct err *e)
{
	struct oci_config *c = s->stage->state.config;
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);

	(void)e;
	clear_list(&c->shell);
	strv_copy(&c->shell, &s->instr->words);
	c->has_shell = false; /* an empty list is as none */
	buf_add_str(&line, "SHELL ");
	gotext_list(&line, &c->shell);
	history(s, &line);
	return 0;
}

static void add_duration(struct buf *out, const char *name, int64_t ns)
{
	buf_addf(out, " %s:", name);
	gotext_duration(out, ns);
}

/* Go's %+v of a structure. */
static void history_health(struct step *s, const struct oci_health *h)
{
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);

	buf_add_str(&line, "HEALTHCHECK {Test:");
	gotext_list(&line, &h->test);
	add_duration(&line, "Interval", h->interval_ns);
	add_duration(&line, "Timeout", h->timeout_ns);
	add_duration(&line, "StartPeriod", h->start_period_ns);
	add_duration(&line, "StartInterval", h->start_interval_ns);
	buf_addf(&line, " Retries:%ju}", (uintmax_t)h->retries);
	history(s, &line);
}

/* The engine runs the shell form with the shell of the configuration. */
int step_healthcheck(struct step *s, struct err *e)
{
	const struct dockerfile_health *from = &s->instr->health;
	struct oci_health *h = &s->stage->state.config->health;

	(void)e;
	clear_list(&h->test);
	*h = (struct oci_health){ .is_set = true,
				  .interval_ns = from->interval_ns,
				  .timeout_ns = from->timeout_ns,
				  .start_period_ns = from->start_period_ns,
				  .start_interval_ns = from->start_interval_ns,
				  .retries = from->retries };
	strv_add(&h->test, from->none ? "NONE" : s->instr->exec_form ? "CMD" : "CMD-SHELL");
	strv_copy(&h->test, &s->instr->words);
	history_health(s, h);
	return 0;
}

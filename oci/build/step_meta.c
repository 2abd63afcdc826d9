/*
 * Instructions that only change the configuration. Each writes its line of history as docker
 * does: the values expanded, never quoted again.
 */
#include "base/mem.h"
#include "oci/build/gotext.h"
#include "oci/build/step.h"
#include "oci/dockerfile/parse.h"

static void history(struct step *s, const struct buf *line)
{
	stage_history(s->job, s->stage, buf_str(line), false);
}

/* -- ENV, LABEL: KEY=VALUE pairs ------------------------------------------------ */

/* All pairs see the variables as they were before the instruction. */
static int expand_pairs(struct strv *out, const struct step *s, struct err *e)
{
	const struct strv *w = &s->instr->words;

	for (size_t i = 0; i < w->n; i++) {
		char *text = state_expand(&s->stage->state, w->v[i], e);

		if (!text)
			return -1;
		strv_take(out, text);
		if (i % 2 == 0 && (!*text || strchr(text, '=')))
			return err_set(e, ERR_INPUT, "'%.100s' is not a name", text);
	}
	return 0;
}

static void history_pairs(struct step *s, const char *word, const struct strv *pairs)
{
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);

	buf_add_str(&line, word);
	for (size_t i = 0; i + 1 < pairs->n; i += 2)
		buf_addf(&line, " %s=%s", pairs->v[i], pairs->v[i + 1]);
	history(s, &line);
}

int step_env(struct step *s, struct err *e)
{
	auto_strv struct strv pairs = STRV_INIT;

	if (expand_pairs(&pairs, s, e) < 0)
		return -1;
	for (size_t i = 0; i + 1 < pairs.n; i += 2)
		state_env(&s->stage->state, pairs.v[i], pairs.v[i + 1]);
	history_pairs(s, "ENV", &pairs);
	return 0;
}

int step_label(struct step *s, struct err *e)
{
	auto_strv struct strv pairs = STRV_INIT;

	if (expand_pairs(&pairs, s, e) < 0)
		return -1;
	for (size_t i = 0; i + 1 < pairs.n; i += 2)
		strv_env_set(&s->stage->state.config->labels, pairs.v[i], pairs.v[i + 1]);
	history_pairs(s, "LABEL", &pairs);
	return 0;
}

/* -- ARG -------------------------------------------------------------------------- */

static int declare(struct step *s, const char *word, struct buf *line, struct err *e)
{
	auto_free char *raw = NULL, *name = NULL, *dflt = NULL;
	struct span head, tail;
	bool has_default = span_cut(span_of_str(word), '=', &head, &tail);
	const char *value;

	raw = span_dup(head);
	name = state_expand(&s->stage->state, raw, e);
	if (!name)
		return -1;
	if (!*name)
		return err_set(e, ERR_INPUT, "ARG names can not be blank");
	/* a default that is not used may be one that says "must be given": ${X:?…} */
	if (has_default && !state_arg_given(&s->stage->state, name)) {
		dflt = state_expand(&s->stage->state, tail.p ? tail.p : "", e);
		if (!dflt)
			return -1;
	}
	state_arg(&s->stage->state, name, dflt, &value);
	buf_addf(line, " %s", name);
	if (value)
		buf_addf(line, "=%s", value);
	return 0;
}

/* Each sees those to its left. */
int step_arg(struct step *s, struct err *e)
{
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);

	buf_add_str(&line, "ARG");
	for (size_t i = 0; i < s->instr->words.n; i++)
		if (declare(s, s->instr->words.v[i], &line, e) < 0)
			return -1;
	history(s, &line);
	return 0;
}

/* -- one word ------------------------------------------------------------------------ */

/* Takes over *value and tells it as it is. */
static void set_word(struct step *s, const char *keyword, char **to, char *value)
{
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);

	buf_addf(&line, "%s %s", keyword, value);
	free(*to);
	*to = value;
	history(s, &line);
}

/* An empty user is root, as in the image of a base that says none. */
int step_user(struct step *s, struct err *e)
{
	char *user = state_expand(&s->stage->state, s->instr->words.v[0], e);

	if (!user)
		return -1;
	set_word(s, "USER", &s->stage->state.config->user, user);
	return 0;
}

/* Not expanded, like all that only people read. */
int step_maintainer(struct step *s, struct err *e)
{
	(void)e;
	set_word(s, "MAINTAINER", &s->stage->state.config->author,
		 mem_strdup(s->instr->words.v[0]));
	return 0;
}

int step_stopsignal(struct step *s, struct err *e)
{
	auto_free char *name = state_expand(&s->stage->state, s->instr->words.v[0], e);

	if (!name)
		return -1;
	if (!dockerfile_signal_valid(name))
		return err_set(e, ERR_INPUT, "invalid signal: %.100s", name);
	set_word(s, "STOPSIGNAL", &s->stage->state.config->stop_signal, STEAL(&name));
	return 0;
}

/* -- VOLUME, ONBUILD ----------------------------------------------------------------- */

/* Only a note: the directory is not made, and what later steps put there stays. */
int step_volume(struct step *s, struct err *e)
{
	struct strv *volumes = &s->stage->state.config->volumes;
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);
	auto_strv struct strv paths = STRV_INIT;

	for (size_t i = 0; i < s->instr->words.n; i++) {
		char *path = state_expand(&s->stage->state, s->instr->words.v[i], e);

		if (!path)
			return -1;
		strv_take(&paths, path);
		if (!*path)
			return err_set(e, ERR_INPUT, "VOLUME specified can not be an empty string");
	}
	oci_config_add_to_set(volumes, &paths);
	buf_add_str(&line, "VOLUME ");
	gotext_list(&line, &paths);
	history(s, &line);
	return 0;
}

/* For those who build on this image; leaves no line in the history. */
int step_onbuild(struct step *s, struct err *e)
{
	(void)e;
	strv_add(&s->stage->state.config->onbuild, s->instr->words.v[0]);
	return 0;
}

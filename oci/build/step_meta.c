/*
 * Instructions that only change the configuration. Each writes its line of history as docker
 * does: the values expanded, never quoted again.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/gotext.h"
#include "oci/build/step.h"
#include "oci/dockerfile/expand.h"

#define HISTORY_MAX (4u << 20)

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
	auto_buf struct buf line = BUF_INIT(HISTORY_MAX);

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
	if (has_default) {
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
	auto_buf struct buf line = BUF_INIT(HISTORY_MAX);

	buf_add_str(&line, "ARG");
	for (size_t i = 0; i < s->instr->words.n; i++)
		if (declare(s, s->instr->words.v[i], &line, e) < 0)
			return -1;
	history(s, &line);
	return 0;
}

/* -- USER, CMD, ENTRYPOINT ----------------------------------------------------------- */

int step_user(struct step *s, struct err *e)
{
	auto_free char *user = state_expand(&s->stage->state, s->instr->words.v[0], e);
	auto_buf struct buf line = BUF_INIT(HISTORY_MAX);
	struct oci_config *c = s->stage->state.config;

	if (!user)
		return -1;
	if (!*user)
		return err_set(e, ERR_INPUT, "the user is empty after expansion");
	buf_addf(&line, "USER %s", user);
	free(c->user);
	c->user = STEAL(&user);
	history(s, &line);
	return 0;
}

static void set_command(struct step *s, const char *word, struct strv *to, bool *has)
{
	auto_buf struct buf line = BUF_INIT(HISTORY_MAX);

	strv_release(to);
	*to = (struct strv)STRV_INIT;
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
		strv_release(&st->config->cmd);
		st->config->cmd = (struct strv)STRV_INIT;
		st->config->has_cmd = false;
	}
	return 0;
}

/* -- EXPOSE ------------------------------------------------------------------------ */

static int parse_port(uint64_t *out, struct span text)
{
	return text.n && span_to_u64(out, text) == 0 && *out <= 65535 ? 0 : -1;
}

/* "[[ip:]host:]port[-port][/proto]": what is the container's counts. */
static int expand_port(struct strv *out, const char *word, struct err *e)
{
	struct span port, proto, first, last;
	bool has_proto = span_cut(span_of_str(word), '/', &port, &proto);
	ptrdiff_t colon = span_rfind(port, ':');
	const char *name = NULL;
	uint64_t from, to;

	if (!has_proto)
		proto = SPAN_LIT("tcp");
	for (size_t i = 0; i < 3; i++)
		if (span_eq_nocase(proto, (const char *const[]){ "tcp", "udp", "sctp" }[i]))
			name = (const char *const[]){ "tcp", "udp", "sctp" }[i];
	if (!name)
		return err_set(e, ERR_INPUT, "invalid proto: '" SPAN_FMT "'", SPAN_ARG(proto));
	if (colon >= 0)
		port = span_sub(port, (size_t)colon + 1);
	if (!span_cut(port, '-', &first, &last))
		last = first;
	if (parse_port(&from, first) < 0 || parse_port(&to, last) < 0 || from > to)
		return err_set(e, ERR_INPUT, "invalid containerPort: '%.100s'", word);
	for (uint64_t p = from; p <= to; p++)
		strv_addf(out, "%ju/%s", (uintmax_t)p, name);
	return 0;
}

static int expand_ports(struct strv *out, const struct step *s, struct err *e)
{
	const struct state *st = &s->stage->state;
	auto_strv struct strv words = STRV_INIT;

	for (size_t i = 0; i < s->instr->words.n; i++)
		if (dockerfile_expand_words(&words, s->instr->words.v[i], &st->env, st->opt->escape,
					    e) < 0)
			return -1;
	for (size_t i = 0; i < words.n; i++)
		if (expand_port(out, words.v[i], e) < 0)
			return -1;
	return 0;
}

/* Sorted, each once: a range may be all 65536. */
static void add_ports(struct strv *exposed, const struct strv *ports)
{
	auto_strv struct strv all = *exposed;

	*exposed = (struct strv)STRV_INIT;
	strv_copy(&all, ports);
	strv_sort(&all);
	for (size_t i = 0; i < all.n; i++)
		if (!i || strcmp(all.v[i - 1], all.v[i]) != 0)
			strv_add(exposed, all.v[i]);
}

int step_expose(struct step *s, struct err *e)
{
	struct strv *exposed = &s->stage->state.config->exposed_ports;
	auto_buf struct buf line = BUF_INIT(HISTORY_MAX);
	auto_strv struct strv ports = STRV_INIT;

	if (expand_ports(&ports, s, e) < 0)
		return -1;
	add_ports(exposed, &ports);
	buf_add_str(&line, "EXPOSE ");
	gotext_list(&line, &ports);
	history(s, &line);
	return 0;
}

/*
 * "--name[=value]" behind an instruction's word, by tables. A flag that is known and never carried
 * out is in the tables, too, so that the message is about that and not about a slip of the fingers.
 */
#include "base/mem.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/mount.h"
#include "oci/dockerfile/parse.h"
#include "oci/dockerfile/parser.h"
#include "oci/dockerfile/words.h"

#define HEALTH_MIN_NS 1000000

/* An empty value is as none. */
static int set_text(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	(void)f, (void)e;
	if (value.n)
		*(char **)field = span_dup(value);
	return 0;
}

static int set_list(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	(void)f, (void)e;
	strv_add_span(field, value);
	return 0;
}

static int set_bool(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	bool *out = field;

	*out = span_eq_nocase(value, "true");
	if (*out || span_eq_nocase(value, "false"))
		return 0;
	return err_set(e, ERR_INPUT, "expecting boolean value for flag %s, not: " MESSAGE_FMT,
		       f->name, MESSAGE_ARG(value));
}

static int set_duration(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	int64_t *out = field;

	if (!value.n)
		return 0;
	if (span_to_duration_ns(out, value) < 0)
		return err_set(e, ERR_INPUT,
			       "--%s: '" MESSAGE_FMT "' is not a duration (30s, 1m30s, 500ms)",
			       f->name, MESSAGE_ARG(value));
	if (*out && *out < HEALTH_MIN_NS)
		return err_set(e, ERR_INPUT, "Interval \"%s\" cannot be less than 1ms", f->name);
	return 0;
}

static int set_retries(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	uint64_t *out = field;

	if (!value.n)
		return 0;
	if (span_to_u64(out, value) < 0 || *out > INT32_MAX)
		return err_set(e, ERR_INPUT, "--%s: '" MESSAGE_FMT "' is not a number from 0",
			       f->name, MESSAGE_ARG(value));
	return 0;
}

static int set_network(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	if (value.n && !span_eq_str(value, "default") && !span_eq_str(value, "none") &&
	    !span_eq_str(value, "host"))
		return err_set(e, ERR_INPUT,
			       "invalid network mode '" MESSAGE_FMT "' (default, none or host)",
			       MESSAGE_ARG(value));
	return set_text(f, field, value, e);
}

static int set_security(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	if (value.n && !span_eq_str(value, "sandbox") && !span_eq_str(value, "insecure"))
		return err_set(e, ERR_INPUT,
			       "security '" MESSAGE_FMT "' is not valid (sandbox or insecure)",
			       MESSAGE_ARG(value));
	return set_text(f, field, value, e);
}

static int set_mount(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	struct dockerfile_instr *in = field;
	struct dockerfile_mount m;

	(void)f;
	if (dockerfile_mount_parse(&m, value, e) < 0)
		return err_wrap(e, "--mount");
	MEM_GROW(in->mounts, in->nr_mounts, in->cap_mounts);
	in->mounts[in->nr_mounts++] = m;
	return 0;
}

static int refuse_device(const struct flag_rule *f, void *field, struct span value, struct err *e)
{
	(void)field, (void)value;
	return err_set(e, ERR_INPUT, "RUN --%s is not supported: it is of BuildKit's labs only",
		       f->name);
}

#define AT(member) offsetof(struct dockerfile_instr, member)

const struct flag_rule flags_none[] = { { 0 } };
const struct flag_rule flags_add[] = {
	{ "checksum", set_text, AT(checksum), false, false, 0 },
	{ "chmod", set_text, AT(chmod), false, false, 0 },
	{ "chown", set_text, AT(chown), false, false, 0 },
	{ "exclude", set_list, AT(exclude), false, true, 0 },
	{ "keep-git-dir", set_bool, AT(keep_git_dir), true, false, 0 },
	{ "link", set_bool, AT(link), true, false, 0 },
	{ "unpack", set_bool, AT(unpack), true, false, AT(has_unpack) },
	{ 0 },
};
const struct flag_rule flags_copy[] = {
	{ "chmod", set_text, AT(chmod), false, false, 0 },
	{ "chown", set_text, AT(chown), false, false, 0 },
	{ "exclude", set_list, AT(exclude), false, true, 0 },
	{ "from", set_text, AT(from), false, false, 0 },
	{ "link", set_bool, AT(link), true, false, 0 },
	{ "parents", set_bool, AT(parents), true, false, 0 },
	{ 0 },
};
const struct flag_rule flags_from[] = {
	{ "platform", set_text, AT(platform), false, false, 0 },
	{ 0 },
};
const struct flag_rule flags_healthcheck[] = {
	{ "interval", set_duration, AT(health.interval_ns), false, false, 0 },
	{ "retries", set_retries, AT(health.retries), false, false, 0 },
	{ "start-interval", set_duration, AT(health.start_interval_ns), false, false, 0 },
	{ "start-period", set_duration, AT(health.start_period_ns), false, false, 0 },
	{ "timeout", set_duration, AT(health.timeout_ns), false, false, 0 },
	{ 0 },
};
const struct flag_rule flags_run[] = {
	{ "device", refuse_device, 0, false, true, 0 },
	{ "mount", set_mount, 0, false, true, 0 },
	{ "network", set_network, AT(network), false, false, 0 },
	{ "security", set_security, AT(security), false, false, 0 },
	{ 0 },
};

static int unknown_flag(const struct instr_rule *rule, struct span name, struct err *e)
{
	struct message_guess guess = { .word = name };
	char hint[MESSAGE_HINT_MAX];

	for (const struct flag_rule *f = rule->flags; f->name; f++)
		message_guess_add(&guess, f->name);
	message_guess_hint(hint, &guess);
	return err_set(e, ERR_INPUT, "%s: unknown flag: --" MESSAGE_FMT "%s", rule->name,
		       MESSAGE_ARG(name), hint);
}

/* flag: "--name[=value]"; given: a bit for each that was there before. */
static int set_flag(const struct instr_rule *rule, struct dockerfile_instr *in, struct span flag,
		    unsigned *given, struct err *e)
{
	const struct flag_rule *f = rule->flags;
	struct span name, value;
	bool has_value = span_cut(span_sub(flag, 2), '=', &name, &value);
	unsigned bit;

	while (f->name && !span_eq_str(name, f->name))
		f++;
	if (!f->name)
		return unknown_flag(rule, name, e);
	bit = 1u << (f - rule->flags);
	if ((*given & bit) && !f->may_repeat)
		return err_set(e, ERR_INPUT, "duplicate flag specified: --%s", f->name);
	*given |= bit;
	if (f->is_bool ? has_value && !value.n : !has_value)
		return err_set(e, ERR_INPUT, "missing a value on flag: --%s", f->name);
	if (f->seen)
		*(bool *)((char *)in + f->seen) = true;
	return f->set(f, (char *)in + f->field, has_value ? value : SPAN_LIT("true"), e);
}

/* "--name" of the flag that comes next, or all that stands in its place. */
static struct span next_flag(struct span rest)
{
	struct span word, name, value;

	if (!span_word(&rest, &word))
		return word;
	span_cut(word, '=', &name, &value);
	return span_starts(name, "--") ? name : word;
}

int parse_flags(struct parser *p, const struct instr_rule *rule, struct dockerfile_instr *in,
		struct span *rest, struct err *e)
{
	auto_buf struct buf flag = BUF_INIT(DOCKERFILE_MAX);
	unsigned given = 0;
	int r;

	for (;;) {
		struct span name = next_flag(*rest);

		r = words_take_flag(&flag, rest, e);
		if (r)
			parse_mark(p, name);
		if (r <= 0)
			return r;
		if (set_flag(rule, in, buf_span(&flag), &given, e) < 0)
			return -1;
	}
}

/*
 * The fields are a line of CSV as Go reads it: a field that begins with a quote goes up to the
 * next one, and may have commas. Keys are by table; which of them fit the type is seen when all
 * have been read, so type= may stand anywhere.
 */
#include "oci/dockerfile/mount.h"

#include "base/buf.h"
#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/parse.h"

static const char *const types[] = {
	[DOCKERFILE_MOUNT_BIND] = "bind",   [DOCKERFILE_MOUNT_CACHE] = "cache",
	[DOCKERFILE_MOUNT_TMPFS] = "tmpfs", [DOCKERFILE_MOUNT_SECRET] = "secret",
	[DOCKERFILE_MOUNT_SSH] = "ssh",
};
static const char *const sharings[] = { "shared", "private", "locked" };

/* The members that are text. */
static const size_t texts[] = {
	offsetof(struct dockerfile_mount, target), offsetof(struct dockerfile_mount, source),
	offsetof(struct dockerfile_mount, from),   offsetof(struct dockerfile_mount, id),
	offsetof(struct dockerfile_mount, env),	   offsetof(struct dockerfile_mount, sharing),
	offsetof(struct dockerfile_mount, size),   offsetof(struct dockerfile_mount, mode),
	offsetof(struct dockerfile_mount, uid),	   offsetof(struct dockerfile_mount, gid),
};

static char **text_of(struct dockerfile_mount *m, size_t member)
{
	return (char **)(void *)((char *)m + member);
}

static const char *value_of(const struct dockerfile_mount *m, size_t member)
{
	return *(char *const *)(const void *)((const char *)m + member);
}

const char *dockerfile_mount_type_name(enum dockerfile_mount_type t)
{
	return types[t];
}

void dockerfile_mount_release(struct dockerfile_mount *m)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(*text_of(m, texts[i]));
	*m = (struct dockerfile_mount){ 0 };
}

/* -- fields ---------------------------------------------------------------------- */

/* Behind the opening quote; "" inside is a quote. */
static int take_quoted(struct buf *field, struct span *rest, struct err *e)
{
	size_t i = 0;

	for (; i < rest->n; i++) {
		if (rest->p[i] == '"' && (i + 1 == rest->n || rest->p[i + 1] != '"'))
			break;
		i += rest->p[i] == '"';
		buf_add_char(field, rest->p[i]);
	}
	if (i == rest->n || (i + 1 < rest->n && rest->p[i + 1] != ','))
		return err_set(e, ERR_INPUT,
			       "failed to parse csv mounts: extraneous or missing \" in "
			       "quoted-field");
	*rest = span_sub(*rest, i + 1);
	return 0;
}

/* Takes one field and the comma behind it off; *more: there was one. */
static int take_field(struct buf *field, struct span *rest, bool *more, struct err *e)
{
	buf_reset(field);
	if (span_take(rest, "\"")) {
		if (take_quoted(field, rest, e) < 0)
			return -1;
	} else {
		ptrdiff_t comma = span_find(*rest, ',');
		struct span plain = comma < 0 ? *rest : span_head(*rest, (size_t)comma);

		if (span_find(plain, '"') >= 0)
			return err_set(e, ERR_INPUT,
				       "failed to parse csv mounts: bare \" in non-quoted-field");
		buf_add_span(field, plain);
		*rest = span_sub(*rest, plain.n);
	}
	*more = span_take(rest, ",");
	return 0;
}

/* -- keys ------------------------------------------------------------------------ */

struct key_rule {
	const char *name;
	int (*set)(struct dockerfile_mount *m, size_t member, const char *key, struct span value,
		   struct err *e);
	size_t member;
	bool may_be_bare;
};

static int set_text(struct dockerfile_mount *m, size_t member, const char *key, struct span value,
		    struct err *e)
{
	char **text = text_of(m, member);

	(void)key, (void)e;
	free(*text);
	*text = value.n ? span_dup(value) : NULL;
	return 0;
}

static int set_from(struct dockerfile_mount *m, size_t member, const char *key, struct span value,
		    struct err *e)
{
	ptrdiff_t dollar = span_find(value, '$');

	if (dollar >= 0 && (size_t)dollar + 1 < value.n)
		return err_set(
			e, ERR_INPUT,
			"'%s' doesn't support variable expansion, define alias stage instead", key);
	return set_text(m, member, key, value, e);
}

static int set_type(struct dockerfile_mount *m, size_t member, const char *key, struct span value,
		    struct err *e)
{
	struct message_guess guess = { .word = value };
	char hint[MESSAGE_HINT_MAX];

	(void)member, (void)key;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		message_guess_add(&guess, types[i]);
		if (span_eq_nocase(value, types[i])) {
			m->type = (enum dockerfile_mount_type)i;
			return 0;
		}
	}
	message_guess_hint(hint, &guess);
	return err_set(e, ERR_INPUT, "unsupported mount type \"" MESSAGE_FMT "\"%s",
		       MESSAGE_ARG(value), hint);
}

/* Go's ParseBool. */
static int read_bool(bool *out, const char *key, struct span value, struct err *e)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		*out = span_eq_str(value, yes[i]);
		if (*out || span_eq_str(value, no[i]))
			return 0;
	}
	return err_set(e, ERR_INPUT, "invalid value for %s: " MESSAGE_FMT, key, MESSAGE_ARG(value));
}

static int set_readonly(struct dockerfile_mount *m, size_t member, const char *key,
			struct span value, struct err *e)
{
	(void)member;
	m->has_readonly = true;
	return read_bool(&m->readonly, key, value, e);
}

static int set_readwrite(struct dockerfile_mount *m, size_t member, const char *key,
			 struct span value, struct err *e)
{
	bool writable;

	(void)member;
	if (read_bool(&writable, key, value, e) < 0)
		return -1;
	m->has_readonly = true;
	m->readonly = !writable;
	return 0;
}

static int set_required(struct dockerfile_mount *m, size_t member, const char *key,
			struct span value, struct err *e)
{
	(void)member;
	return read_bool(&m->required, key, value, e);
}

#define AT(member) offsetof(struct dockerfile_mount, member)

static const struct key_rule keys[] = {
	{ "type", set_type, 0, false },
	{ "from", set_from, AT(from), false },
	{ "source", set_text, AT(source), false },
	{ "src", set_text, AT(source), false },
	{ "target", set_text, AT(target), false },
	{ "dst", set_text, AT(target), false },
	{ "destination", set_text, AT(target), false },
	{ "readonly", set_readonly, 0, true },
	{ "ro", set_readonly, 0, true },
	{ "readwrite", set_readwrite, 0, true },
	{ "rw", set_readwrite, 0, true },
	{ "required", set_required, 0, true },
	{ "id", set_text, AT(id), false },
	{ "env", set_text, AT(env), false },
	{ "sharing", set_text, AT(sharing), false },
	{ "size", set_text, AT(size), false },
	{ "mode", set_text, AT(mode), false },
	{ "uid", set_text, AT(uid), false },
	{ "gid", set_text, AT(gid), false },
};

static const struct key_rule *find_key(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (span_eq_nocase(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static int unknown_key(struct span name, struct span field, struct err *e)
{
	struct message_guess guess = { .word = name };
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		message_guess_add(&guess, keys[i].name);
	message_guess_hint(hint, &guess);
	return err_set(e, ERR_INPUT, "unexpected key '" MESSAGE_FMT "' in '" MESSAGE_FMT "'%s",
		       MESSAGE_ARG(name), MESSAGE_ARG(field), hint);
}

static int set_field(struct dockerfile_mount *m, struct span field, struct err *e)
{
	struct span name, value;
	bool has_value = span_cut(field, '=', &name, &value);
	const struct key_rule *k = find_key(name);

	if (!has_value && !(k && k->may_be_bare))
		return err_set(e, ERR_INPUT,
			       "invalid field '" MESSAGE_FMT "' must be a key=value pair",
			       MESSAGE_ARG(field));
	if (!k)
		return unknown_key(name, field, e);
	return k->set(m, k->member, k->name, has_value ? value : SPAN_LIT("true"), e);
}

/* -- what fits the type ------------------------------------------------------------ */

static int not_for_type(const struct dockerfile_mount *m, const char *key, struct err *e)
{
	return err_set(e, ERR_INPUT, "unexpected key '%s' for mount type '%s'", key,
		       types[m->type]);
}

static int check_owner(const struct dockerfile_mount *m, struct err *e)
{
	const struct {
		const char *key, *value;
	} given[] = { { "mode", m->mode }, { "uid", m->uid }, { "gid", m->gid } };

	if (m->type != DOCKERFILE_MOUNT_BIND && m->type != DOCKERFILE_MOUNT_TMPFS)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		if (given[i].value)
			return err_set(e, ERR_INPUT, "%s not allowed for \"%s\" type mounts",
				       given[i].key, types[m->type]);
	return 0;
}

static int check_secret(struct dockerfile_mount *m, struct err *e)
{
	if (m->from)
		return err_set(e, ERR_INPUT, "secret mount should not have a from");
	if (m->sharing)
		return err_set(e, ERR_INPUT, "secret mount should not define sharing");
	if (!m->source && !m->target && !m->id)
		return err_set(e, ERR_INPUT,
			       "invalid secret mount. one of source, target required");
	if (m->source && m->id)
		return err_set(e, ERR_INPUT, "both source and id can't be set");
	if (m->source)
		m->id = STEAL(&m->source);
	return 0;
}

static int check_type(struct dockerfile_mount *m, struct err *e)
{
	bool is_secret = m->type == DOCKERFILE_MOUNT_SECRET;

	if (m->required && !is_secret && m->type != DOCKERFILE_MOUNT_SSH)
		return not_for_type(m, "required", e);
	if (m->size && m->type != DOCKERFILE_MOUNT_TMPFS)
		return not_for_type(m, "size", e);
	if (m->env && !is_secret)
		return not_for_type(m, "env", e);
	if (check_owner(m, e) < 0 || (is_secret && check_secret(m, e) < 0))
		return -1;
	if (m->sharing && m->type != DOCKERFILE_MOUNT_CACHE)
		return err_set(e, ERR_INPUT, "invalid cache sharing set for %s mount",
			       types[m->type]);
	return 0;
}

int dockerfile_mount_parse(struct dockerfile_mount *out, struct span value, struct err *e)
{
	auto_mount struct dockerfile_mount m = { 0 };
	auto_buf struct buf field = BUF_INIT(DOCKERFILE_MAX);
	bool more = true;

	if (!value.n)
		return err_set(e, ERR_INPUT, "failed to parse csv mounts: there is nothing");
	while (more)
		if (take_field(&field, &value, &more, e) < 0 ||
		    set_field(&m, buf_span(&field), e) < 0)
			return -1;
	if (check_type(&m, e) < 0)
		return -1;
	*out = m;
	m = (struct dockerfile_mount){ 0 };
	return 0;
}

/* -- values ------------------------------------------------------------------------ */

static int check_sharing(struct dockerfile_mount *m, struct err *e)
{
	struct message_guess guess = { .word = span_of_str(m->sharing) };
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; m->sharing && i < ARRAY_LEN(sharings); i++) {
		message_guess_add(&guess, sharings[i]);
		if (span_eq_nocase(span_of_str(m->sharing), sharings[i])) {
			free(m->sharing);
			m->sharing = mem_strdup(sharings[i]);
			return 0;
		}
	}
	if (!m->sharing)
		return 0;
	message_guess_hint(hint, &guess);
	return err_set(e, ERR_INPUT, "unsupported sharing value \"" MESSAGE_FMT "\"%s",
		       MESSAGE_ARG(span_of_str(m->sharing)), hint);
}

static int check_id(const char *value, const char *key, struct err *e)
{
	uint64_t n;

	if (!value || (span_to_u64(&n, span_of_str(value)) == 0 && n <= UINT32_MAX))
		return 0;
	return err_set(e, ERR_INPUT, "invalid value " MESSAGE_FMT " for %s",
		       MESSAGE_ARG(span_of_str(value)), key);
}

static int check_values(struct dockerfile_mount *m, struct err *e)
{
	uint32_t mode;
	uint64_t size;

	if (m->mode && span_to_octal(&mode, span_of_str(m->mode)) < 0)
		return err_set(e, ERR_INPUT, "invalid value " MESSAGE_FMT " for mode",
			       MESSAGE_ARG(span_of_str(m->mode)));
	if (m->size && span_to_size(&size, span_of_str(m->size)) < 0)
		return err_set(e, ERR_INPUT, "invalid value for size: " MESSAGE_FMT,
			       MESSAGE_ARG(span_of_str(m->size)));
	if (check_id(m->uid, "uid", e) < 0 || check_id(m->gid, "gid", e) < 0)
		return -1;
	return check_sharing(m, e);
}

static int expand_text(char **out, const char *raw, const struct strv *env, char escape,
		       struct err *e)
{
	if (!raw)
		return 0;
	if (dockerfile_expand(out, raw, env, escape, e) < 0)
		return -1;
	if (!**out) {
		free(*out);
		*out = NULL;
	}
	return 0;
}

int dockerfile_mount_expand(struct dockerfile_mount *out, const struct dockerfile_mount *raw,
			    const struct strv *env, char escape, struct err *e)
{
	auto_mount struct dockerfile_mount m = { .type = raw->type,
						 .has_readonly = raw->has_readonly,
						 .readonly = raw->readonly,
						 .required = raw->required };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text = value_of(raw, texts[i]);

		if (expand_text(text_of(&m, texts[i]), text, env, escape, e) < 0)
			return -1;
	}
	if (check_values(&m, e) < 0)
		return -1;
	*out = m;
	m = (struct dockerfile_mount){ 0 };
	return 0;
}

int dockerfile_mount_check(const struct dockerfile_mount *raw, char escape, struct err *e)
{
	static const struct strv nothing = STRV_INIT;
	auto_mount struct dockerfile_mount m = { 0 };
	bool has_variable = false;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text = value_of(raw, texts[i]);

		has_variable |= text && strchr(text, '$');
		if (text && dockerfile_expand_check(text, escape, e) < 0)
			return -1;
	}
	return has_variable ? 0 : dockerfile_mount_expand(&m, raw, &nothing, escape, e);
}

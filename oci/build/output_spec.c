/*
 * -o: a line of CSV whose fields are KEY=VALUE. Which keys there are, for which types they mean
 * something, and what becomes of them is one table; what buildx knows beyond it is refused with
 * what there is instead. Keys are taken after the type, wherever that stands.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "oci/build/options.h"
#include "oci/dockerfile/message.h"

#define OF(type)   (1u << BUILD_OUTPUT_##type)
#define ARCHIVES   (OF(OCI) | OF(DOCKER))
#define IMAGES	   (OF(IMAGE) | ARCHIVES)
#define FIELDS_MAX 200

struct spec {
	struct build_options *opt;
	const char *text;
	struct build_output out;
	const char *type; /* as written: registry is an image that is pushed */
	char *key[FIELDS_MAX];
	char *value[FIELDS_MAX];
	size_t nr;
};

static void spec_release(struct spec *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		free(s->key[i]);
		free(s->value[i]);
	}
	free(s->out.dest);
	strv_release(&s->out.names);
	build_annotations_release(&s->out.annotations);
}

/* -- fields --------------------------------------------------------------------------- */

/* One quoted field, its first quote taken off already. */
static int quoted_field(struct buf *out, struct span *rest, struct err *e)
{
	for (;;) {
		ptrdiff_t at = span_find(*rest, '"');

		if (at < 0)
			return err_set(e, ERR_INPUT, "a quote is not closed");
		buf_add_span(out, span_head(*rest, (size_t)at));
		*rest = span_sub(*rest, (size_t)at + 1);
		if (!span_take(rest, "\""))
			break;
		buf_add_char(out, '"');
	}
	if (rest->n && !span_take(rest, ","))
		return err_set(e, ERR_INPUT, "expected ',' behind a quoted field");
	return 0;
}

static int next_field(struct buf *out, struct span *rest, struct err *e)
{
	struct span field;

	buf_reset(out);
	if (span_take(rest, "\""))
		return quoted_field(out, rest, e);
	span_split(rest, ',', &field);
	if (span_find(field, '"') >= 0)
		return err_set(e, ERR_INPUT, "quotes go around a whole field, as in \"name=a,b\"");
	buf_add_span(out, field);
	return 0;
}

/* buildx takes keys in any case; an annotation's own name keeps it. */
static char *key_dup(struct span key)
{
	char *k = span_dup(span_trim(key));

	if (!build_annotations_is_field(span_of_str(k)))
		for (char *p = k; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	return k;
}

static int read_fields(struct spec *s, struct err *e)
{
	auto_buf struct buf field = BUF_INIT(BUF_SMALL);
	struct span rest = span_of_str(s->text), key, value;

	while (rest.n) {
		if (next_field(&field, &rest, e) < 0)
			return -1;
		if (!span_cut(buf_span(&field), '=', &key, &value))
			return err_set(e, ERR_INPUT,
				       "'%s' is not KEY=VALUE, as in type=oci,dest=FILE",
				       buf_str(&field));
		if (s->nr == FIELDS_MAX)
			return err_set(e, ERR_INPUT, "more than %d fields", FIELDS_MAX);
		s->key[s->nr] = key_dup(key);
		s->value[s->nr++] = span_dup(value);
	}
	return 0;
}

/* -- what keys do ----------------------------------------------------------------------- */

/* As Go's strconv.ParseBool. */
static int take_bool(bool *out, const char *key, const char *value, struct err *e)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*out = strcmp(value, yes[i]) == 0;
			return 0;
		}
	return err_set(e, ERR_INPUT, "%s is true or false, not '%s'", key, value);
}

static int take_dest(struct spec *s, const char *key, const char *value, struct err *e)
{
	(void)key;
	(void)e;
	free(s->out.dest);
	s->out.dest = *value ? mem_strdup(value) : NULL;
	return 0;
}

static int take_tar(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool tar;

	if (take_bool(&tar, key, value, e) < 0)
		return -1;
	s->out.is_dir = !tar;
	return 0;
}

static int take_name(struct spec *s, const char *key, const char *value, struct err *e)
{
	struct span rest = span_of_str(value), name;

	(void)key;
	(void)e;
	while (span_split(&rest, ',', &name))
		if (span_trim(name).n)
			strv_add_span(&s->out.names, span_trim(name));
	return 0;
}

static int take_push(struct spec *s, const char *key, const char *value, struct err *e)
{
	return take_bool(&s->out.push, key, value, e);
}

static int take_push_by_digest(struct spec *s, const char *key, const char *value, struct err *e)
{
	return take_bool(&s->out.push_by_digest, key, value, e);
}

static int take_oci_types(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool oci;

	if (take_bool(&oci, key, value, e) < 0)
		return -1;
	s->out.docker_types = !oci;
	return 0;
}

static int take_compression(struct spec *s, const char *key, const char *value, struct err *e)
{
	return build_compression_parse(s->opt, span_of_str(value), key, e);
}

static int take_level(struct spec *s, const char *key, const char *value, struct err *e)
{
	uint64_t n;

	if (span_to_u64(&n, span_of_str(value)) < 0 || n < 1 || n > 9)
		return err_set(e, ERR_INPUT, "%s is 1 to 9, not '%s'", key, value);
	if (s->opt->compression_level && s->opt->compression_level != (int)n)
		return err_set(e, ERR_INPUT,
			       "%s: layers are made once, so all outputs share one level", key);
	s->opt->compression_level = (int)n;
	return 0;
}

/* What is so anyway may be said. */
static int take_true(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool is = false;

	(void)s;
	if (take_bool(&is, key, value, e) < 0)
		return -1;
	return is ? 0
		  : err_set(e, ERR_INPUT, "%s=%s is not supported: it is always so", key, value);
}

static int take_false(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool is = false;

	(void)s;
	if (take_bool(&is, key, value, e) < 0)
		return -1;
	return is ? err_set(e, ERR_INPUT, "%s=%s is not supported by this version", key, value) : 0;
}

static int take_insecure(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool is = false;

	(void)s;
	if (take_bool(&is, key, value, e) < 0)
		return -1;
	return is ? err_set(e, ERR_INPUT,
			    "%s: --plain-http HOST speaks http with a registry, --ca FILE trusts "
			    "its certificate",
			    key)
		  : 0;
}

struct spec_key {
	const char *name;
	unsigned types;
	int (*take)(struct spec *s, const char *key, const char *value, struct err *e);
};
static const struct spec_key keys[] = {
	{ "dest", ARCHIVES | OF(LOCAL) | OF(TAR), take_dest },
	{ "tar", ARCHIVES, take_tar },
	{ "name", IMAGES, take_name },
	{ "push", OF(IMAGE), take_push },
	{ "push-by-digest", OF(IMAGE), take_push_by_digest },
	{ "name-canonical", OF(IMAGE), take_true },
	{ "oci-mediatypes", IMAGES, take_oci_types },
	{ "compression", IMAGES, take_compression },
	{ "compression-level", IMAGES, take_level },
	{ "force-compression", IMAGES, take_false },
	{ "rewrite-timestamp", IMAGES, take_true },
	{ "registry.insecure", OF(IMAGE), take_insecure },
	{ "unpack", OF(IMAGE), take_false },
	{ "prefer-nondist-layers", IMAGES, take_false },
};

static int unknown_key(const struct spec *s, const char *key, struct err *e)
{
	struct message_guess g = { .word = span_of_str(key) };
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].types & (1u << s->out.type))
			message_guess_add(&g, keys[i].name);
	message_guess_hint(hint, &g);
	return err_set(e, ERR_INPUT, "unknown field '%s'%s", key, hint);
}

static int take_key(struct spec *s, const char *key, const char *value, struct err *e)
{
	unsigned type = 1u << s->out.type;

	if (strcmp(key, "type") == 0)
		return 0;
	if (build_annotations_is_field(span_of_str(key)) && (type & IMAGES))
		return build_annotations_parse_field(&s->out.annotations, span_of_str(key),
						     span_of_str(value), e);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(key, keys[i].name) != 0)
			continue;
		if (!(keys[i].types & type))
			return err_set(e, ERR_INPUT, "'%s' means nothing to type=%s", key, s->type);
		return keys[i].take(s, key, value, e);
	}
	return unknown_key(s, key, e);
}

/* -- types ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	struct build_output start;
} types[] = {
	{ "image", { .type = BUILD_OUTPUT_IMAGE } },
	{ "registry", { .type = BUILD_OUTPUT_IMAGE, .push = true } },
	{ "oci", { .type = BUILD_OUTPUT_OCI } },
	{ "docker", { .type = BUILD_OUTPUT_DOCKER, .docker_types = true } },
	{ "local", { .type = BUILD_OUTPUT_LOCAL, .is_dir = true } },
	{ "tar", { .type = BUILD_OUTPUT_TAR } },
	{ "cacheonly", { .type = BUILD_OUTPUT_CACHEONLY } },
};

static int take_type(struct spec *s, struct err *e)
{
	struct message_guess g = { 0 };
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; i < s->nr; i++)
		if (strcmp(s->key[i], "type") == 0)
			s->type = s->value[i];
	if (!s->type)
		return err_set(e, ERR_INPUT, "type= is needed, as in type=oci,dest=FILE");
	g.word = span_of_str(s->type);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(s->type, types[i].name) == 0) {
			s->out = types[i].start;
			return 0;
		}
		message_guess_add(&g, types[i].name);
	}
	message_guess_hint(hint, &g);
	return err_set(e, ERR_INPUT, "unknown type '%s'%s", s->type, hint);
}

static int check_place(const struct spec *s, struct err *e)
{
	const struct build_output *o = &s->out;

	if (o->type == BUILD_OUTPUT_IMAGE || o->type == BUILD_OUTPUT_CACHEONLY)
		return 0;
	if (!o->dest)
		return err_set(e, ERR_INPUT, "dest=PATH is needed%s",
			       o->is_dir ? "" : " (dest=- is standard output)");
	if (o->is_dir && strcmp(o->dest, "-") == 0)
		return err_set(e, ERR_INPUT, "standard output is not a directory");
	return 0;
}

static int parse_fields(struct spec *s, struct err *e)
{
	if (read_fields(s, e) < 0 || take_type(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->nr; i++)
		if (take_key(s, s->key[i], s->value[i], e) < 0)
			return -1;
	if (s->out.push_by_digest && !s->out.push)
		return err_set(e, ERR_INPUT, "push-by-digest without push=true pushes nothing");
	return check_place(s, e);
}

/* A word alone is a place: "-" for a tar, else a directory. */
static bool is_place(const char *text)
{
	return *text && !strpbrk(text, "=,\"");
}

int build_output_parse(struct build_options *o, const char *text, struct err *e)
{
	CLEANUP(spec_release) struct spec s = { .opt = o, .text = text };

	if (is_place(text)) {
		bool tar = strcmp(text, "-") == 0;

		s.out = (struct build_output){ .type = tar ? BUILD_OUTPUT_TAR : BUILD_OUTPUT_LOCAL,
					       .is_dir = !tar,
					       .dest = mem_strdup(text) };
	} else if (parse_fields(&s, e) < 0) {
		return err_wrap(e, "output '%.200s'", text);
	}
	MEM_GROW(o->outputs, o->nr_outputs, o->cap_outputs);
	o->outputs[o->nr_outputs++] = s.out;
	s.out = (struct build_output){ 0 };
	return 0;
}

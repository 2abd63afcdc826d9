/*
 * -o. Which keys there are, for which types they mean
 * something, and what becomes of them is one table; what buildx knows beyond it is refused with
 * what there is instead. Keys are taken after the type, wherever that stands.
 */
#include "base/mem.h"
#include "oci/build/csv.h"
#include "oci/build/options.h"
#include "oci/dockerfile/message.h"

#define OF(type) (1u << BUILD_OUTPUT_##type)
#define ARCHIVES (OF(OCI) | OF(DOCKER))
#define IMAGES	 (OF(IMAGE) | ARCHIVES)

struct spec {
	struct build_options *opt;
	const char *text;
	struct build_output out;
	const char *type; /* as written: registry is an image that is pushed */
	struct csv_fields fields;
};

static void spec_release(struct spec *s)
{
	csv_fields_release(&s->fields);
	free(s->out.dest);
	strv_release(&s->out.names);
	build_annotations_release(&s->out.annotations);
}

/* -- what keys do ----------------------------------------------------------------------- */

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

	if (csv_bool(&tar, key, value, e) < 0)
		return -1;
	s->out.is_dir = !tar;
	return 0;
}

static int take_thin(struct spec *s, const char *key, const char *value, struct err *e)
{
	return csv_bool(&s->out.thin, key, value, e);
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
	return csv_bool(&s->out.push, key, value, e);
}

static int take_push_by_digest(struct spec *s, const char *key, const char *value, struct err *e)
{
	return csv_bool(&s->out.push_by_digest, key, value, e);
}

static int take_oci_types(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool oci;

	if (csv_bool(&oci, key, value, e) < 0)
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
	return build_level_parse(s->opt, value, key, e);
}

/* What is so anyway may be said. */
static int take_true(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool is = false;

	(void)s;
	if (csv_bool(&is, key, value, e) < 0)
		return -1;
	return is ? 0
		  : err_set(e, ERR_INPUT, "%s=%s is not supported: it is always so", key, value);
}

static int take_false(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool is = false;

	(void)s;
	if (csv_bool(&is, key, value, e) < 0)
		return -1;
	return is ? err_set(e, ERR_INPUT, "%s=%s is not supported by this version", key, value) : 0;
}

static int take_insecure(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool is = false;

	(void)s;
	if (csv_bool(&is, key, value, e) < 0)
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
	{ "thin", OF(OCI), take_thin },
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

	s->type = csv_fields_get(&s->fields, "type");
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
	if (csv_fields_read(&s->fields, s->text, "type=oci,dest=FILE", e) < 0 ||
	    take_type(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->fields.nr; i++)
		if (take_key(s, s->fields.key[i], s->fields.value[i], e) < 0)
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

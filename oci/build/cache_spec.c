/*
 * One table says which keys there are, for which types they mean something, and what becomes of them;
 * what buildx knows beyond it is refused with what there is instead.
 */
#include "oci/build/cache_spec.h"

#include "base/buf.h"
#include "base/mem.h"
#include "oci/build/csv.h"
#include "oci/build/options.h"
#include "oci/dockerfile/message.h"
#include "oci/image/reference.h"

#define OF(kind) (1u << CACHE_##kind)
#define STORED	 (OF(REGISTRY) | OF(LOCAL))
#define TO	 1u
#define FROM	 2u

struct spec {
	struct build_options *opt;
	unsigned way; /* TO or FROM */
	struct cache_spec out;
	const char *type; /* as written */
	struct csv_fields fields;
};

static void spec_release(struct spec *s)
{
	csv_fields_release(&s->fields);
	cache_spec_release(&s->out);
}

/* -- what keys do ----------------------------------------------------------------------- */

static int take_ref(struct spec *s, const char *key, const char *value, struct err *e)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_buf struct buf full = BUF_INIT(BUF_SMALL);

	if (oci_reference_parse(&ref, value, e) < 0)
		return err_wrap(e, "%s", key);
	if (s->way == TO && oci_digest_is_set(&ref.digest))
		return err_set(e, ERR_INPUT,
			       "%s: '%s' has a digest, so nothing can be written there", key,
			       value);
	oci_reference_format(&full, &ref);
	free(s->out.ref);
	s->out.ref = buf_steal(&full);
	return 0;
}

static int take_dir(struct spec *s, const char *key, const char *value, struct err *e)
{
	if (!*value)
		return err_set(e, ERR_INPUT, "%s= is empty", key);
	free(s->out.dir);
	s->out.dir = mem_strdup(value);
	return 0;
}

static int take_tag(struct spec *s, const char *key, const char *value, struct err *e)
{
	if (!oci_tag_is_valid(span_of_str(value)))
		return err_set(e, ERR_INPUT, "%s: '%s' is not a tag", key, value);
	if (!s->out.name) /* a digest says more */
		s->out.name = mem_strdup(value);
	return 0;
}

static int take_digest(struct spec *s, const char *key, const char *value, struct err *e)
{
	struct oci_digest d;

	if (oci_digest_parse(&d, span_of_str(value), e) < 0) {
		e->kind = ERR_INPUT;
		return err_wrap(e, "%s", key);
	}
	free(s->out.name);
	s->out.name = mem_strdup(value);
	return 0;
}

static int take_mode(struct spec *s, const char *key, const char *value, struct err *e)
{
	if (strcmp(value, "min") != 0 && strcmp(value, "max") != 0)
		return err_set(e, ERR_INPUT, "%s is min or max, not '%s'", key, value);
	s->out.all_stages = strcmp(value, "max") == 0;
	return 0;
}

/* The image holds its own layers, and only those. */
static int take_inline_mode(struct spec *s, const char *key, const char *value, struct err *e)
{
	if (s->out.kind != CACHE_INLINE)
		return take_mode(s, key, value, e);
	return strcmp(value, "min") == 0
		       ? 0
		       : err_set(e, ERR_INPUT,
				 "%s=%s: an inline cache has the image's own layers only; "
				 "type=registry takes those of all stages",
				 key, value);
}

static int take_ignore_error(struct spec *s, const char *key, const char *value, struct err *e)
{
	return csv_bool(&s->out.may_fail, key, value, e);
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
static int take_always(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool is = false;

	(void)s;
	if (csv_bool(&is, key, value, e) < 0)
		return -1;
	return is ? 0
		  : err_set(e, ERR_INPUT,
			    "%s=%s is not supported: a cache is one OCI image manifest", key,
			    value);
}

static int take_never(struct spec *s, const char *key, const char *value, struct err *e)
{
	bool is = false;

	(void)s;
	if (csv_bool(&is, key, value, e) < 0)
		return -1;
	return is ? err_set(e, ERR_INPUT,
			    "%s=%s is not supported: layers go into a cache as they were made", key,
			    value)
		  : 0;
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
	unsigned kinds, ways;
	int (*take)(struct spec *s, const char *key, const char *value, struct err *e);
};
static const struct spec_key keys[] = {
	{ "ref", OF(REGISTRY), TO | FROM, take_ref },
	{ "dest", OF(LOCAL), TO, take_dir },
	{ "src", OF(LOCAL), FROM, take_dir },
	{ "digest", OF(LOCAL), FROM, take_digest },
	{ "tag", OF(LOCAL), TO | FROM, take_tag },
	{ "mode", STORED | OF(INLINE), TO, take_inline_mode },
	{ "ignore-error", STORED, TO, take_ignore_error },
	{ "compression", STORED, TO, take_compression },
	{ "compression-level", STORED, TO, take_level },
	{ "image-manifest", STORED, TO, take_always },
	{ "oci-mediatypes", STORED, TO, take_always },
	{ "force-compression", STORED, TO, take_never },
	{ "registry.insecure", OF(REGISTRY), TO | FROM, take_insecure },
};

static int unknown_key(const struct spec *s, const char *key, struct err *e)
{
	struct message_guess g = { .word = span_of_str(key) };
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if ((keys[i].kinds & (1u << s->out.kind)) && (keys[i].ways & s->way))
			message_guess_add(&g, keys[i].name);
	message_guess_hint(hint, &g);
	return err_set(e, ERR_INPUT, "unknown field '%s'%s", key, hint);
}

/* dest and src are each other's slip. */
static int wrong_way(const struct spec *s, const char *key, struct err *e)
{
	if (s->out.kind == CACHE_LOCAL && (strcmp(key, "dest") == 0 || strcmp(key, "src") == 0))
		return err_set(e, ERR_INPUT, "'%s' is --cache-%s's; it is %s=DIR here", key,
			       s->way == TO ? "from" : "to", s->way == TO ? "dest" : "src");
	return err_set(e, ERR_INPUT, "'%s' means nothing here, only to --cache-%s", key,
		       s->way == TO ? "from" : "to");
}

static int take_key(struct spec *s, const char *key, const char *value, struct err *e)
{
	if (strcmp(key, "type") == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(key, keys[i].name) != 0)
			continue;
		if (!(keys[i].kinds & (1u << s->out.kind)))
			return err_set(e, ERR_INPUT, "'%s' means nothing to type=%s", key, s->type);
		if (!(keys[i].ways & s->way))
			return wrong_way(s, key, e);
		return keys[i].take(s, key, value, e);
	}
	return unknown_key(s, key, e);
}

/* -- types ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned ways;
	enum cache_kind kind;
} types[] = {
	{ "registry", TO | FROM, CACHE_REGISTRY },
	{ "local", TO | FROM, CACHE_LOCAL },
	{ "inline", TO, CACHE_INLINE },
};

static const struct {
	const char *name, *instead;
} elsewhere[] = {
	{ "gha", "type=local in a directory that the pipeline keeps, or type=registry" },
	{ "s3", "type=registry,ref=REF" },
	{ "azblob", "type=registry,ref=REF" },
};

static int no_type(const struct spec *s, struct err *e)
{
	struct message_guess g = { .word = span_of_str(s->type) };
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
		if (strcmp(s->type, elsewhere[i].name) == 0)
			return err_set(e, ERR_INPUT, "type=%s is not supported: there is %s",
				       s->type, elsewhere[i].instead);
	if (strcmp(s->type, "inline") == 0)
		return err_set(
			e, ERR_INPUT,
			"an inline cache is read as type=registry,ref=IMAGE, or IMAGE alone");
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].ways & s->way)
			message_guess_add(&g, types[i].name);
	message_guess_hint(hint, &g);
	return err_set(e, ERR_INPUT, "unknown type '%s'%s", s->type, hint);
}

static int take_type(struct spec *s, struct err *e)
{
	s->type = csv_fields_get(&s->fields, "type");
	if (!s->type)
		return err_set(e, ERR_INPUT, "type= is needed, as in type=registry,ref=REF");
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(s->type, types[i].name) == 0 && (types[i].ways & s->way)) {
			s->out.kind = types[i].kind;
			return 0;
		}
	return no_type(s, e);
}

static int check_place(const struct spec *s, struct err *e)
{
	if (s->out.kind == CACHE_REGISTRY && !s->out.ref)
		return err_set(e, ERR_INPUT, "ref=REF is needed");
	if (s->out.kind == CACHE_LOCAL && !s->out.dir)
		return err_set(e, ERR_INPUT, "%s=DIR is needed", s->way == TO ? "dest" : "src");
	return 0;
}

static int parse_fields(struct spec *s, const char *text, struct err *e)
{
	if (csv_fields_read(&s->fields, text, "type=registry,ref=REF", e) < 0 ||
	    take_type(s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->fields.nr; i++)
		if (take_key(s, s->fields.key[i], s->fields.value[i], e) < 0)
			return -1;
	return check_place(s, e);
}

static int parse(struct build_options *o, unsigned way, const char *text, struct err *e)
{
	CLEANUP(spec_release) struct spec s = { .opt = o, .way = way };
	/* a word alone is a reference, as docker build has it; "host:5000/x" has no '=' */
	int r = strpbrk(text, "=,\"") ? parse_fields(&s, text, e) : take_ref(&s, "ref", text, e);

	if (r < 0)
		return err_wrap(e, "--cache-%s '%.200s'", way == TO ? "to" : "from", text);
	cache_specs_add(way == TO ? &o->cache_to : &o->cache_from, &s.out);
	return 0;
}

int cache_spec_parse_to(struct build_options *o, const char *text, struct err *e)
{
	return parse(o, TO, text, e);
}

int cache_spec_parse_from(struct build_options *o, const char *text, struct err *e)
{
	return parse(o, FROM, text, e);
}

/* -- lists ------------------------------------------------------------------------------ */

void cache_specs_add(struct cache_specs *s, struct cache_spec *c)
{
	MEM_GROW(s->v, s->nr, s->cap);
	s->v[s->nr++] = *c;
	*c = (struct cache_spec){ .ref = NULL };
}

void cache_spec_release(struct cache_spec *c)
{
	free(c->ref);
	free(c->dir);
	free(c->name);
}

void cache_specs_release(struct cache_specs *s)
{
	for (size_t i = 0; i < s->nr; i++)
		cache_spec_release(&s->v[i]);
	free(s->v);
	*s = (struct cache_specs){ .v = NULL };
}

const char *cache_spec_name(const struct cache_spec *c)
{
	return c->kind == CACHE_REGISTRY ? c->ref : c->kind == CACHE_LOCAL ? c->dir : "the image";
}

/*
 * The only door to libyaml. Its events are put together with a stack of open
 * lists and maps; no recursion, so depth is a number we choose.
 *
 * libyaml knows neither merge keys nor duplicate keys nor YAML 1.2's plain
 * scalars; the first two are done here, the third is left to the reader of a
 * value. An alias costs nothing in memory (the value is shared), but whoever
 * walks the tree pays for it, so every alias and merged pair is counted with all
 * that hangs below it: that ends "billion laughs" at DEPLOY_YAML_NODES_MAX.
 */
#include "deploy/yaml.h"

#include <limits.h>
#include <yaml.h>

#include "base/mem.h"
#include "deploy/place.h"
#include "deploy/yaml_words.h"

#define ANCHORS_MAX 1000
#define SHOWN_MAX   60 /* characters of foreign text in a warning */

struct frame {
	struct yaml_value *value;
	struct yaml_value *key; /* map: read, its value is still to come */
	bool is_flow;		/* written with { } */
};

struct anchor {
	char *name;
	struct yaml_value *value;
};

struct builder {
	struct deploy_yaml *doc;
	const char *file;
	struct span text;
	struct strv *warnings;
	struct frame frames[DEPLOY_YAML_DEPTH_MAX];
	size_t depth;
	struct anchor *anchors;
	size_t nr_anchors, cap_anchors;
	size_t weight;
	size_t nr_documents;
};

static void builder_release(struct builder *b)
{
	for (size_t i = 0; i < b->nr_anchors; i++)
		free(b->anchors[i].name);
	free(b->anchors);
}
#define auto_builder CLEANUP(builder_release)

/* Where an event or a problem begins. */
struct at {
	unsigned line, column, width;
	bool is_private; /* what is not understood may be a variable and its value */
};

static int fail_at(const struct builder *b, struct at at, struct err *e, const char *fmt, ...)
	PRINTF_FMT(4, 5);
static int fail_at(const struct builder *b, struct at at, struct err *e, const char *fmt, ...)
{
	const struct deploy_place place = { .file = b->file,
					    .text = b->text,
					    .line = at.line,
					    .column = at.column,
					    .width = at.width,
					    .is_private = at.is_private };
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, ERR_INPUT, fmt, ap);
	va_end(ap);
	return deploy_place_wrap(e, &place);
}

static struct at at_mark(yaml_mark_t m)
{
	return (struct at){ (unsigned)m.line + 1, (unsigned)m.column + 1, 1, false };
}

static struct at at_value(const struct yaml_value *v)
{
	return (struct at){ v->line, v->column, v->width, false };
}

/* -- the tree ----------------------------------------------------------------- */

static struct yaml_value *value_new(struct builder *b, enum yaml_kind kind, yaml_mark_t at)
{
	struct yaml_value *v = mem_zalloc(sizeof(*v));

	v->kind = kind;
	v->line = (unsigned)at.line + 1;
	v->column = (unsigned)at.column + 1;
	v->width = 1;
	v->weight = 1;
	MEM_GROW(b->doc->all, b->doc->nr, b->doc->cap);
	b->doc->all[b->doc->nr++] = v;
	return v;
}

/* Counts what a value costs those who walk the tree. */
static int weigh(struct builder *b, size_t weight, struct at at, struct err *e)
{
	b->weight += weight;
	if (b->weight <= DEPLOY_YAML_NODES_MAX)
		return 0;
	return fail_at(b, at, e, "more than %d values, aliases unfolded", DEPLOY_YAML_NODES_MAX);
}

static bool is_merge_key(const struct yaml_value *key)
{
	return key->plain && strcmp(key->text, "<<") == 0;
}

static struct yaml_pair *find_pair(const struct yaml_value *map, const char *key)
{
	for (size_t i = 0; i < map->nr; i++)
		if (strcmp(map->pairs[i].key->text, key) == 0)
			return &map->pairs[i];
	return NULL;
}

static void add_pair(struct yaml_value *map, struct yaml_value *key, struct yaml_value *value)
{
	MEM_GROW(map->pairs, map->nr, map->cap);
	map->pairs[map->nr++] = (struct yaml_pair){ key, value };
	map->weight += key->weight + value->weight;
}

/* orcinus gave JSON to JavaScript's own reader, which goes by the last. */
static bool last_counts(const struct builder *b)
{
	return span_ends(span_of_str(b->file), ".json");
}

static int tell_duplicate(struct builder *b, const struct yaml_value *again,
			  const struct yaml_pair *first, struct err *e)
{
	char shown[SHOWN_MAX + 1];
	size_t n = 0;

	for (; n < SHOWN_MAX && again->text[n]; n++)
		shown[n] = (unsigned char)again->text[n] < ' ' ? '?' : again->text[n];
	shown[n] = '\0';
	if (!b->warnings)
		return fail_at(b, at_value(again), e, "'%s' is in this map already, on line %u",
			       shown, first->key->line);
	if (last_counts(b))
		strv_addf(
			b->warnings,
			"%s:%u: '%s' is written again in the same map; this one, the last, counts",
			b->file, again->line, shown);
	else
		strv_addf(b->warnings,
			  "%s:%u: '%s' is written again in the same map; line %u counts%s", b->file,
			  again->line, shown, first->key->line,
			  yaml_is_null(first->value) ? ", and it is empty" : "");
	return 0;
}

static int put_duplicate(struct builder *b, struct yaml_value *map, struct yaml_pair *first,
			 struct yaml_value *key, struct yaml_value *v, struct err *e)
{
	if (tell_duplicate(b, key, first, e) < 0)
		return -1;
	if (last_counts(b)) {
		*first = (struct yaml_pair){ key, v };
		map->weight += v->weight;
	}
	return 0;
}

/* {a:b} is a map to orcinus, and to YAML the key 'a:b' without a value. */
static bool lacks_blank(const struct frame *f, const struct yaml_value *v)
{
	return f->is_flow && f->key->plain && strchr(f->key->text, ':') && v->kind == YAML_SCALAR &&
	       v->plain && !*v->text;
}

static int put_in_map(struct builder *b, struct frame *f, struct yaml_value *v, struct err *e)
{
	struct yaml_value *key = f->key;
	struct yaml_pair *first;

	if (!key) {
		if (v->kind != YAML_SCALAR)
			return fail_at(b, at_value(v), e,
				       "a key must be text, not %s; text that begins with '{' or "
				       "'[' needs quotes",
				       yaml_kind_name(v));
		f->key = v;
		return 0;
	}
	if (lacks_blank(f, v))
		return fail_at(b, at_value(key), e, "a blank is needed behind the ':'");
	f->key = NULL;
	first = is_merge_key(key) ? NULL : find_pair(f->value, key->text);
	if (first)
		return put_duplicate(b, f->value, first, key, v, e);
	add_pair(f->value, key, v);
	return 0;
}

static int put_value(struct builder *b, struct yaml_value *v, struct err *e)
{
	struct frame *f = b->depth ? &b->frames[b->depth - 1] : NULL;

	if (!f) {
		b->doc->root = v;
		return 0;
	}
	if (f->value->kind == YAML_MAP)
		return put_in_map(b, f, v, e);
	MEM_GROW(f->value->items, f->value->nr, f->value->cap);
	f->value->items[f->value->nr++] = v;
	f->value->weight += v->weight;
	return 0;
}

/* -- merge keys --------------------------------------------------------------- */

static int merge_map(struct builder *b, struct yaml_value *into, const struct yaml_pair *merge,
		     const struct yaml_value *from, struct err *e)
{
	if (from->kind != YAML_MAP)
		return fail_at(b, at_value(merge->key), e,
			       "'<<' takes a map or a list of maps, not %s", yaml_kind_name(from));
	for (size_t i = 0; i < from->nr; i++) {
		const struct yaml_pair *p = &from->pairs[i];

		/* looking costs as well, whether it is added or not */
		if (weigh(b, p->key->weight + p->value->weight, at_value(merge->key), e) < 0)
			return -1;
		if (!find_pair(into, p->key->text))
			add_pair(into, p->key, p->value);
	}
	return 0;
}

/*
 * Own keys win over merged ones wherever '<<' stands, so merging waits for
 * the map's end. The maps merged from have ended, hence hold no '<<' any more.
 */
static int merge_pairs(struct builder *b, struct yaml_value *map, struct err *e)
{
	struct yaml_pair *own = map->pairs;
	size_t nr = map->nr;
	int r = 0;

	map->pairs = NULL;
	map->nr = map->cap = 0;
	map->weight = 1;
	for (size_t i = 0; i < nr; i++)
		if (!is_merge_key(own[i].key))
			add_pair(map, own[i].key, own[i].value);
	for (size_t i = 0; i < nr && r == 0; i++) {
		const struct yaml_value *from = own[i].value;

		if (!is_merge_key(own[i].key))
			continue;
		if (from->kind != YAML_LIST)
			r = merge_map(b, map, &own[i], from, e);
		for (size_t j = 0; from->kind == YAML_LIST && j < from->nr && r == 0; j++)
			r = merge_map(b, map, &own[i], from->items[j], e);
	}
	free(own);
	return r;
}

static bool has_merge_key(const struct yaml_value *map)
{
	for (size_t i = 0; i < map->nr; i++)
		if (is_merge_key(map->pairs[i].key))
			return true;
	return false;
}

/* -- events ------------------------------------------------------------------- */

static int set_anchor(struct builder *b, const yaml_char_t *name, struct yaml_value *v,
		      struct err *e)
{
	if (!name)
		return 0;
	if (b->nr_anchors == ANCHORS_MAX)
		return fail_at(b, at_value(v), e, "more than %d anchors", ANCHORS_MAX);
	MEM_GROW(b->anchors, b->nr_anchors, b->cap_anchors);
	b->anchors[b->nr_anchors++] =
		(struct anchor){ .name = mem_strdup((const char *)name), .value = v };
	return 0;
}

/* YAML's own tags say nothing that the reader of the value does not ask for anyway. */
static int check_tag(const struct builder *b, const yaml_char_t *tag, const struct yaml_value *v,
		     struct err *e)
{
	static const struct {
		const char *name;
		enum yaml_kind kind;
	} known[] = {
		{ "str", YAML_SCALAR },	 { "int", YAML_SCALAR },  { "float", YAML_SCALAR },
		{ "bool", YAML_SCALAR }, { "null", YAML_SCALAR }, { "seq", YAML_LIST },
		{ "map", YAML_MAP },
	};
	struct span rest = span_of_str((const char *)tag);

	if (!tag || span_eq_str(rest, "!"))
		return 0;
	if (span_take(&rest, "tag:yaml.org,2002:"))
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if (span_eq_str(rest, known[i].name) && v->kind == known[i].kind)
				return 0;
	/* "!x" may well be a password without quotes, and so may "!!x" and "!<x>": it is not quoted */
	return fail_at(b, at_value(v), e,
		       "this tag is not understood here; text that begins with '!' needs quotes");
}

/* A text of several lines goes on to the end of its first. */
static unsigned width_of(const yaml_event_t *ev)
{
	if (ev->start_mark.line != ev->end_mark.line)
		return UINT_MAX;
	return (unsigned)(ev->end_mark.column - ev->start_mark.column);
}

static int on_scalar(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	const char *text = (const char *)ev->data.scalar.value;
	const char *tag = (const char *)ev->data.scalar.tag;
	struct yaml_value *v = value_new(b, YAML_SCALAR, ev->start_mark);

	if (strlen(text) != ev->data.scalar.length)
		return fail_at(b, at_value(v), e, "text holds a NUL character");
	v->text = mem_strdup(text);
	v->width = width_of(ev);
	v->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		   !(tag && (strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0));
	if (check_tag(b, ev->data.scalar.tag, v, e) < 0 || weigh(b, 1, at_value(v), e) < 0 ||
	    set_anchor(b, ev->data.scalar.anchor, v, e) < 0)
		return -1;
	return put_value(b, v, e);
}

static int on_start(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	bool is_map = ev->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *tag = is_map ? ev->data.mapping_start.tag : ev->data.sequence_start.tag;
	const yaml_char_t *anchor =
		is_map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
	struct yaml_value *v = value_new(b, is_map ? YAML_MAP : YAML_LIST, ev->start_mark);

	if (b->depth == DEPLOY_YAML_DEPTH_MAX)
		return fail_at(b, at_value(v), e, "nested deeper than %d levels",
			       DEPLOY_YAML_DEPTH_MAX);
	v->open = true;
	if (check_tag(b, tag, v, e) < 0 || weigh(b, 1, at_value(v), e) < 0 ||
	    set_anchor(b, anchor, v, e) < 0)
		return -1;
	b->frames[b->depth++] =
		(struct frame){ .value = v,
				.is_flow = is_map && ev->data.mapping_start.style ==
							     YAML_FLOW_MAPPING_STYLE };
	return 0;
}

static int on_end(struct builder *b, struct err *e)
{
	struct yaml_value *v = b->frames[--b->depth].value;

	v->open = false;
	if (v->kind == YAML_MAP && has_merge_key(v) && merge_pairs(b, v, e) < 0)
		return -1;
	return put_value(b, v, e);
}

static int on_alias(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	const char *name = (const char *)ev->data.alias.anchor;
	struct at at = at_mark(ev->start_mark);

	for (size_t i = b->nr_anchors; i-- > 0;) { /* the latest of a name counts */
		struct yaml_value *v = b->anchors[i].value;

		if (strcmp(b->anchors[i].name, name) != 0)
			continue;
		if (v->open)
			return fail_at(b, at, e, "this alias stands inside what it names");
		return weigh(b, v->weight, at, e) < 0 ? -1 : put_value(b, v, e);
	}
	return fail_at(
		b, at, e,
		"no anchor of that name before this; text that begins with '*' needs quotes");
}

static int on_event(struct builder *b, const yaml_event_t *ev, struct err *e)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->nr_documents++)
			return fail_at(b, at_mark(ev->start_mark), e,
				       "a second document begins here; one file holds one");
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev, e);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_start(b, ev, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(b, e);
	case YAML_ALIAS_EVENT:
		return on_alias(b, ev, e);
	default:
		return 0;
	}
}

/* -- what libyaml refuses ----------------------------------------------------- */

static bool is_indented_with_tab(struct span text, size_t line)
{
	struct span l = { 0 };

	for (size_t i = 0; i <= line; i++)
		if (!span_line(&text, &l))
			return false;
	for (size_t i = 0; i < l.n && (l.p[i] == ' ' || l.p[i] == '\t'); i++)
		if (l.p[i] == '\t')
			return true;
	return false;
}

/* Knows an offset only, and which byte there is wrong. */
static int encoding_error(const struct builder *b, const yaml_parser_t *p, struct err *e)
{
	struct at at = { .line = 1 };

	for (size_t i = 0; i < p->problem_offset && i < b->text.n; i++)
		at.line += b->text.p[i] == '\n';
	return fail_at(b, at, e, "not valid text in UTF-8: %s", p->problem);
}

/* 0: git has left no marks of a merge in the text. */
static unsigned conflict_line(struct span text)
{
	struct span line;

	for (unsigned nr = 1; span_line(&text, &line); nr++)
		if (span_starts(line, "<<<<<<< "))
			return nr;
	return 0;
}

/* Where a key without ':' or an open quote ends is mostly far below what is wrong. */
static bool began_wrong(const yaml_parser_t *p)
{
	return strstr(p->problem, "could not find expected ':'") ||
	       (p->context && strstr(p->context, "scanning a quoted scalar") &&
		strstr(p->problem, "end of stream"));
}

static int syntax_error(const struct builder *b, const yaml_parser_t *p, struct err *e)
{
	struct at at = at_mark(p->problem_mark), conflict = { conflict_line(b->text), 1, 7, false };

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(e, ERR_FAILED, "read '%s': out of memory", b->file);
	if (p->error == YAML_READER_ERROR)
		return encoding_error(b, p, e);
	if (conflict.line)
		return fail_at(b, conflict, e, "a merge of git has left a conflict here");
	if (is_indented_with_tab(b->text, p->problem_mark.line))
		return fail_at(b, at, e, "indented with a tab; YAML wants spaces");
	if (began_wrong(p)) {
		at = at_mark(p->context_mark);
		at.is_private = true;
		return fail_at(b, at, e, "not valid YAML: %s, %s that begins here%s", p->problem,
			       p->context, yaml_explain(p->problem));
	}
	if (p->context && p->context_mark.line != p->problem_mark.line)
		return fail_at(b, at, e, "not valid YAML: %s, %s that begins on line %zu%s",
			       p->problem, p->context, p->context_mark.line + 1,
			       yaml_explain(p->problem));
	return fail_at(b, at, e, "not valid YAML: %s%s", p->problem, yaml_explain(p->problem));
}

static int read_events(struct builder *b, yaml_parser_t *p, struct err *e)
{
	for (bool more = true; more;) {
		yaml_event_t ev;
		int r;

		if (!yaml_parser_parse(p, &ev))
			return syntax_error(b, p, e);
		r = on_event(b, &ev, e);
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
		if (r < 0)
			return -1;
	}
	return 0;
}

int deploy_yaml_read(struct deploy_yaml **out, const char *file, struct span text,
		     struct strv *warnings, struct err *e)
{
	auto_deploy_yaml struct deploy_yaml *doc = mem_zalloc(sizeof(*doc));
	auto_builder struct builder b = {
		.doc = doc, .file = file, .text = text, .warnings = warnings
	};
	yaml_parser_t p;
	int r;

	if (text.n > DEPLOY_YAML_MAX)
		return err_set(e, ERR_INPUT, "%s: larger than %u bytes", file, DEPLOY_YAML_MAX);
	if (!yaml_parser_initialize(&p))
		return err_set(e, ERR_FAILED, "read '%s': out of memory", file);
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	/* it asserts that there is a pointer, also to no bytes */
	yaml_parser_set_input_string(&p, (const unsigned char *)(text.p ? text.p : ""), text.n);
	r = read_events(&b, &p, e);
	yaml_parser_delete(&p);
	if (r < 0)
		return -1;
	*out = STEAL(&doc);
	return 0;
}

void deploy_yaml_free(struct deploy_yaml *doc)
{
	if (!doc)
		return;
	for (size_t i = 0; i < doc->nr; i++) {
		free(doc->all[i]->text);
		free(doc->all[i]->items);
		free(doc->all[i]->pairs);
		free(doc->all[i]);
	}
	free(doc->all);
	free(doc);
}

/* -- looking at values -------------------------------------------------------- */

const struct yaml_value *yaml_map_get(const struct yaml_value *map, const char *key)
{
	const struct yaml_pair *p = map && map->kind == YAML_MAP ? find_pair(map, key) : NULL;

	return p ? p->value : NULL;
}

bool yaml_is_null(const struct yaml_value *v)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (!v)
		return true;
	for (size_t i = 0; v->kind == YAML_SCALAR && v->plain && i < ARRAY_LEN(words); i++)
		if (strcmp(v->text, words[i]) == 0)
			return true;
	return false;
}

const char *yaml_kind_name(const struct yaml_value *v)
{
	if (yaml_is_null(v))
		return "empty";
	return v->kind == YAML_LIST ? "a list" : v->kind == YAML_MAP ? "a map" : "text";
}

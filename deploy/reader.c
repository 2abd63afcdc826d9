/*
 * Values to text, keys to functions, and words for what does not fit. Values may be
 * secret: their text reaches a message only as part of a path, or in the excerpt of
 * an error, which place.c makes fit to be seen.
 */
#include "deploy/reader.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/mem.h"
#include "deploy/place.h"
#include "deploy/quoted.h"

#define SHOWN_MAX     60
#define NAME_LEN_MAX  63
#define WARNINGS_MAX  1000
#define LOOKED_AT_MAX (1u << 20) /* bytes, for all warnings */
#define NEAR_MAX      32	 /* no key we know is longer */

void reader_release(struct reader *r)
{
	expand_release(&r->expand);
	strv_release(&r->used_volumes);
	strv_release(&r->said_new);
	free(r->domain);
	free(r->unset);
	free(r->image_used);
}

/* -- messages ------------------------------------------------------------------- */

static struct strv variables_used(const struct expand *x)
{
	struct strv used = STRV_INIT;

	for (size_t i = 0; i < x->used.n; i++)
		strv_env_set(&used, x->used.v[i], strv_env_get(x->env, x->used.v[i]));
	return used;
}

static struct deploy_place place_of(const struct reader *r, const struct yaml_value *at,
				    const char *path, const struct strv *variables)
{
	return (struct deploy_place){
		.file = r->in->file,
		.text = r->in->text,
		.line = at->line,
		.column = at->column,
		.width = at->width,
		.value = span_of_str(at->kind == YAML_SCALAR ? at->text : ""),
		.is_private = strstr(path, ".environment") != NULL,
		.variables = variables,
	};
}

int reader_wrap(const struct reader *r, const struct yaml_value *at, const char *path,
		struct err *e)
{
	auto_strv struct strv used = variables_used(&r->expand);
	const struct deploy_place place = place_of(r, at, path, &used);

	/* what is wrong with the rest is mostly just this */
	if (at == r->unset_at)
		err_set(e, e->kind, "%s (variable '%s' is not set)", e->text, r->unset);
	if (*path)
		err_wrap(e, "%s", path);
	return deploy_place_wrap(e, &place);
}

int reader_fail(const struct reader *r, const struct yaml_value *at, const char *path,
		struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, ERR_INPUT, fmt, ap);
	va_end(ap);
	return reader_wrap(r, at, path, e);
}

/* As it may be told. To find that out costs a look at the whole line: after many of long ones nothing is quoted. */
static char *fit_warning(struct reader *r, const struct yaml_value *at, const char *path,
			 const char *text)
{
	auto_strv struct strv used = STRV_INIT;
	struct deploy_place place;

	if (!strchr(text, '\'')) /* it quotes nothing */
		return mem_strdup(text);
	used = variables_used(&r->expand);
	place = place_of(r, at, path, &used);
	r->looked_at += deploy_place_line(&place).n;
	return r->looked_at > LOOKED_AT_MAX ? quoted_hide_all(text)
					    : deploy_place_said(text, &place);
}

void reader_warn(struct reader *r, const struct yaml_value *at, const char *path, const char *fmt,
		 ...)
{
	auto_buf struct buf line = BUF_INIT(ERR_TEXT_MAX), text = BUF_INIT(ERR_TEXT_MAX);
	auto_free char *said = NULL;
	va_list ap;

	if (r->warnings->n >= WARNINGS_MAX) /* nobody reads on */
		return;
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	said = fit_warning(r, at, path, buf_str(&text));
	buf_addf(&line, "%s:%u: %s: %s", r->in->file, at->line, path, said);
	/* a definition used by several services is read several times */
	if (!strv_has(r->warnings, buf_str(&line)))
		strv_add_span(r->warnings, buf_span(&line));
}

char *reader_path(const char *up, const char *key)
{
	char shown[SHOWN_MAX + 1];
	size_t n = 0;

	for (; n < SHOWN_MAX && key[n]; n++)
		shown[n] = iscntrl((unsigned char)key[n]) ? '?' : key[n];
	while (key[n] && n && ((unsigned char)key[n] & 0xc0) == 0x80)
		n--; /* do not cut a character in two */
	shown[n] = '\0';
	return mem_printf("%s%s%s", up, *up ? "." : "", shown);
}

char *reader_item_path(const char *up, size_t i)
{
	return mem_printf("%s[%zu]", up, i);
}

/* -- text ----------------------------------------------------------------------- */

static void tell_expansion(struct reader *r, const struct yaml_value *at, const char *path)
{
	struct expand *x = &r->expand;

	for (size_t i = 0; i < x->unset.n; i++)
		reader_warn(r, at, path, "variable '%s' is not set, nothing stands in its place",
			    x->unset.v[i]);
	if (x->unset.n) {
		free(r->unset);
		r->unset = mem_strdup(x->unset.v[0]);
		r->unset_at = at;
	}
	strv_release(&x->unset);
	if (x->literal[0] && !r->said_literal) {
		r->said_literal = true;
		reader_warn(r, at, path,
			    "'%s' is taken as it is, here and below: no shell reads this file",
			    x->literal);
	}
}

/* What is meant to be a list or a map and lacks the blank that makes it one. */
static const char *missing_blank(const struct yaml_value *v, enum yaml_kind kind)
{
	if (v->kind != YAML_SCALAR || !v->plain)
		return NULL;
	if (v->text[0] == '-') /* where a list or a map is wanted, it was to be a list */
		return "a blank is needed behind the '-'";
	return kind == YAML_MAP && strchr(v->text, ':') ? "a blank is needed behind the ':'" : NULL;
}

int reader_want(const struct reader *r, const struct yaml_value *v, enum yaml_kind kind,
		const char *path, const char *hint, struct err *e)
{
	static const char *const names[] = { "text", "a list", "a map" };
	const char *blank;

	if (v->kind == kind && (kind != YAML_SCALAR || !yaml_is_null(v)))
		return 0;
	blank = missing_blank(v, kind);
	hint = blank ? blank : hint;
	return reader_fail(r, v, path, e, "must be %s, not %s%s%s", names[kind], yaml_kind_name(v),
			   hint ? "; " : "", hint ? hint : "");
}

/* What stands for something else wherever it is: <IMG_NAME> and {orcinus.…}. */
static int fill(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		const char *path, struct err *e)
{
	auto_free char *filled = NULL;

	if (reader_fill(&filled, r, at, text, path, e) < 0)
		return -1;
	return reader_templates(out, r, at, filled, path, e);
}

int reader_expand(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		  const char *path, struct err *e)
{
	auto_free char *filled = NULL;

	if (fill(&filled, r, at, text, path, e) < 0)
		return -1;
	if (expand_text(out, &r->expand, filled, e) < 0)
		return reader_wrap(r, at, path, e);
	tell_expansion(r, at, path);
	return 0;
}

/* orcinus' reader of YAML made 493 of 0755, and 80443 of 80,443. */
static bool orcinus_had_another_number(const struct yaml_value *v)
{
	const char *p = v->text + (*v->text == '+' || *v->text == '-');
	size_t digits = strspn(p, "0123456789"), n = strspn(p, "0123456789,");

	if (!v->plain || !digits)
		return false;
	if (p[n] == '.')
		n += 1 + strspn(p + n + 1, "0123456789");
	return !p[n] && (strchr(p, ',') || (*p == '0' && digits == n && n > 1));
}

static void tell_number(struct reader *r, const struct yaml_value *v, const char *path)
{
	if (!r->is_strict && orcinus_had_another_number(v))
		reader_warn(r, v, path, "taken as it is written; orcinus read another number");
}

int reader_text(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		struct err *e)
{
	if (reader_want(r, v, YAML_SCALAR, path, NULL, e) < 0)
		return -1;
	tell_number(r, v, path);
	return reader_expand(out, r, v, v->text, path, e);
}

int reader_plain(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e)
{
	enum expand_grammar before = r->expand.grammar;
	int n;

	r->expand.grammar = EXPAND_COMPOSE;
	n = reader_text(out, r, v, path, e);
	r->expand.grammar = before;
	return n;
}

int reader_words(struct strv *out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e)
{
	auto_free char *filled = NULL;

	if (reader_want(r, v, YAML_SCALAR, path, NULL, e) < 0)
		return -1;
	tell_number(r, v, path);
	if (fill(&filled, r, v, v->text, path, e) < 0)
		return -1;
	if (expand_words(out, &r->expand, filled, e) < 0)
		return reader_wrap(r, v, path, e);
	tell_expansion(r, v, path);
	return 0;
}

bool reader_is_name(const char *text)
{
	size_t n = strlen(text);

	if (!n || n > NAME_LEN_MAX || !isalnum((unsigned char)text[0]) ||
	    !isalnum((unsigned char)text[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	return true;
}

/* -- keys ------------------------------------------------------------------------- */

/* How many letters to change, add, drop or swap to come from a to b. */
static size_t distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	size_t rows[3][NEAR_MAX + 1];
	size_t *two = rows[0], *one = rows[1], *now = rows[2];

	if (na > NEAR_MAX || nb > NEAR_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		now[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *spare = two;

		two = one;
		one = now;
		now = spare;
		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = one[j - 1] + (a[i - 1] != b[j - 1]);

			best = one[j] + 1 < best ? one[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			now[j] = best;
		}
	}
	return now[nb];
}

const char *reader_near(const char *name, const struct strv *known)
{
	size_t least = strlen(name) > 5 ? 3 : 2;
	const char *found = NULL;

	for (size_t i = 0; i < known->n; i++) {
		size_t d = distance(name, known->v[i]);

		if (d < least) {
			least = d;
			found = known->v[i];
		}
	}
	return found;
}

/* Borrowed from the table. */
static const char *near_key(const char *name, const struct reader_key *keys, size_t nr)
{
	auto_strv struct strv known = STRV_INIT;
	const char *near;

	for (size_t i = 0; i < nr; i++)
		if (keys[i].kind != READER_IGNORED)
			strv_add(&known, keys[i].name);
	near = reader_near(name, &known);
	for (size_t i = 0; near && i < nr; i++)
		if (strcmp(near, keys[i].name) == 0)
			return keys[i].name;
	return NULL;
}

static const struct reader_key *find_key(const char *name, const struct reader_key *keys, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static bool is_outranked(struct reader *r, const struct reader_key *key,
			 const struct yaml_value *at, const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(key->by) && key->by[i]; i++) {
		struct span name = span_of_str(key->by[i]);
		bool in_deploy = span_take(&name, "deploy.");

		if (yaml_is_null(yaml_map_get(in_deploy ? r->deploy : r->keys, name.p)))
			continue;
		reader_warn(r, at, path, "ignored: the service's '%s' counts", key->by[i]);
		return true;
	}
	return false;
}

static void tell_new(struct reader *r, const struct yaml_value *at, const char *path,
		     const struct reader_key *key)
{
	if (r->is_strict || !(key->is_new || key->is_api) || strv_has(&r->said_new, key->name))
		return;
	strv_add(&r->said_new, key->name);
	reader_warn(r, at, path, "%s; here it counts",
		    key->is_api
			    ? "'orcinus create' takes no notice of this key, only its dashboard did"
			    : "orcinus takes no notice of this key");
}

/* x-… is the user's own, by agreement. */
static int unknown_key(struct reader *r, const struct yaml_value *key, const char *path,
		       const char *near, struct err *e)
{
	const char *mark = near ? "; did you mean '" : "", *end = near ? "'?" : "";

	if (!near && strncmp(key->text, "x-", 2) == 0)
		return 0;
	if (r->is_strict)
		return reader_fail(r, key, path, e, "unknown key%s%s%s", mark, near ? near : "",
				   end);
	reader_warn(r, key, path, "unknown key, ignored%s%s%s", mark, near ? near : "", end);
	return 0;
}

static int read_key(struct reader *r, void *arg, const struct yaml_pair *p, const char *path,
		    const struct reader_key *keys, size_t nr, struct err *e)
{
	const char *name = p->key->text;
	const struct reader_key *key = find_key(name, keys, nr);

	if (key && yaml_is_null(p->value) && !key->null_too)
		return 0;
	if (key && is_outranked(r, key, p->key, path))
		return 0;
	if (key) {
		tell_new(r, p->key, path, key);
		return reader_field(r, arg, key, key->kind == READER_IGNORED ? p->key : p->value,
				    path, e);
	}
	return unknown_key(r, p->key, path, near_key(name, keys, nr), e);
}

int reader_keys(struct reader *r, void *arg, const struct yaml_value *map, const char *path,
		const struct reader_key *keys, size_t nr, struct err *e)
{
	if (reader_want(r, map, YAML_MAP, path, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < map->nr; i++) {
		auto_free char *at = reader_path(path, map->pairs[i].key->text);

		if (read_key(r, arg, &map->pairs[i], at, keys, nr, e) < 0)
			return -1;
	}
	return 0;
}

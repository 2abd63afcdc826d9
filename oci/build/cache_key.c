/*
 * A change of VERSION makes all that is cached useless: needed when a step with equal fields comes to
 * give another layer.
 */
#include "oci/build/cache_key.h"

#define VERSION_LINE "cbuild step 1\n"

static void add_sized(struct hash *h, struct span s)
{
	char head[24];

	hash_update(h, head, (size_t)snprintf(head, sizeof(head), "%zu:", s.n));
	hash_update(h, s.p, s.n);
}

static void hash_begin(struct hash *h, const char *kind)
{
	hash_init(h);
	hash_update(h, VERSION_LINE, strlen(VERSION_LINE));
	add_sized(h, span_of_str(kind));
}

static void hash_end(struct cache_key *out, struct hash *h)
{
	unsigned char raw[HASH_SHA256_LEN];

	hash_final(h, raw);
	hash_hex(out->hex, raw);
}

void cache_text_init(struct cache_text *t, const char *kind)
{
	*t = (struct cache_text){ .fields = BUF_INIT(CACHE_FIELDS_MAX) };
	hash_begin(&t->h, kind);
}

/* Names are lines of a file: they lose what would be taken for another. */
static void remember(struct cache_text *t, const char *name, struct span value)
{
	unsigned char raw[HASH_SHA256_LEN];
	char hex[HASH_SHA256_HEX + 1];

	hash_sha256(raw, value.p, value.n);
	hash_hex(hex, raw);
	for (; *name; name++)
		buf_add_char(&t->fields, *name == '\n' || *name == '\t' ? '?' : *name);
	buf_addf(&t->fields, "\t%.16s\n", hex);
}

void cache_text_add(struct cache_text *t, const char *name, struct span value)
{
	add_sized(&t->h, span_of_str(name));
	add_sized(&t->h, value);
	remember(t, name, value);
}

void cache_text_add_str(struct cache_text *t, const char *name, const char *value)
{
	cache_text_add(t, name, span_of_str(value ? value : ""));
}

void cache_text_add_u64(struct cache_text *t, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ju", (uintmax_t)value);
	cache_text_add_str(t, name, text);
}

void cache_text_list(struct cache_text *t, const char *name, const struct strv *list)
{
	auto_buf struct buf all = BUF_INIT(SIZE_MAX);

	for (size_t i = 0; i < list->n; i++)
		buf_addf(&all, "%zu:%s", strlen(list->v[i]), list->v[i]);
	cache_text_add(t, name, buf_span(&all));
}

void cache_text_env(struct cache_text *t, const struct strv *env)
{
	for (size_t i = 0; i < env->n; i++) {
		auto_buf struct buf name = BUF_INIT(BUF_SMALL);
		struct span key, value;

		span_cut(span_of_str(env->v[i]), '=', &key, &value);
		buf_add_str(&name, "ENV ");
		buf_add_span(&name, key);
		cache_text_add(t, buf_str(&name), value);
	}
}

void cache_text_final(struct cache_key *form, struct cache_text *t)
{
	hash_end(form, &t->h);
}

void cache_text_release(struct cache_text *t)
{
	hash_release(&t->h);
	buf_release(&t->fields);
}

void cache_key_of(struct cache_key *out, const struct cache_key *below,
		  const struct cache_key *form, const struct oci_digest *deps, size_t nr_deps)
{
	struct hash h;

	hash_begin(&h, "id");
	add_sized(&h, span_of_str(below->hex));
	add_sized(&h, span_of_str(form->hex));
	for (size_t i = 0; i < nr_deps; i++)
		add_sized(&h, span_of_str(deps[i].text));
	hash_end(out, &h);
}

void cache_key_of_base(struct cache_key *out, const struct oci_descriptor *layers,
		       const struct oci_digest *diff_ids, size_t nr)
{
	struct hash h;

	hash_begin(&h, "base");
	for (size_t i = 0; i < nr; i++) {
		add_sized(&h, span_of_str(layers[i].digest.text));
		add_sized(&h, span_of_str(diff_ids[i].text));
	}
	hash_end(out, &h);
}

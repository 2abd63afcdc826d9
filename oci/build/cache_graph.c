/* Every value is checked for its form, so that nothing foreign is trusted with more than its place. */
#include "oci/build/cache_graph.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define PREFIX	    "io.cbuild.cache."
#define PACKING_MAX 40

struct cache_graph_key {
	struct cache_key key;
	size_t at; /* index of the result */
};

static void record_release(struct cache_record *r)
{
	cache_result_release(&r->result);
	free(r->aliases);
}

void cache_graph_release(struct cache_graph *g)
{
	for (size_t i = 0; i < g->nr; i++)
		record_release(&g->v[i]);
	free(g->v);
	free(g->keys);
	*g = (struct cache_graph){ .v = NULL };
}

/* -- keys ------------------------------------------------------------------------------- */

/* Where key is, or where it belongs. */
static size_t key_place(const struct cache_graph *g, const struct cache_key *key, bool *found)
{
	size_t low = 0, high = g->nr_keys;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(g->keys[mid].key.hex, key->hex);

		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void index_key(struct cache_graph *g, const struct cache_key *key, size_t at)
{
	bool found;
	size_t place = key_place(g, key, &found);

	if (found || !key->hex[0])
		return;
	MEM_GROW(g->keys, g->nr_keys, g->cap_keys);
	memmove(&g->keys[place + 1], &g->keys[place], (g->nr_keys - place) * sizeof(*g->keys));
	g->keys[place] = (struct cache_graph_key){ .key = *key, .at = at };
	g->nr_keys++;
}

static void index_record(struct cache_graph *g, size_t at)
{
	const struct cache_record *r = &g->v[at];

	index_key(g, &r->result.id, at);
	for (size_t i = 0; i < r->nr_aliases; i++)
		index_key(g, &r->aliases[i], at);
}

const struct cache_record *cache_graph_find(const struct cache_graph *g,
					    const struct cache_key *key)
{
	bool found;
	size_t place = key_place(g, key, &found);

	return found ? &g->v[g->keys[place].at] : NULL;
}

static bool has_key(const struct cache_record *r, const struct cache_key *key)
{
	if (strcmp(r->result.id.hex, key->hex) == 0)
		return true;
	for (size_t i = 0; i < r->nr_aliases; i++)
		if (strcmp(r->aliases[i].hex, key->hex) == 0)
			return true;
	return false;
}

static void add_alias(struct cache_record *r, const struct cache_key *key)
{
	if (!key->hex[0] || has_key(r, key) || r->nr_aliases == CACHE_GRAPH_KEYS_MAX - 1)
		return;
	r->aliases = mem_resize(r->aliases, r->nr_aliases + 1, sizeof(*r->aliases));
	r->aliases[r->nr_aliases++] = *key;
}

/* -- records ---------------------------------------------------------------------------- */

static bool is_same(const struct cache_record *a, const struct cache_record *b)
{
	return strcmp(a->result.id.hex, b->result.id.hex) == 0 &&
	       oci_digest_eq(&a->result.blob.digest, &b->result.blob.digest) &&
	       strcmp(a->result.parent.text, b->result.parent.text) == 0;
}

static size_t find_same(struct cache_graph *g, const struct cache_record *r)
{
	bool found;
	size_t place = key_place(g, &r->result.id, &found);

	if (found && is_same(&g->v[g->keys[place].at], r))
		return g->keys[place].at;
	MEM_GROW(g->v, g->nr, g->cap);
	g->v[g->nr] = (struct cache_record){ .stage = r->stage,
					     .is_target = r->is_target,
					     .is_hit = r->is_hit,
					     .is_claimed = r->is_claimed };
	cache_result_copy(&g->v[g->nr].result, &r->result);
	return g->nr++;
}

void cache_graph_add(struct cache_graph *g, const struct cache_record *r)
{
	size_t at = find_same(g, r);

	for (size_t i = 0; i < r->nr_aliases; i++)
		add_alias(&g->v[at], &r->aliases[i]);
	g->v[at].is_target |= r->is_target;
	index_record(g, at);
}

/* -- reading ------------------------------------------------------------------------------ */

static const char *get(const struct oci_descriptor *d, const char *name)
{
	return strv_env_get(&d->annotations, name);
}

static bool read_key(struct cache_key *out, struct span text)
{
	if (text.n != HASH_SHA256_HEX)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		out->hex[i] = c;
	}
	out->hex[text.n] = '\0';
	return true;
}

static bool read_keys(struct cache_record *r, const char *text)
{
	struct span rest = span_of_str(text), word;
	size_t n = 0;

	for (; span_split(&rest, ' ', &word); n++) {
		struct cache_key key;

		if (n == CACHE_GRAPH_KEYS_MAX || !read_key(&key, word))
			return false;
		if (n == 0)
			r->result.id = key;
		else
			add_alias(r, &key);
	}
	return n > 0;
}

static bool read_digest(struct oci_digest *out, const char *text)
{
	struct err ignored = ERR_INIT;

	return text && oci_digest_parse(out, span_of_str(text), &ignored) == 0;
}

static bool is_packing(const char *text)
{
	return text && *text && strlen(text) <= PACKING_MAX &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789 ._-") == strlen(text);
}

static bool is_time(const char *text)
{
	int64_t ns;

	return text && clock_parse(&ns, text) == 0;
}

static bool is_layer(const char *media)
{
	return strcmp(media, OCI_MEDIA_LAYER) == 0 || strcmp(media, OCI_MEDIA_LAYER_GZIP) == 0 ||
	       strcmp(media, OCI_MEDIA_LAYER_ZSTD) == 0;
}

/* One line for people, on any terminal. */
static char *clean_text(const char *text)
{
	char *out = mem_strndup(text ? text : "", CACHE_TEXT_MAX);

	for (char *p = out; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return out;
}

static bool read_record(struct cache_record *r, const struct oci_descriptor *d)
{
	const char *parent = get(d, PREFIX "parent"), *created = get(d, PREFIX "created");
	const char *packing = get(d, PREFIX "packing");

	if (!read_keys(r, get(d, PREFIX "keys")) || !is_layer(d->media_type) ||
	    d->size_bytes == 0 || d->size_bytes > CACHE_BLOB_MAX ||
	    !read_digest(&r->result.diff_id, get(d, PREFIX "diff-id")) ||
	    (parent && !read_digest(&r->result.parent, parent)) || !is_packing(packing) ||
	    !is_time(created))
		return false;
	r->result.blob.media_type = mem_strdup(d->media_type);
	r->result.blob.digest = d->digest;
	r->result.blob.size_bytes = d->size_bytes;
	r->result.packing = mem_strdup(packing);
	r->result.created = mem_strdup(created);
	r->result.text = clean_text(get(d, PREFIX "text"));
	return true;
}

void cache_graph_read(struct cache_graph *g, const struct oci_manifest *m)
{
	for (size_t i = 0; i < m->nr_layers; i++) {
		struct cache_record r = { .stage = 0 };

		if (!get(&m->layers[i], PREFIX "keys"))
			continue;
		if (read_record(&r, &m->layers[i]))
			cache_graph_add(g, &r);
		else
			g->nr_refused++;
		record_release(&r);
	}
}

/* -- writing ------------------------------------------------------------------------------ */

static void set(struct oci_descriptor *d, const char *name, const char *value)
{
	if (value && *value)
		strv_env_set(&d->annotations, name, value);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct cache_key *)a)->hex, ((const struct cache_key *)b)->hex);
}

/* Aliases are a set: in order, so that equal graphs are equal text. */
static char *keys_text(const struct cache_record *r)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	size_t n = r->nr_aliases < CACHE_GRAPH_KEYS_MAX ? r->nr_aliases : CACHE_GRAPH_KEYS_MAX - 1;
	auto_free struct cache_key *sorted = mem_resize(NULL, n + 1, sizeof(*sorted));

	if (n)
		memcpy(sorted, r->aliases, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	buf_add_str(&out, r->result.id.hex);
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, " %s", sorted[i].hex);
	return buf_steal(&out);
}

void cache_graph_annotate(struct oci_descriptor *d, const struct cache_record *r)
{
	auto_free char *keys = keys_text(r), *text = clean_text(r->result.text);

	set(d, PREFIX "keys", keys);
	set(d, PREFIX "parent", r->result.parent.text);
	set(d, PREFIX "diff-id", r->result.diff_id.text);
	set(d, PREFIX "packing", r->result.packing);
	set(d, PREFIX "created", r->result.created);
	set(d, PREFIX "text", text);
}

bool cache_graph_write(struct oci_manifest *m, struct oci_config *c, const struct cache_graph *g)
{
	size_t n = g->nr < CACHE_GRAPH_MAX ? g->nr : CACHE_GRAPH_MAX;

	for (size_t i = 0; i < n; i++) {
		auto_descriptor struct oci_descriptor d = { 0 };

		oci_descriptor_copy(&d, &g->v[i].result.blob);
		cache_graph_annotate(&d, &g->v[i]);
		oci_manifest_add_layer(m, &d);
		oci_config_add_diff_id(c, &g->v[i].result.diff_id);
	}
	return n == g->nr;
}

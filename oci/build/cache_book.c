/*
 * Whatever comes in, all notes that are not settled are gone through once, in order: what a note
 * waits for stands before it.
 */
#include "oci/build/cache_book.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/content.h"
#include "oci/image/store_layout.h"

struct cache_note {
	struct cache_ref below;
	struct cache_form forms[CACHE_FORMS_MAX];
	size_t nr_forms, stage;
	struct cache_result result; /* filled in as its parts become known */
	struct content_seen seen;
	struct cache_key aliases[CACHE_FORMS_MAX];
	size_t nr_aliases;
	size_t nr_plain; /* the first ones: what other stages came out as is not in them */
	struct oci_digest chain;
	bool is_packed, has_id, has_chain;
	bool has_failed;  /* its layer, or one below, could not be packed */
	bool has_no_form; /* it, or one below, will never have an id */
	bool is_lost;	  /* its blob could not be kept, or must not */
	bool is_claimed;  /* another's cache says so, and nobody has looked at the blob yet */
	bool is_hit, is_kept;
};

static void note_free(struct cache_note *n)
{
	for (size_t i = 0; i < n->nr_forms; i++)
		free(n->forms[i].deps);
	cache_result_release(&n->result);
	content_seen_release(&n->seen);
	free(n);
}

/* -- opening ------------------------------------------------------------------------------ */

int cache_book_open(struct cache_book *b, const struct op *op, const char *dir,
		    struct oci_store *blobs, struct err *e)
{
	*b = (struct cache_book){ .op = op, .blobs = blobs };
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->told, NULL);
	if (cache_local_open(&b->local, dir, blobs, e) < 0)
		return -1;
	cache_book_add(b, b->local);
	return 0;
}

void cache_book_add(struct cache_book *b, struct cache_source *s)
{
	MEM_GROW(b->sources, b->nr_sources, b->cap_sources);
	b->sources[b->nr_sources++] = s;
}

void cache_book_forget(struct cache_book *b)
{
	for (size_t i = 0; i < b->nr; i++)
		note_free(b->notes[i]);
	b->nr = b->settled = 0;
}

void cache_book_release(struct cache_book *b)
{
	cache_book_forget(b);
	free(b->notes);
	for (size_t i = 0; i < b->nr_sources; i++)
		cache_source_free(b->sources[i]);
	free(b->sources);
	strv_release(&b->bad);
	*b = (struct cache_book){ .nr = 0 };
}

/* -- looking: lock held in what has no cache_ in its name --------------------------------- */

static bool ref_id(const struct cache_ref *at, struct cache_key *out)
{
	if (at->note && !at->note->has_id)
		return false;
	*out = at->note ? at->note->result.id : at->id;
	return true;
}

static bool ref_chain(const struct cache_ref *at, struct oci_digest *out)
{
	if (at->note && !at->note->has_chain)
		return false;
	*out = at->note ? at->note->chain : at->chain;
	return true;
}

static bool form_key(const struct cache_ref *below, const struct cache_form *f,
		     struct cache_key *out)
{
	auto_free struct oci_digest *deps = mem_zalloc((f->nr_deps + 1) * sizeof(*deps));
	struct cache_key id;

	if (!cache_key_is_set(&f->key) || !ref_id(below, &id))
		return false;
	for (size_t i = 0; i < f->nr_deps; i++)
		if (!ref_chain(&f->deps[i], &deps[i]))
			return false;
	cache_key_of(out, &id, &f->key, deps, f->nr_deps);
	return true;
}

bool cache_ref_id(struct cache_book *b, const struct cache_ref *at, struct cache_key *out)
{
	bool known;

	pthread_mutex_lock(&b->lock);
	known = ref_id(at, out);
	pthread_mutex_unlock(&b->lock);
	return known;
}

bool cache_form_key(struct cache_book *b, const struct cache_ref *below, const struct cache_form *f,
		    struct cache_key *out)
{
	bool known;

	pthread_mutex_lock(&b->lock);
	known = form_key(below, f, out);
	pthread_mutex_unlock(&b->lock);
	return known;
}

bool cache_ref_chain(struct cache_book *b, const struct cache_ref *at, struct oci_digest *out)
{
	bool known;

	pthread_mutex_lock(&b->lock);
	while (!(known = ref_chain(at, out)) && !at->note->has_failed)
		pthread_cond_wait(&b->told, &b->lock);
	pthread_mutex_unlock(&b->lock);
	return known;
}

static void warn_once(struct cache_book *b, const struct cache_source *s, const struct err *why)
{
	bool first;

	pthread_mutex_lock(&b->lock);
	first = !b->has_warned;
	b->has_warned = true;
	pthread_mutex_unlock(&b->lock);
	if (first)
		progress_warn(b->op->progress, "%s cannot be read: %s", s->name, why->text);
}

/* A record: another one may say the truth of the same blob. Owned by the caller. */
static char *bad_name(const struct cache_result *r)
{
	return mem_printf("%s %s", r->blob.digest.text, r->diff_id.text);
}

static bool is_bad(struct cache_book *b, const struct cache_result *r)
{
	auto_free char *name = bad_name(r);
	bool bad;

	pthread_mutex_lock(&b->lock);
	bad = strv_has(&b->bad, name);
	pthread_mutex_unlock(&b->lock);
	return bad;
}

int cache_book_find(struct cache_book *b, const struct cache_key *key, struct cache_result *out,
		    struct cache_source **from)
{
	for (size_t i = 0; i < (b->is_alone ? 1 : b->nr_sources); i++) {
		struct cache_source *s = b->sources[i];
		struct err why = ERR_INIT;
		int r = s->ops->find(s, b->op, key, out, &why);

		if (r < 0)
			warn_once(b, s, &why);
		if (r <= 0)
			continue;
		if (!is_bad(b, out)) {
			*from = s;
			return 1;
		}
		cache_result_release(out);
	}
	return 0;
}

/* The bytes are those of its digest; what they are a layer of is another matter. */
static bool is_intact(struct cache_book *b, const struct oci_digest *d)
{
	auto_blob struct oci_blob blob = { 0 };
	struct err ignored = ERR_INIT;
	unsigned char raw[HASH_SHA256_LEN];
	struct hash_sink hash;
	struct oci_digest got;

	if (oci_store_open(b->blobs, d, &blob, &ignored) < 0)
		return false;
	hash_sink_init(&hash, NULL);
	if (io_copy(b->op, blob.source, &hash.base, NULL, &ignored) < 0) {
		hash_release(&hash.hash);
		return false;
	}
	hash_sink_final(&hash, raw);
	oci_digest_of_raw(&got, raw);
	return oci_digest_eq(&got, d);
}

void cache_book_spoil(struct cache_book *b, const struct cache_result *r)
{
	auto_free char *name = bad_name(r);
	bool intact = is_intact(b, &r->blob.digest);

	pthread_mutex_lock(&b->lock);
	if (!strv_has(&b->bad, name))
		strv_add(&b->bad, name);
	cache_local_drop(b->local, &r->id);
	if (!intact)
		oci_store_layout_remove(b->blobs, &r->blob.digest);
	pthread_mutex_unlock(&b->lock);
}

size_t cache_book_spoiled(struct cache_book *b)
{
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = b->bad.n;
	pthread_mutex_unlock(&b->lock);
	return n;
}

/* -- settling ------------------------------------------------------------------------------ */

/* Not to be kept is no reason to fail a build. */
static void keep(struct cache_book *b, struct cache_note *n)
{
	struct err why = ERR_INIT;

	if (cache_local_put(b->local, &n->result.id, &n->result, &why) < 0)
		log_info(b->op, "%s: %s", b->local->name, why.text);
	for (size_t i = 0; i < n->nr_aliases; i++)
		if (cache_local_put(b->local, &n->aliases[i], &n->result, &why) < 0)
			log_info(b->op, "%s: %s", b->local->name, why.text);
	n->is_kept = true;
}

/* Those that can be known by now: other stages' layers may still be on their way. */
static void settle_aliases(struct cache_note *n)
{
	n->nr_aliases = n->nr_plain = 0;
	for (int has_deps = 0; has_deps < 2; has_deps++) {
		for (size_t i = 1; i < n->nr_forms; i++)
			if ((n->forms[i].nr_deps > 0) == has_deps &&
			    form_key(&n->below, &n->forms[i], &n->aliases[n->nr_aliases]))
				n->nr_aliases++;
		if (!has_deps)
			n->nr_plain = n->nr_aliases;
	}
}

static void settle(struct cache_book *b, struct cache_note *n)
{
	const struct cache_note *below = n->below.note;

	n->has_failed |= below && below->has_failed;
	n->has_no_form |= below && below->has_no_form;
	if (!n->has_id)
		n->has_id = form_key(&n->below, &n->forms[0], &n->result.id);
	if (!n->has_chain && n->is_packed && ref_chain(&n->below, &n->result.parent)) {
		cache_chain(&n->chain, &n->result.parent, &n->result.diff_id);
		n->has_chain = true;
	}
	if (n->has_id && n->has_chain && !n->is_lost) {
		size_t had = n->nr_aliases;

		settle_aliases(n);
		if (!n->is_claimed && (!n->is_kept || n->nr_aliases > had))
			keep(b, n);
	}
}

static bool is_settled(const struct cache_note *n)
{
	bool has_all = n->nr_aliases + 1 >= n->nr_forms;

	return (n->is_kept && (has_all || n->is_hit)) || n->has_failed ||
	       (n->has_chain && (n->has_no_form || n->is_lost));
}

static void settle_all(struct cache_book *b)
{
	for (size_t i = b->settled; i < b->nr; i++) {
		settle(b, b->notes[i]);
		if (i == b->settled && is_settled(b->notes[i]))
			b->settled++;
	}
	pthread_cond_broadcast(&b->told);
}

/* -- noting -------------------------------------------------------------------------------- */

static void copy_form(struct cache_form *to, const struct cache_form *from)
{
	*to = *from;
	to->deps = mem_zalloc((from->nr_deps + 1) * sizeof(*to->deps));
	memcpy(to->deps, from->deps ? from->deps : to->deps, from->nr_deps * sizeof(*to->deps));
}

/* As much of a line as people need; not in the middle of a character. */
static char *short_text(const char *text)
{
	size_t n = strlen(text);

	if (n > CACHE_TEXT_MAX)
		n = CACHE_TEXT_MAX;
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return mem_strndup(text, n);
}

static struct cache_note *note_of(const struct cache_step *s)
{
	struct cache_note *n = mem_zalloc(sizeof(*n));

	n->below = s->below;
	n->stage = s->stage;
	for (; n->nr_forms < s->nr_forms; n->nr_forms++)
		copy_form(&n->forms[n->nr_forms], &s->forms[n->nr_forms]);
	return n;
}

static void add(struct cache_book *b, struct cache_note *n)
{
	pthread_mutex_lock(&b->lock);
	MEM_GROW(b->notes, b->nr, b->cap);
	b->notes[b->nr++] = n;
	settle_all(b);
	pthread_mutex_unlock(&b->lock);
}

struct cache_note *cache_note_new(struct cache_book *b, const struct cache_step *s)
{
	struct cache_note *n = note_of(s);

	n->result.created = mem_strdup(s->created);
	n->result.text = short_text(s->text);
	n->result.packing = mem_strdup("");
	if (s->seen) {
		n->seen = *s->seen;
		*s->seen = (struct content_seen){ .nr = 0 };
	}
	add(b, n);
	return n;
}

/* Under all keys that it can be found under from now on; those that are there count as used. */
static void keep_missing(struct cache_book *b, const struct cache_note *n)
{
	for (size_t i = 0; i <= n->nr_aliases; i++) {
		const struct cache_key *key = i ? &n->aliases[i - 1] : &n->result.id;
		auto_cache_result struct cache_result there = { .packing = NULL };
		struct err why = ERR_INIT;

		if (b->local->ops->find(b->local, b->op, key, &there, &why) == 0 &&
		    cache_local_put(b->local, key, &n->result, &why) < 0)
			log_info(b->op, "%s: %s", b->local->name, why.text);
	}
}

struct cache_note *cache_note_hit(struct cache_book *b, const struct cache_step *s,
				  const struct cache_result *r, const struct cache_source *from)
{
	struct cache_note *n = note_of(s);

	cache_result_copy(&n->result, r);
	n->is_hit = n->has_id = n->has_chain = n->is_packed = n->is_kept = true;
	n->is_claimed = from != b->local;
	cache_chain(&n->chain, &r->parent, &r->diff_id);
	pthread_mutex_lock(&b->lock);
	settle_aliases(n);
	pthread_mutex_unlock(&b->lock);
	if (!n->is_claimed)
		keep_missing(b, n);
	add(b, n);
	return n;
}

void cache_note_fetched(struct cache_book *b, struct cache_note *n)
{
	pthread_mutex_lock(&b->lock);
	n->is_claimed = false;
	keep_missing(b, n);
	pthread_mutex_unlock(&b->lock);
}

/* What was just read may be another state of a file than what is read elsewhere. Lock not held. */
static bool has_changed(struct cache_book *b, const struct cache_note *n)
{
	auto_free char *path = content_changed(&n->seen);

	if (path)
		log_info(b->op, "%s: '%s' changed while it was read: not kept in the cache",
			 n->result.text, path);
	return path;
}

void cache_note_form(struct cache_book *b, struct cache_note *n, const struct cache_key *form)
{
	if (form && has_changed(b, n))
		form = NULL;
	pthread_mutex_lock(&b->lock);
	if (form)
		n->forms[0].key = *form;
	else
		n->has_no_form = true;
	settle_all(b);
	pthread_mutex_unlock(&b->lock);
}

/* lock not held: it may take its time. */
static int take_blob(struct cache_book *b, struct oci_store *in, const struct oci_descriptor *blob)
{
	struct err why = ERR_INIT;

	if (oci_store_copy_blob(b->op, b->blobs, in, blob, &why) == 0)
		return 0;
	log_info(b->op, "%s: %s", b->local->name, why.text);
	return -1;
}

void cache_note_packed(struct cache_book *b, struct cache_note *n, struct oci_store *in,
		       const struct oci_descriptor *blob, const struct oci_digest *diff_id,
		       const char *packing)
{
	bool is_kept = blob && !has_changed(b, n) && take_blob(b, in, blob) == 0;

	pthread_mutex_lock(&b->lock);
	n->has_failed = !blob;
	n->is_lost = !is_kept;
	if (blob) {
		oci_descriptor_release(&n->result.blob);
		oci_descriptor_copy(&n->result.blob, blob);
		free(n->result.packing);
		n->result.packing = mem_strdup(packing);
		n->result.diff_id = *diff_id;
		n->is_packed = true;
		n->is_kept = false; /* packed anew, perhaps */
	}
	settle_all(b);
	if (n->is_hit && blob && !n->is_kept && !n->is_lost)
		keep(b, n); /* settled long ago, so it was not looked at again */
	pthread_mutex_unlock(&b->lock);
}

size_t cache_book_records(struct cache_record **out, struct cache_book *b, const bool *packed,
			  bool only_plain)
{
	size_t nr = 0;

	*out = mem_zalloc((b->nr + 1) * sizeof(**out));
	for (size_t i = 0; i < b->nr; i++) {
		struct cache_note *n = b->notes[i];

		if (!n->has_id || !n->has_chain || n->is_lost)
			continue;
		(*out)[nr++] = (struct cache_record){ .result = n->result,
						      .aliases = n->aliases,
						      .nr_aliases = only_plain ? n->nr_plain
									       : n->nr_aliases,
						      .stage = n->stage,
						      .is_target = packed[n->stage],
						      .is_hit = n->is_hit,
						      .is_claimed = n->is_claimed };
	}
	return nr;
}

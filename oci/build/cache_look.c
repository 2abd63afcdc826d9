/*
 * Three forms: by content (the id), by the names of what is read, and "seen": the words alone, which
 * only says whether it is worth while to read the content.
 */
#include "oci/build/cache_look.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/cache_why.h"
#include "oci/build/content.h"

void cache_look_init(struct cache_look *k, struct step *s, const char *kind)
{
	const struct job *j = s->job;
	char platform[100];

	*k = (struct cache_look){ .step = s };
	oci_platform_format(platform, &s->stage->plan->platform);
	cache_text_init(&k->words, kind);
	cache_text_add_str(&k->words, "the platform", platform);
	if (!cache_ref_id(&s->job->book, &s->stage->ref, &k->below))
		k->below = (struct cache_key){ .hex = "" };
	if (j->opt->has_epoch)
		cache_text_add_u64(&k->words, "SOURCE_DATE_EPOCH", (uint64_t)j->opt->epoch);
}

static void release_lists(struct cache_look *k)
{
	for (size_t i = 0; i < k->nr_lists; i++)
		listing_release(&k->lists[i]);
	free(STEAL(&k->lists));
	k->nr_lists = k->cap_lists = 0;
}

void cache_look_release(struct cache_look *k)
{
	cache_text_release(&k->words);
	cache_text_release(&k->content);
	free(k->deps);
	release_lists(k);
	content_seen_release(&k->seen);
}

void cache_look_dep(struct cache_look *k, const struct cache_ref *tree)
{
	MEM_GROW(k->deps, k->nr_deps, k->cap_deps);
	k->deps[k->nr_deps++] = *tree;
}

void cache_look_image(struct cache_look *k, const struct image *img)
{
	struct cache_ref tree;

	stage_ref_of_image(&tree, img);
	cache_look_dep(k, &tree);
}

void cache_look_content(struct cache_look *k, struct layer_listing *list)
{
	if (!k->is_named) /* else nobody changes them */
		content_see(&k->seen, list);
	MEM_GROW(k->lists, k->nr_lists, k->cap_lists);
	k->lists[k->nr_lists++] = *list;
	*list = LISTING_INIT;
}

/* -- looking ----------------------------------------------------------------------------- */

static const char *why_not_at_all(const struct cache_look *k)
{
	const struct build_options *o = k->step->job->opt;

	if (o->no_cache)
		return "--no-cache";
	if (strv_has(&o->no_cache_stages, k->step->stage->plan->name))
		return "--no-cache-filter";
	return NULL;
}

/* What it was made over must be what is there: a step before it may have come out differently. */
static bool fits(const struct cache_look *k, const struct cache_result *r)
{
	struct oci_digest chain;

	return cache_ref_chain(&k->step->job->book, &k->step->stage->ref, &chain) &&
	       oci_digest_eq(&chain, &r->parent);
}

/* 1: the stage has its layer now. */
static int find(struct cache_look *k, const struct cache_form *f)
{
	struct cache_book *book = &k->step->job->book;
	auto_cache_result struct cache_result r = { .packing = NULL };
	struct cache_source *from;
	struct cache_key key;

	if (why_not_at_all(k) || !cache_form_key(book, &k->step->stage->ref, f, &key) ||
	    cache_book_find(book, &key, &r, &from) <= 0)
		return 0;
	if (!fits(k, &r)) {
		log_debug(k->step->job->op, "%s: was made over something else", k->step->what);
		return 0;
	}
	stage_take(k->step, &r, from, k->forms, k->nr_forms);
	return 1;
}

static bool was_seen(struct cache_look *k)
{
	struct cache_book *book = &k->step->job->book;
	auto_cache_result struct cache_result r = { .packing = NULL };
	struct cache_source *from;
	struct cache_key key;

	return !why_not_at_all(k) &&
	       cache_form_key(book, &k->step->stage->ref, &k->forms[1], &key) &&
	       cache_book_find(book, &key, &r, &from) > 0;
}

static void derive(struct cache_key *out, const struct cache_key *words, const char *kind)
{
	struct cache_text t;

	cache_text_init(&t, kind);
	cache_text_add_str(&t, "words", words->hex);
	cache_text_final(out, &t);
	cache_text_release(&t);
}

static void tell_why_not(struct cache_look *k, const struct buf *content)
{
	struct step *s = k->step;
	auto_free char *why = cache_why(s, &k->below, &k->words.fields, content);
	const char *plain = why_not_at_all(k);

	if (!plain && s->stage->has_missed)
		plain = "the step before was not cached";
	log_info(s->job->op, "%s: not cached: %s", s->what, plain ? plain : why);
	progress_why(s->job->op->progress, s->id, plain ? plain : why);
}

static void missed(struct cache_look *k)
{
	tell_why_not(k, k->is_hashed ? &k->content.fields : NULL);
	k->step->stage->has_missed = true;
	stage_will_make(k->step->stage, k->forms, k->nr_forms, &k->seen);
}

int cache_look_named(struct cache_look *k, struct err *e)
{
	struct cache_key words;

	(void)e;
	cache_text_final(&words, &k->words);
	if (!k->has_content) {
		k->forms[k->nr_forms++] =
			(struct cache_form){ .key = words, .deps = k->deps, .nr_deps = k->nr_deps };
		if (find(k, &k->forms[0]))
			return 1;
		missed(k);
		return 0;
	}
	cache_text_init(&k->content, "content");
	cache_text_add_str(&k->content, "words", words.hex);
	k->nr_forms = k->is_named ? 3 : 2;
	derive(&k->forms[1].key, &words, "seen");
	derive(&k->forms[2].key, &words, "named");
	k->forms[2].deps = k->deps;
	k->forms[2].nr_deps = k->nr_deps;
	return k->is_named ? find(k, &k->forms[2]) : 0;
}

static int hash_lists(struct cache_look *k, struct cache_text *t, bool parallel, struct err *e)
{
	for (size_t i = 0; i < k->nr_lists; i++)
		if (content_add(t, k->step->job->op, &k->lists[i], parallel, e) < 0)
			return -1;
	cache_text_final(&k->forms[0].key, t);
	k->is_hashed = true;
	release_lists(k);
	return 0;
}

#define LIST_LARGE 50000

/* A list for the key is not kept beside the one for the layer when it is of so many files. */
static bool is_large(const struct cache_look *k)
{
	size_t nr = 0;

	for (size_t i = 0; i < k->nr_lists; i++)
		nr += k->lists[i].nr;
	return nr > LIST_LARGE;
}

int cache_look_found(struct cache_look *k, struct err *e)
{
	bool seen = was_seen(k);

	if ((seen || is_large(k)) && hash_lists(k, &k->content, true, e) < 0)
		return -1;
	if (seen && find(k, &k->forms[0]))
		return 1;
	missed(k);
	return 0;
}

void cache_look_give_up(struct cache_look *k)
{
	k->is_hopeless = true;
	k->step->stage->has_missed = true;
}

/* -- reading beside ------------------------------------------------------------------------ */

struct beside {
	const struct op *op;
	struct cache_book *book;
	struct cache_note *note;
	struct cache_text text;
	struct layer_listing *lists;
	size_t nr_lists;
	char *why; /* where the fields are remembered */
	struct cache_key below;
	struct buf words;
};

static void beside_free(struct beside *b)
{
	for (size_t i = 0; i < b->nr_lists; i++)
		listing_release(&b->lists[i]);
	free(b->lists);
	cache_text_release(&b->text);
	buf_release(&b->words);
	free(b->why);
	free(b);
}

static void beside_run(void *item)
{
	struct beside *b = item;
	struct err why = ERR_INIT;
	struct cache_key form;
	int r = 0;

	for (size_t i = 0; i < b->nr_lists && r == 0; i++)
		r = content_add(&b->text, b->op, &b->lists[i], false, &why);
	if (r == 0)
		cache_text_final(&form, &b->text);
	cache_note_form(b->book, b->note, r == 0 ? &form : NULL);
	if (r == 0)
		cache_why_keep(b->op, b->why, &b->below, &b->words, &b->text.fields);
	beside_free(b);
}

void cache_look_made(struct cache_look *k)
{
	struct job *j = k->step->job;
	struct stage *st = k->step->stage;
	struct beside *b;

	if (k->is_hopeless) {
		cache_note_form(&j->book, st->ref.note, NULL);
		return;
	}
	if (!k->has_content || k->is_hashed) {
		auto_free char *path = cache_why_path(k->step);

		cache_why_keep(j->op, path, &k->below, &k->words.fields,
			       k->has_content ? &k->content.fields : NULL);
		return;
	}
	b = mem_zalloc(sizeof(*b));
	*b = (struct beside){ .op = &j->pack_op,
			      .book = &j->book,
			      .note = st->ref.note,
			      .text = k->content,
			      .lists = STEAL(&k->lists),
			      .nr_lists = k->nr_lists,
			      .why = cache_why_path(k->step),
			      .below = k->below,
			      .words = k->words.fields };
	k->content = (struct cache_text){ .h = { .ctx = NULL } };
	k->words.fields = BUF_INIT(0);
	k->nr_lists = 0;
	pool_submit(&j->packs, beside_run, b);
}

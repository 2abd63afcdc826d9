/*
 * Docker copies a line's here-documents after its other sources, and tells them in that order.
 */
#include "oci/build/copying.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "oci/build/add_source.h"
#include "oci/layer/passwd.h"

/* -- words ------------------------------------------------------------------------- */

/* A flag that is empty after expansion is as none. */
static int expand_flag(char **out, const struct copying *c, const char *flag, struct err *e)
{
	auto_free char *value = NULL;

	if (!flag)
		return 0;
	value = state_expand(&c->step->stage->state, flag, e);
	if (!value)
		return -1;
	if (*value)
		*out = STEAL(&value);
	return 0;
}

static bool names_directory(const char *dest)
{
	struct span d = span_of_str(dest);

	return span_ends(d, "/") || span_ends(d, "/.") || span_ends(d, "/..") ||
	       span_eq_str(d, ".") || span_eq_str(d, "..") || !d.n;
}

/* words holds here-documents as "<<NAME", in the order of instr->heredocs. */
static bool is_heredoc(const struct dockerfile_instr *in, size_t nth, const char *word)
{
	return nth < in->nr_heredocs && word[0] == '<' && word[1] == '<' &&
	       strcmp(word + 2, in->heredocs[nth].name) == 0;
}

static int expand_words(struct copying *c, struct err *e)
{
	const struct dockerfile_instr *in = c->step->instr;
	const struct state *st = &c->step->stage->state;
	size_t docs = 0;

	for (size_t i = 0; i + 1 < in->words.n; i++) {
		char *word;

		if (is_heredoc(in, docs, in->words.v[i])) {
			docs++;
			continue;
		}
		word = state_expand(st, in->words.v[i], e);
		if (!word)
			return -1;
		strv_take(&c->words, word);
	}
	c->dest_word = state_expand(st, in->words.v[in->words.n - 1], e);
	if (!c->dest_word)
		return -1;
	c->as_dir = names_directory(c->dest_word);
	c->dest = state_path(st, c->dest_word);
	return 0;
}

int copying_begin(struct copying *c, struct err *e)
{
	const struct dockerfile_instr *in = c->step->instr;

	if (expand_words(c, e) < 0 || expand_flag(&c->chown, c, in->chown, e) < 0 ||
	    expand_flag(&c->chmod, c, in->chmod, e) < 0)
		return -1;
	if (c->chmod && chmod_parse(&c->mode, c->chmod, e) < 0)
		return -1;
	return in->exclude.n ? ignore_of_patterns(&c->exclude, "--exclude", &in->exclude, e) : 0;
}

void copying_release(struct copying *c)
{
	strv_release(&c->words);
	free(c->dest_word);
	free(c->dest);
	free(c->chown);
	free(c->chmod);
	ignore_free(c->exclude);
	cache_look_release(&c->look);
	for (size_t i = 0; i < c->nr; i++)
		source_matches_release(&c->items[i].matches);
	free(c->items);
}

/* -- sources ------------------------------------------------------------------------- */

static struct copy_item *add_item(struct copying *c, const struct source_tree *from,
				  bool may_unpack)
{
	MEM_GROW(c->items, c->nr, c->cap);
	c->items[c->nr] = (struct copy_item){ .from = from, .may_unpack = may_unpack };
	return &c->items[c->nr++];
}

int copying_find(struct copying *c, const struct source_tree *from, const char *word,
		 bool may_unpack, struct err *e)
{
	struct copy_item *item = add_item(c, from, may_unpack);

	if (c->step->instr->parents)
		return source_match_parents(&item->matches, from, word, e);
	return source_match_word(&item->matches, from, word, e);
}

void copying_take(struct copying *c, const struct source_tree *from, struct source_match *m,
		  bool may_unpack)
{
	struct source_matches *to = &add_item(c, from, may_unpack)->matches;

	MEM_GROW(to->v, to->nr, to->cap);
	to->v[to->nr++] = *m;
	*m = (struct source_match){ 0 };
}

/* -- the layer ----------------------------------------------------------------------------- */

/* As docker does it: --chmod keeps a layer from being one of its own. */
static bool is_linked(const struct copying *c)
{
	return c->step->instr->link && !c->chmod;
}

static size_t count_matches(const struct copying *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nr; i++)
		n += c->items[i].matches.nr;
	return n;
}

static int put_match(struct copying *c, struct copier *to, const struct copy_item *item,
		     const struct source_match *m, struct err *e)
{
	int r = 0;

	if (item->may_unpack && S_ISREG(m->st.st_mode))
		r = add_archive_extract(c->step, to, m, c->dest, e);
	if (r)
		return r < 0 ? -1 : copier_see(to, m, e);
	return copier_put(to, m, c->dest, c->as_dir, count_matches(c) == 1, e);
}

/* What the key tells and what the layer holds are two looks. Files are seen for bytes besides
 * (content_see); here it is names, modes and links. */
static void check_seen(struct copying *c, struct hash *seen)
{
	unsigned char raw[HASH_SHA256_LEN];

	hash_final(seen, raw);
	if (c->look.is_named || memcmp(raw, c->listed, sizeof(raw)) == 0)
		return;
	log_info(c->step->job->op,
		 "%s: what it copies changed while it was read: not kept in the cache",
		 c->step->what);
	cache_look_give_up(&c->look);
	stage_will_make(c->step->stage, NULL, 0, NULL);
}

static int put_all(struct copying *c, struct copier *to, struct err *e)
{
	for (size_t i = 0; i < c->nr; i++) {
		const struct copy_item *item = &c->items[i];

		to->from = item->from;
		for (size_t k = 0; k < item->matches.nr; k++)
			if (put_match(c, to, item, &item->matches.v[k], e) < 0)
				return -1;
	}
	return 0;
}

static int make_layer(struct copying *c, struct err *e)
{
	struct step *s = c->step;
	auto_layer_builder struct layer_builder *b = NULL;
	auto_copier struct copier to = { .op = s->job->op, .exclude = c->exclude };
	struct tree *below = NULL;
	struct timespec now;
	CLEANUP(hash_release) struct hash seen;

	hash_init(&seen);
	job_now(s->job, &now);
	/* a layer of its own asks nothing of what is below, but for names */
	if ((!is_linked(c) || c->chown) && stage_now(&below, s->job, s->stage, e) < 0)
		return -1;
	if (c->chown && passwd_owner_find(&to.uid, &to.gid, below, c->chown, e) < 0)
		return err_wrap(e, "--chown");
	to.has_owner = c->chown;
	to.mode = c->chmod ? &c->mode : NULL;
	to.is_alone = count_matches(c) == 1;
	b = layer_builder_new(is_linked(c) ? NULL : below, &now);
	if (s->job->opt->has_epoch)
		layer_builder_limit(b, s->job->opt->epoch);
	to.to = b;
	to.seen = &seen;
	if (put_all(c, &to, e) < 0)
		return -1;
	check_seen(c, &seen);
	return stage_commit(s->job, s->stage, b, s->id, s->what, e);
}

/* Addresses lose what must stay secret. */
static char *history_line(const struct copying *c)
{
	const struct dockerfile_instr *in = c->step->instr;
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);

	buf_add_str(&line, dockerfile_kind_name(in->kind));
	if (in->parents)
		buf_add_str(&line, " --parents");
	if (c->chown)
		buf_addf(&line, " --chown=%s", c->chown);
	if (c->chmod)
		buf_addf(&line, " --chmod=%s", c->chmod);
	for (size_t i = 0; i < c->words.n; i++) {
		buf_add_char(&line, ' ');
		url_redact(&line, span_of_str(c->words.v[i]));
	}
	for (size_t i = 0; i < in->nr_heredocs; i++)
		buf_addf(&line, " <<%s", in->heredocs[i].name);
	buf_addf(&line, " %s # buildkit", c->dest_word);
	return buf_steal(&line);
}

static void add_history(const struct copying *c)
{
	auto_free char *line = history_line(c);

	stage_history(c->step->job, c->step->stage, line, true);
}

/* -- the cache ------------------------------------------------------------------------------ */

int copying_look(struct copying *c, const struct cache_ref *tree, const char *checksum,
		 struct err *e)
{
	const struct dockerfile_instr *in = c->step->instr;
	struct cache_text *t = &c->look.words;
	int r;

	cache_look_init(&c->look, c->step, dockerfile_kind_name(in->kind));
	cache_text_list(t, "the sources", &c->words);
	cache_text_add_str(t, "the destination", c->dest);
	cache_text_add_u64(t, "the '/' behind it", c->as_dir);
	cache_text_add_str(t, "--chown", c->chown);
	cache_text_add_str(t, "--chmod", c->chmod);
	cache_text_list(t, "--exclude", &in->exclude);
	cache_text_add_u64(t, "--link", is_linked(c));
	cache_text_add_u64(t, "--parents", in->parents);
	cache_text_add_u64(t, "--unpack", in->has_unpack ? 1 + (uint64_t)in->unpack : 0);
	cache_text_add_u64(t, "--keep-git-dir", in->keep_git_dir);
	cache_text_add_str(t, "--checksum", checksum);
	c->look.has_content = true;
	c->look.is_named = tree || checksum;
	if (tree)
		cache_look_dep(&c->look, tree);
	r = cache_look_named(&c->look, e);
	if (r > 0)
		add_history(c);
	return r;
}

/* Each match in a directory of its own, so that nothing of it depends on where it will go. */
static int list_match(struct copier *to, const struct source_match *m, size_t item, size_t nth,
		      struct err *e)
{
	bool is_dir = S_ISDIR(m->st.st_mode);
	auto_free char *dest = mem_printf("/%c%08zu-%08zu", is_dir ? 'd' : 'f', item, nth);

	return copier_put(to, m, dest, true, false, e);
}

static int list_content(struct layer_listing *out, struct copying *c, struct err *e)
{
	const struct timespec none = { .tv_sec = 0 };
	auto_layer_builder struct layer_builder *b = layer_builder_new(NULL, &none);
	auto_copier struct copier to = { .op = c->step->job->op,
					 .exclude = c->exclude,
					 .has_owner = c->chown,
					 .mode = c->chmod ? &c->mode : NULL,
					 .to = b,
					 .is_alone = true };
	CLEANUP(hash_release) struct hash seen;

	hash_init(&seen);
	to.seen = &seen;
	for (size_t i = 0; i < c->nr; i++) {
		const struct copy_item *item = &c->items[i];

		to.from = item->from;
		for (size_t k = 0; k < item->matches.nr; k++)
			if (list_match(&to, &item->matches.v[k], i, k, e) < 0)
				return -1;
	}
	hash_final(&seen, c->listed);
	return layer_builder_list(out, b, e);
}

static int find_by_content(struct copying *c, struct err *e)
{
	auto_listing struct layer_listing list = LISTING_INIT;

	if (list_content(&list, c, e) < 0)
		return -1;
	cache_look_content(&c->look, &list);
	return cache_look_found(&c->look, e);
}

int copying_commit(struct copying *c, struct err *e)
{
	int found = find_by_content(c, e);

	if (found < 0 || (!found && make_layer(c, e) < 0))
		return -1;
	if (!found)
		cache_look_made(&c->look);
	add_history(c);
	return 0;
}

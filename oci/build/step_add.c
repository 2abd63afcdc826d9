/*
 * ADD: as COPY, and more: addresses, repositories, and archives that are unpacked: those of the
 * context unless --unpack=false says not to, those from elsewhere when --unpack says so.
 */
#include "oci/build/add_source.h"
#include "oci/build/copying.h"

static int find_local(struct copying *c, const char *word, struct err *e)
{
	static const struct plan_source context = { .kind = PLAN_NONE };
	const struct dockerfile_instr *in = c->step->instr;
	const struct source_tree *from;

	if (sources_get(&from, &c->step->stage->sources, c->step->job, c->step->stage, &context,
			e) < 0)
		return -1;
	return copying_find(c, from, word, !in->has_unpack || in->unpack, e);
}

static int find_remote(struct copying *c, const char *word, struct err *e)
{
	struct add_fetched got = { .match = { .path = NULL } };
	const struct source_tree *from;

	if (add_source_fetch(&got, c->step, word, e) < 0)
		return -1;
	from = sources_keep(&c->step->stage->sources, &got.tree);
	copying_take(c, from, &got.match, c->step->instr->unpack);
	return 0;
}

static int check_checksum(const struct copying *c, struct err *e)
{
	if (!c->step->instr->checksum)
		return 0;
	if (c->words.n != 1 || c->step->instr->nr_heredocs)
		return err_set(e, ERR_INPUT, "checksum can't be specified for multiple sources");
	if (add_source_kind(c->words.v[0]) == ADD_LOCAL)
		return err_set(e, ERR_INPUT, "checksum requires HTTP(S) or Git sources");
	return 0;
}

/* *out: the caller's; NULL: not given. */
static int read_checksum(char **out, const struct copying *c, struct err *e)
{
	const char *text = c->step->instr->checksum;

	*out = text ? state_expand(&c->step->stage->state, text, e) : NULL;
	return text && !*out ? -1 : 0;
}

int step_add(struct step *s, struct err *e)
{
	auto_copying struct copying c = { .step = s };
	auto_free char *checksum = NULL;
	int r;

	if (copying_begin(&c, e) < 0 || check_checksum(&c, e) < 0 ||
	    read_checksum(&checksum, &c, e) < 0)
		return -1;
	r = copying_look(&c, NULL, checksum, e);
	if (r)
		return r < 0 ? -1 : 0;
	for (size_t i = 0; i < c.words.n; i++)
		if ((add_source_kind(c.words.v[i]) == ADD_LOCAL
			     ? find_local(&c, c.words.v[i], e)
			     : find_remote(&c, c.words.v[i], e)) < 0)
			return -1;
	return copying_find_docs(&c, e) < 0 ? -1 : copying_commit(&c, e);
}

/*
 * COPY: from the context, or what --from names.
 */
#include "oci/build/add_source.h"
#include "oci/build/copying.h"

static int refuse_remote(const char *word, struct err *e)
{
	switch (add_source_kind(word)) {
	case ADD_URL:
		return err_set(e, ERR_INPUT, "source can't be a URL for COPY (ADD takes one)");
	case ADD_GIT:
		return err_set(e, ERR_INPUT, "source can't be a git ref for COPY (ADD takes one)");
	case ADD_LOCAL:
		break;
	}
	return 0;
}

int step_copy(struct step *s, struct err *e)
{
	auto_copying struct copying c = { .step = s };
	const struct source_tree *from;

	if (copying_begin(&c, e) < 0)
		return -1;
	for (size_t i = 0; i < c.words.n; i++)
		if (refuse_remote(c.words.v[i], e) < 0 ||
		    sources_get(&from, &s->stage->sources, s->job, s->stage, &s->plan->from, e) <
			    0 ||
		    copying_find(&c, from, c.words.v[i], false, e) < 0)
			return -1;
	return copying_find_docs(&c, e) < 0 ? -1 : copying_commit(&c, e);
}

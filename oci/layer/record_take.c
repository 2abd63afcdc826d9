/*
 * A layer put onto the record as a runtime would put it onto its parent, and the outcome compared with
 * what the walk saw. Nothing of how the list was found is used here, so that a mistake there shows.
 */
#include "base/mem.h"
#include "oci/layer/path.h"
#include "oci/layer/record_parts.h"

static int fails(const char *path, const char *what, struct err *e)
{
	return err_set(e, ERR_FAILED,
		       "a check of the layer has failed: '%s' %s; please report this", path, what);
}

static bool was_seen(const struct record *r, uint32_t at)
{
	return at < r->nr_seen && r->seen[at].sight != RECORD_UNSEEN;
}

/* Something in it that the walk saw: the layer must not remove that. NAMES_NONE: nothing. */
static uint32_t seen_below(const struct record *r, uint32_t top)
{
	for (uint32_t i = r->names.v[top].first; i != NAMES_NONE; i = r->names.v[i].next)
		if (was_seen(r, i))
			return i;
	return NAMES_NONE;
}

static int take_deletion(struct record *r, const struct layer_change *c, struct err *e)
{
	uint32_t at = record_find(r, c->path);

	if (!record_has(r, at))
		return fails(c->path, "was not there, and is deleted", e);
	if (was_seen(r, at))
		return fails(c->path, "is there, but deleted in it", e);
	record_drop(r, at);
	return 0;
}

/* The name that c is about; what a new file stands in place of is gone. */
static int take_name(uint32_t *out, struct record *r, const struct layer_change *c, struct err *e)
{
	auto_free char *dir = span_dup(layer_path_dir(c->path));
	uint32_t in = record_find(r, dir), at;

	if (!record_has(r, in) || !S_ISDIR(record_inode_of(r, in)->mode))
		return fails(c->path, "is in no directory of it", e);
	at = names_find(&r->names, in, span_of_str(layer_path_last(c->path)));
	if (at == NAMES_NONE)
		at = record_add_name(r, in, layer_path_last(c->path));
	if (!S_ISDIR(c->st.st_mode) && record_has(r, at)) {
		if (seen_below(r, at) != NAMES_NONE)
			return fails(c->path, "is a directory with something in it", e);
		record_drop_content(r, at);
	}
	*out = at;
	return 0;
}

static int take_link(struct record *r, uint32_t at, const struct layer_change *c, struct err *e)
{
	uint32_t first = record_find(r, c->link);

	if (!record_has(r, first) || record_inode_of(r, first)->ino != c->st.st_ino)
		return fails(c->path, "is a further name of what is not there", e);
	record_share(r, at, first);
	return 0;
}

static int take_entry(struct record *r, const struct layer_change *c, struct err *e)
{
	struct record_inode n = { .content = RECORD_UNKNOWN };
	uint32_t at = NAMES_NONE;

	if (take_name(&at, r, c, e) < 0)
		return -1;
	if (c->hard_link)
		return take_link(r, at, c, e);
	record_fill(r, &n, &c->st, span_of(c->capability, c->capability_len));
	if (c->link) {
		n.link = mem_strdup(c->link);
		n.content = RECORD_LINK;
	} else if (S_ISREG(c->st.st_mode)) {
		n.origin = c;
		n.content = RECORD_ORIGIN;
	}
	record_put(r, at, &n);
	return 0;
}

/* Below a mount that the walk did not enter all is as it was. */
static bool is_passed_over(const struct record *r, uint32_t at)
{
	for (; at != NAMES_NONE; at = r->names.v[at].dir)
		if (at < r->nr_seen && r->seen[at].sight == RECORD_PASSED_OVER)
			return true;
	return false;
}

static const char *what_is_wrong(const struct record *r, uint32_t at)
{
	if (!was_seen(r, at))
		return is_passed_over(r, at) ? NULL : "is gone, but not deleted in it";
	if (r->seen[at].sight == RECORD_PASSED_OVER)
		return NULL;
	if (!record_has(r, at))
		return "is missing in it";
	if (record_facts_hash(r, record_inode_of(r, at)) != r->seen[at].facts)
		return "is not in it as it is";
	return NULL;
}

static int compare(const struct record *r, struct err *e)
{
	for (uint32_t i = NAMES_ROOT + 1; i < r->names.nr; i++) {
		auto_free char *path = NULL;
		const char *wrong = r->names.v[i].text ? what_is_wrong(r, i) : NULL;

		if (!wrong)
			continue;
		path = names_path(&r->names, i);
		return fails(path, wrong, e);
	}
	return 0;
}

int record_take(struct record *r, const struct layer_changes *c, struct err *e)
{
	int res = 0;

	for (size_t i = 0; res == 0 && i < c->nr; i++)
		res = c->v[i].kind == LAYER_DELETED ? take_deletion(r, &c->v[i], e)
						    : take_entry(r, &c->v[i], e);
	if (res == 0)
		res = compare(r, e);
	free(STEAL(&r->seen));
	r->nr_seen = r->cap_seen = 0;
	return res;
}

/*
 * Both specs are brought into their normal form first (diff.h), so that what the engine filled
 * in is no change. Fields are matched by name; of several with one name those with equal
 * values first.
 */
#include "deploy/changes.h"

#include "base/json.h"
#include "base/mem.h"
#include "deploy/diff.h"
#include "deploy/fields.h"

#define DIGEST_SHOWN 12

char *spec_short_image(const char *image)
{
	static const char mark[] = "@sha256:";
	const char *at = strstr(image, mark);
	size_t n = at ? (size_t)(at - image) + sizeof(mark) - 1 + DIGEST_SHOWN : strlen(image);

	return mem_strndup(image, n);
}

void spec_changes_release(struct spec_changes *c)
{
	for (size_t i = 0; i < c->nr; i++) {
		free(c->v[i].field);
		free(c->v[i].old);
		free(c->v[i].new);
	}
	free(c->v);
	*c = (struct spec_changes){ 0 };
}

enum change_cost spec_changes_cost(const struct spec_changes *c)
{
	enum change_cost most = CHANGE_FREE;

	for (size_t i = 0; i < c->nr; i++)
		if (c->v[i].cost > most)
			most = c->v[i].cost;
	return most;
}

static void add(struct spec_changes *c, const char *field, const char *old, const char *new,
		enum change_cost cost)
{
	MEM_GROW(c->v, c->nr, c->cap);
	c->v[c->nr++] = (struct spec_change){ .field = mem_strdup(field),
					      .old = mem_strdup(old),
					      .new = mem_strdup(new),
					      .cost = cost };
}

static struct spec_field *find(struct spec_fields *in, const struct spec_field *f, bool same_value)
{
	for (size_t i = 0; i < in->nr; i++) {
		struct spec_field *x = &in->v[i];

		if (!x->taken && strcmp(x->name, f->name) == 0 &&
		    (!same_value || strcmp(x->value, f->value) == 0))
			return x;
	}
	return NULL;
}

static void take_equal(struct spec_fields *have, struct spec_fields *want)
{
	for (size_t i = 0; i < want->nr; i++) {
		struct spec_field *f = find(have, &want->v[i], true);

		if (f)
			f->taken = want->v[i].taken = true;
	}
}

static void add_rest(struct spec_changes *out, struct spec_fields *have, struct spec_fields *want,
		     bool is_new)
{
	for (size_t i = 0; i < want->nr; i++) {
		const struct spec_field *w = &want->v[i];
		struct spec_field *h = w->taken ? NULL : find(have, w, false);

		if (h)
			h->taken = true;
		if (!w->taken)
			add(out, w->name, h && !is_new ? h->shown : NULL, w->shown, w->cost);
	}
	for (size_t i = 0; i < have->nr && !is_new; i++)
		if (!have->v[i].taken)
			add(out, have->v[i].name, have->v[i].shown, NULL, have->v[i].cost);
}

void spec_changes_find(struct spec_changes *out, const json_t *have, const json_t *want,
		       const struct engine_state *names)
{
	auto_spec_fields struct spec_fields before = { .names = names }, after = { .names = names };
	auto_json json_t *nothing = json_object();
	/* of a new service all is told that is not the engine's default */
	auto_json json_t *a = deploy_spec_normal(have ? have : nothing);
	auto_json json_t *b = deploy_spec_normal(want);

	spec_fields_read(&before, a);
	spec_fields_read(&after, b);
	take_equal(&before, &after);
	add_rest(out, &before, &after, !have);
	/* the engine compares lists in order, and starts tasks anew for it */
	if (have && !out->nr &&
	    !json_equal(json_object_get(a, "TaskTemplate"), json_object_get(b, "TaskTemplate")))
		add(out, "the order of a list", "", "", CHANGE_RESTARTS);
}

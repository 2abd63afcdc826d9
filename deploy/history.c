/* See history.h. Anybody may have written what stands in an object: an odd record is kept, with what is wrong in it. */
#include "deploy/history.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

char *deploy_history_prefix(const struct deploy_owner *o)
{
	auto_free char *key = deploy_owner_key(o);

	return mem_printf("cdeploy-%s-", key);
}

char *deploy_history_name(const struct deploy_owner *o, uint64_t revision)
{
	auto_free char *prefix = deploy_history_prefix(o);

	return mem_printf("%s%llu", prefix, (unsigned long long)revision);
}

void deploy_record_release(struct deploy_record *r)
{
	config_object_release(&r->object);
	json_decref(r->body);
	*r = (struct deploy_record){ 0 };
}

void deploy_history_release(struct deploy_history *h)
{
	for (size_t i = 0; i < h->nr; i++)
		deploy_record_release(&h->v[i]);
	free(h->v);
	*h = (struct deploy_history){ 0 };
}

/* -- reading ------------------------------------------------------------------ */

/* 0: no revision. */
static uint64_t revision_of_text(const char *text)
{
	uint64_t n;

	return text && span_to_u64(&n, span_of_str(text)) == 0 && n <= DEPLOY_REVISION_MAX ? n : 0;
}

static int read_body(json_t **out, const json_t *spec, struct err *e)
{
	auto_buf struct buf data = BUF_INIT(CONFIG_OBJECT_MAX);
	const char *text;

	if (json_get_str(&text, spec, "Data", "record", e) < 0)
		return -1;
	if (base64_decode(&data, span_of_str(text)) < 0)
		return err_set(e, ERR_CORRUPT, "record.Data: not base64");
	*out = json_load_span(buf_span(&data), CONFIG_OBJECT_MAX, "record", e);
	return *out ? 0 : -1;
}

/* 0: it is none. The engine's filter is looser than the name, and labels are anybody's. */
static uint64_t revision_of_object(const struct config_object *c, const char *prefix,
				   const struct deploy_owner *o)
{
	const char *name = json_string_value(json_object_get(c->spec, "Name"));
	size_t n = strlen(prefix);

	if (!name || strncmp(name, prefix, n) != 0 || !deploy_owner_has(c->spec, o))
		return 0;
	return name[n] == '0' ? 0 : revision_of_text(name + n);
}

static int by_revision(const void *a, const void *b)
{
	const struct deploy_record *x = a, *y = b;

	if (x->revision == y->revision)
		return 0;
	return x->revision > y->revision ? -1 : 1;
}

int deploy_history_read(struct deploy_history *out, const json_t *list,
			const struct deploy_owner *o, struct err *e)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_free char *prefix = deploy_history_prefix(o);
	json_t *v;
	size_t i;

	if (!json_is_array(list))
		return err_set(e, ERR_CORRUPT, "configs: not a list");
	json_array_foreach(list, i, v)
	{
		auto_config_object struct config_object c = { 0 };
		struct deploy_record r = { .why = ERR_INIT };

		if (config_object_read(&c, v, e) < 0)
			return -1;
		r.revision = revision_of_object(&c, prefix, o);
		if (!r.revision)
			continue;
		if (read_body(&r.body, c.spec, &r.why) < 0)
			r.why.kind = ERR_CORRUPT;
		r.object = c;
		c = (struct config_object){ 0 };
		MEM_GROW(h.v, h.nr, h.cap);
		h.v[h.nr++] = r;
	}
	if (h.nr)
		qsort(h.v, h.nr, sizeof(*h.v), by_revision);
	*out = h;
	h = (struct deploy_history){ 0 };
	return 0;
}

const char *deploy_record_label(const struct deploy_record *r, const char *key)
{
	return deploy_label(r->object.spec, key);
}

uint64_t deploy_record_back_to(const struct deploy_record *r)
{
	uint64_t n = revision_of_text(deploy_record_label(r, DEPLOY_LABEL_BACK_TO));

	return n < r->revision ? n : 0;
}

const struct deploy_record *deploy_history_find(const struct deploy_history *h, uint64_t revision)
{
	for (size_t i = 0; i < h->nr; i++)
		if (h->v[i].revision == revision)
			return &h->v[i];
	return NULL;
}

/* -- numbers ------------------------------------------------------------------ */

uint64_t deploy_history_revision_of(const json_t *spec)
{
	return revision_of_text(deploy_label(spec, DEPLOY_LABEL_REVISION));
}

uint64_t deploy_history_highest(const struct engine_state *s, const struct deploy_owner *o)
{
	uint64_t highest = 0;

	for (size_t i = 0; i < s->nr; i++) {
		uint64_t n = deploy_history_revision_of(s->services[i].spec);

		if (deploy_owner_has(s->services[i].spec, o) && n > highest)
			highest = n;
	}
	return highest;
}

uint64_t deploy_history_back_to_of(const json_t *spec)
{
	uint64_t to = revision_of_text(deploy_label(spec, DEPLOY_LABEL_BACK_TO));

	return to < deploy_history_revision_of(spec) ? to : 0;
}

uint64_t deploy_history_cut_short(const struct engine_state *s, const struct deploy_owner *o)
{
	uint64_t highest = deploy_history_highest(s, o), to = 0;

	for (size_t i = 0; i < s->nr && !to; i++) {
		const json_t *spec = s->services[i].spec;

		if (deploy_owner_has(spec, o) && deploy_history_revision_of(spec) == highest)
			to = deploy_history_back_to_of(spec);
	}
	return to;
}

uint64_t deploy_history_next(const struct deploy_history *h, const struct engine_state *s,
			     const struct deploy_owner *o)
{
	uint64_t highest = deploy_history_highest(s, o);

	if (h->nr && h->v[0].revision > highest)
		highest = h->v[0].revision;
	return highest + 1;
}

/* A deploy that only removed services is newer than all labels. */
const struct deploy_record *deploy_history_running(const struct deploy_history *h,
						   const struct engine_state *s,
						   const struct deploy_owner *o)
{
	bool any = false;

	for (size_t i = 0; i < s->nr; i++)
		any |= deploy_owner_has(s->services[i].spec, o);
	if (!any || !h->nr || deploy_history_highest(s, o) > h->v[0].revision)
		return NULL;
	return &h->v[0];
}

/* -- where to go back to -------------------------------------------------------- */

/* Each step goes to a lower number. */
static uint64_t origin_of(const struct deploy_history *h, const struct deploy_record *r)
{
	uint64_t revision = r->revision;

	while (r && deploy_record_back_to(r)) {
		revision = deploy_record_back_to(r);
		r = deploy_history_find(h, revision);
	}
	return revision;
}

static int no_such(const struct deploy_history *h, uint64_t wanted, struct err *e)
{
	auto_strv struct strv list = STRV_INIT;
	auto_free char *text = NULL;

	for (size_t i = 0; i < h->nr; i++)
		strv_addf(&list, "%llu", (unsigned long long)h->v[i].revision);
	text = strv_join(&list, ", ");
	return err_set(e, ERR_ABSENT, "revision %llu is not in the history, which has %s",
		       (unsigned long long)wanted, list.n ? text : "nothing");
}

int deploy_history_target(const struct deploy_record **out, const struct deploy_history *h,
			  const struct deploy_record *running, uint64_t cut_short, uint64_t wanted,
			  struct err *e)
{
	uint64_t before = running ? origin_of(h, running) : UINT64_MAX;

	if (!running && cut_short) {
		*out = deploy_history_find(h, wanted ? wanted : cut_short);
		return *out ? 0 : no_such(h, wanted ? wanted : cut_short, e);
	}

	if (wanted) {
		*out = deploy_history_find(h, wanted);
		return *out ? 0 : no_such(h, wanted, e);
	}
	for (size_t i = 0; i < h->nr; i++)
		if (h->v[i].revision < before) {
			*out = &h->v[i];
			return 0;
		}
	if (!h->nr)
		return err_set(e, ERR_ABSENT, "no deploy of this project is in the history");
	return err_set(e, ERR_ABSENT, "the history has none before revision %llu, which runs",
		       (unsigned long long)before);
}

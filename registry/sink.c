/*
 * One push for each repository, with all the tags that it is to have, but for what went ahead. A base's
 * layers that came from another repository of the same host are mounted from there.
 */
#include "registry/sink.h"

#include "base/mem.h"
#include "base/progress.h"
#include "registry/ahead.h"

struct registry_sink {
	struct image_sink base;
	struct http *http;
	const struct registry_options *opt;
	struct registry_ahead *ahead;
};

/* The names of one repository: the first of them, and the other tags. */
struct group {
	struct oci_reference to;
	struct strv tags, mounts;
};

static void group_release(struct group *g)
{
	oci_reference_release(&g->to);
	strv_release(&g->tags);
	strv_release(&g->mounts);
}

/* Blobs that another repository of our host has: DIGEST=PATH. */
static int find_mounts(struct group *g, const struct strv *origins, struct err *e)
{
	for (size_t i = 0; i < origins->n; i++) {
		auto_reference struct oci_reference from = { 0 };
		struct span digest, where;
		auto_free char *key = NULL;

		span_cut(span_of_str(origins->v[i]), '=', &digest, &where);
		if (oci_reference_parse(&from, where.p, e) < 0)
			return -1;
		key = span_dup(digest);
		if (strcmp(from.host, g->to.host) == 0 &&
		    !oci_reference_same_repository(&from, &g->to))
			strv_env_set(&g->mounts, key, from.path);
	}
	return 0;
}

/* Takes names->v[at] and what follows of its repository. 0: they are an earlier one's. */
static int group_init(struct group *g, const struct strv *names, size_t at, struct err *e)
{
	*g = (struct group){ 0 };
	if (oci_reference_parse(&g->to, names->v[at], e) < 0)
		return -1;
	for (size_t i = 0; i < names->n; i++) {
		auto_reference struct oci_reference ref = { 0 };

		if (i == at)
			continue;
		if (oci_reference_parse(&ref, names->v[i], e) < 0)
			return -1;
		if (!oci_reference_same_repository(&ref, &g->to))
			continue;
		if (i < at)
			return 0;
		if (ref.tag)
			strv_add(&g->tags, ref.tag);
	}
	return 1;
}

static int push_group(struct registry_sink *k, struct op *op, const struct group *g,
		      const struct image_sink_job *job, struct err *e)
{
	auto_session struct registry_session *own = NULL;
	struct registry_ahead_repo ahead = { 0 };
	struct registry_session *s;

	if (!registry_ahead_repo(&ahead, k->ahead, &g->to))
		own = registry_session_new(k->http, g->to.host, k->opt);
	s = own ? own : ahead.session;

	const struct registry_push_options opt = {
		.tags = &g->tags, .mounts = &g->mounts, .known = ahead.known, .nr_known = ahead.nr
	};
	struct registry_push_report report;

	return registry_push(&report, op, s, job->from, job->image, &g->to, &opt, e);
}

static int sink_put(struct image_sink *base, struct op *op, const struct image_sink_job *job,
		    struct err *e)
{
	struct registry_sink *k = CONTAINER_OF(base, struct registry_sink, base);

	registry_ahead_wait(k->ahead);
	for (size_t i = 0; i < job->names->n; i++) {
		CLEANUP(group_release) struct group g;
		int r = group_init(&g, job->names, i, e);

		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		if (find_mounts(&g, job->origins, e) < 0 || push_group(k, op, &g, job, e) < 0)
			return -1;
	}
	return 0;
}

static struct registry_ahead *ahead_of(struct image_sink *base)
{
	return CONTAINER_OF(base, struct registry_sink, base)->ahead;
}

static void sink_expect(struct image_sink *base, struct op *op, const struct strv *names)
{
	registry_ahead_expect(ahead_of(base), op, names);
}

static void sink_send(struct image_sink *base, struct oci_store *from,
		      const struct oci_descriptor *blob)
{
	registry_ahead_send(ahead_of(base), from, blob);
}

static void sink_settle(struct image_sink *base, bool wanted)
{
	if (!wanted)
		registry_ahead_give_up(ahead_of(base));
	registry_ahead_settle(ahead_of(base));
}

static void sink_free(struct image_sink *base)
{
	registry_ahead_free(ahead_of(base));
	free(CONTAINER_OF(base, struct registry_sink, base));
}

struct image_sink *registry_sink_new(struct http *h, const struct registry_options *opt)
{
	struct registry_sink *k = mem_zalloc(sizeof(*k));

	k->base = (struct image_sink){ .put = sink_put,
				       .expect = sink_expect,
				       .send = sink_send,
				       .settle = sink_settle,
				       .free = sink_free };
	k->ahead = registry_ahead_new(h, opt);
	k->http = h;
	k->opt = opt;
	return &k->base;
}

/*
 * A name means, in this order: a named context, an earlier stage (the last one of that name), the
 * empty image "scratch", an image.
 */
#include "oci/dockerfile/plan_names.h"

#include "base/mem.h"
#include "oci/dockerfile/message.h"
#include "oci/image/reference.h"

/* "alpine" and "docker.io/library/alpine:latest" are one name. Owned by the caller. */
static char *plain_name(const char *name)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct err ignored = ERR_INIT;
	struct span s;

	if (oci_reference_parse(&ref, name, &ignored) < 0)
		return mem_strdup(name);
	oci_reference_familiar(&out, &ref);
	s = buf_span(&out);
	return span_dup(span_head(s, s.n - (span_ends(s, ":latest") ? strlen(":latest") : 0)));
}

const char *plan_find_context(const struct planner *p, const char *name)
{
	auto_free char *wanted = NULL;

	if (!name || !p->opt->contexts || !p->opt->contexts->n)
		return NULL;
	wanted = plain_name(name);
	for (size_t i = 0; i < p->opt->contexts->n; i++) {
		const char *context = p->opt->contexts->v[i];
		auto_free char *plain = plain_name(context);

		if (strcmp(context, name) == 0 || strcmp(plain, wanted) == 0)
			return context;
	}
	return NULL;
}

static bool find_stage(const struct planner *p, const char *name, size_t begin, size_t end,
		       size_t *out)
{
	for (size_t i = end; i-- > begin;) {
		const char *has = p->df->stages[i].from.name;

		if (has && span_eq_nocase(span_of_str(name), has)) {
			*out = i;
			return true;
		}
	}
	return false;
}

bool plan_find_stage(const struct planner *p, const char *name, size_t end, size_t *out)
{
	return find_stage(p, name, 0, end, out);
}

void plan_source_set(struct plan_source *out, enum plan_from kind, const char *ref)
{
	out->kind = kind;
	out->ref = mem_strdup(ref);
}

void plan_source_release(struct plan_source *s)
{
	free(s->ref);
	*s = (struct plan_source){ 0 };
}

static void set_stage(const struct planner *p, struct plan_source *out, size_t stage)
{
	const char *context = plan_find_context(p, p->df->stages[stage].from.name);

	if (context) {
		plan_source_set(out, PLAN_CONTEXT, context);
		return;
	}
	out->kind = PLAN_STAGE;
	out->stage = stage;
}

static int set_image(struct plan_source *out, const char *name, struct err *e)
{
	auto_reference struct oci_reference ref = { 0 };

	if (oci_reference_parse(&ref, name, e) < 0) {
		e->kind = ERR_INPUT;
		return err_wrap(e, "'" MESSAGE_FMT "' is neither a stage nor the name of an image",
				MESSAGE_ARG(span_of_str(name)));
	}
	plan_source_set(out, PLAN_IMAGE, name);
	return 0;
}

int plan_resolve_name(const struct planner *p, struct plan_source *out, const char *name, size_t at,
		      struct err *e)
{
	const char *context;
	size_t stage;

	/* nobody means a context by this name, but a stage may be called so */
	if (strcmp(name, "scratch") == 0) {
		if (find_stage(p, name, 0, at, &stage))
			set_stage(p, out, stage);
		else
			out->kind = PLAN_SCRATCH;
		return 0;
	}
	context = plan_find_context(p, name);
	if (context) {
		plan_source_set(out, PLAN_CONTEXT, context);
		return 0;
	}
	if (find_stage(p, name, 0, at, &stage)) {
		set_stage(p, out, stage);
		return 0;
	}
	return set_image(out, name, e);
}

static int needs_earlier(const struct planner *p, const char *verb, const char *from, size_t at,
			 struct err *e)
{
	return err_set(e, ERR_INPUT,
		       "cannot %s from stage '" MESSAGE_FMT
		       "', it needs to be defined before current stage '%s'",
		       verb, MESSAGE_ARG(span_of_str(from)), p->stages[at].name);
}

bool plan_is_number(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits && !s[digits];
}

int plan_resolve_from(const struct planner *p, struct plan_source *out, const char *verb,
		      const char *from, size_t at, struct err *e)
{
	size_t stage;
	uint64_t index;

	if (plan_is_number(from)) {
		if (span_to_u64(&index, span_of_str(from)) < 0 || index >= p->df->nr_stages)
			return err_set(e, ERR_INPUT, "invalid stage index " MESSAGE_FMT,
				       MESSAGE_ARG(span_of_str(from)));
		if (index >= at)
			return needs_earlier(p, verb, from, at, e);
		set_stage(p, out, (size_t)index);
		return 0;
	}
	if (!plan_find_context(p, from) && !find_stage(p, from, 0, at, &stage) &&
	    find_stage(p, from, at, p->df->nr_stages, &stage))
		return needs_earlier(p, verb, from, at, e);
	return plan_resolve_name(p, out, from, at, e);
}

/* A stage is what its steps say: "[NAME 2/5] RUN make". */
#include "cmd/report.h"

#include "base/mem.h"
#include "base/span.h"

struct span report_stage_of(const struct fact *step)
{
	struct span name, rest = span_of_str(step->text);

	span_take(&rest, "[");
	span_cut(rest, ' ', &name, &rest);
	return name;
}

static struct report_stage *find(struct report_stages *s, struct span name)
{
	for (size_t i = 0; i < s->nr; i++)
		if (span_eq(s->v[i].name, name))
			return &s->v[i];
	return NULL;
}

static void take(struct report_stages *s, const struct fact *step)
{
	struct span name = report_stage_of(step);
	struct report_stage *it = find(s, name);

	if (!it) {
		MEM_GROW(s->v, s->nr, s->cap);
		it = &s->v[s->nr++];
		*it = (struct report_stage){ .name = name, .begin_ms = step->begin_ms };
	}
	if (step->end_ms > it->end_ms)
		it->end_ms = step->end_ms;
	it->nr_steps++;
	it->nr_cached += step->outcome == FACT_CACHED;
}

void report_stages_init(struct report_stages *s, const struct report *r)
{
	*s = (struct report_stages){ .nr = 0 };
	for (size_t i = 0; i < r->nr_steps; i++)
		take(s, &r->steps[i]);
}

void report_stages_release(struct report_stages *s)
{
	free(s->v);
	*s = (struct report_stages){ .nr = 0 };
}

/*
 * What an engine may say about a service: the first line is the service, then come
 * pairs of lines, all its tasks and those up to date, a second apart. Whatever they
 * hold, the machine gives a step and, when it fails, a reason.
 */
#include <assert.h>

#include "base/json.h"
#include "deploy/diff.h"
#include "deploy/rollout.h"

#define DOCUMENT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *next_document(struct span *rest)
{
	struct err e = ERR_INIT;
	struct span line = span_of("", 0);

	span_line(rest, &line);
	return json_load_span(line, DOCUMENT_MAX, "document", &e);
}

static void check_refused(const struct err *e)
{
	assert(e->kind == ERR_CORRUPT && e->text[0]);
}

static void compare(const struct engine_service *s)
{
	auto_strv struct strv words = STRV_INIT;

	assert(deploy_spec_equal(s->spec, s->spec));
	if (!s->previous)
		return;
	deploy_spec_diff(&words, s->spec, s->previous);
	assert((words.n == 0) == deploy_spec_equal(s->spec, s->previous));
}

static enum rollout_step one_picture(struct deploy_rollout *r, const struct engine_service *s,
				     struct span *rest, int64_t now)
{
	auto_json json_t *all = next_document(rest), *up_to_date = next_document(rest);
	auto_engine_tasks struct engine_tasks tasks = { 0 };
	struct rollout_picture pic = { s, now % 7000 != 6000, &tasks };
	struct err e = ERR_INIT;

	if (engine_tasks_read(&tasks, all, up_to_date, &e) < 0) {
		check_refused(&e);
		return ROLLOUT_WAIT;
	}
	return deploy_rollout_step(r, &pic, now);
}

static void watch(const struct engine_service *s, struct span rest)
{
	struct rollout_options o = { .timeout_ms = 9000, .pending_ms = 4000, .stable_ms = 2000 };
	struct deploy_rollout r;
	enum rollout_step step = ROLLOUT_WAIT;

	rollout_options_from_spec(&o, s->spec);
	deploy_rollout_init(&r, &o, 0);
	for (int64_t now = 0; rest.n && step < ROLLOUT_DONE; now += 1000) {
		step = one_picture(&r, s, &rest, now);
		assert(step != ROLLOUT_MOVED || r.line[0]);
		assert(step != ROLLOUT_FAILED || (r.reason[0] && r.end > ROLLOUT_CONVERGED));
		assert((step == ROLLOUT_DONE) == (r.end == ROLLOUT_CONVERGED));
	}
	deploy_rollout_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);
	auto_json json_t *o = next_document(&rest);
	auto_engine_service struct engine_service s = { 0 };
	struct err e = ERR_INIT;

	if (!o)
		return 0;
	if (engine_service_read(&s, o, &e) < 0) {
		check_refused(&e);
		return 0;
	}
	compare(&s);
	watch(&s, rest);
	return 0;
}

/*
 * What an engine may answer: the first two bytes are the status, then comes the body. A refusal is one line with a
 * kind; what is no refusal is read as each of the lists that are asked for.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/engine.h"
#include "deploy/state.h"
#include "deploy/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answering {
	struct http base;
	long status;
	struct span body;
};

static int answer(struct http *h, struct op *op, const struct http_request *rq,
		  struct http_response *rs, struct err *e)
{
	struct answering *a = (struct answering *)h;
	bool is_ping = strstr(rq->url, "/_ping") != NULL;
	struct span version = SPAN_LIT("Api-Version: 1.41");
	size_t seen = 0;

	(void)op;
	*rs = (struct http_response){ .status = is_ping ? 200 : a->status };
	if (is_ping)
		return http_response_add_header(rs, &seen, version, e);
	return http_response_add_body(rs, rq, a->body.p, a->body.n, e) < 0 ? -1 : 0;
}

static int64_t now_ms(struct clock *c)
{
	(void)c;
	return 0;
}

static int64_t now_ns(struct clock *c)
{
	(void)c;
	return 0;
}

static void no_sleep(struct clock *c, int64_t ms, const struct cancel *stop)
{
	(void)c;
	(void)ms;
	(void)stop;
}

static void check_told(const struct err *e)
{
	assert(e->kind != ERR_NONE && e->text[0] && !strpbrk(e->text, "\r\n"));
}

static void read_lists(struct op *op, struct engine *eng)
{
	auto_engine_state struct engine_state state = { 0 };
	auto_engine_tasks struct engine_tasks tasks = { 0 };
	auto_view struct view view = { 0 };
	auto_strv struct strv ids = STRV_INIT, none = STRV_INIT;
	struct view_filter all = { 0 };
	struct err e = ERR_INIT;

	strv_add(&ids, "s1");
	if (engine_state_get(&state, op, eng, &ids, &none, &e) < 0)
		check_told(&e);
	err_clear(&e);
	if (engine_tasks_get(&tasks, op, eng, &ids, &e) < 0)
		check_told(&e);
	err_clear(&e);
	if (view_get(&view, op, eng, &all, true, &e) < 0)
		check_told(&e);
	else
		json_decref(view_status_json(&view));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answering a = { .base = { .perform = answer } };
	struct clock clock = { .mono_ms = now_ms, .wall_ns = now_ns, .sleep_ms = no_sleep };
	struct op op = { .clock = &clock };
	auto_engine struct engine *eng = NULL;
	auto_json json_t *out = NULL;
	struct err e = ERR_INIT;

	if (size < 2 || engine_open(&eng, &op, &a.base,
				    &(struct engine_options){ .host = "unix:///s" }, &e) < 0)
		return 0;
	a.status = 100 + (data[0] << 8 | data[1]) % 500;
	a.body = span_of(data + 2, size - 2);
	if (engine_call(&out, &op, eng, "POST", "/services/create", NULL, NULL, &e) < 0)
		check_told(&e);
	else
		assert(a.status / 100 == 2);
	read_lists(&op, eng);
	return 0;
}

/*
 * What somebody may have written into a config object: as the data of a record, and as the list of
 * objects. Refused with words, or a stack that goes into a record and comes back with the same specs.
 */
#include <assert.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/history_hide.h"
#include "deploy/history_stack.h"
#include "deploy/history_text.h"
#include "deploy/spec_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct deploy_owner owner = { .project = "p", .revision = 7 };

static void check_refused(const struct err *e)
{
	assert((e->kind == ERR_CORRUPT || e->kind == ERR_FAILED) && e->text[0]);
	assert(!strchr(e->text, '\n'));
}

/* Written again, with all values known, it says the same. */
static void write_again(const struct deploy_stack *s)
{
	auto_json json_t *body = deploy_stack_body(s, &owner, "pepper");
	auto_strv struct strv known = STRV_INIT;
	auto_stack struct deploy_stack back = { 0 };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < s->nr; i++)
		deploy_hide_known(&known, s->services[i].recorded);
	if (deploy_stack_of_body(&back, body, &known, &e) < 0)
		assert(!"what was written is not read again");
	assert(back.nr == s->nr && back.nr_objects == s->nr_objects);
	for (size_t i = 0; i < s->nr; i++) {
		auto_json json_t *a = deploy_spec_json(&s->services[i], &owner);
		auto_json json_t *b = deploy_spec_json(&back.services[i], &owner);

		assert(json_equal(a, b));
		assert(strcmp(deploy_label(a, DEPLOY_LABEL_PROJECT), "p") == 0);
	}
}

static void read_body(const json_t *body)
{
	auto_strv struct strv known = STRV_INIT, names = STRV_INIT;
	auto_stack struct deploy_stack s = { 0 };
	struct err e = ERR_INIT;

	strv_add(&known, "DB_PASSWORD=canary");
	strv_add(&known, "a.basicauth.users=u:canary");
	deploy_body_images(&names, body);
	deploy_body_objects(&names, body);
	if (deploy_stack_of_body(&s, body, &known, &e) < 0)
		check_refused(&e);
	else
		write_again(&s);
}

static void read_list(const json_t *list)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_buf struct buf text = BUF_INIT(64u << 20);
	struct err e = ERR_INIT;
	size_t lines = 1;

	if (deploy_history_read(&h, list, &owner, &e) < 0) {
		check_refused(&e);
		return;
	}
	deploy_history_text(&text, &h, &(struct deploy_running){ .was = h.nr ? &h.v[0] : NULL });
	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	assert(lines == h.nr + 1);
	for (size_t i = 0; i < h.nr; i++) {
		assert(h.v[i].revision && deploy_record_back_to(&h.v[i]) < h.v[i].revision);
		assert(h.v[i].body || h.v[i].why.text[0]);
		read_body(h.v[i].body);
	}
	json_decref(deploy_history_json(&h, &(struct deploy_running){ 0 }));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	auto_json json_t *o = json_load_span(span_of(data, size), 1u << 20, "document", &e);

	if (!o)
		return 0;
	if (json_is_array(o))
		read_list(o);
	else
		read_body(o);
	return 0;
}

/* See history_keep.h. A record is written once and never changed. */
#include "deploy/history_keep.h"

#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/history_stack.h"

#define ADD_TRIES     3
#define LOST_PAUSE_MS 1000

int deploy_history_get(struct deploy_history *out, struct op *op, struct engine *eng,
		       const struct deploy_owner *o, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_json json_t *list = NULL;

	/* names match by their beginning */
	strv_take(&names, deploy_history_prefix(o));
	list = engine_list(op, eng, "/configs", "name", &names, e);
	if (!list || deploy_history_read(out, list, o, e) < 0)
		return err_wrap(e, "read the history");
	return 0;
}

/* -- adding ------------------------------------------------------------------- */

static json_t *labels_of(struct op *op, const struct deploy_owner *o, const struct deploy_note *n)
{
	json_t *labels = json_object();
	char time[CLOCK_TEXT_MAX];

	clock_format(time, op->clock->wall_ns(op->clock));
	deploy_owner_label(labels, o);
	deploy_owner_label_deploy(labels, o);
	json_object_set_new(labels, DEPLOY_LABEL_TIME, json_string(time));
	if (n->who)
		json_object_set_new(labels, DEPLOY_LABEL_USER, json_str(n->who));
	if (n->job_url)
		json_object_set_new(labels, DEPLOY_LABEL_JOB, json_str(n->job_url));
	if (n->detached)
		json_object_set_new(labels, DEPLOY_LABEL_DETACHED, json_string("true"));
	return labels;
}

static int make_salt(char hex[HASH_SHA256_HEX + 1], struct err *e)
{
	unsigned char raw[HASH_SHA256_LEN];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys(e, "random bytes");
	hash_hex(hex, raw);
	return 0;
}

static int write_data(struct buf *data, const struct deploy_stack *s, const struct deploy_owner *o,
		      struct err *e)
{
	char salt[HASH_SHA256_HEX + 1];
	auto_json json_t *body = NULL;

	if (make_salt(salt, e) < 0)
		return -1;
	body = deploy_stack_body(s, o, salt);
	json_write(data, body, false);
	if (data->over)
		return err_set(e, ERR_INPUT,
			       "the services' specifications are more than the %u KiB that a "
			       "config object holds",
			       CONFIG_OBJECT_MAX / 1024);
	return 0;
}

/* 1: the one that is there is ours, made by a try whose answer was lost. 0: there is none. */
static int is_added(struct op *op, struct engine *eng, const char *name, const json_t *labels,
		    struct err *e)
{
	auto_config_object struct config_object found = { 0 };

	if (config_object_get(&found, op, eng, name, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (json_equal(json_object_get(found.spec, "Labels"), labels))
		return 1;
	return err_set(e, ERR_FAILED, "config '%s' is there already", name);
}

static int add(struct op *op, struct engine *eng, const char *name, const json_t *labels,
	       struct span data, struct err *e)
{
	auto_free char *id = NULL;

	for (unsigned tries = ADD_TRIES;; tries--) {
		struct err why = ERR_INIT;
		int there;

		if (config_object_create(&id, op, eng, name, labels, data, e) == 0)
			return 0;
		if (e->kind != ERR_FAILED && e->kind != ERR_UNAVAILABLE)
			return -1;
		there = is_added(op, eng, name, labels, &why);
		if (there > 0) {
			err_clear(e);
			return 0;
		}
		if (there < 0 && why.kind == ERR_FAILED)
			*e = why;
		if (there < 0 || e->kind != ERR_UNAVAILABLE || tries == 1)
			return -1;
		op->clock->sleep_ms(op->clock, LOST_PAUSE_MS, op->cancel);
	}
}

int deploy_history_add(struct op *op, struct engine *eng, const struct deploy_stack *s,
		       const struct deploy_owner *o, const struct deploy_note *note, struct err *e)
{
	auto_buf struct buf data = BUF_INIT(CONFIG_OBJECT_MAX);
	auto_json json_t *labels = labels_of(op, o, note);
	auto_free char *name = deploy_history_name(o, o->revision);

	if (write_data(&data, s, o, e) < 0)
		return -1;
	return add(op, eng, name, labels, buf_span(&data), e);
}

void deploy_history_cut(struct op *op, struct engine *eng, struct deploy_history *h, size_t most)
{
	while (h->nr > most) {
		struct deploy_record *r = &h->v[h->nr - 1];
		struct err e = ERR_INIT;

		if (config_object_remove(op, eng, r->object.id, &e) < 0) {
			progress_warn(op->progress, "revision %llu stays in the history: %s",
				      (unsigned long long)r->revision, e.text);
			return;
		}
		deploy_record_release(r);
		h->nr--;
	}
}

/* See history_text.h. Labels are anybody's: the table makes one line of them. */
#include "deploy/history_text.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/changes.h"
#include "deploy/history_stack.h"
#include "deploy/table.h"

#define COMMIT_SHOWN 8
#define SECOND_NS    INT64_C(1000000000)

static const char *label(const struct deploy_record *r, const char *key)
{
	const char *text = deploy_record_label(r, key);

	return text && *text ? text : "-";
}

static char *commit_of(const struct deploy_record *r)
{
	return mem_strndup(label(r, DEPLOY_LABEL_COMMIT),
			   strnlen(label(r, DEPLOY_LABEL_COMMIT), COMMIT_SHOWN));
}

/* To the second. */
static char *time_of(const struct deploy_record *r)
{
	const char *text = label(r, DEPLOY_LABEL_TIME);
	char out[CLOCK_TEXT_MAX];
	int64_t ns;

	if (clock_parse(&ns, text) < 0)
		return mem_strdup("-");
	clock_format(out, ns - ns % SECOND_NS);
	return mem_strdup(out);
}

static bool is_changed(const struct deploy_running *running, const struct deploy_record *r)
{
	return r == running->was && !running->now;
}

static char *note_of(const struct deploy_record *r, const struct deploy_running *running)
{
	auto_strv struct strv words = STRV_INIT;

	if (r == running->now)
		strv_add(&words, "runs now");
	if (is_changed(running, r))
		strv_add(&words, "changed by hand since");
	if (deploy_record_back_to(r))
		strv_addf(&words, "back to %llu", (unsigned long long)deploy_record_back_to(r));
	if (deploy_record_label(r, DEPLOY_LABEL_DETACHED))
		strv_add(&words, "not watched");
	return words.n ? strv_join(&words, ", ") : mem_strdup("-");
}

static char *services_of(const struct deploy_record *r)
{
	auto_strv struct strv images = STRV_INIT, words = STRV_INIT;

	if (!r->body)
		return mem_printf("cannot be read: %s", r->why.text);
	deploy_body_images(&images, r->body);
	for (size_t i = 0; i < images.n; i++) {
		char *image = strchr(images.v[i], '=');
		auto_free char *shown = spec_short_image(image + 1);

		*image = '\0';
		strv_addf(&words, "%s %s", images.v[i], shown);
	}
	return words.n ? strv_join(&words, ", ") : mem_strdup("-");
}

void deploy_history_text(struct buf *out, const struct deploy_history *h,
			 const struct deploy_running *running)
{
	auto_table struct table t =
		TABLE_INIT("REVISION", "DEPLOYED", "COMMIT", "PIPELINE", "BY", "NOTE", "SERVICES");

	for (size_t i = 0; i < h->nr; i++) {
		const struct deploy_record *r = &h->v[i];
		auto_free char *number = mem_printf("%llu", (unsigned long long)r->revision);
		auto_free char *time = time_of(r), *commit = commit_of(r);
		auto_free char *note = note_of(r, running), *services = services_of(r);

		table_row(&t, number, time, commit, label(r, DEPLOY_LABEL_PIPELINE),
			  label(r, DEPLOY_LABEL_USER), note, services);
	}
	table_print(&t, out);
}

/* -- JSON ----------------------------------------------------------------------- */

static void set_label(json_t *o, const char *key, const struct deploy_record *r, const char *name)
{
	const char *text = deploy_record_label(r, name);

	json_object_set_new(o, key, text ? json_str(text) : json_null());
}

static json_t *services_json(const struct deploy_record *r)
{
	auto_strv struct strv images = STRV_INIT;
	json_t *list = json_array();

	deploy_body_images(&images, r->body);
	for (size_t i = 0; i < images.n; i++) {
		char *image = strchr(images.v[i], '=');
		json_t *o = json_object();

		*image = '\0';
		json_object_set_new(o, "name", json_str(images.v[i]));
		json_object_set_new(o, "image", json_str(image + 1));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *record_json(const struct deploy_record *r, const struct deploy_running *running)
{
	uint64_t back_to = deploy_record_back_to(r);
	json_t *o = json_object();

	json_object_set_new(o, "revision", json_integer((json_int_t)r->revision));
	set_label(o, "time", r, DEPLOY_LABEL_TIME);
	set_label(o, "commit", r, DEPLOY_LABEL_COMMIT);
	set_label(o, "pipeline", r, DEPLOY_LABEL_PIPELINE);
	set_label(o, "user", r, DEPLOY_LABEL_USER);
	set_label(o, "job", r, DEPLOY_LABEL_JOB);
	json_object_set_new(o, "back_to",
			    back_to ? json_integer((json_int_t)back_to) : json_null());
	json_object_set_new(o, "watched",
			    json_boolean(!deploy_record_label(r, DEPLOY_LABEL_DETACHED)));
	json_object_set_new(o, "runs", json_boolean(r == running->now));
	json_object_set_new(o, "changed", json_boolean(is_changed(running, r)));
	json_object_set_new(o, "error", r->body ? json_null() : json_str(r->why.text));
	json_object_set_new(o, "services", services_json(r));
	return o;
}

json_t *deploy_history_json(const struct deploy_history *h, const struct deploy_running *running)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->nr; i++)
		json_array_append_new(list, record_json(&h->v[i], running));
	return list;
}

/* -- words ----------------------------------------------------------------------- */

char *deploy_record_words(const struct deploy_record *r)
{
	auto_free char *time = time_of(r), *commit = commit_of(r);
	auto_strv struct strv from = STRV_INIT;
	auto_free char *list = NULL;

	if (deploy_record_label(r, DEPLOY_LABEL_COMMIT))
		strv_addf(&from, "commit %s", commit);
	if (deploy_record_label(r, DEPLOY_LABEL_PIPELINE))
		strv_addf(&from, "pipeline %s", deploy_record_label(r, DEPLOY_LABEL_PIPELINE));
	list = strv_join(&from, ", ");
	return mem_printf("revision %llu of %s%s%s%s", (unsigned long long)r->revision, time,
			  from.n ? " (" : "", list, from.n ? ")" : "");
}

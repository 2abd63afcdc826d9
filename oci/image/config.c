/*
 * The configuration as a value: made, copied, added to. Its text is
 * config_json.c.
 */
#include "oci/image/config.h"

#include <assert.h>
#include <jansson.h>

#include "base/mem.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct oci_config *oci_config_new(void)
{
	struct oci_config *c = mem_zalloc(sizeof(*c));

	oci_platform_host(&c->platform);
	return c;
}

struct oci_config *oci_config_scratch(void)
{
	struct oci_config *c = oci_config_new();

	strv_add(&c->env, DEFAULT_PATH);
	c->working_dir = mem_strdup("/");
	return c;
}

static void copy_history(struct oci_config *to, const struct oci_config *from)
{
	for (size_t i = 0; i < from->nr_history; i++) {
		const struct oci_history *h = &from->history[i];

		oci_config_add_history(to, h->created, h->created_by, h->comment, h->empty_layer);
		to->history[i].author = mem_strdup(h->author);
	}
}

static void copy_lists(struct oci_config *to, const struct oci_config *from)
{
	strv_copy(&to->env, &from->env);
	strv_copy(&to->entrypoint, &from->entrypoint);
	strv_copy(&to->cmd, &from->cmd);
	strv_copy(&to->shell, &from->shell);
	strv_copy(&to->labels, &from->labels);
	strv_copy(&to->exposed_ports, &from->exposed_ports);
	strv_copy(&to->volumes, &from->volumes);
	strv_copy(&to->onbuild, &from->onbuild);
}

struct oci_config *oci_config_copy(const struct oci_config *c)
{
	struct oci_config *n = mem_zalloc(sizeof(*n));

	n->platform = c->platform;
	n->created = mem_strdup(c->created);
	n->author = mem_strdup(c->author);
	n->os_version = mem_strdup(c->os_version);
	n->user = mem_strdup(c->user);
	n->working_dir = mem_strdup(c->working_dir);
	n->stop_signal = mem_strdup(c->stop_signal);
	copy_lists(n, c);
	n->has_entrypoint = c->has_entrypoint;
	n->has_cmd = c->has_cmd;
	n->has_shell = c->has_shell;
	n->args_escaped = c->args_escaped;
	n->health = c->health;
	n->health.test = (struct strv)STRV_INIT;
	strv_copy(&n->health.test, &c->health.test);
	for (size_t i = 0; i < c->nr_diff_ids; i++)
		oci_config_add_diff_id(n, &c->diff_ids[i]);
	copy_history(n, c);
	n->unknown = json_deep_copy(c->unknown);
	return n;
}

void oci_config_free(struct oci_config *c)
{
	if (!c)
		return;
	free(c->created);
	free(c->author);
	free(c->os_version);
	free(c->user);
	free(c->working_dir);
	free(c->stop_signal);
	strv_release(&c->env);
	strv_release(&c->entrypoint);
	strv_release(&c->cmd);
	strv_release(&c->shell);
	strv_release(&c->labels);
	strv_release(&c->exposed_ports);
	strv_release(&c->volumes);
	strv_release(&c->onbuild);
	strv_release(&c->health.test);
	free(c->diff_ids);
	for (size_t i = 0; i < c->nr_history; i++) {
		free(c->history[i].created);
		free(c->history[i].created_by);
		free(c->history[i].comment);
		free(c->history[i].author);
	}
	free(c->history);
	json_decref(c->unknown);
	free(c);
}

void oci_config_add_diff_id(struct oci_config *c, const struct oci_digest *d)
{
	MEM_GROW(c->diff_ids, c->nr_diff_ids, c->cap_diff_ids);
	c->diff_ids[c->nr_diff_ids++] = *d;
}

void oci_config_add_history(struct oci_config *c, const char *created, const char *created_by,
			    const char *comment, bool empty_layer)
{
	MEM_GROW(c->history, c->nr_history, c->cap_history);
	c->history[c->nr_history++] = (struct oci_history){
		.created = mem_strdup(created),
		.created_by = mem_strdup(created_by),
		.comment = mem_strdup(comment),
		.empty_layer = empty_layer,
	};
}

void oci_config_add_to_set(struct strv *set, const struct strv *more)
{
	auto_strv struct strv all = *set;

	*set = STRV_INIT;
	strv_copy(&all, more);
	strv_sort(&all);
	for (size_t i = 0; i < all.n; i++)
		if (!i || strcmp(all.v[i - 1], all.v[i]) != 0)
			strv_add(set, all.v[i]);
}

void oci_config_repair_history(struct oci_config *c)
{
	size_t have = 0;

	for (size_t i = 0; i < c->nr_history; i++) {
		struct oci_history *h = &c->history[i];

		h->empty_layer = h->empty_layer || have == c->nr_diff_ids;
		have += !h->empty_layer;
	}
	for (; have < c->nr_diff_ids; have++)
		oci_config_add_history(c, NULL, NULL, NULL, false);
}

/* Where the first one without a time is followed by one that has one: that. Else the last there is. */
static const char *first_new_time(const struct oci_config *c)
{
	const char *time = NULL;
	bool is_new = false;

	for (size_t i = 0; i < c->nr_history; i++) {
		const char *has = c->history[i].created;

		if (has && is_new)
			return has;
		if (has)
			time = has;
		is_new = is_new || !has;
	}
	return time;
}

void oci_config_settle_times(struct oci_config *c)
{
	auto_free char *time = mem_strdup(first_new_time(c));
	bool is_new = false;

	for (size_t i = 0; i < c->nr_history; i++) {
		struct oci_history *h = &c->history[i];

		if (!h->created) {
			h->created = mem_strdup(time);
			is_new = true;
		} else if (is_new) {
			free(time);
			time = mem_strdup(h->created);
		}
	}
	free(c->created);
	c->created = c->nr_history ? mem_strdup(c->history[c->nr_history - 1].created) : NULL;
}

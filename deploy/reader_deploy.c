/*
 * How tasks of a service live: how many, started again when, replaced how. orcinus has keys of
 * its own for a part of it and takes no notice of compose's; where both say something,
 * orcinus' own counts.
 */
#include "base/mem.h"
#include "deploy/reader.h"

#define REPLICAS_MAX 1000000
#define NANO	     1e9

static const char *const conditions[] = { "none", "on-failure", "any", NULL };

static bool has(const struct yaml_value *map, const char *key)
{
	return !yaml_is_null(yaml_map_get(map, key));
}

/* -- restart ---------------------------------------------------------------------- */

static int read_condition(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			  struct err *e)
{
	struct deploy_restart *restart = arg;

	if (v->text && strcmp(v->text, "always") == 0)
		return reader_fail(r, v, path, e,
				   "must be none, on-failure or any; 'always' is called any here");
	return reader_choice(&restart->condition, r, v, path, conditions, e);
}

static const struct reader_key policy_keys[] = {
	{ .name = "condition", .read = read_condition },
	{ .name = "delay",
	  .kind = READER_LENGTH,
	  .offset = offsetof(struct deploy_restart, delay_ns) },
	READER_FIELD(READER_NUMBER, "max_attempts", struct deploy_restart, max_attempts),
	READER_FIELD(READER_LENGTH, "window", struct deploy_restart, window_ns),
};

int reader_restart_keys(struct deploy_restart *out, struct reader *r, const struct yaml_value *v,
			const char *path, struct err *e)
{
	struct deploy_restart restart = *out;

	if (reader_keys(r, &restart, v, path, policy_keys, ARRAY_LEN(policy_keys), e) < 0)
		return -1;
	restart.has_delay |= has(v, "delay");
	restart.has_max_attempts |= has(v, "max_attempts");
	restart.has_window |= has(v, "window");
	*out = restart;
	return 0;
}

int reader_restart_policy(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			  struct err *e)
{
	struct deploy_restart *out = &((struct deploy_service *)arg)->restart;

	/* of several places that may say it one counts, whole */
	*out = (struct deploy_restart){ 0 };
	return reader_restart_keys(out, r, v, path, e);
}

/* Where the engine has a signed number of what cannot be negative. */
static int read_signed(int64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	uint64_t n;

	if (reader_number(&n, r, v, path, e) < 0)
		return -1;
	*out = (int64_t)n;
	return 0;
}

static int read_api_delay(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			  struct err *e)
{
	return read_signed(&((struct deploy_restart *)arg)->delay_ns, r, v, path, e);
}

static int read_api_window(struct reader *r, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	return read_signed(&((struct deploy_restart *)arg)->window_ns, r, v, path, e);
}

/* The engine's own words: nanoseconds, capitals. */
int reader_api_restart_policy(struct reader *r, void *arg, const struct yaml_value *v,
			      const char *path, struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "Condition", .read = read_condition },
		{ .name = "Delay", .read = read_api_delay },
		{ .name = "MaxAttempts",
		  .kind = READER_NUMBER,
		  .offset = offsetof(struct deploy_restart, max_attempts) },
		{ .name = "Window", .read = read_api_window },
	};
	struct deploy_service *s = arg;
	struct deploy_restart restart = { 0 };

	if (reader_keys(r, &restart, v, path, keys, ARRAY_LEN(keys), e) < 0)
		return -1;
	restart.has_delay = has(v, "Delay");
	restart.has_max_attempts = has(v, "MaxAttempts");
	restart.has_window = has(v, "Window");
	s->restart = restart;
	return 0;
}

int reader_restart_word(struct deploy_restart *out, struct reader *r, const struct yaml_value *v,
			const char *path, struct err *e)
{
	auto_free char *text = NULL;
	struct span word, times;
	struct deploy_restart restart = { 0 };

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	restart.has_max_attempts = span_cut(span_of_str(text), ':', &word, &times);
	if (span_eq_str(word, "no") || span_eq_str(word, "false"))
		restart.condition = "none";
	else if (span_eq_str(word, "always") || span_eq_str(word, "unless-stopped"))
		restart.condition = "any";
	else if (span_eq_str(word, "on-failure"))
		restart.condition = "on-failure";
	if (!restart.condition ||
	    (restart.has_max_attempts && (span_to_u64(&restart.max_attempts, times) < 0 ||
					  strcmp(restart.condition, "on-failure") != 0)))
		return reader_fail(r, v, path, e,
				   "must be no, always, unless-stopped, on-failure or "
				   "on-failure:N");
	*out = restart;
	return 0;
}

int reader_restart(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		   struct err *e)
{
	struct deploy_service *s = arg;
	struct deploy_restart restart;

	if (reader_restart_word(&restart, r, v, path, e) < 0)
		return -1;
	s->restart = restart;
	return 0;
}

/* -- how many ------------------------------------------------------------------------ */

int reader_mode(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		struct err *e)
{
	static const char *const words[] = { "replicated", "global", "replicated-job", "global-job",
					     NULL };
	struct deploy_service *s = arg;
	const char *word;

	if (reader_choice(&word, r, v, path, words, e) < 0)
		return -1;
	for (enum deploy_mode m = DEPLOY_REPLICATED; m <= DEPLOY_GLOBAL_JOB; m++)
		if (strcmp(deploy_mode_name(m), word) == 0)
			s->mode = m;
	return 0;
}

int reader_replicas(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		    struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;
	uint64_t n;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (span_to_u64(&n, span_of_str(text)) < 0 || n > REPLICAS_MAX)
		return reader_fail(r, v, path, e, "'%s' is not a number of replicas (0 to %d)",
				   text, REPLICAS_MAX);
	s->replicas = n;
	s->has_replicas = true;
	return 0;
}

/* -- deploy: how tasks are replaced -------------------------------------------------- */

static int read_order(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	static const char *const words[] = { "stop-first", "start-first", NULL };

	return reader_choice(&((struct deploy_update *)arg)->order, r, v, path, words, e);
}

static int read_failure_action(struct reader *r, void *arg, const struct yaml_value *v,
			       const char *path, struct err *e)
{
	static const char *const words[] = { "pause", "continue", "rollback", NULL };

	return reader_choice(&((struct deploy_update *)arg)->failure_action, r, v, path, words, e);
}

static int read_parallelism(struct reader *r, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	struct deploy_update *u = arg;

	u->has_parallelism = true;
	return reader_number(&u->parallelism, r, v, path, e);
}

static int read_ratio(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	int64_t nano;

	if (reader_nano(&nano, r, v, path, "a share such as 0.3", e) < 0)
		return -1;
	((struct deploy_update *)arg)->max_failure_ratio = (double)nano / NANO;
	return 0;
}

/* own_…: orcinus' word for it, which stands in `deploy` itself. */
#define UPDATE_KEYS(own_delay, own_action, own_order)                                              \
	{                                                                                          \
		{ .name = "parallelism", .read = read_parallelism },                               \
			{ .name = "delay",                                                         \
			  .kind = READER_LENGTH,                                                   \
			  .offset = offsetof(struct deploy_update, delay_ns),                      \
			  .by = { own_delay } },                                                   \
			{ .name = "monitor",                                                       \
			  .kind = READER_LENGTH,                                                   \
			  .offset = offsetof(struct deploy_update, monitor_ns) },                  \
			{ .name = "failure_action",                                                \
			  .read = read_failure_action,                                             \
			  .by = { own_action } },                                                  \
			{ .name = "max_failure_ratio", .read = read_ratio },                       \
			{ .name = "order", .read = read_order, .by = { own_order } },              \
	}
static const struct reader_key update_keys[] =
	UPDATE_KEYS("deploy.delay", "deploy.iffailure", "deploy.order");
static const struct reader_key rollback_keys[] = UPDATE_KEYS(NULL, NULL, NULL);

static int read_update_config(struct reader *r, void *arg, const struct yaml_value *v,
			      const char *path, struct err *e)
{
	return reader_keys(r, &((struct deploy_service *)arg)->update, v, path, update_keys,
			   ARRAY_LEN(update_keys), e);
}

static int read_rollback_config(struct reader *r, void *arg, const struct yaml_value *v,
				const char *path, struct err *e)
{
	return reader_keys(r, &((struct deploy_service *)arg)->rollback, v, path, rollback_keys,
			   ARRAY_LEN(rollback_keys), e);
}

/* orcinus' own three, which stand in `deploy` itself */
static int read_own_order(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			  struct err *e)
{
	return read_order(r, &((struct deploy_service *)arg)->update, v, path, e);
}

static int read_own_action(struct reader *r, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	return read_failure_action(r, &((struct deploy_service *)arg)->update, v, path, e);
}

/* -- deploy: where ------------------------------------------------------------------- */

static int read_preference(struct reader *r, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	const struct yaml_value *spread = yaml_map_get(v, "spread");
	auto_free char *text = NULL, *at = reader_path(path, "spread");

	if (reader_want(r, v, YAML_MAP, path, "write - spread: node.labels.zone", e) < 0)
		return -1;
	if (!spread || v->nr != 1)
		return reader_fail(r, v, path, e, "must be spread: node.labels.NAME");
	if (reader_text(&text, r, spread, at, e) < 0)
		return -1;
	strv_add(&((struct deploy_service *)arg)->spread, text);
	return 0;
}

static int read_preferences(struct reader *r, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	return reader_each(r, arg, v, path, "write - spread: node.labels.zone", read_preference, e);
}

static int read_placement(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			  struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "constraints", .read = reader_constraints },
		{ .name = "preferences", .read = read_preferences },
		{ .name = "max_replicas_per_node",
		  .kind = READER_NUMBER,
		  .offset = offsetof(struct deploy_service, max_replicas_per_node) },
	};

	return reader_keys(r, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_reserved_cpus(struct reader *r, void *arg, const struct yaml_value *v,
			      const char *path, struct err *e)
{
	return reader_nano(&((struct deploy_service *)arg)->reserved_nano_cpus, r, v, path,
			   "a number of CPUs such as 2 or 0.5", e);
}

static int read_reserved_memory(struct reader *r, void *arg, const struct yaml_value *v,
				const char *path, struct err *e)
{
	return reader_bytes(&((struct deploy_service *)arg)->reserved_memory_bytes, r, v, path, e);
}

static int read_pids(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	return read_signed(&((struct deploy_service *)arg)->pids, r, v, path, e);
}

static int read_limits(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "cpus", .read = reader_cpu, .by = { "cpu" } },
		{ .name = "memory", .read = reader_memory, .by = { "memory" } },
		{ .name = "pids", .read = read_pids },
	};

	return reader_keys(r, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_reservations(struct reader *r, void *arg, const struct yaml_value *v,
			     const char *path, struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "cpus", .read = read_reserved_cpus },
		{ .name = "memory", .read = read_reserved_memory },
		READER_IGNORE("generic_resources", "write a compose file for them"),
		READER_IGNORE("devices", "a swarm knows none"),
	};

	return reader_keys(r, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_resources(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			  struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "limits", .read = read_limits },
		{ .name = "reservations", .read = read_reservations },
	};

	return reader_keys(r, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_endpoint_mode(struct reader *r, void *arg, const struct yaml_value *v,
			      const char *path, struct err *e)
{
	static const char *const words[] = { "vip", "dnsrr", NULL };
	const char *word;

	if (reader_choice(&word, r, v, path, words, e) < 0)
		return -1;
	((struct deploy_service *)arg)->dns_rr = word == words[1];
	return 0;
}

/* What the service's own `labels` say counts, whether they stand before or behind. */
static int read_deploy_labels(struct reader *r, void *arg, const struct yaml_value *v,
			      const char *path, struct err *e)
{
	struct deploy_service *s = arg, read = { 0 };
	int n = reader_labels(r, &read, v, path, e);

	for (size_t i = 0; n == 0 && i < read.labels.n; i++) {
		struct span key, value;
		auto_free char *name = NULL;

		span_cut(span_of_str(read.labels.v[i]), '=', &key, &value);
		name = span_dup(key);
		if (!strv_env_get(&s->labels, name))
			strv_add(&s->labels, read.labels.v[i]);
	}
	strv_release(&read.labels);
	return n;
}

int reader_deploy(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		  struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "delay",
		  .kind = READER_LENGTH,
		  .offset = offsetof(struct deploy_service, update.delay_ns) },
		{ .name = "iffailure", .read = read_own_action },
		{ .name = "order", .read = read_own_order },
		/* what stands beside `deploy` in orcinus' own words counts more than what is in it */
		READER_BELOW("replicas", reader_replicas, "replicas"),
		READER_BELOW("mode", reader_mode, "mode"),
		READER_NEW("labels", read_deploy_labels),
		READER_NEW("placement", read_placement),
		READER_NEW("resources", read_resources),
		READER_BELOW("restart_policy", reader_restart_policy, "restart_policy",
			     "restartPolicy"),
		READER_NEW("update_config", read_update_config),
		READER_NEW("rollback_config", read_rollback_config),
		READER_NEW("endpoint_mode", read_endpoint_mode),
	};

	return reader_keys(r, arg, v, path, keys, ARRAY_LEN(keys), e);
}

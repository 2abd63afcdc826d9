/*
 * `deploy` of a service: how many, where, with how much, and how it is brought up and changed.
 */
#include "base/mem.h"
#include "deploy/compose_part.h"

#define REPLICAS_MAX 1000000
#define CPU_MIN	     1000000	 /* 0.001, in 1e-9 */
#define MEMORY_MIN   (4ll << 20) /* the engine refuses less */

/* -- resources ------------------------------------------------------------------------- */

static int read_cpus(int64_t *out, struct compose *c, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	int64_t nano;

	if (reader_nano(&nano, &c->r, v, path, "a number of CPUs such as 2 or 0.5", e) < 0)
		return -1;
	if (nano && nano < CPU_MIN)
		return reader_fail(&c->r, v, path, e, "less than the engine's minimum of 0.001");
	*out = nano;
	return 0;
}

static int read_memory(int64_t *out, struct compose *c, const struct yaml_value *v,
		       const char *path, struct err *e)
{
	int64_t bytes;

	if (reader_bytes(&bytes, &c->r, v, path, e) < 0)
		return -1;
	if (bytes && bytes < MEMORY_MIN)
		return reader_fail(&c->r, v, path, e, "less than the engine's minimum of 4 MiB");
	*out = bytes;
	return 0;
}

#define FIELD_READER(name, read, field)                                                            \
	static int name(struct compose *c, void *arg, const struct yaml_value *v,                  \
			const char *path, struct err *e)                                           \
	{                                                                                          \
		return read(&((struct deploy_service *)arg)->field, c, v, path, e);                \
	}
FIELD_READER(limit_cpus, read_cpus, nano_cpus)
FIELD_READER(limit_memory, read_memory, memory_bytes)
FIELD_READER(reserve_cpus, read_cpus, reserved_nano_cpus)
FIELD_READER(reserve_memory, read_memory, reserved_memory_bytes)

static int limit_pids(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	uint64_t n;

	if (reader_number(&n, &c->r, v, path, e) < 0)
		return -1;
	((struct deploy_service *)arg)->pids = (int64_t)n;
	return 0;
}

struct generic {
	char *kind, *value;
};

static int read_discrete(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_TEXT("kind", struct generic, kind),
		KEY_TEXT("value", struct generic, value),
	};
	uint64_t n;
	struct generic *g = arg;

	if (compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e) < 0)
		return -1;
	if (!g->kind || !g->value || span_to_u64(&n, span_of_str(g->value)) < 0)
		return reader_fail(&c->r, v, path, e, "needs a kind and a number as value");
	return 0;
}

static int read_generic(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("discrete_resource_spec", read_discrete),
	};
	struct deploy_service *s = arg;

	if (reader_want(&c->r, v, YAML_LIST, path, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i);
		struct generic g = { 0 };
		int r = compose_keys(c, &g, v->items[i], at, keys, ARRAY_LEN(keys), e);

		if (r == 0 && g.kind)
			strv_env_set(&s->reserved_generic, g.kind, g.value);
		free(g.kind);
		free(g.value);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int read_limits(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("cpus", limit_cpus),
		KEY_READ("memory", limit_memory),
		KEY_READ("pids", limit_pids),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_reservations(struct compose *c, void *arg, const struct yaml_value *v,
			     const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("cpus", reserve_cpus),
		KEY_READ("memory", reserve_memory),
		KEY_READ("generic_resources", read_generic),
		KEY_REFUSED("devices", "a swarm gives devices as generic_resources"),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_resources(struct compose *c, void *arg, const struct yaml_value *v,
			  const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("limits", read_limits),
		KEY_READ("reservations", read_reservations),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

/* -- placement --------------------------------------------------------------------------- */

static int read_constraints(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	struct deploy_service *s = arg;

	if (reader_want(&c->r, v, YAML_LIST, path, "write - node.role == worker", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i), *text = NULL;

		if (compose_text(&text, c, v->items[i], at, e) < 0)
			return -1;
		if (!strstr(text, "==") && !strstr(text, "!="))
			return reader_fail(&c->r, v->items[i], at, e,
					   "must be 'name==value' or 'name!=value'");
		if (!strv_has(&s->constraints, text))
			strv_add(&s->constraints, text);
	}
	return 0;
}

static int read_preferences(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_LIST("spread", struct deploy_service, spread),
	};

	if (reader_want(&c->r, v, YAML_LIST, path, "write - spread: node.labels.zone", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i);

		if (compose_keys(c, arg, v->items[i], at, keys, ARRAY_LEN(keys), e) < 0)
			return -1;
	}
	return 0;
}

static int read_placement(struct compose *c, void *arg, const struct yaml_value *v,
			  const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("constraints", read_constraints),
		KEY_READ("preferences", read_preferences),
		KEY_NUMBER("max_replicas_per_node", struct deploy_service, max_replicas_per_node),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

/* -- restart_policy ------------------------------------------------------------------------ */

/* It counts, and nothing of `restart` does. */
static int read_restart_policy(struct compose *c, void *arg, const struct yaml_value *v,
			       const char *path, struct err *e)
{
	struct deploy_service *s = arg;
	struct compose_service *meta = compose_meta(c, s);

	if (!meta->has_policy)
		s->restart = (struct deploy_restart){ 0 };
	meta->has_policy = true;
	return reader_restart_keys(&s->restart, &c->r, v, path, e);
}

/* -- update_config, rollback_config ----------------------------------------------------------- */

static int update_parallelism(struct compose *c, void *arg, const struct yaml_value *v,
			      const char *path, struct err *e)
{
	struct deploy_update *u = arg;

	u->has_parallelism = true;
	return reader_number(&u->parallelism, &c->r, v, path, e);
}

static int update_action(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	static const char *const words[] = { "pause", "continue", "rollback", NULL };

	return reader_choice(&((struct deploy_update *)arg)->failure_action, &c->r, v, path, words,
			     e);
}

static int rollback_action(struct compose *c, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	static const char *const words[] = { "pause", "continue", NULL };

	return reader_choice(&((struct deploy_update *)arg)->failure_action, &c->r, v, path, words,
			     e);
}

static int update_order(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	static const char *const words[] = { "stop-first", "start-first", NULL };

	return reader_choice(&((struct deploy_update *)arg)->order, &c->r, v, path, words, e);
}

static int update_ratio(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	struct deploy_update *u = arg;
	int64_t nano;

	if (reader_nano(&nano, &c->r, v, path, "a number from 0 to 1", e) < 0)
		return -1;
	if (nano > 1000000000)
		return reader_fail(&c->r, v, path, e, "must be a number from 0 to 1");
	u->max_failure_ratio = (double)nano / 1e9;
	return 0;
}

#define UPDATE_KEYS(action)                                                                        \
	KEY_READ("parallelism", update_parallelism),                                               \
		KEY_LENGTH("delay", struct deploy_update, delay_ns),                               \
		KEY_LENGTH("monitor", struct deploy_update, monitor_ns),                           \
		KEY_READ("failure_action", action), KEY_READ("max_failure_ratio", update_ratio),   \
		KEY_READ("order", update_order)

static int read_update(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	static const struct compose_key keys[] = { UPDATE_KEYS(update_action) };

	return compose_keys(c, &((struct deploy_service *)arg)->update, v, path, keys,
			    ARRAY_LEN(keys), e);
}

static int read_rollback(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	static const struct compose_key keys[] = { UPDATE_KEYS(rollback_action) };

	return compose_keys(c, &((struct deploy_service *)arg)->rollback, v, path, keys,
			    ARRAY_LEN(keys), e);
}

/* -- the rest ----------------------------------------------------------------------------------- */

static int read_mode(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	static const enum deploy_mode modes[] = { DEPLOY_REPLICATED, DEPLOY_GLOBAL,
						  DEPLOY_REPLICATED_JOB, DEPLOY_GLOBAL_JOB };
	const char *words[ARRAY_LEN(modes) + 1] = { 0 }, *word;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		words[i] = deploy_mode_name(modes[i]);
	if (reader_choice(&word, &c->r, v, path, words, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (word == words[i])
			((struct deploy_service *)arg)->mode = modes[i];
	return 0;
}

static int read_replicas(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	struct deploy_service *s = arg;
	uint64_t n;

	if (reader_number(&n, &c->r, v, path, e) < 0)
		return -1;
	if (n > REPLICAS_MAX)
		return reader_fail(&c->r, v, path, e, "more than %d", REPLICAS_MAX);
	s->replicas = n;
	s->has_replicas = true;
	return 0;
}

static int read_endpoint(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	static const char *const words[] = { "vip", "dnsrr", NULL };
	const char *word;

	if (reader_choice(&word, &c->r, v, path, words, e) < 0)
		return -1;
	((struct deploy_service *)arg)->dns_rr = word == words[1];
	return 0;
}

int compose_service_deploy(struct compose *c, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("mode", read_mode),
		KEY_READ("replicas", read_replicas),
		KEY_MAP("labels", struct deploy_service, labels),
		KEY_READ("endpoint_mode", read_endpoint),
		KEY_READ("placement", read_placement),
		KEY_READ("resources", read_resources),
		KEY_READ("restart_policy", read_restart_policy),
		KEY_READ("update_config", read_update),
		KEY_READ("rollback_config", read_rollback),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

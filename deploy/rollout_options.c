/*
 * How long is a rollout watched? What the user does not say comes from the spec.
 *
 * The stable window is 5 s, the time that the engine itself watches a new task. Where a
 * healthcheck tells (a task is not "running" before it is healthy) 1 s is enough.
 * Who wants a longer `monitor` gets it; a `delay` lengthens the engine's own watch, and within that it
 * takes an update back that was passed as good.
 *
 * The limit is what the spec allows a rollout to take: each batch may use up its health checks, the old
 * tasks' time to stop, the delay and the watch, and is never less than 2 minutes or more than half an
 * hour. The spec does not know how long an image takes to pull, so that time is not counted.
 */
#include "deploy/rollout.h"

#include "base/cc.h"

#define MS_PER_NS	  1000000
#define STABLE_MS	  INT64_C(5000)
#define STABLE_HEALTHY_MS INT64_C(1000)
#define LIMIT_LEAST_MS	  INT64_C(120000)
#define LIMIT_MOST_MS	  INT64_C(1800000)
#define DELAY_MOST_MS	  INT64_C(60000) /* of a long one only so much is waited for at the end */
#define GLOBAL_GUESS	  10		 /* how many nodes there are */

/* the engine's own */
#define MONITOR_MS  INT64_C(5000)
#define GRACE_MS    INT64_C(10000)
#define INTERVAL_MS INT64_C(30000)
#define RETRIES	    INT64_C(3)

/* Nanoseconds to ms, nothing beyond what matters here. */
static int64_t spec_ms(const json_t *o, const char *key, int64_t dflt)
{
	const json_t *v = json_object_get(o, key);
	json_int_t ns = json_is_integer(v) ? json_integer_value(v) : 0;

	if (ns <= 0)
		return dflt;
	return ns / MS_PER_NS < LIMIT_MOST_MS ? ns / MS_PER_NS : LIMIT_MOST_MS;
}

static int64_t spec_count(const json_t *o, const char *key, int64_t dflt)
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;

	if (n < 0)
		return dflt;
	return n < LIMIT_MOST_MS ? n : LIMIT_MOST_MS;
}

static const json_t *container(const json_t *spec)
{
	return json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec");
}

/* The healthcheck of the spec; NULL: there is none, or only the image knows of one. */
static const json_t *health(const json_t *spec)
{
	const json_t *h = json_object_get(container(spec), "Healthcheck");
	const json_t *test = json_object_get(h, "Test");
	const char *kind = json_string_value(json_array_get(test, 0));

	return kind && strcmp(kind, "NONE") != 0 ? h : NULL;
}

static int64_t stable_dflt(const struct rollout_options *o, const json_t *spec)
{
	if (o->job)
		return 0; /* what is complete stays so */
	if (o->monitor_ms > MONITOR_MS)
		return o->monitor_ms;
	return health(spec) ? STABLE_HEALTHY_MS : STABLE_MS;
}

static int64_t health_ms(const json_t *spec)
{
	const json_t *h = health(spec);
	int64_t retries = spec_count(h, "Retries", RETRIES);

	if (!h)
		return 0;
	return spec_ms(h, "StartPeriod", 0) +
	       spec_ms(h, "Interval", INTERVAL_MS) * (retries ? retries : RETRIES);
}

/* What these settings, of the spec's update or of its way back, allow it to take. */
static int64_t settings_ms(const struct rollout_options *o, const json_t *spec, const char *key)
{
	const json_t *update = json_object_get(spec, key);
	int64_t count = o->global ? GLOBAL_GUESS : (int64_t)(o->replicas % LIMIT_MOST_MS);
	int64_t at_once = spec_count(update, "Parallelism", 1);
	int64_t rounds = at_once ? (count + at_once - 1) / at_once : 1;
	int64_t one = health_ms(spec) + spec_ms(container(spec), "StopGracePeriod", GRACE_MS) +
		      spec_ms(update, "Delay", 0) + spec_ms(update, "Monitor", MONITOR_MS);
	int64_t all;

	return __builtin_mul_overflow(rounds, one, &all) ? LIMIT_MOST_MS : all;
}

/* A way back goes by the one or the other, whether the engine rolls back or is given the old spec. */
static int64_t limit_dflt(const struct rollout_options *o, const json_t *spec)
{
	int64_t all = settings_ms(o, spec, "UpdateConfig");
	int64_t back = o->taking_back ? settings_ms(o, spec, "RollbackConfig") : 0;

	all = all > back ? all : back;
	if (o->job || all > LIMIT_MOST_MS)
		return LIMIT_MOST_MS;
	return all < LIMIT_LEAST_MS ? LIMIT_LEAST_MS : all;
}

static void read_mode(struct rollout_options *o, const json_t *mode)
{
	const json_t *replicated = json_object_get(mode, "Replicated");
	const json_t *job = json_object_get(mode, "ReplicatedJob");
	const json_t *many = job ? json_object_get(job, "TotalCompletions")
				 : json_object_get(replicated, "Replicas");

	o->job = job || json_object_get(mode, "GlobalJob");
	o->global = json_object_get(mode, "Global") || json_object_get(mode, "GlobalJob");
	o->replicas = 1;
	if (json_is_integer(many) && json_integer_value(many) >= 0)
		o->replicas = (uint64_t)json_integer_value(many);
}

void rollout_options_spend(struct rollout_options *o, int64_t spent_ms)
{
	if (!o->timeout_ms)
		return;
	o->spent_ms = spent_ms < o->timeout_ms ? spent_ms : o->timeout_ms - 1;
	o->timeout_ms -= o->spent_ms;
}

/*
 * As the engine reckons: before the next task it has to know of the last, also where there is no next. Who is to go on
 * after a failure watches nothing.
 */
static int64_t watch_ms(const json_t *update)
{
	const char *action = json_string_value(json_object_get(update, "FailureAction"));
	int64_t monitor = spec_ms(update, "Monitor", MONITOR_MS);
	int64_t delay = spec_ms(update, "Delay", 0);

	if (action && strcmp(action, "continue") == 0)
		return monitor;
	delay = delay < DELAY_MOST_MS ? delay : DELAY_MOST_MS;
	return delay >= monitor ? delay + 1000 : monitor;
}

void rollout_options_from_spec(struct rollout_options *o, const json_t *spec)
{
	const json_t *task = json_object_get(spec, "TaskTemplate");
	const json_t *restart = json_object_get(task, "RestartPolicy");
	const char *when = json_string_value(json_object_get(restart, "Condition"));
	const json_t *limits = json_object_get(json_object_get(task, "Resources"), "Limits");

	read_mode(o, json_object_get(spec, "Mode"));
	o->one_shot = o->job || (when && (!strcmp(when, "none") || !strcmp(when, "on-failure")));
	o->tries = (uint64_t)spec_count(restart, "MaxAttempts", 0);
	o->tries += o->tries > 0; /* the first is none of these attempts */
	o->has_health = health(spec) != NULL;
	o->has_memory_limit = spec_count(limits, "MemoryBytes", 0) > 0;
	o->monitor_ms = watch_ms(json_object_get(spec, "UpdateConfig"));
	o->most_ms = o->timeout_ms;
	if (!o->timeout_ms) {
		/* a window that was asked for is not known to the settings; without one it is 0 here */
		o->timeout_ms = limit_dflt(o, spec) + o->stable_ms;
		o->most_ms = LIMIT_MOST_MS + o->stable_ms;
	}
	if (!o->stable_ms)
		o->stable_ms = stable_dflt(o, spec);
}

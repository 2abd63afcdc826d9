/* See lock.h. Times are those of the machines that deploy: the lease bears minutes of difference. */
#include "deploy/lock.h"

#include "base/cancel.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/config_object.h"

#define LEASE_MS   INT64_C(300000)
#define RENEW_MS   INT64_C(60000)
#define SURE_MS	   INT64_C(1000) /* for so long a look at it holds good */
#define WAIT_MS	   INT64_C(1000)
#define NS_PER_MS  INT64_C(1000000)
#define TAKE_TRIES 3

#define LABEL_HOLDER  DEPLOY_LABEL_PREFIX "holder"
#define LABEL_JOB     DEPLOY_LABEL_PREFIX "job"
#define LABEL_NAME    DEPLOY_LABEL_PREFIX "job-name"
#define LABEL_PROCESS DEPLOY_LABEL_PREFIX "process"
#define LABEL_SINCE   DEPLOY_LABEL_PREFIX "since"
#define LABEL_EXPIRES DEPLOY_LABEL_PREFIX "expires"

char *deploy_lock_name(const struct deploy_owner *owner)
{
	auto_free char *key = deploy_owner_key(owner);

	return mem_printf("cdeploy-lock-%s", key);
}

static const char *or_unknown(const char *text)
{
	return text && *text ? text : "somebody";
}

static void set_time(json_t *labels, const char *key, int64_t wall_ns)
{
	char text[CLOCK_TEXT_MAX];

	clock_format(text, wall_ns);
	json_object_set_new(labels, key, json_string(text));
}

static void set_expiry(json_t *labels, struct op *op)
{
	set_time(labels, LABEL_EXPIRES, op->clock->wall_ns(op->clock) + LEASE_MS * NS_PER_MS);
}

static json_t *lock_labels(struct op *op, const struct deploy_owner *owner,
			   const struct deploy_holder *holder)
{
	json_t *labels = json_object();

	deploy_owner_label(labels, owner);
	json_object_set_new(labels, LABEL_HOLDER, json_str(or_unknown(holder->who)));
	if (holder->job_url)
		json_object_set_new(labels, LABEL_JOB, json_str(holder->job_url));
	if (holder->job_name)
		json_object_set_new(labels, LABEL_NAME, json_str(holder->job_name));
	if (owner->pipeline)
		json_object_set_new(labels, DEPLOY_LABEL_PIPELINE, json_str(owner->pipeline));
	if (holder->process)
		json_object_set_new(labels, LABEL_PROCESS, json_str(holder->process));
	set_time(labels, LABEL_SINCE, op->clock->wall_ns(op->clock));
	set_expiry(labels, op);
	return labels;
}

/* The times of two holders differ even where nothing else does. */
static bool is_same_holder(const json_t *spec, const json_t *labels)
{
	const char *theirs = deploy_label(spec, LABEL_SINCE),
		   *process = deploy_label(spec, LABEL_PROCESS);
	const char *ours = json_string_value(json_object_get(labels, LABEL_SINCE));
	const char *our_process = json_string_value(json_object_get(labels, LABEL_PROCESS));

	return theirs && ours && strcmp(theirs, ours) == 0 &&
	       strcmp(process ? process : "", our_process ? our_process : "") == 0;
}

/* "https://git.example/team/app/-/jobs/7": the number, and where from. */
static int job_number(struct span *where, uint64_t *number, const char *url)
{
	ptrdiff_t slash = url ? span_rfind(span_of_str(url), '/') : -1;

	if (slash < 0)
		return -1;
	*where = span_head(span_of_str(url), (size_t)slash);
	return span_to_u64(number, span_of_str(url + slash + 1));
}

static bool is_same_label(const json_t *spec, const json_t *labels, const char *key)
{
	const char *theirs = deploy_label(spec, key);
	const char *ours = json_string_value(json_object_get(labels, key));

	return theirs && ours && strcmp(theirs, ours) == 0;
}

/* Are we a later try of the job that holds it? Then that try is over. */
static bool is_earlier_try(const json_t *spec, const json_t *labels)
{
	struct span theirs, ours;
	uint64_t before, now;

	return is_same_label(spec, labels, DEPLOY_LABEL_PIPELINE) &&
	       is_same_label(spec, labels, LABEL_NAME) &&
	       job_number(&theirs, &before, deploy_label(spec, LABEL_JOB)) == 0 &&
	       job_number(&ours, &now, json_string_value(json_object_get(labels, LABEL_JOB))) ==
		       0 &&
	       span_eq(theirs, ours) && before < now;
}

static bool is_surely_over(const json_t *spec)
{
	const char *process = deploy_label(spec, LABEL_PROCESS);

	return process && deploy_holder_is_gone(process);
}

static bool is_stale(struct op *op, const json_t *spec, const json_t *labels)
{
	const char *expires = deploy_label(spec, LABEL_EXPIRES);
	int64_t until;

	if (is_surely_over(spec) || is_earlier_try(spec, labels))
		return true;
	return expires && clock_parse(&until, expires) == 0 &&
	       op->clock->wall_ns(op->clock) > until;
}

static char *words_for(const json_t *spec)
{
	const char *job = deploy_label(spec, LABEL_JOB), *since = deploy_label(spec, LABEL_SINCE);

	/* to the second: what is behind it tells locks apart, not people */
	auto_free char *when = since ? mem_printf(" since %.*sZ", (int)strcspn(since, ".Z"), since)
				     : mem_strdup("");

	return mem_printf("%s%s%s%s", or_unknown(deploy_label(spec, LABEL_HOLDER)), when,
			  job ? ", " : "", job ? job : "");
}

/* -- taking ------------------------------------------------------------------ */

/* A signal met the request, which may be carried out all the same: then the lock goes again, soon or in a moment. */
static void withdraw(const struct deploy_lock *l, const struct op *op, const char *name)
{
	struct op unstoppable = *op;

	unstoppable.cancel = NULL;
	for (int look = 0; look < ENGINE_LATE_LOOKS; look++) {
		auto_config_object struct config_object found = { 0 };
		struct err e = ERR_INIT;

		if (look)
			op->clock->sleep_ms(op->clock, ENGINE_LATE_PAUSE_MS, NULL);
		if (config_object_get(&found, &unstoppable, l->eng, name, &e) < 0) {
			if (e.kind != ERR_ABSENT)
				return;
			continue;
		}
		if (is_same_holder(found.spec, l->labels))
			(void)!config_object_remove(&unstoppable, l->eng, found.id, &e);
		return;
	}
}

/* 1: taken. 0: *found is what is there (or nothing any more). */
static int try_create(struct deploy_lock *l, struct config_object *found, struct op *op,
		      const char *name, struct err *e)
{
	struct err why = ERR_INIT;

	if (config_object_create(&l->id, op, l->eng, name, l->labels,
				 SPAN_LIT("a lock of cdeploy\n"), e) == 0)
		return 1;
	if (e->kind == ERR_CANCELLED)
		withdraw(l, op, name);
	/* refused because there is one, or done with the answer lost */
	if (e->kind != ERR_FAILED && e->kind != ERR_UNAVAILABLE)
		return -1;
	if (config_object_get(found, op, l->eng, name, &why) < 0) {
		if (why.kind != ERR_ABSENT || e->kind == ERR_UNAVAILABLE)
			return -1;
		err_clear(e);
		return 0;
	}
	err_clear(e);
	if (!is_same_holder(found->spec, l->labels))
		return 0;
	l->id = mem_strdup(found->id);
	return 1;
}

/* Of several that try, one comes through the first line: true. */
static bool clear_away(struct op *op, struct engine *eng, const struct config_object *stale,
		       const json_t *labels)
{
	struct err e = ERR_INIT;
	auto_free char *who = words_for(stale->spec);

	if (config_object_relabel(op, eng, stale, labels, &e) < 0 ||
	    config_object_remove(op, eng, stale->id, &e) < 0)
		return false; /* the next look shows what is there */
	progress_warn(op->progress, "the lock that %s left behind is cleared away", who);
	return true;
}

/* 1: taken. 0: held by another, and *who says by whom. */
static int try_take(struct deploy_lock *l, char **who, struct op *op, const char *name,
		    struct err *e)
{
	for (int i = 0; i < TAKE_TRIES; i++) {
		auto_config_object struct config_object found = { 0 };
		int r = try_create(l, &found, op, name, e);

		if (r != 0)
			return r;
		if (found.spec && !is_stale(op, found.spec, l->labels)) {
			free(*who);
			*who = words_for(found.spec);
			return 0;
		}
		if (found.spec && clear_away(op, l->eng, &found, l->labels)) {
			l->has_cleared = true;
			l->is_from_another = !is_surely_over(found.spec);
		}
	}
	*who = *who ? *who : mem_strdup("others, who take it in turns");
	return 0;
}

/* -- keeping ----------------------------------------------------------------- */

static int64_t now_ms(const struct deploy_lock *l)
{
	return l->outer->clock->mono_ms(l->outer->clock);
}

/* Who lost it writes nothing more, not even what was before: the stack is another's to bring into order. */
static int is_lost(const struct deploy_lock *l, struct err *e)
{
	const char *project = json_string_value(json_object_get(l->labels, DEPLOY_LABEL_PROJECT));

	return err_set(e, ERR_LOCKED,
		       "the lock of project '%s' %s; this run writes nothing more and takes "
		       "nothing back",
		       project, l->lost);
}

/* One question. *now: as it is, while it is ours. ERR_LOCKED: it is not. */
static int look(struct config_object *now, struct deploy_lock *l, const struct op *op,
		struct err *e)
{
	struct op plain = *op;
	int64_t asked_ms = now_ms(l);

	/* of the try before, where a write is repeated */
	err_clear(e);
	/* whoever sleeps on ours may be here to renew it */
	plain.clock = l->outer->clock;
	if (config_object_get(now, &plain, l->eng, l->name, e) == 0 &&
	    strcmp(now->id, l->id) == 0 && is_same_holder(now->spec, l->labels)) {
		l->seen_ms = asked_ms;
		return 0;
	}
	if (e->kind != ERR_NONE && e->kind != ERR_ABSENT)
		return err_wrap(e, "look at the lock");
	if (now->spec) {
		auto_free char *who = words_for(now->spec);

		l->lost = mem_printf("was taken over by %s", who);
	} else {
		l->lost = mem_strdup("is broken: 'cdeploy unlock' was called, or another took it "
				     "over and is done");
	}
	return is_lost(l, e);
}

static int may_write(struct engine_guard *g, struct op *op, struct err *e)
{
	struct deploy_lock *l = CONTAINER_OF(g, struct deploy_lock, guard);
	auto_config_object struct config_object now = { 0 };

	if (l->lost)
		return is_lost(l, e);
	if (now_ms(l) - l->seen_ms < SURE_MS)
		return 0;
	return look(&now, l, op, e);
}

/* What goes wrong here is said when something is to be written. */
static void renew(struct deploy_lock *l)
{
	auto_config_object struct config_object now = { 0 };
	struct err e = ERR_INIT;

	l->renewed_ms = now_ms(l);
	if (l->lost || look(&now, l, l->outer, &e) < 0)
		return;
	set_expiry(l->labels, l->outer);
	engine_set_guard(l->eng, NULL);
	(void)!config_object_relabel(l->outer, l->eng, &now, l->labels, &e);
	engine_set_guard(l->eng, &l->guard);
}

static int64_t clock_mono(struct clock *c)
{
	struct clock *outer = ((struct deploy_lock *)c)->outer->clock;

	return outer->mono_ms(outer);
}

static int64_t clock_wall(struct clock *c)
{
	struct clock *outer = ((struct deploy_lock *)c)->outer->clock;

	return outer->wall_ns(outer);
}

static void clock_sleep(struct clock *c, int64_t ms, const struct cancel *cn)
{
	struct deploy_lock *l = (struct deploy_lock *)c;

	/* several may sleep at once: one of them is enough */
	if (l->id && pthread_mutex_trylock(&l->renewing) == 0) {
		if (clock_mono(c) - l->renewed_ms >= RENEW_MS)
			renew(l);
		pthread_mutex_unlock(&l->renewing);
	}
	l->outer->clock->sleep_ms(l->outer->clock, ms, cn);
}

static int wait_for(struct deploy_lock *l, struct op *op, const char *name,
		    const struct deploy_owner *owner, int64_t wait_ms, struct err *e)
{
	int64_t until = op->clock->mono_ms(op->clock) + wait_ms;
	auto_free char *who = NULL;
	bool told = false;

	for (;;) {
		int r = try_take(l, &who, op, name, e);

		if (r != 0)
			return r > 0 ? 0 : err_wrap(e, "take the lock '%s'", name);
		if (op->clock->mono_ms(op->clock) >= until)
			return err_set(e, ERR_LOCKED, "project '%s' is being deployed by %s%s",
				       owner->project, who,
				       wait_ms ? ""
					       : "; --lock-wait waits for it, 'cdeploy unlock' "
						 "breaks the lock");
		if (!told)
			progress_note(op->progress, "waiting for the lock, held by %s", who);
		told = true;
		op->clock->sleep_ms(op->clock, WAIT_MS, op->cancel);
		if (cancel_check(op->cancel, e) < 0)
			return -1;
		/* the time that tells us from others is that of the take */
		set_expiry(l->labels, op);
	}
}

/* Whoever lives after all writes for as long as his last look holds good; a plan is made of what he leaves. */
static int outlast(struct op *op, struct err *e)
{
	op->clock->sleep_ms(op->clock, SURE_MS, op->cancel);
	return cancel_check(op->cancel, e);
}

int deploy_lock_take(struct deploy_lock *l, struct op *op, struct engine *eng,
		     const struct deploy_owner *owner, const struct deploy_holder *holder,
		     int64_t wait_ms, struct err *e)
{
	auto_free char *name = deploy_lock_name(owner);

	*l = (struct deploy_lock){ .clock = { clock_mono, clock_wall, clock_sleep },
				   .guard = { may_write },
				   .op = *op,
				   .outer = op,
				   .eng = eng,
				   .labels = lock_labels(op, owner, holder),
				   .renewed_ms = op->clock->mono_ms(op->clock) };
	l->op.clock = &l->clock;
	pthread_mutex_init(&l->renewing, NULL);
	if (wait_for(l, op, name, owner, wait_ms, e) == 0 &&
	    (!l->is_from_another || outlast(op, e) == 0)) {
		l->seen_ms = now_ms(l);
		l->name = STEAL(&name);
		engine_set_guard(eng, &l->guard);
		return 0;
	}
	deploy_lock_release(l);
	return -1;
}

void deploy_lock_release(struct deploy_lock *l)
{
	struct err e = ERR_INIT;

	if (l->id)
		engine_set_guard(l->eng, NULL);
	if (l->id && !l->lost) {
		struct op unstoppable = *l->outer;

		unstoppable.cancel = NULL;
		if (config_object_remove(&unstoppable, l->eng, l->id, &e) < 0)
			progress_warn(l->outer->progress, "the lock stays behind for a while: %s",
				      e.text);
	}
	if (l->labels)
		pthread_mutex_destroy(&l->renewing);
	free(l->id);
	free(l->name);
	free(l->lost);
	json_decref(l->labels);
	l->id = l->name = l->lost = NULL;
	l->labels = NULL;
}

bool deploy_lock_sweep(struct op *op, struct engine *eng, const struct deploy_owner *owner,
		       const struct deploy_holder *holder, const json_t *list)
{
	auto_json json_t *labels = lock_labels(op, owner, holder);
	auto_free char *name = deploy_lock_name(owner);
	bool cleared = false;
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		auto_config_object struct config_object found = { 0 };
		struct err e = ERR_INIT;

		if (config_object_read(&found, o, &e) == 0 &&
		    strcmp(json_string_value(json_object_get(found.spec, "Name")), name) == 0 &&
		    is_stale(op, found.spec, labels))
			cleared |= clear_away(op, eng, &found, labels);
	}
	return cleared;
}

int deploy_lock_break(char **who, struct op *op, struct engine *eng,
		      const struct deploy_owner *owner, struct err *e)
{
	auto_config_object struct config_object found = { 0 };
	auto_free char *name = deploy_lock_name(owner);

	*who = NULL;
	if (config_object_get(&found, op, eng, name, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (config_object_remove(op, eng, found.id, e) < 0)
		return err_wrap(e, "remove the lock '%s'", name);
	if (outlast(op, e) < 0)
		return -1;
	*who = words_for(found.spec);
	return 0;
}

/*
 * Stages have threads of their own: a stage waits for downloads, which are work of op->pool, and a
 * worker may not wait for its own pool. A stage that ends counts down those that read it and
 * submits the ones that wait for nobody else; so no worker ever waits for a stage.
 */
#include "oci/build/schedule.h"

#include "base/cancel.h"
#include "base/mem.h"
#include "base/pool.h"
#include "oci/build/stage.h"

struct unit {
	struct schedule *of;
	size_t index;
	size_t *readers; /* an entry for each time that one reads this */
	size_t nr, cap;
	size_t waits; /* for so many; guarded by the schedule's lock */
};

struct schedule {
	struct job *job;
	struct pool_batch batch;
	struct unit *units;
	pthread_mutex_t lock;
	bool has_failed; /* guarded by lock, as is … */
	struct err first;
};

/* -- who reads whom ----------------------------------------------------------------- */

static void add_edge(struct schedule *s, const struct plan_source *from, size_t reader)
{
	struct unit *read;

	if (from->kind != PLAN_STAGE)
		return;
	read = &s->units[from->stage];
	MEM_GROW(read->readers, read->nr, read->cap);
	read->readers[read->nr++] = reader;
	s->units[reader].waits++;
}

static void add_edges(struct schedule *s, const struct plan_stage *st, size_t reader)
{
	add_edge(s, &st->base, reader);
	for (size_t i = 0; i < st->nr; i++) {
		const struct plan_step *step = &st->steps[i];

		add_edge(s, &step->from, reader);
		for (size_t k = 0; step->mounts && k < step->instr->nr_mounts; k++)
			add_edge(s, &step->mounts[k], reader);
	}
}

static void schedule_init(struct schedule *s, struct job *j)
{
	*s = (struct schedule){ .job = j, .first = ERR_INIT };
	pthread_mutex_init(&s->lock, NULL);
	s->units = mem_zalloc(j->plan->nr * sizeof(*s->units));
	for (size_t i = 0; i < j->plan->nr; i++) {
		s->units[i].of = s;
		s->units[i].index = i;
	}
	for (size_t i = 0; i < j->plan->nr; i++)
		add_edges(s, &j->plan->stages[i], i);
}

static void schedule_release(struct schedule *s)
{
	for (size_t i = 0; i < s->job->plan->nr; i++)
		free(s->units[i].readers);
	free(s->units);
	pthread_mutex_destroy(&s->lock);
}

/* -- carrying out --------------------------------------------------------------------- */

static void note_failure(struct schedule *s, const struct err *e)
{
	pthread_mutex_lock(&s->lock);
	if (!s->has_failed)
		s->first = *e;
	s->has_failed = true;
	pthread_mutex_unlock(&s->lock);
	cancel_set(&s->job->cancel, CANCEL_PEER);
}

static void unit_run(void *item);

static void note_end(struct schedule *s, const struct unit *u)
{
	for (size_t i = 0; i < u->nr; i++) {
		struct unit *reader = &s->units[u->readers[i]];
		bool is_ready;

		pthread_mutex_lock(&s->lock);
		is_ready = --reader->waits == 0;
		pthread_mutex_unlock(&s->lock);
		if (is_ready)
			pool_submit(&s->batch, unit_run, reader);
	}
}

static void unit_run(void *item)
{
	const struct unit *u = item;
	struct err e = ERR_INIT;

	if (stage_build(u->of->job, u->index, &e) < 0)
		note_failure(u->of, &e);
	else
		note_end(u->of, u);
}

static int run_side_by_side(struct job *j, struct pool *pool, struct err *e)
{
	CLEANUP(schedule_release) struct schedule s;
	auto_free struct unit **ready = NULL;
	size_t nr = 0;

	schedule_init(&s, j);
	pool_batch_init(&s.batch, pool);
	/* all before the first is submitted: from then on the counts change */
	ready = mem_zalloc(j->plan->nr * sizeof(*ready));
	for (size_t i = 0; i < j->plan->nr; i++)
		if (!s.units[i].waits)
			ready[nr++] = &s.units[i];
	for (size_t i = 0; i < nr; i++)
		pool_submit(&s.batch, unit_run, ready[i]);
	pool_batch_wait(&s.batch);
	if (s.has_failed)
		*e = s.first;
	return s.has_failed ? -1 : 0;
}

static int run_in_order(struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->plan->nr; i++)
		if (stage_build(j, i, e) < 0)
			return -1;
	return 0;
}

int schedule_run(struct job *j, struct err *e)
{
	auto_pool struct pool *pool = NULL;
	size_t workers = pool_workers(j->op->pool);

	if (workers > j->plan->nr)
		workers = j->plan->nr;
	if (workers < 2)
		return run_in_order(j, e);
	if (pool_new(&pool, (unsigned)workers, e) < 0)
		return -1;
	return run_side_by_side(j, pool, e);
}

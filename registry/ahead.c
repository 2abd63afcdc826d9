/*
 * An item of the pool is a blob, which goes to all repositories in turn: there is nearly always one.
 */
#include "registry/ahead.h"

#include "base/cancel.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"

#define JOBS_DEFAULT 4

struct place {
	struct oci_reference name; /* the first of this repository's */
	struct registry_session *session;
	struct registry_push_known *known;
	size_t nr, cap;
};

struct registry_ahead {
	struct http *http;
	const struct registry_options *opt;
	struct op *op;
	struct place *places;
	size_t nr, cap;
	pthread_mutex_t lock; /* of what follows, and of each place's known */
	struct pool *pool;    /* NULL: nothing was sent yet */
	struct pool_batch batch;
	struct strv begun;
	bool has_failed;
};

struct item {
	struct registry_ahead *ahead;
	struct oci_store *from;
	struct oci_descriptor blob;
};

struct registry_ahead *registry_ahead_new(struct http *h, const struct registry_options *opt)
{
	struct registry_ahead *a = mem_zalloc(sizeof(*a));

	a->http = h;
	a->opt = opt;
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void registry_ahead_free(struct registry_ahead *a)
{
	if (!a)
		return;
	registry_ahead_settle(a);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* -- places ------------------------------------------------------------------------ */

static struct place *place_of(const struct registry_ahead *a, const struct oci_reference *to)
{
	for (size_t i = 0; i < a->nr; i++)
		if (oci_reference_same_repository(&a->places[i].name, to))
			return &a->places[i];
	return NULL;
}

static void add_place(struct registry_ahead *a, const char *name)
{
	struct oci_reference ref = { 0 };
	struct err ignored = ERR_INIT; /* the push will say it */

	if (oci_reference_parse(&ref, name, &ignored) < 0)
		return;
	if (place_of(a, &ref)) {
		oci_reference_release(&ref);
		return;
	}
	MEM_GROW(a->places, a->nr, a->cap);
	a->places[a->nr++] =
		(struct place){ .name = ref,
				.session = registry_session_new(a->http, ref.host, a->opt) };
}

void registry_ahead_expect(struct registry_ahead *a, struct op *op, const struct strv *names)
{
	a->op = op;
	for (size_t i = 0; i < names->n; i++)
		add_place(a, names->v[i]);
}

bool registry_ahead_repo(struct registry_ahead_repo *out, const struct registry_ahead *a,
			 const struct oci_reference *to)
{
	const struct place *at = place_of(a, to);

	if (at)
		*out = (struct registry_ahead_repo){ at->session, at->known, at->nr };
	return at;
}

/* -- sending ------------------------------------------------------------------------- */

static bool may_go_on(struct registry_ahead *a)
{
	bool may;

	pthread_mutex_lock(&a->lock);
	may = !a->has_failed && !cancel_is_set(a->op->cancel);
	pthread_mutex_unlock(&a->lock);
	return may;
}

static void send_to(struct registry_ahead *a, struct place *at, const struct item *it)
{
	const struct registry_repo repo = { .session = at->session,
					    .path = at->name.path,
					    .push = true };
	struct err why = ERR_INIT;
	enum registry_upload how;
	bool sent = registry_upload(&how, a->op, &repo, it->from, &it->blob, &why) == 0;

	pthread_mutex_lock(&a->lock);
	a->has_failed |= !sent;
	if (sent) {
		MEM_GROW(at->known, at->nr, at->cap);
		at->known[at->nr++] = (struct registry_push_known){ it->blob.digest, how };
	}
	pthread_mutex_unlock(&a->lock);
	if (!sent)
		log_info(a->op, "%s; what is missing is sent when the image is finished", why.text);
}

static void item_run(void *arg)
{
	struct item *it = arg;
	struct registry_ahead *a = it->ahead;

	for (size_t i = 0; i < a->nr && may_go_on(a); i++)
		send_to(a, &a->places[i], it);
	oci_descriptor_release(&it->blob);
	free(it);
}

/* Lock held. False: without threads nothing is sent ahead. */
static bool has_pool(struct registry_ahead *a)
{
	struct err ignored = ERR_INIT;

	if (a->pool)
		return true;
	if (pool_new(&a->pool, a->opt->jobs ? a->opt->jobs : JOBS_DEFAULT, &ignored) < 0)
		return false;
	pool_batch_init(&a->batch, a->pool);
	return true;
}

/* False: no, or it was begun. */
static bool may_begin(struct registry_ahead *a, const struct oci_descriptor *blob)
{
	bool may;

	pthread_mutex_lock(&a->lock);
	may = !strv_has(&a->begun, blob->digest.text) && has_pool(a);
	if (may)
		strv_add(&a->begun, blob->digest.text);
	pthread_mutex_unlock(&a->lock);
	return may;
}

void registry_ahead_send(struct registry_ahead *a, struct oci_store *from,
			 const struct oci_descriptor *blob)
{
	struct item *it;

	if (!a->nr || !may_go_on(a) || !may_begin(a, blob))
		return;
	it = mem_zalloc(sizeof(*it));
	*it = (struct item){ .ahead = a, .from = from };
	oci_descriptor_copy(&it->blob, blob);
	pool_submit(&a->batch, item_run, it);
}

void registry_ahead_wait(struct registry_ahead *a)
{
	if (a->pool)
		pool_batch_wait(&a->batch);
}

void registry_ahead_give_up(struct registry_ahead *a)
{
	pthread_mutex_lock(&a->lock);
	a->has_failed = true;
	pthread_mutex_unlock(&a->lock);
}

void registry_ahead_settle(struct registry_ahead *a)
{
	registry_ahead_wait(a);
	pool_free(STEAL(&a->pool));
	for (size_t i = 0; i < a->nr; i++) {
		oci_reference_release(&a->places[i].name);
		registry_session_free(a->places[i].session);
		free(a->places[i].known);
	}
	free(STEAL(&a->places));
	a->nr = a->cap = 0;
	strv_release(&a->begun);
	a->has_failed = false;
}

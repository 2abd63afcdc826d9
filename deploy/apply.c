/*
 * A write to a swarm can end in three ways: done, refused, or nobody knows (the
 * connection broke, or the leader did not answer within the engine's own 20 s and
 * the write goes through later). In the third case the only way on is to look: the
 * spec that is there tells whether we were heard.
 *
 * An update quotes the version it is based on. The orchestrator raises that version
 * while it works, so "update out of sequence" usually means nothing: when the spec
 * is still the one we started from, the update is repeated with the new version.
 */
#include "deploy/apply.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/diff.h"
#include "deploy/spec_part.h"

#define LOST_TRIES	3
#define SEQUENCE_TRIES	10
#define LOST_PAUSE_MS	1000
#define SEQUENCE_MIN_MS 100
#define SEQUENCE_MAX_MS 500
#define RECREATE_MS	INT64_C(60000)
#define CHANGED		"somebody else changed it meanwhile"

static void pause_ms(struct op *op, int64_t ms)
{
	op->clock->sleep_ms(op->clock, ms, op->cancel);
}

/* Many jobs may fight for one service: not all at the same pace. */
static void pause_for_sequence(struct op *op)
{
	uint64_t mix = (uint64_t)op->clock->wall_ns(op->clock) * 0x9e3779b97f4a7c15u >> 33;

	pause_ms(op, SEQUENCE_MIN_MS + (int64_t)(mix % (SEQUENCE_MAX_MS - SEQUENCE_MIN_MS)));
}

/* Whoever waits for long says once for what. */
static void pause_for_silence(struct op *op, bool *told, const struct err *e)
{
	if (!*told)
		progress_warn(op->progress, "%s; going on asking", e->text);
	*told = true;
	pause_ms(op, LOST_PAUSE_MS);
}

static bool is_out_of_sequence(const struct err *e)
{
	return e->kind == ERR_FAILED && strstr(e->text, "update out of sequence") != NULL;
}

/* -- networks ---------------------------------------------------------------- */

/* 1: it is there. 0: it is not. */
static int network_exists(struct op *op, struct engine *eng, const char *name, struct err *e)
{
	auto_engine_state struct engine_state s = { 0 };
	auto_strv struct strv services = STRV_INIT, networks = STRV_INIT;
	const struct engine_network *n;

	strv_add(&networks, name);
	if (engine_state_get(&s, op, eng, &services, &networks, e) < 0)
		return -1;
	n = engine_state_network(&s, name);
	return n && n->usable;
}

static json_t *ipam_json(const struct deploy_network *want)
{
	json_t *o = json_object(), *list = json_array();

	spec_set(o, "Driver", json_str(want->ipam_driver ? want->ipam_driver : "default"));
	for (size_t i = 0; i < want->nr_subnets; i++) {
		json_t *subnet = json_object();

		spec_set_text(subnet, "Subnet", want->subnets[i].subnet);
		spec_set_text(subnet, "Gateway", want->subnets[i].gateway);
		spec_set_text(subnet, "IPRange", want->subnets[i].ip_range);
		spec_append(list, subnet);
	}
	spec_set(o, "Config", list);
	return o;
}

static json_t *network_json(const char *name, const struct deploy_network *want,
			    const struct deploy_owner *owner)
{
	const struct deploy_network plain = { 0 };
	json_t *o = json_object(), *labels;

	want = want ? want : &plain;
	labels = spec_map(&want->labels);
	deploy_owner_label(labels, owner);
	spec_set(o, "Name", json_str(name));
	spec_set(o, "Driver", json_str(want->driver ? want->driver : "overlay"));
	spec_set(o, "CheckDuplicate", json_true());
	spec_set(o, "Labels", labels);
	spec_set_map(o, "Options", &want->driver_options);
	spec_set_true(o, "Attachable", want->attachable);
	spec_set_true(o, "Internal", want->internal);
	if (want->ipam_driver || want->nr_subnets)
		spec_set(o, "IPAM", ipam_json(want));
	return o;
}

int deploy_apply_network(struct op *op, struct engine *eng, const char *name,
			 const struct deploy_network *want, const struct deploy_owner *owner,
			 struct err *e)
{
	auto_json json_t *body = network_json(name, want, owner);

	for (unsigned tries = LOST_TRIES;; tries--) {
		struct err why = ERR_INIT;
		int found;

		if (engine_call(NULL, op, eng, "POST", "/networks/create", body, NULL, e) == 0)
			return 0;
		/* refused because another deploy made it meanwhile, or made with the answer lost */
		if (e->kind != ERR_UNAVAILABLE && e->kind != ERR_FAILED)
			break;
		found = network_exists(op, eng, name, &why);
		if (found > 0) {
			err_clear(e);
			return 0;
		}
		if (found < 0 || e->kind != ERR_UNAVAILABLE || tries == 1)
			break;
		pause_ms(op, LOST_PAUSE_MS);
	}
	return err_wrap(e, "create network '%s'", name);
}

/* -- create ------------------------------------------------------------------ */

static int take_id(char **id, const json_t *answer, struct err *e)
{
	const char *text;

	if (json_get_str(&text, answer, "ID", "answer", e) < 0)
		return -1;
	if (!*text || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(text))
		return err_set(e, ERR_CORRUPT, "the engine's answer: '%s' is not an id", text);
	*id = mem_strdup(text);
	return 0;
}

enum found { FOUND_NONE, FOUND_ANOTHER, FOUND_SAME };

/* What resumes has left no other trace than that nothing is paused any more. */
static bool is_written(const struct engine_service *now, const json_t *spec, bool resumes)
{
	return deploy_spec_equal(now->spec, spec) && !(resumes && engine_service_is_paused(now));
}

/* A service of the spec's name. FOUND_SAME: it has that spec, and *id is it. */
static int find_service(enum found *out, char **id, struct op *op, struct engine *eng,
			const json_t *spec, bool resumes, struct err *e)
{
	const char *name = json_string_value(json_object_get(spec, "Name"));
	auto_engine_state struct engine_state s = { 0 };
	auto_strv struct strv services = STRV_INIT, networks = STRV_INIT;
	const struct engine_service *found;

	strv_add(&services, name);
	if (engine_state_get(&s, op, eng, &services, &networks, e) < 0)
		return -1;
	found = engine_state_service(&s, name);
	*out = !found ? FOUND_NONE : is_written(found, spec, resumes) ? FOUND_SAME : FOUND_ANOTHER;
	if (*out == FOUND_SAME)
		*id = mem_strdup(found->id);
	return 0;
}

/* 1: it is there and what we want. 0: no such service. -1: it is there and not ours, or unknown. */
static int find_created(char **id, struct op *op, struct engine *eng, const json_t *spec,
			struct err *e)
{
	enum found found;

	if (find_service(&found, id, op, eng, spec, false, e) < 0)
		return -1;
	if (found == FOUND_ANOTHER)
		return err_set(e, ERR_FAILED,
			       "somebody else made a service of that name meanwhile");
	return found == FOUND_SAME;
}

/* Lost answers are borne for patience_ms, and else a few times. */
static int create(char **id, struct op *op, struct engine *eng, const json_t *spec,
		  const char *auth, int64_t patience_ms, struct err *e)
{
	int64_t until = op->clock->mono_ms(op->clock) + patience_ms;
	bool told = false;

	for (unsigned tries = LOST_TRIES;; tries -= tries > 0) {
		auto_json json_t *answer = NULL;
		struct err why = ERR_INIT;
		bool is_early;
		int found;

		if (engine_call(&answer, op, eng, "POST", "/services/create", spec, auth, e) == 0)
			return take_id(id, answer, e);
		/* 409 is ERR_FAILED, too: it may be our own first try */
		if (e->kind != ERR_UNAVAILABLE && e->kind != ERR_FAILED)
			return -1;
		found = find_created(id, op, eng, spec, &why);
		if (found > 0) {
			err_clear(e);
			return 0;
		}
		if (found < 0 && (why.kind == ERR_FAILED || why.kind == ERR_CANCELLED))
			*e = why;
		is_early = op->clock->mono_ms(op->clock) < until;
		if (e->kind != ERR_UNAVAILABLE || (!is_early && (found < 0 || tries <= 1)))
			return -1;
		pause_for_silence(op, &told, e);
	}
}

int deploy_apply_create(char **id, struct op *op, struct engine *eng, const json_t *spec,
			const char *auth, struct err *e)
{
	return create(id, op, eng, spec, auth, engine_patience(eng), e);
}

int deploy_apply_arrived(char **id, struct op *op, struct engine *eng, const json_t *spec,
			 bool resumes, struct err *e)
{
	enum found found;

	for (int look = 1;; look++) {
		if (find_service(&found, id, op, eng, spec, resumes, e) < 0)
			return -1;
		if (found == FOUND_SAME || look == ENGINE_LATE_LOOKS)
			return found == FOUND_SAME;
		pause_ms(op, ENGINE_LATE_PAUSE_MS);
	}
}

/* -- update ------------------------------------------------------------------ */

/* What an update does, and from where to where. */
struct change {
	const char *id;
	const json_t *from, *to;
	bool resumes;	    /* these are equal, and the engine has paused */
	const json_t *body; /* what is sent; for the engine's rollback not `to` */
	const char *query;  /* "" or more of the address: "&rollback=previous" */
	const char *auth;
	const json_t *before; /* where the engine's own way back leads, to go on from; or NULL */
};

static int post_update(struct op *op, struct engine *eng, const struct change *c, uint64_t version,
		       struct err *e)
{
	auto_free char *path = mem_printf("/services/%s/update?version=%llu%s", c->id,
					  (unsigned long long)version, c->query);

	return engine_call(NULL, op, eng, "POST", path, c->body, c->auth, e);
}

/* A rollback, and not somebody who wrote that spec once more. */
static bool is_put_back(const struct engine_service *now, const json_t *before)
{
	return before && now->update >= UPDATE_ROLLBACK_STARTED &&
	       deploy_spec_equal(now->spec, before);
}

/* The way back, where the engine has `from` now: by its own rollback if it still has c->to. */
static void go_back_from(struct change *c, const json_t *from, const struct engine_service *now)
{
	c->from = from;
	c->body = c->to;
	c->query = "";
	if (now->previous && deploy_spec_equal(now->previous, c->to)) {
		c->body = from; /* has to be a valid spec, is not looked at */
		c->query = "&rollback=previous";
	} else if (now->previous) {
		/* refused where there is none, as after a rollback: then those of the present spec are kept */
		c->query = "&registryAuthFrom=previous-spec";
	}
}

/* 1: it is as we want. 0: it is as before, and *version is its version now. -1: neither. */
static int look_again(uint64_t *version, struct op *op, struct engine *eng, struct change *c,
		      struct err *e)
{
	auto_engine_service struct engine_service now = { 0 };

	if (engine_service_get(&now, op, eng, c->id, e) < 0)
		return -1;
	if (is_written(&now, c->to, c->resumes))
		return 1;
	if (is_put_back(&now, c->before))
		go_back_from(c, c->before, &now);
	else if (!deploy_spec_equal(now.spec, c->from))
		return err_set(e, ERR_FAILED, CHANGED);
	*version = now.version;
	return 0;
}

/* Not to be worked out once: a signal ends it. */
static bool is_patient(struct op *op, const struct engine *eng, int64_t began_ms)
{
	return op->clock->mono_ms(op->clock) - began_ms < engine_patience(eng);
}

/* As look_again, which an engine that is silent is asked again. */
static int look_patiently(uint64_t *version, struct op *op, struct engine *eng, struct change *c,
			  int64_t began_ms, bool *told, struct err *e)
{
	int seen = look_again(version, op, eng, c, e);

	while (seen < 0 && e->kind == ERR_UNAVAILABLE && is_patient(op, eng, began_ms)) {
		pause_for_silence(op, told, e);
		err_clear(e);
		seen = look_again(version, op, eng, c, e);
	}
	return seen;
}

static int change_service(struct op *op, struct engine *eng, struct change *c, uint64_t version,
			  struct err *e)
{
	int64_t began = op->clock->mono_ms(op->clock);
	unsigned lost = LOST_TRIES, sequence = SEQUENCE_TRIES;
	bool told = false;

	while (post_update(op, eng, c, version, e) < 0) {
		struct err why = ERR_INIT;
		bool again = false;
		int seen;

		if (is_out_of_sequence(e)) {
			again = --sequence > 0;
			pause_for_sequence(op);
		} else if (e->kind == ERR_UNAVAILABLE) {
			lost -= lost > 0;
			again = lost > 0 || is_patient(op, eng, began);
			pause_for_silence(op, &told, e);
		} else {
			return -1;
		}
		seen = look_patiently(&version, op, eng, c, began, &told, &why);
		if (seen > 0)
			break;
		if (seen < 0 && (why.kind == ERR_FAILED || why.kind == ERR_CANCELLED))
			*e = why;
		if (seen < 0 || !again)
			return -1;
	}
	err_clear(e);
	return 0;
}

int deploy_apply_update(struct op *op, struct engine *eng, const struct engine_service *base,
			const json_t *spec, const char *auth, struct err *e)
{
	struct change c = { .id = base->id,
			    .from = base->spec,
			    .to = spec,
			    .resumes = deploy_spec_equal(base->spec, spec),
			    .body = spec,
			    .query = "",
			    .auth = auth };

	return change_service(op, eng, &c, base->version, e);
}

int deploy_apply_rollback(struct op *op, struct engine *eng, const struct engine_service *base,
			  const json_t *ours, const json_t *before, struct err *e)
{
	auto_engine_service struct engine_service now = { 0 };
	struct change c = { .id = base->id, .to = base->spec, .before = before };

	if (engine_service_get(&now, op, eng, base->id, e) < 0)
		return -1;
	if (deploy_spec_equal(now.spec, base->spec))
		return 0;
	if (is_put_back(&now, before))
		go_back_from(&c, before, &now);
	else if (deploy_spec_equal(now.spec, ours))
		go_back_from(&c, ours, &now);
	else
		return err_set(e, ERR_FAILED, CHANGED);
	return change_service(op, eng, &c, now.version, e);
}

/* -- remove ------------------------------------------------------------------ */

int deploy_apply_remove(struct op *op, struct engine *eng, const char *id, struct err *e)
{
	auto_free char *path = mem_printf("/services/%s", id);

	for (unsigned tries = LOST_TRIES;; tries--) {
		if (engine_call(NULL, op, eng, "DELETE", path, NULL, NULL, e) == 0)
			return 0;
		if (e->kind == ERR_ABSENT) {
			err_clear(e);
			return 0;
		}
		if (e->kind != ERR_UNAVAILABLE || tries == 1)
			return -1;
		pause_ms(op, LOST_PAUSE_MS);
	}
}

int deploy_apply_remove_owned(struct op *op, struct engine *eng, const char *id,
			      const struct deploy_owner *owner, struct err *e)
{
	auto_engine_service struct engine_service now = { 0 };

	if (engine_service_get(&now, op, eng, id, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 1;
	}
	if (!deploy_owner_has(now.spec, owner))
		return 0;
	return deploy_apply_remove(op, eng, id, e) < 0 ? -1 : 1;
}

int deploy_apply_remove_as(struct op *op, struct engine *eng, const char *id, const json_t *spec,
			   struct err *e)
{
	auto_engine_service struct engine_service now = { 0 };

	if (engine_service_get(&now, op, eng, id, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (!deploy_spec_equal(now.spec, spec))
		return err_set(e, ERR_FAILED, CHANGED);
	return deploy_apply_remove(op, eng, id, e);
}

int deploy_apply_recreate(char **id, struct op *op, struct engine *eng, const json_t *spec,
			  const char *auth, struct err *e)
{
	*id = NULL;
	return create(id, op, eng, spec, auth, RECREATE_MS, e);
}

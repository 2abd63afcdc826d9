/*
 * One place that knows how the Engine API talks: where it is, which version is
 * spoken, what its errors mean. The engine puts the text of an inner gRPC error into
 * its messages ("rpc error: code = X desc = …"); the code decides the kind, the
 * rest is what users see.
 *
 * Only GET is repeated here, by us or by the wire. A write whose answer was lost may have been done, and only
 * apply.c knows how to find out.
 */
#include "deploy/engine.h"

#include "base/cancel.h"
#include "base/http_retry.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "deploy/engine_where.h"
#include "deploy/mask.h"

#define ENGINE_ANSWER_MAX  (16u << 20)
#define ENGINE_GET_RETRIES 3
#define PING_TRIES	   3
#define ENGINE_WORDS_MAX   1000 /* leaves room for what we have to say of it */
#define ENGINE_API_MAJOR   1
#define ENGINE_API_MINOR   44 /* the least that engines from 29 on speak */
#define ENGINE_API_LOWEST  40
#define ENGINE_API_KNOWN   52 /* up to here all speak the above */

struct engine {
	struct http *h; /* borrowed */
	struct engine_where at;
	uint64_t minor; /* of the API version spoken, 1.x */
	struct engine_guard *guard;
	int64_t patience_ms;
	const struct cancel *patient_until;
};

void engine_set_guard(struct engine *eng, struct engine_guard *g)
{
	eng->guard = g;
}

void engine_set_patience(struct engine *eng, int64_t ms, const struct cancel *until)
{
	eng->patience_ms = ms;
	eng->patient_until = until;
}

int64_t engine_patience(const struct engine *eng)
{
	return cancel_is_set(eng->patient_until) ? 0 : eng->patience_ms;
}

int engine_may_write(struct op *op, struct engine *eng, struct err *e)
{
	return eng->guard ? eng->guard->may_write(eng->guard, op, e) : 0;
}

const char *engine_name(const struct engine *eng)
{
	return eng->at.host.way == ENGINE_SOCKET ? NULL : eng->at.host.name;
}

unsigned engine_api(const struct engine *eng)
{
	return (unsigned)eng->minor;
}

void engine_free(struct engine *eng)
{
	if (!eng)
		return;
	engine_where_release(&eng->at);
	free(eng);
}

/* -- errors ------------------------------------------------------------------ */

/* Takes "rpc error: code = X desc = " off; code is X, or empty when it was not there. */
static struct span engine_strip_rpc(struct span msg, struct span *code)
{
	static const char mark[] = " desc = ";
	struct span rest = msg;
	const char *desc;

	*code = span_of("", 0);
	if (!span_take(&rest, "rpc error: code = "))
		return msg;
	desc = memmem(rest.p, rest.n, mark, sizeof(mark) - 1);
	if (!desc)
		return msg;
	*code = span_head(rest, (size_t)(desc - rest.p));
	return span_sub(rest, (size_t)(desc - rest.p) + sizeof(mark) - 1);
}

/* The engine's own words: {"message": …}, or the first line of what a proxy said. */
static char *engine_message(const struct http_response *rs)
{
	struct err ignored = ERR_INIT;
	auto_json json_t *o =
		json_load_span(buf_span(&rs->body), HTTP_ERROR_BODY_MAX, "answer", &ignored);
	const char *text = json_string_value(json_object_get(o, "message"));
	struct span body = buf_span(&rs->body), line = span_of("", 0);

	if (text && *text)
		return mem_strdup(text);
	span_line(&body, &line);
	line = span_head(span_trim(line), 200);
	if (!line.n)
		return mem_printf("the engine answered %ld", rs->status);
	return mem_printf("the engine answered %ld: " SPAN_FMT, rs->status, SPAN_ARG(line));
}

/*
 * Managers that are electing a leader say so in words under a code that stands for anything. A write that they had
 * taken in may still be done.
 */
static bool engine_has_no_leader(struct span text)
{
	static const char *const words[] = {
		"does not have a leader",
		"raft: no elected cluster leader",
		"raft: failed to process the request",
		"context deadline exceeded",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (memmem(text.p, text.n, words[i], strlen(words[i])))
			return true;
	return false;
}

static enum err_kind engine_kind(long status, struct span code, struct span text)
{
	static const struct {
		long status;
		enum err_kind kind;
	} kinds[] = {
		{ 400, ERR_INPUT },	  { 401, ERR_DENIED },	    { 403, ERR_DENIED },
		{ 404, ERR_ABSENT },	  { 409, ERR_FAILED },	    { 429, ERR_UNAVAILABLE },
		{ 502, ERR_UNAVAILABLE }, { 503, ERR_UNAVAILABLE }, { 504, ERR_UNAVAILABLE },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].status == status)
			return kinds[i].kind;
	if (span_eq_str(code, "DeadlineExceeded") || span_eq_str(code, "Unavailable") ||
	    engine_has_no_leader(text))
		return ERR_UNAVAILABLE;
	return ERR_FAILED;
}

static int engine_fail(const struct http_response *rs, struct err *e)
{
	auto_free char *said = engine_message(rs);
	auto_free char *text = mask_text(span_of_str(said)); /* it may quote a variable */
	struct span code, msg = engine_strip_rpc(span_of_str(text), &code);

	/* as those say it whose least version is higher than ours */
	if (rs->status == 400 && strstr(text, "client version") && strstr(text, "too old"))
		return err_set(e, ERR_UNAVAILABLE,
			       "this engine is newer than what cdeploy speaks (API 1.%d to 1.%d): "
			       "%.300s",
			       ENGINE_API_LOWEST, ENGINE_API_MINOR, text);
	return err_set(e, engine_kind(rs->status, code, msg), SPAN_FMT "%s",
		       SPAN_ARG(span_head(msg, ENGINE_WORDS_MAX)),
		       msg.n > ENGINE_WORDS_MAX ? " …" : "");
}

/*
 * No answer at all: where we looked, and why not. The wire puts method and address in
 * front, but through a socket that address is made up.
 */
static int engine_no_answer(const struct engine *eng, const struct http_request *rq,
			    const char *hint, struct err *e)
{
	struct err why = *e;
	struct span text = span_of_str(why.text);

	if (eng->at.ssh && (e->kind == ERR_UNAVAILABLE || e->kind == ERR_TIMEOUT)) {
		engine_ssh_failed(eng->at.ssh, e);
		why = *e;
		text = span_of_str(why.text);
		hint = "";
	}
	if (e->kind != ERR_UNAVAILABLE && e->kind != ERR_DENIED)
		return -1;
	if (span_take(&text, rq->method) && span_take(&text, " ") && span_take(&text, rq->url))
		span_take(&text, ": ");
	else
		text = span_of_str(why.text);
	return err_set(e, why.kind, "docker engine at '%s': " SPAN_FMT "%s", eng->at.host.text,
		       SPAN_ARG(text), why.kind == ERR_UNAVAILABLE ? hint : "");
}

/* -- calls ------------------------------------------------------------------- */

static bool engine_says(const struct http_response *rs, const char *words)
{
	return rs->body.len && memmem(rs->body.data, rs->body.len, words, strlen(words));
}

static bool engine_is_no_manager(const struct http_response *rs)
{
	return rs->status == 503 &&
	       (engine_says(rs, "not a swarm manager") || engine_says(rs, "needs to be unlocked"));
}

static bool engine_retries(const char *method, int performed, const struct http_response *rs)
{
	if (strcmp(method, "GET") != 0)
		return false;
	if (performed < 0)
		return true;
	/* a worker node will not become a manager while we wait */
	return !engine_is_no_manager(rs);
}

static int engine_perform(struct http_response *rs, struct op *op, struct engine *eng,
			  const struct http_request *rq, struct err *e)
{
	struct http_retry r = { .left = ENGINE_GET_RETRIES };
	int n;

	*rs = (struct http_response){ 0 };
	do {
		http_response_release(rs);
		n = http_perform(eng->h, op, rq, rs, e);
		/* with no tries left the answer itself stands: its message says more */
	} while (r.left && engine_retries(rq->method, n, rs) &&
		 http_retry_again(&r, op, &n, rs, e));
	/* whoever hears nothing for so long does not know what was done, either */
	if (n < 0 && e->kind == ERR_TIMEOUT)
		e->kind = ERR_UNAVAILABLE;
	return n < 0 ? engine_no_answer(eng, rq, "", e) : 0;
}

/*
 * What it is that is no manager, in place of its own words. Only then is /info asked: the engine counts containers
 * and images for it, and that takes longer than all else that a deploy without a change asks.
 */
static void engine_say_role(struct op *op, struct engine *eng, struct err *e)
{
	auto_json json_t *info = NULL;
	const char *host = eng->at.host.text, *state;
	struct err ignored = ERR_INIT;
	json_t *swarm;

	if (engine_call(&info, op, eng, "GET", "/info", NULL, NULL, &ignored) < 0 ||
	    json_get_obj(&swarm, info, "Swarm", "info", &ignored) < 0 ||
	    json_opt_str(&state, swarm, "LocalNodeState", "info.Swarm", "inactive", &ignored) < 0)
		return;
	if (strcmp(state, "active") == 0)
		err_set(e, ERR_UNAVAILABLE,
			"docker engine at '%s': a worker of its swarm, not a manager (set "
			"DOCKER_HOST to a manager)",
			host);
	else if (strcmp(state, "locked") == 0)
		err_set(e, ERR_UNAVAILABLE,
			"docker engine at '%s': its swarm is locked; run `docker swarm unlock` "
			"there",
			host);
	else
		err_set(e, ERR_UNAVAILABLE,
			"docker engine at '%s': not part of a swarm (%s); run `docker swarm init` "
			"there or set DOCKER_HOST to a manager",
			host, state);
}

static int engine_refused(struct op *op, struct engine *eng, const char *path,
			  const struct http_response *rs, struct err *e)
{
	engine_fail(rs, e);
	if (engine_is_no_manager(rs) && strcmp(path, "/info") != 0)
		engine_say_role(op, eng, e);
	return -1;
}

int engine_call(json_t **out, struct op *op, struct engine *eng, const char *method,
		const char *path, const json_t *body, const char *registry_auth, struct err *e)
{
	auto_free char *url = mem_printf("%s/v%d.%u%s", eng->at.base, ENGINE_API_MAJOR,
					 (unsigned)eng->minor, path);
	auto_http_response struct http_response rs = { 0 };
	auto_strv struct strv headers = STRV_INIT;
	auto_buf struct buf text = BUF_INIT(ENGINE_ANSWER_MAX);
	struct http_request rq = engine_where_request(&eng->at, method, url);
	json_t *answer = NULL;

	rq.headers = &headers;
	rq.body_max = ENGINE_ANSWER_MAX;
	rq.once = true; /* see the top of the file */
	if (cancel_check(op->cancel, e) < 0 ||
	    (strcmp(method, "GET") != 0 && engine_may_write(op, eng, e) < 0))
		return -1;
	if (body) {
		json_write(&text, body, false);
		if (text.over)
			return err_set(e, ERR_INPUT, "a request of more than %u bytes",
				       ENGINE_ANSWER_MAX);
		strv_add(&headers, "Content-Type: application/json");
		rq.body_bytes = buf_span(&text);
	}
	if (registry_auth)
		strv_addf(&headers, "X-Registry-Auth: %s", registry_auth);
	log_debug(op, "engine: %s %s", method, path);
	if (engine_perform(&rs, op, eng, &rq, e) < 0)
		return -1;
	if (rs.status < 200 || rs.status > 299)
		return engine_refused(op, eng, path, &rs, e);
	if (out && rs.body.len) {
		answer = json_load_span(buf_span(&rs.body), ENGINE_ANSWER_MAX,
					"the engine's answer", e);
		if (!answer)
			return -1;
	}
	if (out)
		*out = answer;
	return 0;
}

int engine_stream(struct op *op, struct engine *eng, const char *path, struct sink *out,
		  int64_t time_ms, struct err *e)
{
	auto_free char *url = mem_printf("%s/v%d.%u%s", eng->at.base, ENGINE_API_MAJOR,
					 (unsigned)eng->minor, path);
	auto_http_response struct http_response rs = { 0 };
	struct http_request rq = engine_where_request(&eng->at, "GET", url);

	rq.out = out;
	rq.timeout_ms = time_ms;
	if (cancel_check(op->cancel, e) < 0)
		return -1;
	log_debug(op, "engine: GET %s", path);
	if (http_perform(eng->h, op, &rq, &rs, e) < 0)
		return engine_no_answer(eng, &rq, "", e);
	return rs.status < 200 || rs.status > 299 ? engine_fail(&rs, e) : 0;
}

/* -- opening ----------------------------------------------------------------- */

/* "1.41" -> the minor number; -1: not 1.x. */
static int engine_read_version(uint64_t *minor, const char *text)
{
	struct span major, rest;

	if (!text || !span_cut(span_of_str(text), '.', &major, &rest) || !span_eq_str(major, "1"))
		return -1;
	return span_to_u64(minor, rest);
}

/* Users may ask for an older one than would be chosen. */
static int engine_set_version(struct engine *eng, const char *wanted, struct err *e)
{
	uint64_t minor = 0;

	if (!wanted)
		return 0;
	if (engine_read_version(&minor, wanted) < 0 || minor < ENGINE_API_LOWEST ||
	    minor > eng->minor)
		return err_set(e, ERR_INPUT,
			       "DOCKER_API_VERSION: '%s' is not one of 1.%d to 1.%u, which is what "
			       "this program and the engine both speak",
			       wanted, ENGINE_API_LOWEST, (unsigned)eng->minor);
	eng->minor = minor;
	return 0;
}

static const char *engine_hint(const struct err *e)
{
	if (strstr(e->text, "permission denied"))
		return " (only root and the socket's group, mostly 'docker', may use it)";
	return " (is it running? DOCKER_HOST or --host say where it is)";
}

/*
 * An engine that does not take our certificate hangs up after the handshake, and its reason can be lost with the
 * connection: then it is asked once more. A GET does no harm.
 */
static int engine_ping(struct http_response *rs, struct op *op, struct engine *eng,
		       const struct http_request *rq, struct err *e)
{
	unsigned left = rq->tls && rq->tls->cert.n ? PING_TRIES : 1;

	while (http_perform(eng->h, op, rq, rs, e) < 0) {
		if (e->kind != ERR_UNAVAILABLE || --left == 0)
			return engine_no_answer(eng, rq, engine_hint(e), e);
		http_response_release(rs);
		*rs = (struct http_response){ 0 };
	}
	return 0;
}

/* One that is newer than any we know may speak ours no longer: then what it speaks least. */
static int engine_least(uint64_t *minor, struct op *op, struct engine *eng, struct err *e)
{
	auto_free char *url = mem_printf("%s/version", eng->at.base);
	auto_http_response struct http_response rs = { 0 };
	struct http_request rq = engine_where_request(&eng->at, "GET", url);
	auto_json json_t *o = NULL;
	const char *text;
	uint64_t least;

	if (engine_perform(&rs, op, eng, &rq, e) < 0)
		return -1;
	o = json_load_span(buf_span(&rs.body), HTTP_BODY_MAX, "the engine's version", e);
	if (!o || json_opt_str(&text, o, "MinAPIVersion", "version", NULL, e) < 0)
		return -1;
	if (engine_read_version(&least, text) == 0 && least > *minor)
		*minor = least;
	return 0;
}

static int engine_negotiate(struct op *op, struct engine *eng, const struct engine_options *opt,
			    struct err *e)
{
	auto_free char *url = mem_printf("%s/_ping", eng->at.base);
	auto_http_response struct http_response rs = { 0 };
	struct http_request rq = engine_where_request(&eng->at, "GET", url);
	uint64_t theirs;

	if (engine_ping(&rs, op, eng, &rq, e) < 0)
		return -1;
	if (rs.status != 200 || engine_read_version(&theirs, http_header(&rs, "api-version")) < 0)
		return err_set(e, ERR_UNAVAILABLE,
			       "docker engine at '%s': what answers there (status %ld) is no "
			       "Docker engine",
			       eng->at.host.text, rs.status);
	if (theirs < ENGINE_API_LOWEST)
		return err_set(e, ERR_UNAVAILABLE,
			       "docker engine at '%s': speaks API 1.%u, at least 1.%d is needed",
			       eng->at.host.text, (unsigned)theirs, ENGINE_API_LOWEST);
	eng->minor = theirs < ENGINE_API_MINOR ? theirs : ENGINE_API_MINOR;
	if (theirs > ENGINE_API_KNOWN && engine_least(&eng->minor, op, eng, e) < 0)
		return err_wrap(e, "docker engine at '%s'", eng->at.host.text);
	return engine_set_version(eng, engine_variable(opt, "DOCKER_API_VERSION"), e);
}

int engine_open(struct engine **out, struct op *op, struct http *h,
		const struct engine_options *opt, struct err *e)
{
	auto_engine struct engine *eng = mem_zalloc(sizeof(*eng));

	eng->h = h;
	if (engine_where_find(&eng->at, opt, e) < 0 || engine_negotiate(op, eng, opt, e) < 0)
		return -1;
	*out = STEAL(&eng);
	return 0;
}

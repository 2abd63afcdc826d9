/*
 * The Docker Engine API: through a Unix socket, TCP with TLS (plain only on loopback, or when
 * asked for), or ssh. Version negotiated: 1.44, the engine's where that is older (at least 1.40), or the least that
 * a newer engine speaks. Error bodies become one line.
 *
 * Thread-safe as far as struct http is. Borrows h.
 */
#ifndef DEPLOY_ENGINE_H
#define DEPLOY_ENGINE_H

#include <jansson.h>

#include "base/http.h"

struct cancel;
struct engine;

/* Borrowed for the time of engine_open. */
struct engine_options {
	const char *
		host; /* --host or DOCKER_HOST; NULL or empty: docker's context, else its socket here */
	const char *context; /* --context, which goes before host; NULL: none */
	const char *tls_ca, *tls_cert,
		*tls_key;	 /* files; NULL: those of the context, of DOCKER_CERT_PATH */
	const char *known_hosts; /* for ssh; NULL: ssh's own */
	bool insecure;		 /* plain tcp to other machines, too */
	/* The environment, for what docker looks up in it (DOCKER_TLS_VERIFY, DOCKER_CONTEXT, …); NULL: empty. */
	const char *(*variable)(const char *name);
};

/* ERR_INPUT, ERR_ABSENT: what says where it is cannot be used. ERR_UNAVAILABLE: nobody there, or no engine that
 * we can talk to. ERR_DENIED: not trusted, or it does not let us in. */
int engine_open(struct engine **out, struct op *op, struct http *h,
		const struct engine_options *opt, struct err *e) MUST_CHECK;
void engine_free(struct engine *eng);
/* The host's name, as it was written; NULL: a socket of this machine. Borrowed. */
const char *engine_name(const struct engine *eng);
/* The minor number of the API that is spoken, 1.x. */
unsigned engine_api(const struct engine *eng);

/*
 * One call. path: "/services/create" with query. body may be NULL. *out: the parsed answer, new
 * reference (NULL when empty); out may be NULL. registry_auth: the header's value or NULL.
 * 404 ERR_ABSENT, 409 ERR_FAILED, 400 ERR_INPUT; 5xx of a swarm without leader
 * ERR_UNAVAILABLE; others ERR_FAILED. Text: the engine's message without "rpc error: …". One that is
 * no manager of a swarm is ERR_UNAVAILABLE, and the text says what it is and what can be done.
 */
int engine_call(json_t **out, struct op *op, struct engine *eng, const char *method,
		const char *path, const json_t *body, const char *registry_auth, struct err *e)
	MUST_CHECK;

/*
 * The engine goes on with a call that nobody waits for any more: whoever has to know what it came to looks so often,
 * three seconds in all.
 */
#define ENGINE_LATE_LOOKS    11
#define ENGINE_LATE_PAUSE_MS 300

/*
 * A GET whose body goes into `out` while it comes, asked once only and cut off after time_ms. Errors as
 * above, and those of `out`. ERR_UNAVAILABLE: cut off.
 */
int engine_stream(struct op *op, struct engine *eng, const char *path, struct sink *out,
		  int64_t time_ms, struct err *e) MUST_CHECK;

/*
 * Asked before every call that is no GET, also before one that is repeated; -1: the call fails with its error, and
 * the engine hears nothing of it. Borrowed until it is set to NULL.
 */
struct engine_guard {
	int (*may_write)(struct engine_guard *g, struct op *op, struct err *e);
};
void engine_set_guard(struct engine *eng, struct engine_guard *g);
/*
 * For how long whoever has written something bears to hear nothing; 0, the default: a few tries. It is at its end with
 * `until`, which is set also where what is written is not stopped by it; NULL: by nothing.
 */
void engine_set_patience(struct engine *eng, int64_t ms, const struct cancel *until);
int64_t engine_patience(const struct engine *eng);
/* What a write would be told now. 0 where there is no guard. */
int engine_may_write(struct op *op, struct engine *eng, struct err *e) MUST_CHECK;

DEFINE_AUTO(engine, engine_free)
#define auto_engine CLEANUP(engine_auto_)

#endif

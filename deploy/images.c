/*
 * One registry session per host for the time of the call; services that name the same image share one answer.
 * Registries are mostly waited for, so all images are asked for at once, up to a few. What is said of them
 * does not depend on who answers first.
 */
#include "deploy/images.h"

#include "base/cancel.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"
#include "oci/image/reference.h"
#include "registry/credentials_file.h"
#include "registry/resolve.h"
#include "registry/signature.h"
#include "registry/transfer.h"

#define AT_ONCE 8

struct host_session {
	char *host;
	struct registry_session *session;
};
struct sessions {
	struct host_session *v;
	size_t nr, cap;
	struct http *http;
	const struct registry_options *opt;
	const struct sign_key *verify; /* NULL: none */
};

static void sessions_release(struct sessions *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		free(s->v[i].host);
		registry_session_free(s->v[i].session);
	}
	free(s->v);
}

static struct registry_session *session_for(struct sessions *s, const char *host)
{
	for (size_t i = 0; i < s->nr; i++)
		if (strcmp(s->v[i].host, host) == 0)
			return s->v[i].session;
	MEM_GROW(s->v, s->nr, s->cap);
	s->v[s->nr] = (struct host_session){ mem_strdup(host),
					     registry_session_new(s->http, host, s->opt) };
	return s->v[s->nr++].session;
}

/* As `docker service create` would write it: the familiar name, the tag, the digest. */
static char *pinned_name(const struct oci_reference *ref, const struct oci_digest *digest)
{
	auto_reference struct oci_reference with = { 0 };
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);

	oci_reference_copy(&with, ref);
	with.digest = *digest;
	oci_reference_familiar(&name, &with);
	return mem_strdup(buf_str(&name));
}

/* One image, asked for in the name of the first service that has it. */
struct question {
	struct deploy_service *svc;
	struct oci_reference ref;
	struct registry_session *session;
	struct err why; /* ERR_NONE: svc is pinned */
};

struct questions {
	struct question *v;
	size_t nr, cap;
	struct sessions sessions;
	struct op *op;
};

static void questions_release(struct questions *q)
{
	for (size_t i = 0; i < q->nr; i++)
		oci_reference_release(&q->v[i].ref);
	free(q->v);
	sessions_release(&q->sessions);
}

static int pin_one(struct question *q, struct op *op, const struct sign_key *verify, struct err *e)
{
	const struct registry_repo repo = { .session = q->session, .path = q->ref.path };
	auto_descriptor struct oci_descriptor image = { 0 };
	struct deploy_service *svc = q->svc;

	if (registry_resolve(&image, op, q->session, &q->ref, e) < 0 ||
	    registry_platforms(&svc->platforms, &svc->nr_platforms, op, q->session, &q->ref, &image,
			       e) < 0)
		return -1;
	if (verify && registry_verify(op, &repo, &image.digest, &q->ref, verify, e) < 0)
		return -1;
	svc->pinned_image = pinned_name(&q->ref, &image.digest);
	return 0;
}

/* What goes wrong is kept: the others are asked all the same. */
static int ask(void *arg, size_t i, struct err *e)
{
	struct questions *all = arg;
	struct question *q = &all->v[i];

	(void)e;
	if (q->why.kind == ERR_NONE)
		(void)!pin_one(q, all->op, all->sessions.verify, &q->why);
	return 0;
}

static const struct deploy_service *first_with(const struct deploy_stack *stack, const char *image)
{
	const struct deploy_service *s = stack->services;

	while (strcmp(s->image, image) != 0)
		s++;
	return s;
}

static void add_questions(struct questions *q, struct deploy_stack *stack)
{
	for (size_t i = 0; i < stack->nr; i++) {
		struct deploy_service *svc = &stack->services[i];
		struct question one = { .svc = svc, .why = ERR_INIT };

		if (first_with(stack, svc->image) != svc)
			continue;
		if (oci_reference_parse(&one.ref, svc->image, &one.why) == 0)
			one.session = session_for(&q->sessions, one.ref.host);
		MEM_GROW(q->v, q->nr, q->cap);
		q->v[q->nr++] = one;
	}
}

static void pin_like(struct deploy_service *svc, const struct deploy_service *known)
{
	svc->pinned_image = mem_strdup(known->pinned_image);
	svc->nr_platforms = known->nr_platforms;
	svc->platforms = mem_resize(NULL, known->nr_platforms ? known->nr_platforms : 1,
				    sizeof(*svc->platforms));
	if (known->nr_platforms)
		memcpy(svc->platforms, known->platforms,
		       known->nr_platforms * sizeof(*svc->platforms));
}

/* So many bytes of an error are there for each that failed: all services are to be named. */
static size_t share_of_each(const struct questions *q)
{
	size_t failed = 0;

	for (size_t i = 0; i < q->nr; i++)
		failed += q->v[i].why.kind != ERR_NONE;
	/* and what stands between them */
	return failed && ERR_TEXT_MAX / failed > 2 ? ERR_TEXT_MAX / failed - 2 : 0;
}

/* In the order of the file; the first says of what kind it is. */
static int answers(const struct questions *q, struct strv *silent, struct err *e)
{
	auto_strv struct strv all = STRV_INIT;
	size_t share = share_of_each(q);
	enum err_kind kind = ERR_NONE;
	auto_free char *text = NULL;

	for (size_t i = 0; i < q->nr; i++) {
		auto_free char *line = NULL;
		const struct err *why = &q->v[i].why;
		const struct deploy_service *svc = q->v[i].svc;
		bool bear = silent && why->kind == ERR_UNAVAILABLE;

		if (why->kind == ERR_NONE)
			continue;
		/* which names the image itself */
		line = mem_printf("service '%s': %s", svc->name, why->text);
		if (bear)
			strv_add(silent, line);
		else
			strv_addf(&all, "%.*s", (int)share, line);
		if (!bear && kind == ERR_NONE)
			kind = why->kind;
	}
	text = strv_join(&all, "; ");
	return kind == ERR_NONE ? 0 : err_set(e, kind, "%s", text);
}

int deploy_images_pin(struct deploy_stack *stack, struct op *op, struct http *h,
		      const struct registry_options *opt, const struct sign_key *verify,
		      struct strv *silent, struct err *e)
{
	CLEANUP(questions_release)
	struct questions q = { .sessions = { .http = h, .opt = opt, .verify = verify }, .op = op };
	struct registry_transfer t = { .jobs = AT_ONCE, .one = ask, .arg = &q };

	add_questions(&q, stack);
	t.n = q.nr;
	if (registry_transfer_run(op, &t, e) < 0 || cancel_check(op->cancel, e) < 0 ||
	    answers(&q, silent, e) < 0)
		return -1;
	for (size_t i = 0; i < stack->nr; i++) {
		struct deploy_service *svc = &stack->services[i];
		const struct deploy_service *known = first_with(stack, svc->image);

		if (known != svc && known->pinned_image)
			pin_like(svc, known);
	}
	return 0;
}

int deploy_images_are_fixed(const struct deploy_stack *stack, struct err *e)
{
	for (size_t i = 0; i < stack->nr; i++) {
		const struct deploy_service *svc = &stack->services[i];
		auto_reference struct oci_reference ref = { 0 };

		if (oci_reference_parse(&ref, svc->image, e) < 0)
			return err_wrap(e, "service '%s'", svc->name);
		if (!oci_digest_is_set(&ref.digest))
			return err_set(e, ERR_DENIED, "service '%s': image '%s' has no digest",
				       svc->name, svc->image);
	}
	return 0;
}

static void add_field(struct buf *json, const char *name, const char *value)
{
	buf_addf(json, ",\"%s\":", name);
	buf_add_json(json, value);
}

/* GitLab's name for whoever comes with the token of a job. */
static bool is_job_token(const struct credentials *c)
{
	return c->user && strcmp(c->user, "gitlab-ci-token") == 0;
}

char *deploy_registry_auth(struct op *op, const struct credentials_env *env,
			   const struct oci_reference *image, bool *ends_with_job, struct err *e)
{
	auto_credentials struct credentials c = { 0 };
	auto_secret_buf struct buf json = BUF_INIT(BUF_SMALL);
	struct credentials_env keep = *env;
	/* the engine knows Docker Hub by its old name only */
	const char *server = credentials_file_server(image->host);

	*ends_with_job = false;
	keep.to_keep = true;
	if (credentials_find(&c, op, &keep, image->host, image->path, e) < 0 ||
	    !credentials_is_known(&c))
		return NULL;
	*ends_with_job = is_job_token(&c);
	buf_add_str(&json, "{\"username\":");
	buf_add_json(&json, c.user ? c.user : "");
	add_field(&json, "password", c.password ? c.password : "");
	add_field(&json, "serveraddress", server);
	if (c.identity_token)
		add_field(&json, "identitytoken", c.identity_token);
	if (c.registry_token)
		add_field(&json, "registrytoken", c.registry_token);
	buf_add_char(&json, '}');
	return base64_encode(buf_span(&json), true);
}

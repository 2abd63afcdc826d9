/*
 * One registry session per host for the time of the call; services that name the
 * same image share one answer.
 */
#include "deploy/images.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"
#include "oci/image/reference.h"
#include "registry/credentials_file.h"
#include "registry/resolve.h"
#include "registry/signature.h"

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

static int pin_one(struct deploy_service *svc, struct op *op, struct sessions *sessions,
		   struct err *e)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_descriptor struct oci_descriptor image = { 0 };
	struct registry_repo repo = { 0 };
	struct registry_session *session;

	if (oci_reference_parse(&ref, svc->image, e) < 0)
		return -1;
	session = session_for(sessions, ref.host);
	repo = (struct registry_repo){ .session = session, .path = ref.path };
	if (registry_resolve(&image, op, session, &ref, e) < 0 ||
	    registry_platforms(&svc->platforms, &svc->nr_platforms, op, session, &ref, &image, e) <
		    0)
		return -1;
	if (sessions->verify &&
	    registry_verify(op, &repo, &image.digest, &ref, sessions->verify, e) < 0)
		return -1;
	svc->pinned_image = pinned_name(&ref, &image.digest);
	return 0;
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

int deploy_images_pin(struct deploy_stack *stack, struct op *op, struct http *h,
		      const struct registry_options *opt, const struct sign_key *verify,
		      struct err *e)
{
	CLEANUP(sessions_release)
	struct sessions sessions = { .http = h, .opt = opt, .verify = verify };

	for (size_t i = 0; i < stack->nr; i++) {
		struct deploy_service *svc = &stack->services[i];
		size_t same = 0;

		while (strcmp(stack->services[same].image, svc->image) != 0)
			same++;
		if (same < i)
			pin_like(svc, &stack->services[same]);
		else if (pin_one(svc, op, &sessions, e) < 0)
			return err_wrap(e, "service '%s': image '%s'", svc->name, svc->image);
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

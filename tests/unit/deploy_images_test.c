/* Tags become digests before anything is changed; credentials become the engine's header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pool.h"
#include "deploy/images.h"
#include "oci/image/manifest.h"
#include "tests/fakes/http_script.h"

#define MANIFESTS "https://r.example/v2/a/b/manifests/"

static const char index_text[] =
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_INDEX "\",\"manifests\":["
	"{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"digest\":\"sha256:"
	"1111111111111111111111111111111111111111111111111111111111111111\",\"size\":5,"
	"\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}}]}";

struct fixture {
	struct http_script *script;
	struct op op;
	struct registry_options opt;
	struct deploy_stack stack;
	struct strv *silent;
	struct oci_digest digest;
	bool ends_with_job;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	f->script = http_script_new();
	f->op.clock = &clock_system;
	oci_digest_of_bytes(&f->digest, span_of_str(index_text));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	deploy_stack_release(&f->stack);
	http_script_free(f->script);
	free(f);
	return 0;
}

static void add_service(struct fixture *f, const char *name, const char *image)
{
	struct deploy_stack *s = &f->stack;

	MEM_GROW(s->services, s->nr, s->cap);
	s->services[s->nr++] =
		(struct deploy_service){ .name = mem_strdup(name), .image = mem_strdup(image) };
}

static void expect_image(struct fixture *f)
{
	auto_free char *digest = mem_printf("Docker-Content-Digest: %s", f->digest.text);
	auto_free char *length = mem_printf("Content-Length: %zu", strlen(index_text));
	auto_free char *by_digest = mem_printf(MANIFESTS "%s", f->digest.text);

	HTTP_EXPECT(f->script, .method = "HEAD", .url = MANIFESTS "1", .status = 200,
		    .headers = { digest, length, "Content-Type: " OCI_MEDIA_INDEX });
	HTTP_EXPECT(f->script, .method = "GET", .url = by_digest, .status = 200,
		    .headers = { "Content-Type: " OCI_MEDIA_INDEX }, .answer = index_text);
}

static int pin(struct fixture *f)
{
	return deploy_images_pin(&f->stack, &f->op, http_script_http(f->script), &f->opt, NULL,
				 f->silent, &f->e);
}

static void an_image_gets_its_digest_and_its_platforms(void **state)
{
	struct fixture *f = *state;
	auto_free char *want = mem_printf("r.example/a/b:1@%s", f->digest.text);

	add_service(f, "app", "r.example/a/b:1");
	expect_image(f);
	if (pin(f) < 0)
		fail_msg("%s", f->e.text);
	assert_string_equal(f->stack.services[0].pinned_image, want);
	assert_int_equal(f->stack.services[0].nr_platforms, 1);
	assert_string_equal(f->stack.services[0].platforms[0].arch, "arm64");
	http_script_done(f->script);
}

static void services_of_one_image_share_one_answer(void **state)
{
	struct fixture *f = *state;

	add_service(f, "app", "r.example/a/b:1");
	add_service(f, "worker", "r.example/a/b:1");
	expect_image(f);
	if (pin(f) < 0)
		fail_msg("%s", f->e.text);
	assert_string_equal(f->stack.services[1].pinned_image, f->stack.services[0].pinned_image);
	assert_int_equal(f->stack.services[1].nr_platforms, 1);
	http_script_done(f->script);
}

static void an_image_that_is_not_there_is_named_with_its_service(void **state)
{
	struct fixture *f = *state;

	add_service(f, "app", "r.example/a/b:1");
	HTTP_EXPECT(f->script, .method = "HEAD", .url = MANIFESTS "1", .status = 404);
	assert_int_equal(pin(f), -1);
	assert_int_equal(f->e.kind, ERR_ABSENT);
	assert_string_equal("service 'app': image r.example/a/b:1: 404 not found", f->e.text);
}

#define HEAD(host, code)                                                                           \
	HTTP_EXPECT(f->script, .method = "HEAD", .url = "https://" host "/v2/a/b/manifests/1",     \
		    .status = code)

static void all_images_are_asked_for_and_all_that_fail_are_named_in_order(void **state)
{
	struct fixture *f = *state;

	add_service(f, "one", "q.example/a/b:1");
	add_service(f, "two", "r.example/a/b:1");
	add_service(f, "three", "s.example/a/b:1");
	HEAD("q.example", 404);
	expect_image(f);
	HEAD("s.example", 500);
	assert_int_equal(pin(f), -1);
	http_script_done(f->script);
	assert_int_equal(f->e.kind, ERR_ABSENT);
	assert_ptr_equal(f->e.text, strstr(f->e.text, "service 'one': image q.example/a/b:1: "));
	assert_non_null(strstr(f->e.text, "; service 'three': image s.example/a/b:1: "));
	assert_null(strstr(f->e.text, "'two'"));
}

static void however_many_fail_each_service_is_named(void **state)
{
	static const char *const names[] = {
		"one",	 "two",	  "three", "four", "five",   "six",
		"seven", "eight", "nine",  "ten",  "eleven", "twelve"
	};
	struct fixture *f = *state;
	char path[201];

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	http_script_unordered(f->script);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *image = mem_printf("r.example/%s/%s:1", names[i], path);
		auto_free char *url =
			mem_printf("https://r.example/v2/%s/%s/manifests/1", names[i], path);

		add_service(f, names[i], image);
		HTTP_EXPECT(f->script, .method = "HEAD", .url = url, .status = 404);
	}
	assert_int_equal(pin(f), -1);
	http_script_done(f->script);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *name = mem_printf("service '%s': ", names[i]);

		assert_non_null(strstr(f->e.text, name));
	}
}

static void who_is_silent_can_be_borne_and_who_says_no_cannot(void **state)
{
	struct fixture *f = *state;
	auto_strv struct strv silent = STRV_INIT;

	f->silent = &silent;
	add_service(f, "one", "q.example/a/b:1");
	add_service(f, "two", "r.example/a/b:1");
	HEAD("q.example", 503);
	expect_image(f);
	if (pin(f) < 0)
		fail_msg("%s", f->e.text);
	http_script_done(f->script);
	assert_int_equal(1, silent.n);
	assert_ptr_equal(silent.v[0],
			 strstr(silent.v[0], "service 'one': image q.example/a/b:1: "));
	assert_null(f->stack.services[0].pinned_image);
	assert_non_null(f->stack.services[1].pinned_image);

	/* the silence of the first is no reason not to hear the second */
	HEAD("q.example", 503);
	HEAD("r.example", 404);
	assert_int_equal(pin(f), -1);
	http_script_done(f->script);
	assert_int_equal(f->e.kind, ERR_ABSENT);
	assert_ptr_equal(f->e.text, strstr(f->e.text, "service 'two'"));
}

static void an_image_without_a_digest_can_be_anything(void **state)
{
	struct fixture *f = *state;
	auto_free char *fixed = mem_printf("r.example/a/b:1@%s", f->digest.text);

	add_service(f, "one", fixed);
	assert_int_equal(0, deploy_images_are_fixed(&f->stack, &f->e));
	add_service(f, "two", "r.example/a/b:1");
	assert_int_equal(-1, deploy_images_are_fixed(&f->stack, &f->e));
	assert_int_equal(ERR_DENIED, f->e.kind);
	assert_string_equal("service 'two': image 'r.example/a/b:1' has no digest", f->e.text);
}

/* A registry that answers nobody until as many ask as are expected at once. */
struct crowd {
	struct http http;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	unsigned expected, inside, most, asked;
};

static int wait_in_the_crowd(struct http *h, struct op *op, const struct http_request *rq,
			     struct http_response *rs, struct err *e)
{
	struct crowd *c = CONTAINER_OF(h, struct crowd, http);
	struct timespec until;

	(void)op;
	(void)rq;
	*rs = (struct http_response){ 0 };
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20; /* a ceiling far away: then fewer came */
	pthread_mutex_lock(&c->lock);
	c->asked++;
	c->most = ++c->inside > c->most ? c->inside : c->most;
	pthread_cond_broadcast(&c->moved);
	while (c->most < c->expected)
		if (pthread_cond_timedwait(&c->moved, &c->lock, &until) == ETIMEDOUT)
			c->expected = 0;
	/* time for more to come than should */
	pthread_mutex_unlock(&c->lock);
	usleep(50000);
	pthread_mutex_lock(&c->lock);
	c->inside--;
	pthread_mutex_unlock(&c->lock);
	return err_set(e, ERR_DENIED, "not today");
}

static void eight_are_asked_for_at_once_and_each_once(void **state)
{
	struct fixture *f = *state;
	struct crowd c = { .http = { .perform = wait_in_the_crowd },
			   .lock = PTHREAD_MUTEX_INITIALIZER,
			   .moved = PTHREAD_COND_INITIALIZER,
			   .expected = 8 };

	assert_int_equal(0, pool_new(&f->op.pool, 16, &f->e));
	for (int i = 0; i < 24; i++) {
		auto_free char *image = mem_printf("r.example/a/b:%d", i / 2);

		add_service(f, "app", image);
	}
	assert_int_equal(-1,
			 deploy_images_pin(&f->stack, &f->op, &c.http, &f->opt, NULL, NULL, &f->e));
	pool_free(f->op.pool);
	assert_int_equal(8, c.most);
	assert_int_equal(12, c.asked);
}

static int meet_a_signal(struct http *h, struct op *op, const struct http_request *rq,
			 struct http_response *rs, struct err *e)
{
	(void)h;
	(void)rq;
	*rs = (struct http_response){ 0 };
	cancel_set(op->cancel, SIGTERM);
	return cancel_check(op->cancel, e);
}

static void a_signal_ends_the_questions(void **state)
{
	struct fixture *f = *state;
	struct http h = { .perform = meet_a_signal };
	struct cancel cancel;

	assert_int_equal(0, cancel_init(&cancel, &f->e));
	f->op.cancel = &cancel;
	add_service(f, "app", "r.example/a/b:1");
	assert_int_equal(-1, deploy_images_pin(&f->stack, &f->op, &h, &f->opt, NULL, NULL, &f->e));
	assert_int_equal(ERR_CANCELLED, f->e.kind);
	assert_string_equal("stopped by SIGTERM", f->e.text);
	cancel_release(&cancel);
}

static char *auth_header(struct fixture *f, const struct credentials_env *env)
{
	auto_reference struct oci_reference image = { 0 };

	assert_int_equal(0, oci_reference_parse(&image, "r.example/a/b:1", &f->e));
	return deploy_registry_auth(&f->op, env, &image, &f->ends_with_job, &f->e);
}

static void credentials_become_dockers_auth_config(void **state)
{
	struct fixture *f = *state;
	/* user:pa"ss */
	const struct credentials_env env = {
		.docker_auth_config = "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwYSJzcw==\"}}}"
	};
	auto_free char *value = auth_header(f, &env);
	auto_buf struct buf json = BUF_INIT(BUF_SMALL);

	assert_non_null(value);
	assert_int_equal(base64_decode(&json, span_of_str(value)), 0);
	assert_string_equal(buf_str(&json), "{\"username\":\"user\",\"password\":\"pa\\\"ss\","
					    "\"serveraddress\":\"r.example\"}");
}

static void the_header_keeps_its_padding(void **state)
{
	struct fixture *f = *state;
	const struct credentials_env env = {
		.docker_auth_config = "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}" /* u:p */
	};
	auto_free char *value = auth_header(f, &env);

	assert_non_null(value);
	assert_int_equal(strlen(value) % 4, 0);
}

/* The engine keeps them: what ends with the job is of no use to it. */
static void a_deploy_token_is_stored_before_what_ends_with_the_job(void **state)
{
	struct fixture *f = *state;
	struct credentials_env env = { .docker_auth_config =
					       "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\"}}}",
				       .ci = { .registry = "r.example",
					       .registry_user = "gitlab-ci-token",
					       .registry_password = "job",
					       .deploy_user = "gitlab+deploy-token-1",
					       .deploy_password = "stays" } };
	auto_free char *value = auth_header(f, &env);
	auto_buf struct buf json = BUF_INIT(BUF_SMALL);

	assert_int_equal(base64_decode(&json, span_of_str(value)), 0);
	assert_non_null(strstr(buf_str(&json), "\"gitlab+deploy-token-1\",\"password\":\"stays\""));
	assert_false(f->ends_with_job);
	env.ci.deploy_user = env.ci.deploy_password = env.docker_auth_config = NULL;
	free(auth_header(f, &env));
	assert_true(f->ends_with_job);
}

static void without_credentials_there_is_no_header(void **state)
{
	struct fixture *f = *state;
	const struct credentials_env env = { .docker_auth_config = "{}" };

	assert_null(auth_header(f, &env));
	assert_int_equal(f->e.kind, ERR_NONE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_image_gets_its_digest_and_its_platforms),
		T(services_of_one_image_share_one_answer),
		T(an_image_that_is_not_there_is_named_with_its_service),
		T(all_images_are_asked_for_and_all_that_fail_are_named_in_order),
		T(however_many_fail_each_service_is_named),
		T(who_is_silent_can_be_borne_and_who_says_no_cannot),
		T(an_image_without_a_digest_can_be_anything),
		T(eight_are_asked_for_at_once_and_each_once),
		T(a_signal_ends_the_questions),
		T(credentials_become_dockers_auth_config),
		T(the_header_keeps_its_padding),
		T(a_deploy_token_is_stored_before_what_ends_with_the_job),
		T(without_credentials_there_is_no_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

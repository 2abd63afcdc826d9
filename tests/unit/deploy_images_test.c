/* Tags become digests before anything is changed; credentials become the engine's header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
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
				 &f->e);
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
	assert_non_null(strstr(f->e.text, "service 'app': image 'r.example/a/b:1'"));
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
		T(credentials_become_dockers_auth_config),
		T(the_header_keeps_its_padding),
		T(a_deploy_token_is_stored_before_what_ends_with_the_job),
		T(without_credentials_there_is_no_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

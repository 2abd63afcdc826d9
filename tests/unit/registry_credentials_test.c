#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/mem.h"
#include "registry/credentials.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

#define JOE   "{\"auths\":{\"r.example\":{\"auth\":\"am9lOnNlY3JldA==\"}}}" /* joe:secret */
#define ANN   "{\"auths\":{\"r.example\":{\"auth\":\"YW5uOnB3\"}}}"	    /* ann:pw */
#define OTHER "{\"auths\":{\"o.example\":{\"auth\":\"b3RoZXI6cHc=\"}}}"

struct fixture {
	struct fake_clock clock;
	struct recorder rec;
	struct op op;
	struct tmpdir dir;
	struct credentials_env env;
	struct credentials got;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	f->op = (struct op){ .clock = fake_clock_init(&f->clock),
			     .progress = recorder_init(&f->rec) };
	tmpdir_init(&f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	credentials_release(&f->got);
	tmpdir_release(&f->dir);
	recorder_release(&f->rec);
	free(f);
	return 0;
}

static void find(struct fixture *f, const char *host)
{
	credentials_release(&f->got);
	if (credentials_find(&f->got, &f->op, &f->env, host, &f->e) < 0)
		fail_msg("%s", f->e.text);
}

static void assert_found(struct fixture *f, const char *host, const char *user,
			 const char *password, const char *origin)
{
	find(f, host);
	assert_non_null(f->got.user);
	assert_string_equal(user, f->got.user);
	assert_string_equal(password, f->got.password);
	assert_string_equal(origin, f->got.origin);
}

static void assert_anonymous(struct fixture *f, const char *host)
{
	find(f, host);
	assert_null(f->got.user);
	assert_null(f->got.password);
	assert_null(f->got.identity_token);
	assert_null(f->got.origin);
}

static void the_sources_are_asked_in_order(void **state)
{
	struct fixture *f = *state;
	auto_free char *named = mem_printf("%s/named.json", f->dir.path);
	auto_free char *config = mem_printf("%s/cfg", f->dir.path);

	tmpdir_file(&f->dir, "named.json", ANN);
	tmpdir_file(&f->dir, "cfg/config.json", JOE);
	tmpdir_file(&f->dir, ".docker/config.json",
		    "{\"auths\":{\"r.example\":{\"auth\":\"aG9tZTpwdw==\"}}}");
	tmpdir_file(&f->dir, "containers/auth.json",
		    "{\"auths\":{\"r.example\":{\"auth\":\"cG9kOnB3\"}}}");

	assert_anonymous(f, "r.example");
	f->env.xdg_runtime_dir = f->dir.path;
	assert_found(f, "r.example", "pod", "pw", "$XDG_RUNTIME_DIR/containers/auth.json");
	f->env.home = f->dir.path;
	assert_found(f, "r.example", "home", "pw", "~/.docker/config.json");
	f->env.docker_config = config;
	assert_found(f, "r.example", "joe", "secret", "$DOCKER_CONFIG/config.json");
	f->env.registry_auth_file = named;
	assert_found(f, "r.example", "ann", "pw", "REGISTRY_AUTH_FILE");
	f->env.docker_auth_config = JOE;
	assert_found(f, "r.example", "joe", "secret", "DOCKER_AUTH_CONFIG");
	f->env.authfile = named;
	assert_found(f, "r.example", "ann", "pw", "--authfile");
	f->env.user = "me";
	f->env.password = "mine";
	assert_found(f, "r.example", "me", "mine", "--creds-stdin");
}

static void a_source_that_does_not_know_the_host_is_passed_over(void **state)
{
	struct fixture *f = *state;

	tmpdir_file(&f->dir, ".docker/config.json", JOE);
	f->env.docker_auth_config = OTHER;
	f->env.home = f->dir.path;
	assert_found(f, "r.example", "joe", "secret", "~/.docker/config.json");
}

static void an_authfile_is_the_only_source(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = mem_printf("%s/a.json", f->dir.path);

	tmpdir_file(&f->dir, "a.json", OTHER);
	f->env.authfile = path;
	f->env.docker_auth_config = JOE;
	assert_anonymous(f, "r.example");
}

static void a_named_file_must_be_there_and_a_usual_one_need_not(void **state)
{
	struct fixture *f = *state;
	struct credentials c = { 0 };

	f->env.home = f->env.xdg_runtime_dir = f->dir.path;
	assert_anonymous(f, "r.example");
	f->env.authfile = "/nonexistent/auth.json";
	assert_int_equal(-1, credentials_find(&c, &f->op, &f->env, "r.example", &f->e));
	assert_non_null(strstr(f->e.text, "/nonexistent/auth.json"));
}

static void a_broken_file_is_named_and_not_shown(void **state)
{
	static const char *const bad[] = { "{\"auths\":{\"hush", "[]", "hush" };
	struct fixture *f = *state;
	struct credentials c = { 0 };

	f->env.home = f->dir.path;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		tmpdir_file(&f->dir, ".docker/config.json", bad[i]);
		assert_int_equal(-1, credentials_find(&c, &f->op, &f->env, "r.example", &f->e));
		assert_int_equal(ERR_INPUT, f->e.kind);
		assert_non_null(strstr(f->e.text, ".docker/config.json"));
		assert_null(strstr(f->e.text, "hush"));
	}
}

static void empty_variables_and_files_say_nothing(void **state)
{
	struct fixture *f = *state;

	tmpdir_file(&f->dir, ".docker/config.json", "\n");
	f->env = (struct credentials_env){ .authfile = "",
					   .docker_auth_config = "",
					   .registry_auth_file = "",
					   .docker_config = "",
					   .user = "",
					   .password = "",
					   .home = f->dir.path };
	assert_anonymous(f, "r.example");
	f->env.docker_auth_config = "{}";
	assert_anonymous(f, "r.example");
}

static void keys_may_be_addresses_but_not_parts_of_a_host(void **state)
{
	struct fixture *f = *state;

	f->env.docker_auth_config =
		"{\"auths\":{\"https://r.example/v1/\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_found(f, "r.example", "ann", "pw", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config = "{\"auths\":{\"R.example/v2\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_found(f, "r.example", "ann", "pw", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config = "{\"auths\":{\"r.example/team\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_anonymous(f, "r.example");
	f->env.docker_auth_config = JOE;
	assert_anonymous(f, "r.example:5000");
	assert_anonymous(f, "sub.r.example");
	f->env.docker_auth_config = "{\"auths\":{\"http://r.example\":{\"auth\":\"YW5uOnB3\"},"
				    "\"r.example\":{\"auth\":\"am9lOnNlY3JldA==\"}}}";
	assert_found(f, "r.example", "joe", "secret", "DOCKER_AUTH_CONFIG");
}

static void docker_io_goes_under_its_old_name(void **state)
{
	struct fixture *f = *state;

	f->env.docker_auth_config =
		"{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_found(f, "docker.io", "ann", "pw", "DOCKER_AUTH_CONFIG");
	assert_anonymous(f, "r.example");
}

static void entries_come_in_several_forms(void **state)
{
	struct fixture *f = *state;

	/* a:b:c */
	f->env.docker_auth_config = "{\"auths\":{\"r.example\":{\"auth\":\"YTpiOmM=\"}}}";
	assert_found(f, "r.example", "a", "b:c", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config =
		"{\"auths\":{\"r.example\":{\"username\":\"u\",\"password\":\"p\"}}}";
	assert_found(f, "r.example", "u", "p", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config = "{\"auths\":{\"r.example\":{\"identitytoken\":\"idt\","
				    "\"auth\":\"YTpiOmM=\"}}}";
	find(f, "r.example");
	assert_string_equal("idt", f->got.identity_token);
	assert_string_equal("DOCKER_AUTH_CONFIG", f->got.origin);
}

static void an_entry_that_cannot_be_read_is_left_out_with_a_warning(void **state)
{
	/* not base64; no colon; a NUL within */
	static const char *const bad[] = { "!!hush!!", "aHVzaA==", "YQBiOmM=" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_free char *text =
			mem_printf("{\"auths\":{\"r.example\":{\"auth\":\"%s\"}}}", bad[i]);

		recorder_clear(&f->rec);
		f->env.docker_auth_config = text;
		assert_anonymous(f, "r.example");
		assert_string_equal(
			"warn: DOCKER_AUTH_CONFIG: the entry for r.example cannot be read\n",
			recorder_text(&f->rec));
	}
}

/* A helper program in the fixture's folder, which becomes the PATH. */
static void helper(struct fixture *f, const char *name, const char *script)
{
	auto_free char *file = mem_printf("docker-credential-%s", name);
	auto_free char *path = mem_printf("%s:/usr/bin:/bin", f->dir.path);

	tmpdir_file(&f->dir, file, script);
	assert_int_equal(0, fchmodat(f->dir.fd, file, 0755, 0));
	assert_int_equal(0, setenv("PATH", path, 1));
}

#define ECHO_HOST                                                                                  \
	"#!/bin/sh\n[ \"$1\" = get ] || exit 9\nread -r host\n"                                    \
	"printf '{\"Username\":\"u-%s\",\"Secret\":\"s\"}' \"$host\"\n"

static void a_helper_is_asked_for_its_host_on_stdin(void **state)
{
	struct fixture *f = *state;

	helper(f, "one", ECHO_HOST);
	f->env.docker_auth_config = "{\"credHelpers\":{\"r.example\":\"one\"}}";
	assert_found(f, "r.example", "u-r.example", "s", "DOCKER_AUTH_CONFIG");
	assert_anonymous(f, "o.example");
	f->env.docker_auth_config = "{\"credsStore\":\"one\"}";
	assert_found(f, "o.example", "u-o.example", "s", "DOCKER_AUTH_CONFIG");
	assert_found(f, "docker.io", "u-https://index.docker.io/v1/", "s", "DOCKER_AUTH_CONFIG");
}

static void a_helpers_token_user_means_an_identity_token(void **state)
{
	struct fixture *f = *state;

	helper(f, "tok", "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"idt\"}'\n");
	f->env.docker_auth_config = "{\"credsStore\":\"tok\"}";
	find(f, "r.example");
	assert_null(f->got.password);
	assert_string_equal("idt", f->got.identity_token);
}

static void a_helper_that_knows_nothing_is_silent(void **state)
{
	struct fixture *f = *state;

	helper(f, "no", "#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n");
	f->env.docker_auth_config = "{\"credsStore\":\"no\"}";
	assert_anonymous(f, "r.example");
	assert_string_equal("", recorder_text(&f->rec));
}

static void a_helper_that_is_missing_or_broken_warns_and_shows_nothing(void **state)
{
	struct fixture *f = *state;

	helper(f, "bad", "#!/bin/sh\necho hush\necho hush >&2\nexit 3\n");
	helper(f, "odd", "#!/bin/sh\necho '{\"Username\":\"hush\"'\n");
	f->env.docker_auth_config = "{\"credsStore\":\"gone\"}";
	assert_anonymous(f, "r.example");
	f->env.docker_auth_config = "{\"credsStore\":\"bad\"}";
	assert_anonymous(f, "r.example");
	assert_true(recorder_has(&f->rec, "docker-credential-bad: exit status 3"));
	f->env.docker_auth_config = "{\"credsStore\":\"odd\"}";
	assert_anonymous(f, "r.example");
	assert_true(recorder_has(&f->rec, "docker-credential-gone"));
	assert_true(recorder_has(&f->rec, "the answer of docker-credential-odd cannot be read"));
	assert_false(recorder_has(&f->rec, "hush"));
}

static void a_helper_cannot_be_a_path(void **state)
{
	struct fixture *f = *state;
	struct credentials c = { 0 };

	f->env.docker_auth_config = "{\"credsStore\":\"x/../../bin/sh\"}";
	assert_int_equal(-1, credentials_find(&c, &f->op, &f->env, "r.example", &f->e));
	assert_int_equal(ERR_INPUT, f->e.kind);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_usual_place_that_cannot_be_opened_is_only_warned_about(void **state)
{
	struct fixture *f = *state;
	auto_free char *docker = mem_printf("%s/.docker", f->dir.path);
	auto_free char *config = mem_printf("%s/config.json", docker);

	assert_int_equal(0, mkdir(docker, 0700));
	assert_int_equal(0, symlink("config.json", config));
	f->env.home = f->dir.path;
	assert_anonymous(f, "r.example");
	assert_true(recorder_has(&f->rec, "warn: credentials (~/.docker/config.json)"));
	/* somebody asked for this one */
	f->env.registry_auth_file = config;
	assert_int_equal(-1, credentials_find(&f->got, &f->op, &f->env, "r.example", &f->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_sources_are_asked_in_order),
		T(a_source_that_does_not_know_the_host_is_passed_over),
		T(an_authfile_is_the_only_source),
		T(a_named_file_must_be_there_and_a_usual_one_need_not),
		T(a_broken_file_is_named_and_not_shown),
		T(empty_variables_and_files_say_nothing),
		T(keys_may_be_addresses_but_not_parts_of_a_host),
		T(docker_io_goes_under_its_old_name),
		T(entries_come_in_several_forms),
		T(an_entry_that_cannot_be_read_is_left_out_with_a_warning),
		T(a_helper_is_asked_for_its_host_on_stdin),
		T(a_helpers_token_user_means_an_identity_token),
		T(a_helper_that_knows_nothing_is_silent),
		T(a_helper_that_is_missing_or_broken_warns_and_shows_nothing),
		T(a_helper_cannot_be_a_path),
		T(a_usual_place_that_cannot_be_opened_is_only_warned_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
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

/* where: "host" or "host/path". */
static int search(struct fixture *f, const char *where)
{
	auto_free char *host = mem_strndup(where, strcspn(where, "/"));
	const char *slash = strchr(where, '/');

	credentials_release(&f->got);
	return credentials_find(&f->got, &f->op, &f->env, host, slash ? slash + 1 : NULL, &f->e);
}

static void find(struct fixture *f, const char *where)
{
	if (search(f, where) < 0)
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
	auto_free char *run = mem_printf("%s/containers", f->dir.path);
	auto_free char *conf = mem_printf("%s/conf", f->dir.path);

	tmpdir_file(&f->dir, "conf/containers/auth.json",
		    "{\"auths\":{\"r.example\":{\"auth\":\"Y29uZjpwdw==\"}}}");
	tmpdir_file(&f->dir, "named.json", ANN);
	tmpdir_file(&f->dir, "cfg/config.json", JOE);
	tmpdir_file(&f->dir, ".docker/config.json",
		    "{\"auths\":{\"r.example\":{\"auth\":\"aG9tZTpwdw==\"}}}");
	tmpdir_file(&f->dir, "containers/auth.json",
		    "{\"auths\":{\"r.example\":{\"auth\":\"cG9kOnB3\"}}}");

	assert_anonymous(f, "r.example");
	f->env.ci = (struct credentials_ci){ .registry = "r.example", .job_token = "job" };
	assert_found(f, "r.example", "gitlab-ci-token", "job", "CI_JOB_TOKEN");
	f->env.xdg_config_home = conf;
	assert_found(f, "r.example", "conf", "pw", "$XDG_CONFIG_HOME/containers/auth.json");
	f->env.run_containers = run;
	assert_found(f, "r.example", "pod", "pw", "/run/containers/UID/auth.json");
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
	f->env.user_host = "r.example";
	assert_found(f, "r.example", "me", "mine", "--creds-stdin");
	/* typed for one host */
	assert_anonymous(f, "o.example");
}

static void a_source_that_does_not_know_the_host_is_passed_over(void **state)
{
	struct fixture *f = *state;

	tmpdir_file(&f->dir, ".docker/config.json", JOE);
	f->env.docker_auth_config = OTHER;
	f->env.home = f->dir.path;
	assert_found(f, "r.example", "joe", "secret", "~/.docker/config.json");
}

static void an_authfile_that_does_not_know_the_host_leaves_it_to_the_others(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = mem_printf("%s/a.json", f->dir.path);

	tmpdir_file(&f->dir, "a.json", OTHER);
	f->env.authfile = path;
	f->env.docker_auth_config = JOE;
	assert_found(f, "r.example", "joe", "secret", "DOCKER_AUTH_CONFIG");
	assert_found(f, "o.example", "other", "pw", "--authfile");
}

static void a_named_file_must_be_there_and_a_usual_one_need_not(void **state)
{
	struct fixture *f = *state;

	f->env.home = f->env.xdg_runtime_dir = f->dir.path;
	assert_anonymous(f, "r.example");
	f->env.authfile = "/nonexistent/auth.json";
	assert_int_equal(-1, search(f, "r.example"));
	assert_non_null(strstr(f->e.text, "/nonexistent/auth.json"));
}

static void a_broken_file_is_named_and_not_shown(void **state)
{
	static const char *const bad[] = { "{\"auths\":{\"hush", "[]", "hush" };
	struct fixture *f = *state;

	f->env.home = f->dir.path;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		tmpdir_file(&f->dir, ".docker/config.json", bad[i]);
		assert_int_equal(-1, search(f, "r.example"));
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

static void keys_may_be_addresses(void **state)
{
	struct fixture *f = *state;

	f->env.docker_auth_config =
		"{\"auths\":{\"https://r.example/v1/\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_found(f, "r.example", "ann", "pw", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config = "{\"auths\":{\"R.example/v2\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_found(f, "r.example", "ann", "pw", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config = JOE;
	assert_anonymous(f, "r.example:5000");
	assert_anonymous(f, "sub.r.example");
	f->env.docker_auth_config = "{\"auths\":{\"http://r.example\":{\"auth\":\"YW5uOnB3\"},"
				    "\"r.example\":{\"auth\":\"am9lOnNlY3JldA==\"}}}";
	assert_found(f, "r.example", "joe", "secret", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config = "{\"auths\":{\"r.example:5000\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_found(f, "r.example:5000", "ann", "pw", "DOCKER_AUTH_CONFIG");
	assert_anonymous(f, "r.example");
}

static void of_keys_for_parts_of_a_host_the_longest_counts(void **state)
{
	struct fixture *f = *state;

	/* ann:pw for the team, other:pw for one repository of it, joe:secret for the rest */
	f->env.docker_auth_config = "{\"auths\":{\"r.example/team\":{\"auth\":\"YW5uOnB3\"},"
				    "\"r.example/team/app\":{\"auth\":\"b3RoZXI6cHc=\"},"
				    "\"r.example\":{\"auth\":\"am9lOnNlY3JldA==\"}}}";
	assert_found(f, "r.example/team/tool", "ann", "pw", "DOCKER_AUTH_CONFIG");
	assert_true(f->got.by_path);
	assert_found(f, "r.example/team/app", "other", "pw", "DOCKER_AUTH_CONFIG");
	assert_found(f, "r.example/team/app/x", "other", "pw", "DOCKER_AUTH_CONFIG");
	assert_found(f, "r.example/team", "ann", "pw", "DOCKER_AUTH_CONFIG");
	assert_found(f, "r.example/teams", "joe", "secret", "DOCKER_AUTH_CONFIG");
	assert_found(f, "r.example/tea", "joe", "secret", "DOCKER_AUTH_CONFIG");
	assert_found(f, "r.example", "joe", "secret", "DOCKER_AUTH_CONFIG");
	/* a password for a part is not for all of it */
	f->env.docker_auth_config = "{\"auths\":{\"r.example/team/\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_anonymous(f, "r.example");
	assert_anonymous(f, "r.example/other");
	assert_found(f, "r.example/team/app", "ann", "pw", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config = JOE;
	find(f, "r.example/team/app");
	assert_false(f->got.by_path);
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
	f->env.docker_auth_config =
		"{\"auths\":{\"r.example\":{\"registrytoken\":\"bearer\",\"auth\":\"!\"}}}";
	find(f, "r.example");
	assert_string_equal("bearer", f->got.registry_token);
	f->env.docker_auth_config =
		"{\"auths\":{\"r.example\":{\"registrytoken\":\"a\\r\\nX: y\"}}}";
	assert_anonymous(f, "r.example");
	/* docker pads: "u:p" and NULs */
	f->env.docker_auth_config = "{\"auths\":{\"r.example\":{\"auth\":\"dTpwAAA=\"}}}";
	assert_found(f, "r.example", "u", "p", "DOCKER_AUTH_CONFIG");
	/* whatever else stands there */
	f->env.docker_auth_config = "{\"auths\":{\"r.example\":{\"auth\":\"dTpw\",\"email\":5}},"
				    "\"HttpHeaders\":{\"X\":\"y\"},\"psFormat\":[]}";
	assert_found(f, "r.example", "u", "p", "DOCKER_AUTH_CONFIG");
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

static void a_helper_for_the_host_goes_before_entries_and_one_for_all_behind(void **state)
{
	struct fixture *f = *state;

	helper(f, "one", ECHO_HOST);
	helper(f, "no", "#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n");
	f->env.docker_auth_config =
		"{\"credHelpers\":{\"r.example\":\"one\"},\"credsStore\":\"gone\","
		"\"auths\":{\"r.example\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_found(f, "r.example", "u-r.example", "s", "DOCKER_AUTH_CONFIG");
	f->env.docker_auth_config =
		"{\"credHelpers\":{\"r.example\":\"no\"},\"credsStore\":\"one\","
		"\"auths\":{\"r.example\":{\"auth\":\"YW5uOnB3\"}}}";
	assert_found(f, "r.example", "ann", "pw", "DOCKER_AUTH_CONFIG");
	assert_found(f, "o.example", "u-o.example", "s", "DOCKER_AUTH_CONFIG");
}

static void a_helper_gets_no_descriptor_of_ours(void **state)
{
	struct fixture *f = *state;
	int fd = open("/dev/null", O_RDONLY);

	/* no close on exec: it must be closed all the same */
	assert_int_equal(17, dup2(fd, 17));
	close(fd);
	helper(f, "fds",
	       "#!/bin/sh\n[ ! -e /proc/$$/fd/17 ] && [ $# = 1 ] || exit 9\n"
	       "echo '{\"Username\":\"u\",\"Secret\":\"s\"}'\n");
	f->env.docker_auth_config = "{\"credsStore\":\"fds\"}";
	assert_found(f, "r.example", "u", "s", "DOCKER_AUTH_CONFIG");
	close(17);
}

static void a_helper_that_says_too_much_says_nothing(void **state)
{
	struct fixture *f = *state;

	helper(f, "long",
	       "#!/bin/sh\nprintf '{\"Username\":\"hush\",\"Secret\":\"s\",\"x\":\"'\n"
	       "head -c 70000 /dev/zero | tr '\\0' x\necho '\"}'\n");
	f->env.docker_auth_config = "{\"credsStore\":\"long\"}";
	assert_anonymous(f, "r.example");
	assert_true(recorder_has(&f->rec, "cannot be read"));
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

	f->env.docker_auth_config = "{\"credsStore\":\"x/../../bin/sh\"}";
	assert_int_equal(-1, search(f, "r.example"));
	assert_int_equal(ERR_INPUT, f->e.kind);
}

static const struct credentials_ci job = { .registry = "registry.example:5050",
					   .registry_user = "ci",
					   .registry_password = "ci-pw",
					   .deploy_user = "deploy",
					   .deploy_password = "deploy-pw",
					   .job_token = "job",
					   .proxy_server = "gitlab.example:443",
					   .proxy_user = "proxy",
					   .proxy_password = "proxy-pw" };

static void ci_variables_are_for_exactly_their_host(void **state)
{
	static const char *const others[] = { "registry.example",
					      "registry.example:5051",
					      "x.registry.example:5050",
					      "gitlab.example:5050",
					      "docker.io",
					      "registry.example:5050x" };
	struct fixture *f = *state;

	f->env.ci = job;
	assert_found(f, "registry.example:5050/a", "ci", "ci-pw",
		     "CI_REGISTRY_USER and CI_REGISTRY_PASSWORD");
	assert_null(f->got.missing);
	assert_found(f, "Registry.example:5050", "ci", "ci-pw",
		     "CI_REGISTRY_USER and CI_REGISTRY_PASSWORD");
	/* the port of https may be written or not */
	assert_found(f, "gitlab.example:443", "proxy", "proxy-pw",
		     "CI_DEPENDENCY_PROXY_USER and CI_DEPENDENCY_PROXY_PASSWORD");
	assert_found(f, "gitlab.example/group/dependency_proxy/containers/x", "proxy", "proxy-pw",
		     "CI_DEPENDENCY_PROXY_USER and CI_DEPENDENCY_PROXY_PASSWORD");
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_anonymous(f, others[i]);
	f->env.ci.registry = "";
	assert_anonymous(f, "registry.example:5050");
}

static void the_first_whole_set_of_ci_variables_counts(void **state)
{
	struct fixture *f = *state;

	f->env.ci = job;
	f->env.ci.registry_password = "";
	assert_found(f, "registry.example:5050", "deploy", "deploy-pw",
		     "CI_DEPLOY_USER and CI_DEPLOY_PASSWORD");
	assert_string_equal("CI_REGISTRY_PASSWORD is empty", f->got.missing);
	f->env.ci.deploy_user = NULL;
	assert_found(f, "registry.example:5050", "gitlab-ci-token", "job", "CI_JOB_TOKEN");
	assert_string_equal("CI_REGISTRY_PASSWORD is empty, CI_DEPLOY_USER is not set",
			    f->got.missing);
	f->env.ci.job_token = NULL;
	assert_anonymous(f, "registry.example:5050");
	assert_non_null(f->got.missing);
	/* which is nobody else's trouble */
	assert_anonymous(f, "r.example");
	assert_null(f->got.missing);
}

static void what_is_to_be_kept_prefers_the_deploy_token(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = mem_printf("%s/a.json", f->dir.path);

	tmpdir_file(&f->dir, "a.json",
		    "{\"auths\":{\"registry.example:5050\":{\"auth\":\"YW5uOnB3\"}}}");
	f->env.ci = job;
	f->env.registry_auth_file = path;
	f->env.to_keep = true;
	assert_found(f, "registry.example:5050", "deploy", "deploy-pw",
		     "CI_DEPLOY_USER and CI_DEPLOY_PASSWORD");
	/* unless somebody said otherwise just now */
	f->env.authfile = path;
	assert_found(f, "registry.example:5050", "ann", "pw", "--authfile");
	f->env.authfile = NULL;
	f->env.ci.deploy_password = NULL;
	assert_found(f, "registry.example:5050", "ann", "pw", "REGISTRY_AUTH_FILE");
}

static void what_is_empty_is_told(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	f->env.docker_auth_config = "";
	assert_anonymous(f, "r.example");
	credentials_tell(&text, &f->got, "r.example");
	assert_string_equal("no credentials for r.example found; DOCKER_AUTH_CONFIG is empty: a "
			    "protected variable, on a branch that is not?",
			    buf_str(&text));
	/* "u:" */
	f->env.docker_auth_config = "{\"auths\":{\"r.example\":{\"auth\":\"dTo=\"}}}";
	assert_found(f, "r.example", "u", "", "DOCKER_AUTH_CONFIG");
	assert_string_equal("the password there is empty", f->got.missing);
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
	assert_int_equal(-1, search(f, "r.example"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_sources_are_asked_in_order),
		T(a_source_that_does_not_know_the_host_is_passed_over),
		T(an_authfile_that_does_not_know_the_host_leaves_it_to_the_others),
		T(a_named_file_must_be_there_and_a_usual_one_need_not),
		T(a_broken_file_is_named_and_not_shown),
		T(empty_variables_and_files_say_nothing),
		T(keys_may_be_addresses),
		T(of_keys_for_parts_of_a_host_the_longest_counts),
		T(docker_io_goes_under_its_old_name),
		T(entries_come_in_several_forms),
		T(an_entry_that_cannot_be_read_is_left_out_with_a_warning),
		T(a_helper_is_asked_for_its_host_on_stdin),
		T(a_helper_for_the_host_goes_before_entries_and_one_for_all_behind),
		T(a_helper_gets_no_descriptor_of_ours),
		T(a_helper_that_says_too_much_says_nothing),
		T(a_helpers_token_user_means_an_identity_token),
		T(a_helper_that_knows_nothing_is_silent),
		T(a_helper_that_is_missing_or_broken_warns_and_shows_nothing),
		T(a_helper_cannot_be_a_path),
		T(a_usual_place_that_cannot_be_opened_is_only_warned_about),
		T(ci_variables_are_for_exactly_their_host),
		T(the_first_whole_set_of_ci_variables_counts),
		T(what_is_to_be_kept_prefers_the_deploy_token),
		T(what_is_empty_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

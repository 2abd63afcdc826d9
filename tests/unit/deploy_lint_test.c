/* What is found in a file, where, and that no value of it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "deploy/lint.h"

static void lint_text(struct lint *l, const char *text)
{
	auto_deploy_yaml struct deploy_yaml *doc = NULL;
	auto_strv struct strv warnings = STRV_INIT;
	struct err e = ERR_INIT;

	if (deploy_yaml_read(&doc, "orcinus.yml", span_of_str(text), &warnings, &e) < 0)
		fail_msg("%s", e.text);
	deploy_lint(l, "orcinus.yml", doc);
}

/* "line check,line check" of all but notes */
static void assert_found(const char *text, const char *want)
{
	auto_lint struct lint l = { 0 };
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	lint_text(&l, text);
	for (size_t i = 0; i < l.nr; i++) {
		assert_null(strstr(l.v[i].text, "canary"));
		if (l.v[i].severity > LINT_INFO)
			buf_addf(&b, "%s%u %s", b.len ? "," : "", l.v[i].line, l.v[i].check);
	}
	assert_string_equal(want, buf_str(&b));
}

static void secrets_in_plain_text_are_found_and_variables_are_none(void **state)
{
	(void)state;
	assert_found("services:\n  a:\n    environment:\n      - DB_PASSWORD=canary\n"
		     "      - API_KEY=${API_KEY}\n      - MODE=canary\n      - TOKEN=\n"
		     "      - PASSWORD_FILE=/run/secrets/x\n",
		     "4 literal-secret");
	assert_found("services:\n  a:\n    environment:\n      JWT_SECRET: canary\n      X: y\n",
		     "4 literal-secret");
	assert_found("services:\n  a:\n    environment:\n      SMTP_AUTH: true\n"
		     "      GIT: glpat-canary\n",
		     "5 literal-secret");
}

static void passwords_in_addresses_commands_and_labels_are_found(void **state)
{
	(void)state;
	assert_found("services:\n  a:\n    environment:\n      - DB=postgres://me:canary@db/x\n"
		     "      - OTHER=postgres://me:$PW@db/x\n      - URL=http://host/x\n",
		     "4 literal-secret");
	assert_found("services:\n  a:\n    command: [serve, --password, canary]\n"
		     "    entrypoint: serve --token=$TOKEN\n"
		     "    labels:\n      - app.token=canary\n      - app.name=x\n",
		     "3 literal-secret,6 literal-secret");
	assert_found("services:\n  a:\n    commands:\n      - mysql -pcanary\n"
		     "    labels: {app.password: canary, app.auth: \"true\"}\n",
		     "4 literal-secret,5 literal-secret");
}

static void the_engines_socket_and_the_systems_folders_are_found_in_both_dialects(void **state)
{
	(void)state;
	assert_found("services:\n  a:\n    volumes:\n      - /var/run/docker.sock:/x\n"
		     "      - /root/keys:/k\n      - data:/data\n      - /srv/app:/app\n"
		     "      - type: bind\n        source: /\n        target: /host\n",
		     "4 docker-socket,5 system-bind,9 system-bind");
	assert_found("services:\n  a:\n    volumes: [v]\nvolumes:\n  v:\n    type: bind\n"
		     "    source: \"/etc/\"\n    target: /etc\n",
		     "7 system-bind");
}

static void the_nodes_network_is_found_in_lists_and_maps(void **state)
{
	(void)state;
	assert_found("services:\n  a:\n    networks: [back, host]\n  b:\n    networks:\n"
		     "      host: {}\n      front:\n  c:\n    networks: host\n",
		     "3 host-network,6 host-network");
	/* in a compose file a name means what the top of the file says */
	assert_found("services:\n  a:\n    networks: [host, h, n]\nnetworks:\n  host: {}\n"
		     "  h: {external: true, name: host}\n  n: {external: true}\n",
		     "3 host-network");
	assert_found("services:\n  a:\n    networks: [host]\nnetworks:\n  host: {external: true}\n",
		     "3 host-network");
}

static void what_the_swarm_expands_in_a_variable_is_noted(void **state)
{
	auto_lint struct lint l = { 0 };

	(void)state;
	lint_text(&l,
		  "services:\n  a:\n    image: a:1\n    healthcheck: {test: x}\n    environment:\n"
		  "      - A={{.Node.Hostname}}\n      - B={x}\n"
		  "      - C='{{\"{{\"}}x}}'\n");
	assert_int_equal(1, l.nr);
	assert_string_equal("swarm-template", l.v[0].check);
	assert_int_equal(6, l.v[0].line);
	assert_null(strstr(l.v[0].text, "Hostname"));
	assert_int_equal(0, lint_count(&l, LINT_MINOR));
}

static void files_without_sense_are_borne(void **state)
{
	(void)state;
	assert_found("", "");
	assert_found("services: 7\nvolumes: []\n", "");
	assert_found("services: {a: {networks: 7}, b: {networks: [[host]]}}", "");
	assert_found("services:\n  a: [x]\n  b:\n    environment: {K: [1]}\n    volumes: {}\n", "");
}

static void notes_are_for_moving_tags_and_missing_healthchecks(void **state)
{
	auto_lint struct lint l = { 0 };

	(void)state;
	lint_text(&l, "services:\n  a:\n    image: host:5000/app\n  b:\n    image: "
		      "app:1\n    healthcheck: {test: x}\n");
	assert_int_equal(2, l.nr);
	assert_string_equal("image-latest", l.v[0].check);
	assert_string_equal("no-healthcheck", l.v[1].check);
	assert_int_equal(0, lint_count(&l, LINT_MINOR));
}

static void a_readers_message_is_taken_apart(void **state)
{
	auto_lint struct lint l = { 0 };

	(void)state;
	lint_add_message(&l, "reader", LINT_MINOR, "x/orcinus.yml:7:3: services.a.b: unknown");
	lint_add_message(&l, "reader", LINT_MINOR, "orcinus.yml:8: a");
	lint_add_message(&l, "reader", LINT_MINOR, "nothing of the kind: 1:2");
	assert_string_equal("x/orcinus.yml", l.v[0].file);
	assert_int_equal(7, l.v[0].line);
	assert_string_equal("services.a.b: unknown", l.v[0].text);
	assert_int_equal(8, l.v[1].line);
	assert_string_equal("a", l.v[1].text);
	assert_int_equal(1, l.v[2].line);
	assert_string_equal("nothing of the kind: 1:2", l.v[2].text);
}

static const char *member(const json_t *list, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(list, i), key));
}

static void a_fingerprint_stays_when_the_line_moves_and_is_the_findings_own(void **state)
{
	auto_lint struct lint a = { 0 }, b = { 0 };
	auto_json json_t *x = NULL, *y = NULL;

	(void)state;
	lint_text(&a, "services:\n  a:\n    healthcheck: {test: x}\n    volumes:\n"
		      "    - /docker.sock:/x\n    - /docker.sock:/y\n");
	lint_text(&b, "services:\n\n  a:\n    healthcheck: {test: x}\n    volumes:\n"
		      "    - /docker.sock:/x\n    - /docker.sock:/y\n");
	x = lint_code_quality(&a);
	y = lint_code_quality(&b);
	assert_int_equal(2, json_array_size(x));
	assert_string_equal(member(x, 0, "fingerprint"), member(y, 0, "fingerprint"));
	assert_string_not_equal(member(x, 0, "fingerprint"), member(x, 1, "fingerprint"));
	assert_string_equal("major", member(x, 0, "severity"));
	assert_string_equal("docker-socket", member(x, 0, "check_name"));
	assert_int_equal(64, strlen(member(x, 0, "fingerprint")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_in_addresses_commands_and_labels_are_found),
		cmocka_unit_test(secrets_in_plain_text_are_found_and_variables_are_none),
		cmocka_unit_test(
			the_engines_socket_and_the_systems_folders_are_found_in_both_dialects),
		cmocka_unit_test(the_nodes_network_is_found_in_lists_and_maps),
		cmocka_unit_test(what_the_swarm_expands_in_a_variable_is_noted),
		cmocka_unit_test(files_without_sense_are_borne),
		cmocka_unit_test(notes_are_for_moving_tags_and_missing_healthchecks),
		cmocka_unit_test(a_readers_message_is_taken_apart),
		cmocka_unit_test(a_fingerprint_stays_when_the_line_moves_and_is_the_findings_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

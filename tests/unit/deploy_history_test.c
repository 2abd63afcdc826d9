/* What was deployed before: records read and written, numbers, the way back, and what is hidden in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/history_hide.h"
#include "deploy/history_keep.h"
#include "deploy/history_stack.h"
#include "deploy/history_text.h"
#include "deploy/spec_json.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/scripted_engine.h"

static const struct deploy_owner owner = { .project = "team/app", .scope = "@staging" };

/* -- records as the engine lists them ---------------------------------------------- */

/* labels: further ones, each with a comma before it. */
static void add_record(json_t *list, uint64_t revision, const char *labels, const char *data)
{
	auto_free char *name = deploy_history_name(&owner, revision);
	auto_free char *base64 = base64_encode(span_of_str(data), false);
	auto_free char *text = mem_printf(
		"{\"ID\":\"r%llu\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"%s\",\"Data\":\"%s\","
		"\"Labels\":{\"io.cdeploy.project\":\"team/app\",\"io.cdeploy.scope\":\"@staging\"%s}}}",
		(unsigned long long)revision, name, base64, labels);
	struct err e = ERR_INIT;

	json_array_append_new(list, json_load_span(span_of_str(text), BUF_SMALL, "test", &e));
	assert_int_equal(ERR_NONE, e.kind);
}

static void read_history(struct deploy_history *h, const json_t *list)
{
	struct err e = ERR_INIT;

	if (deploy_history_read(h, list, &owner, &e) < 0)
		fail_msg("%s", e.text);
}

static void revisions_to(struct deploy_history *h, uint64_t newest)
{
	auto_json json_t *list = json_array();

	for (uint64_t n = 1; n <= newest; n++)
		add_record(list, n, "", "{}");
	read_history(h, list);
}

static void add_service(struct engine_state *s, const char *labels)
{
	auto_free char *text = mem_printf("{\"Name\":\"web\",\"Labels\":{%s}}", labels);
	struct err e = ERR_INIT;

	MEM_GROW(s->services, s->nr, s->cap);
	s->services[s->nr++] = (struct engine_service){
		.id = mem_strdup("s1"),
		.name = mem_strdup("web"),
		.spec = json_load_span(span_of_str(text), BUF_SMALL, "test", &e),
	};
	assert_int_equal(ERR_NONE, e.kind);
}

#define OURS "\"io.cdeploy.project\":\"team/app\",\"io.cdeploy.scope\":\"@staging\""

static void records_are_the_owners_and_come_with_the_newest_first(void **state)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_json json_t *list = json_array();
	struct deploy_owner other = owner;

	(void)state;
	add_record(list, 2, "", "{}");
	add_record(list, 10, ",\"io.cdeploy.back-to\":\"2\"", "{}");
	add_record(list, 9, ",\"io.cdeploy.back-to\":\"9\"", "{}");
	/* a lock, a number that is none, one too high, a leading zero, another's */
	json_array_append_new(list, json_pack("{s:s,s:{s:i},s:{s:s}}", "ID", "x", "Version",
					      "Index", 1, "Spec", "Name", "cdeploy-lock-team-app"));
	add_record(list, DEPLOY_REVISION_MAX + UINT64_C(1), "", "{}");
	add_record(list, 3, "", "{}");
	json_object_set_new(
		json_object_get(json_array_get(list, json_array_size(list) - 1), "Spec"), "Labels",
		json_object());
	read_history(&h, list);
	assert_int_equal(3, h.nr);
	assert_int_equal(10, h.v[0].revision);
	assert_int_equal(9, h.v[1].revision);
	assert_int_equal(2, h.v[2].revision);
	assert_int_equal(2, deploy_record_back_to(&h.v[0]));
	assert_int_equal(0, deploy_record_back_to(&h.v[1])); /* not to itself */
	other.scope = NULL;
	deploy_history_release(&h);
	assert_int_equal(0, deploy_history_read(&h, list, &other, &(struct err){ 0 }));
	assert_int_equal(0, h.nr);
}

static void a_name_fits_whatever_project_and_revision(void **state)
{
	struct deploy_owner o = { .project =
					  "a/very/long/project/with/ümläuts/and/many/folders/in/it",
				  .scope = "and/a/scope@production" };
	auto_free char *name = deploy_history_name(&o, DEPLOY_REVISION_MAX);
	auto_free char *same = NULL;

	(void)state;
	assert_true(strlen(name) <= 64);
	assert_int_equal(strlen(name), strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"));
	o.scope = "another";
	same = deploy_history_name(&o, DEPLOY_REVISION_MAX);
	assert_string_not_equal(name, same);
}

static void numbers_go_up_from_records_and_from_what_runs(void **state)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_engine_state struct engine_state s = { 0 };

	(void)state;
	assert_int_equal(1, deploy_history_next(&h, &s, &owner));
	revisions_to(&h, 3);
	assert_int_equal(4, deploy_history_next(&h, &s, &owner));
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"3\"");
	assert_int_equal(4, deploy_history_next(&h, &s, &owner));
	/* a deploy that was cut short, and labels that count for nothing */
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"5\"");
	add_service(&s, "\"io.cdeploy.project\":\"other\",\"io.cdeploy.revision\":\"77\"");
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"18446744073709551615\"");
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"x\"");
	assert_int_equal(6, deploy_history_next(&h, &s, &owner));
}

static void what_runs_is_the_newest_record_unless_a_later_deploy_was_not_recorded(void **state)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_engine_state struct engine_state s = { 0 };

	(void)state;
	revisions_to(&h, 3);
	assert_null(deploy_history_running(&h, &s, &owner)); /* nothing does */
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"2\"");
	/* 3 only removed something */
	assert_ptr_equal(&h.v[0], deploy_history_running(&h, &s, &owner));
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"4\"");
	assert_null(deploy_history_running(&h, &s, &owner));
}

static uint64_t target_of(const struct deploy_history *h, const struct deploy_record *running,
			  uint64_t wanted, struct err *e)
{
	const struct deploy_record *r = NULL;

	err_clear(e);
	return deploy_history_target(&r, h, running, 0, wanted, e) < 0 ? 0 : r->revision;
}

static void a_rollback_goes_to_the_one_before_and_never_to_what_was_wrong(void **state)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_json json_t *list = json_array();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, target_of(&h, NULL, 0, &e));
	assert_int_equal(ERR_ABSENT, e.kind);
	add_record(list, 1, "", "{}");
	add_record(list, 2, "", "{}");
	add_record(list, 3, "", "{}");
	read_history(&h, list);
	assert_int_equal(2, target_of(&h, &h.v[0], 0, &e));
	assert_int_equal(3, target_of(&h, NULL, 0, &e)); /* what runs is none of them */
	assert_int_equal(1, target_of(&h, &h.v[0], 1, &e));
	assert_int_equal(0, target_of(&h, &h.v[0], 7, &e));
	assert_string_equal("revision 7 is not in the history, which has 3, 2, 1", e.text);
	assert_int_equal(ERR_ABSENT, e.kind);

	/* 3 went wrong and 4 is 2 again; 5 is 4 again */
	add_record(list, 4, ",\"io.cdeploy.back-to\":\"2\"", "{}");
	add_record(list, 5, ",\"io.cdeploy.back-to\":\"4\"", "{}");
	deploy_history_release(&h);
	read_history(&h, list);
	assert_int_equal(1, target_of(&h, deploy_history_find(&h, 4), 0, &e));
	assert_int_equal(1, target_of(&h, deploy_history_find(&h, 5), 0, &e));
	assert_int_equal(0, target_of(&h, deploy_history_find(&h, 1), 0, &e));
	assert_non_null(strstr(e.text, "none before revision 1"));
}

static void a_rollback_that_was_cut_short_goes_on_to_where_it_was_going(void **state)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_engine_state struct engine_state s = { 0 };
	const struct deploy_record *r = NULL;
	struct err e = ERR_INIT;
	uint64_t to;

	(void)state;
	revisions_to(&h, 4);
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"4\"");
	assert_int_equal(0, deploy_history_cut_short(&s, &owner));
	/* 4 was wrong, and who went back to 3 was killed */
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"5\",\"io.cdeploy.back-to\":\"3\"");
	to = deploy_history_cut_short(&s, &owner);
	assert_int_equal(3, to);
	assert_int_equal(0, deploy_history_target(&r, &h, NULL, to, 0, &e));
	assert_int_equal(3, r->revision);
	assert_int_equal(0, deploy_history_target(&r, &h, NULL, to, 1, &e));
	assert_int_equal(1, r->revision);
	assert_int_equal(-1, deploy_history_target(&r, &h, NULL, 77, 0, &e));
	assert_int_equal(ERR_ABSENT, e.kind);
	/* a deploy after it, and a label that cannot be */
	add_service(&s, OURS ",\"io.cdeploy.revision\":\"6\",\"io.cdeploy.back-to\":\"9\"");
	assert_int_equal(0, deploy_history_cut_short(&s, &owner));
}

/* -- secret values --------------------------------------------------------------- */

static json_t *parse(const char *text)
{
	struct err e = ERR_INIT;
	json_t *o = json_load_span(span_of_str(text), BUF_SMALL, "test", &e);

	if (!o)
		fail_msg("%s", e.text);
	return o;
}

static char *text_of(const json_t *o)
{
	struct buf text = BUF_INIT(BUF_SMALL);

	json_write(&text, o, false);
	return buf_steal(&text);
}

#define SECRETS                                                                                                   \
	"{\"Name\":\"web\",\"Labels\":{\"a.basicauth.users\":\"u:canary1\",\"com.docker.stack.image\":"           \
	"\"r/token:1\",\"plain\":\"shown\"},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":"                      \
	"\"r/secret:v1\",\"Env\":[\"DB_PASSWORD=canary2\",\"LEVEL=info\",\"EMPTY_TOKEN=\",\"TOKEN\","             \
	"\"ALLOW_EMPTY_PASSWORD=yes\","                                                                           \
	"\"DSN=postgres://u:canary3@db/x\",\"H=Bearer canary4\"],\"Command\":[\"run\",\"--token=canary5\"],"      \
	"\"Args\":[\"--password\",\"canary6\",\"--level\",\"info\"],\"Labels\":{\"api-key\":\"canary7\"},"        \
	"\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"curl http://u:canary8@x/\"]},\"Mounts\":[{\"Target\":\"/d\"," \
	"\"VolumeOptions\":{\"DriverConfig\":{\"Options\":{\"o\":\"username=u,password=canary9\"}}}}],"           \
	"\"Secrets\":[{\"SecretName\":\"shop_key-1\"}]},"                                                         \
	"\"LogDriver\":{\"Options\":{\"splunk-token\":\"canary0\"}}}}"

static void no_secret_value_is_in_a_record_and_all_else_is(void **state)
{
	auto_json json_t *spec = parse(SECRETS);
	auto_free char *text = NULL;

	(void)state;
	deploy_hide(spec, "salt");
	text = text_of(spec);
	assert_null(strstr(text, "canary"));
	assert_non_null(strstr(text, "\"plain\":\"shown\""));
	assert_non_null(strstr(text, "LEVEL=info"));
	assert_non_null(strstr(text, "\"ALLOW_EMPTY_PASSWORD=yes\""));
	assert_non_null(strstr(text, "\"r/secret:v1\""));
	assert_non_null(strstr(text, "\"com.docker.stack.image\":\"r/token:1\""));
	assert_non_null(strstr(text, "\"SecretName\":\"shop_key-1\""));
	assert_non_null(strstr(text, "\"EMPTY_TOKEN=\",\"TOKEN\""));
	assert_non_null(strstr(text, "\"--level\",\"info\""));
	assert_non_null(strstr(text, "\"name\":\"DB_PASSWORD\""));
}

static void people_see_what_is_around_a_secret(void **state)
{
	auto_json json_t *spec = parse(
		"{\"Labels\":{\"plain\":\"shown\",\"io.cdeploy.hash\":\"canary8\","
		"\"api-token\":\"canary1\",\"at\":\"http://u:canary2@h/\"},"
		"\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":[\"DB_PASSWORD=canary3\",\"LEVEL=info\","
		"\"DSN=postgres://u:canary4@db/x\",\"HEADER=Bearer canary5\",\"TOKEN\"],"
		"\"Args\":[\"--password\",\"canary6\",\"--token=canary7\",\"--level\",\"info\"]}}}");
	auto_json json_t *want = parse(
		"{\"Labels\":{\"plain\":\"shown\",\"io.cdeploy.hash\":\"***\","
		"\"api-token\":\"***\",\"at\":\"http://h/\"},"
		"\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":[\"DB_PASSWORD=***\",\"LEVEL=info\","
		"\"DSN=postgres://db/x\",\"HEADER=Bearer ***\",\"TOKEN\"],"
		"\"Args\":[\"--password\",\"***\",\"--token=***\",\"--level\",\"info\"]}}}");
	auto_free char *text = NULL;

	(void)state;
	deploy_hide_from_view(spec);
	text = json_dumps(spec, JSON_COMPACT);
	if (!json_equal(want, spec))
		fail_msg("%s", text);
}

static void what_cannot_be_shown_in_part_is_hidden_whole(void **state)
{
	auto_free char *at = mem_alloc((1u << 20) + 64);
	auto_json json_t *spec = NULL,
			 *open = parse("{\"Labels\":{\"io.cdeploy.hash\":\"shown\"}}");
	const char *variable;

	(void)state;
	/* a letter of two bytes lies across the end of what is looked at */
	memset(at, 'x', (1u << 20) + 64);
	memcpy(at, "DSN=http://u:canary@h/", strlen("DSN=http://u:canary@h/"));
	memcpy(at + 4 + (1u << 20) - 1, "\xc3\xa9", 3);
	spec = json_pack("{s:{s:{s:[s]}}}", "TaskTemplate", "ContainerSpec", "Env", at);
	assert_non_null(spec);
	deploy_hide_from_view(spec);
	json_unpack(spec, "{s:{s:{s:[s]}}}", "TaskTemplate", "ContainerSpec", "Env", &variable);
	assert_string_equal("DSN=***", variable);
	/* without a secret the hash is none of one */
	deploy_hide_from_view(open);
	assert_string_equal("shown", json_string_value(json_object_get(
					     json_object_get(open, "Labels"), "io.cdeploy.hash")));
}

static void what_was_hidden_comes_back_whole_from_who_still_has_it(void **state)
{
	auto_json json_t *spec = parse(SECRETS), *other = parse(SECRETS);
	auto_strv struct strv known = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	strv_add(&known, "DB_PASSWORD=another");
	deploy_hide_known(&known, other);
	deploy_hide(spec, "salt");
	if (deploy_reveal(spec, "salt", &known, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(json_equal(spec, other));
}

static void a_value_that_nobody_has_is_refused_by_its_name(void **state)
{
	auto_json json_t *spec = parse(SECRETS), *other = parse(SECRETS);
	auto_strv struct strv known = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	deploy_hide_known(&known, other);
	for (size_t i = known.n; i-- > 0;)
		if (strstr(known.v[i], "canary2"))
			strv_remove(&known, i);
	deploy_hide(spec, "salt");
	assert_int_equal(-1, deploy_reveal(spec, "salt", &known, &e));
	assert_int_equal(ERR_FAILED, e.kind);
	assert_non_null(strstr(e.text, "variable 'DB_PASSWORD'"));
	assert_null(strstr(e.text, "canary"));
	assert_non_null(strstr(e.text, "no service here has it any more"));
	/* there is one of that name, as the user sees */
	strv_add(&known, "DB_PASSWORD=canary9");
	assert_int_equal(-1, deploy_reveal(spec, "salt", &known, &e));
	assert_non_null(strstr(e.text, "variable 'DB_PASSWORD'"));
	assert_non_null(strstr(e.text, "differs from it"));
	assert_null(strstr(e.text, "canary"));
	/* by another salt nothing is found */
	strv_add(&known, "DB_PASSWORD=canary2");
	assert_int_equal(-1, deploy_reveal(spec, "pepper", &known, &e));
}

static void equal_passwords_of_two_variables_do_not_look_equal(void **state)
{
	auto_json json_t *spec = parse("{\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":[\"A_KEY=x\","
				       "\"B_KEY=x\"]}}}");
	json_t *env = json_object_get(
		json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"), "Env");

	(void)state;
	deploy_hide(spec, "salt");
	assert_false(json_equal(json_object_get(json_array_get(env, 0), "sha256"),
				json_object_get(json_array_get(env, 1), "sha256")));
}

/* -- stacks ------------------------------------------------------------------------ */

static void make_stack(struct deploy_stack *s)
{
	struct deploy_service *web = mem_zalloc(2 * sizeof(*web)), *db = web + 1;
	struct deploy_network *n = mem_zalloc(sizeof(*n));

	*web = (struct deploy_service){ .name = mem_strdup("web"),
					.image = mem_strdup("r:5000/app:2"),
					.pinned_image = mem_strdup("r:5000/app:2@sha256:aa"),
					.has_replicas = true,
					.replicas = 2,
					.with_auth = true };
	strv_add(&web->env, "DB_PASSWORD=canary");
	strv_add(&web->networks, "shop");
	strv_add(&web->depends_on, "db");
	strv_add(&web->labels, "traefik.frontend.rule=Host:a.example");
	MEM_GROW(web->ports, web->nr_ports, web->cap_ports);
	web->ports[web->nr_ports++] = (struct deploy_port){ "tcp", 80, 8080, false };
	MEM_GROW(web->secrets, web->nr_secrets, web->cap_secrets);
	web->secrets[web->nr_secrets++] = (struct deploy_file){ .object = mem_strdup("shop_key-1"),
								.target = mem_strdup("key") };
	*db = (struct deploy_service){ .name = mem_strdup("db"), .image = mem_strdup("db:1") };
	*n = (struct deploy_network){ .name = mem_strdup("shop"), .attachable = true };
	strv_add(&n->driver_options, "encrypted=");
	strv_add(&n->labels, "api_token=canary");
	MEM_GROW(n->subnets, n->nr_subnets, n->cap_subnets);
	n->subnets[n->nr_subnets++] = (struct deploy_subnet){ .subnet = mem_strdup("10.1.0.0/24") };
	*s = (struct deploy_stack){ .name = mem_strdup("shop"),
				    .services = web,
				    .nr = 2,
				    .cap = 2,
				    .networks = n,
				    .nr_networks = 1,
				    .cap_networks = 1 };
	strv_add(&s->make_networks, "shop");
}

static void a_stack_goes_into_a_record_and_comes_back_as_the_same_specs(void **state)
{
	auto_stack struct deploy_stack s = { 0 }, back = { 0 };
	const struct deploy_owner first = { .project = "team/app", .commit = "c1", .revision = 1 };
	const struct deploy_owner now = { .project = "team/app", .commit = "c2", .revision = 2 };
	auto_strv struct strv known = STRV_INIT, images = STRV_INIT, objects = STRV_INIT;
	auto_json json_t *body = NULL;
	auto_free char *text = NULL;
	struct err e = ERR_INIT;

	(void)state;
	make_stack(&s);
	s.services[0].stays_failed = true; /* a wish of one run */
	body = deploy_stack_body(&s, &first, "salt");
	s.services[0].stays_failed = false;
	text = text_of(body);
	assert_null(strstr(text, "canary"));
	assert_null(strstr(text, "io.cdeploy."));
	strv_add(&known, "DB_PASSWORD=canary");
	if (deploy_stack_of_body(&back, body, &known, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(2, back.nr);
	for (size_t i = 0; i < back.nr; i++) {
		auto_json json_t *a = deploy_spec_json(&s.services[i], &now);
		auto_json json_t *b = deploy_spec_json(&back.services[i], &now);

		assert_true(json_equal(a, b));
		assert_int_equal(s.services[i].has_replicas, back.services[i].has_replicas);
	}
	assert_string_equal("r:5000/app:2@sha256:aa", back.services[0].image);
	assert_true(back.services[0].with_auth);
	assert_true(strv_has(&back.services[0].depends_on, "db"));
	assert_true(strv_has(&back.services[0].networks, "shop"));
	assert_true(strv_has(&back.services[0].labels, "traefik.frontend.rule=Host:a.example"));
	assert_int_equal(8080, back.services[0].ports[0].published);
	assert_string_equal("shop", back.name);
	assert_true(strv_has(&back.make_networks, "shop"));
	assert_true(back.networks[0].attachable);
	assert_true(strv_has(&back.networks[0].driver_options, "encrypted="));
	assert_int_equal(0, back.networks[0].labels.n);
	assert_string_equal("10.1.0.0/24", back.networks[0].subnets[0].subnet);
	assert_int_equal(1, back.nr_objects);
	assert_true(back.objects[0].is_secret && back.objects[0].is_external);
	assert_string_equal("shop_key-1", back.objects[0].name);
	deploy_body_images(&images, body);
	assert_string_equal("web=r:5000/app:2@sha256:aa", images.v[0]);
	deploy_body_objects(&objects, body);
	assert_int_equal(1, objects.n);
	assert_string_equal("secret shop_key-1", objects.v[0]);
	/* a failed one that is to stay as it is */
	back.services[0].stays_failed = true;
	json_decref(body);
	body = deploy_spec_json(&back.services[0], &now);
	assert_string_equal("pause",
			    json_string_value(json_object_get(json_object_get(body, "UpdateConfig"),
							      "FailureAction")));
}

static void a_body_that_is_not_ours_is_refused_with_words(void **state)
{
#define SPEC(name)                                                                                 \
	"{\"spec\":{\"Name\":\"" name                                                              \
	"\",\"Labels\":{},\"Mode\":{},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"a\"}}}}"
#define BODY(services) "{\"format\":1,\"salt\":\"s\",\"services\":[" services "]}"
	static const struct {
		const char *body, *words;
	} cases[] = {
		{ "[]", "not an object" },
		{ "{}", "record.format: missing" },
		{ "{\"format\":2}", "of another cdeploy" },
		{ "{\"format\":1,\"services\":[]}", "record.salt" },
		{ BODY(""), "there are none" },
		{ BODY("1"), "not an object" },
		{ BODY("{\"spec\":{\"Name\":7}}"), "spec.Name: not a string" },
		{ BODY(SPEC("")), "without a name" },
		{ BODY(SPEC("a") "," SPEC("a")), "service 'a' is there twice" },
		{ BODY("{\"spec\":{\"Name\":\"a\",\"TaskTemplate\":{\"ContainerSpec\":{}}}}"),
		  "ContainerSpec.Image: missing" },
		{ BODY("{\"spec\":{\"Name\":\"a\",\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":[7]}}}}"),
		  "neither a text nor the mark" },
		{ BODY("{\"spec\":{\"Name\":\"a\",\"Labels\":\"x\"}}"),
		  "neither a text nor the mark" },
		{ BODY("{\"spec\":{\"Name\":\"a\",\"Labels\":{\"x\":{\"sha256\":\"0\"}}}}"),
		  "the value of label 'x' is secret" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_json json_t *body = parse(cases[i].body);
		auto_stack struct deploy_stack s = { 0 };
		auto_strv struct strv known = STRV_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(-1, deploy_stack_of_body(&s, body, &known, &e));
		if (!strstr(e.text, cases[i].words))
			fail_msg("%s: %s", cases[i].body, e.text);
		assert_int_equal(0, s.nr);
	}
}

/* A label of somebody's in a record gives nobody else's service to him. */
static void labels_of_ours_in_a_record_count_for_nothing(void **state)
{
	auto_json json_t *body = parse(
		BODY("{\"spec\":{\"Name\":\"a\",\"Labels\":{\"io.cdeploy.project\":\"other\","
		     "\"io.cdeploy.scope\":\"x\",\"mine\":\"1\"},\"Mode\":{},\"TaskTemplate\":"
		     "{\"ContainerSpec\":{\"Image\":\"a\"}}}}"));
	const struct deploy_owner o = { .project = "team/app" };
	auto_stack struct deploy_stack s = { 0 };
	auto_strv struct strv known = STRV_INIT;
	auto_json json_t *spec = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, deploy_stack_of_body(&s, body, &known, &e));
	spec = deploy_spec_json(&s.services[0], &o);
	assert_string_equal("team/app", deploy_label(spec, DEPLOY_LABEL_PROJECT));
	assert_null(deploy_label(spec, DEPLOY_LABEL_SCOPE));
	assert_string_equal("1", deploy_label(spec, "mine"));
}

/* -- for people ---------------------------------------------------------------------- */

static void the_table_has_a_line_for_each_whatever_stands_in_it(void **state)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_json json_t *list = json_array();
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	auto_free char *words = NULL;

	(void)state;
	add_record(list, 1, "", "no JSON");
	add_record(
		list, 2,
		",\"io.cdeploy.time\":\"2026-01-02T03:04:05.678Z\",\"io.cdeploy.commit\":"
		"\"c0ffee1234567\",\"io.cdeploy.pipeline\":\"41\",\"io.cdeploy.user\":\"an\\nna\","
		"\"io.cdeploy.back-to\":\"1\"",
		BODY("{\"spec\":{\"Name\":\"web\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":"
		     "\"r/a:1@sha256:0123456789abcdef\"}}}}"));
	read_history(&h, list);
	deploy_history_text(&text, &h, &(struct deploy_running){ .now = &h.v[0] });
	assert_non_null(
		strstr(buf_str(&text), "\n2          2026-01-02T03:04:05Z   c0ffee12   41"));
	assert_non_null(strstr(buf_str(&text), "an?na   runs now, back to 1   web "
					       "r/a:1@sha256:0123456789ab\n1   "));
	assert_non_null(strstr(buf_str(&text), "cannot be read: record: not valid JSON"));
	words = deploy_record_words(&h.v[0]);
	assert_string_equal("revision 2 of 2026-01-02T03:04:05Z (commit c0ffee12, pipeline 41)",
			    words);
}

/* -- in the swarm ----------------------------------------------------------------------- */

struct world {
	struct http_script *s;
	struct fake_clock clock;
	struct recorder rec;
	struct op op;
	struct engine *eng;
	struct deploy_stack stack;
	struct deploy_owner owner;
	struct deploy_note note;
	char *by_name;
	bool stays_failed; /* it runs with --no-rollback */
	struct err e;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	char *name;

	w->op = (struct op){ .clock = fake_clock_init(&w->clock),
			     .progress = recorder_init(&w->rec) };
	w->owner = owner;
	w->owner.revision = 3;
	w->owner.commit = "c0ffee";
	w->owner.back_to = 1;
	w->note = (struct deploy_note){ .who = "anna@here" };
	name = deploy_history_name(&owner, 3);
	w->by_name = mem_printf(V141 "/configs/%s", name);
	free(name);
	make_stack(&w->stack);
	w->eng = scripted_engine_open(&w->s, &w->op);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	http_script_done(w->s);
	scripted_engine_close(w->s, w->eng);
	deploy_stack_release(&w->stack);
	recorder_release(&w->rec);
	free(w->by_name);
	free(w);
	return 0;
}

static int add(struct world *w)
{
	err_clear(&w->e);
	return deploy_history_add(&w->op, w->eng, &w->stack, &w->owner, &w->note, &w->e);
}

/* Owned by the caller. */
static char *labels_by(struct world *w, const char *who)
{
	char time[CLOCK_TEXT_MAX];

	clock_format(time, w->op.clock->wall_ns(w->op.clock));
	return mem_printf("\"Labels\":{\"io.cdeploy.project\":\"team/app\",\"io.cdeploy.scope\":"
			  "\"@staging\",\"io.cdeploy.commit\":\"c0ffee\",\"io.cdeploy.revision\":"
			  "\"3\",\"io.cdeploy.back-to\":\"1\",\"io.cdeploy.time\":\"%s\","
			  "\"io.cdeploy.user\":\"%s\"}",
			  time, who);
}

static void there_by(struct world *w, const char *who)
{
	auto_free char *labels = labels_by(w, who);
	auto_free char *text = mem_printf("{\"ID\":\"c3\",\"Version\":{\"Index\":7},\"Spec\":"
					  "{\"Name\":\"x\",%s}}",
					  labels);

	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 200, .answer = text);
}

static void a_record_is_a_config_with_who_and_when_and_without_secrets(void **state)
{
	struct world *w = *state;
	auto_free char *labels = labels_by(w, "anna@here");
	const struct http_seen *seen;

	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .status = 201,
		    .answer = "{\"ID\":\"c3\"}");
	if (add(w) < 0)
		fail_msg("%s", w->e.text);
	seen = http_script_seen(w->s, http_script_count(w->s) - 1);
	assert_non_null(strstr(buf_str(&seen->body), labels));

	auto_json json_t *body = parse(buf_str(&seen->body));
	auto_buf struct buf data = BUF_INIT(BUF_SMALL);

	assert_int_equal(0, base64_decode(&data, span_of_str(json_string_value(
							 json_object_get(body, "Data")))));
	assert_null(strstr(buf_str(&data), "canary"));
	assert_non_null(strstr(buf_str(&data), "r:5000/app:2@sha256:aa"));
}

static void a_lost_answer_is_looked_up_and_another_s_record_is_not_ours(void **state)
{
	struct world *w = *state;

	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .fail = ERR_UNAVAILABLE);
	there_by(w, "anna@here");
	assert_int_equal(0, add(w));
	/* lost on the way there */
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 404);
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .status = 409,
		    .answer = "{\"message\":\"already exists\"}");
	there_by(w, "bob@there");
	assert_int_equal(-1, add(w));
	assert_int_equal(ERR_FAILED, w->e.kind);
	assert_non_null(strstr(w->e.text, "is there already"));
}

static void a_stack_too_large_for_a_config_is_told_and_not_sent(void **state)
{
	struct world *w = *state;
	char *big = mem_alloc(CONFIG_OBJECT_MAX);

	memset(big, 'x', CONFIG_OBJECT_MAX - 1);
	big[1] = '=';
	big[CONFIG_OBJECT_MAX - 1] = '\0';
	strv_take(&w->stack.services[0].env, big);
	assert_int_equal(-1, add(w));
	assert_int_equal(ERR_INPUT, w->e.kind);
	assert_non_null(strstr(w->e.text, "more than the 999 KiB"));
}

static void the_oldest_go(void **state)
{
	struct world *w = *state;
	auto_deploy_history struct deploy_history h = { 0 };

	revisions_to(&h, 12);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/r1", .status = 204);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/r2", .status = 404);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/r3", .status = 204);
	deploy_history_cut(&w->op, w->eng, &h, 9);
	assert_int_equal(9, h.nr);
	assert_int_equal(4, h.v[8].revision);
	deploy_history_cut(&w->op, w->eng, &h, 9);
	assert_int_equal(9, h.nr);
}

static void one_that_cannot_be_removed_is_told(void **state)
{
	struct world *w = *state;
	auto_deploy_history struct deploy_history h = { 0 };

	revisions_to(&h, 10);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/r1", .status = 400,
		    .answer = "{\"message\":\"in use\"}");
	deploy_history_cut(&w->op, w->eng, &h, 9);
	assert_int_equal(10, h.nr);
	assert_non_null(strstr(recorder_text(&w->rec), "revision 1 stays in the history: "));
}

/* -- what runs ---------------------------------------------------------------------- */

/* One service with that image, as a record of the history. */
static void record_image(json_t *list, uint64_t revision, const char *image)
{
	struct deploy_service app = { .name = (char *)(uintptr_t) "app",
				      .image = (char *)(uintptr_t)image,
				      .has_replicas = true,
				      .replicas = 1 };
	const struct deploy_stack stack = { .services = &app, .nr = 1 };
	auto_json json_t *body = deploy_stack_body(&stack, &owner, "salt");
	auto_free char *data = json_dumps(body, JSON_COMPACT);

	add_record(list, revision, "", data);
}

/* It runs with that image, and with the label of that revision; so it is asked for `times` times. */
static void app_runs(struct world *w, struct engine_state *s, const char *image, uint64_t revision,
		     unsigned times)
{
	struct deploy_owner by = { .project = owner.project,
				   .scope = owner.scope,
				   .revision = revision };
	struct deploy_service app = { .name = (char *)(uintptr_t) "app",
				      .image = (char *)(uintptr_t)image,
				      .has_replicas = true,
				      .replicas = 1,
				      .stays_failed = w->stays_failed };
	json_t *spec = deploy_spec_json(&app, &by);
	auto_json json_t *o =
		json_pack("{s:s,s:{s:i},s:O}", "ID", "s1", "Version", "Index", 7, "Spec", spec);
	auto_free char *text = json_dumps(o, JSON_COMPACT), *list = mem_printf("[%s]", text);

	MEM_GROW(s->services, s->nr, s->cap);
	s->services[s->nr++] = (struct engine_service){ .id = mem_strdup("s1"),
							.name = mem_strdup("app"),
							.spec = spec };
	for (unsigned i = 0; i < times; i++)
		HTTP_EXPECT(w->s, .method = "GET",
			    .url = V141
			    "/services?status=true&filters=%7B%22name%22%3A%5B%22app%22%5D%7D",
			    .status = 200, .answer = list);
}

static void what_runs_is_told_by_what_it_is_and_not_by_its_labels(void **state)
{
	static const struct {
		const char *image;
		uint64_t label, now, was;
		unsigned questions;
		const char *changes;
	} cases[] = {
		{ "r/app:3", 3, 3, 0, 1, "" },
		/* docker service rollback; docker service update --image */
		{ "r/app:2", 2, 2, 3, 2, "service 'app': image" },
		{ "r/app:2", 3, 2, 3, 2, "service 'app': image" },
		{ "r/app:9", 3, 0, 3, 3, "service 'app': image" },
		/* a deploy that was cut short: nobody knows what it was to be */
		{ "r/app:9", 4, 0, 0, 0, "" },
	};
	struct world *w = *state;
	auto_json json_t *list = json_array();
	auto_deploy_history struct deploy_history h = { 0 };

	for (uint64_t n = 1; n <= 3; n++) {
		auto_free char *image = mem_printf("r/app:%u", (unsigned)n);

		record_image(list, n, image);
	}
	read_history(&h, list);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_running struct deploy_running r = { 0 };
		auto_engine_state struct engine_state s = { 0 };
		auto_free char *changes = NULL;

		app_runs(w, &s, cases[i].image, cases[i].label, cases[i].questions);
		if (deploy_history_look(&r, &w->op, w->eng, &h, &s, &owner, &w->e) < 0)
			fail_msg("%s", w->e.text);
		http_script_done(w->s);
		assert_int_equal(cases[i].now, r.now ? r.now->revision : 0);
		assert_int_equal(cases[i].was, r.was ? r.was->revision : 0);
		changes = strv_join(&r.changes, "; ");
		assert_ptr_equal(changes, strstr(changes, cases[i].changes));
	}
}

/* Revisions 1 and 2 are app alone, 3 has a worker as well. */
static void records_with_a_worker(json_t *list)
{
	struct deploy_service v[] = {
		{ .name = (char *)(uintptr_t) "app",
		  .image = (char *)(uintptr_t) "r/app:2",
		  .has_replicas = true,
		  .replicas = 1 },
		{ .name = (char *)(uintptr_t) "worker", .image = (char *)(uintptr_t) "r/worker:1" },
	};
	const struct deploy_stack stack = { .services = v, .nr = ARRAY_LEN(v) };
	auto_json json_t *body = deploy_stack_body(&stack, &owner, "salt");
	auto_free char *data = json_dumps(body, JSON_COMPACT);

	record_image(list, 1, "r/app:1");
	record_image(list, 2, "r/app:2");
	add_record(list, 3, "", data);
}

/* What answers to both names, and how often it is asked for. */
static void those_run(struct world *w, struct engine_state *s, const char *worker, unsigned times)
{
	struct deploy_service service = { .name = (char *)(uintptr_t) "worker",
					  .image = (char *)(uintptr_t)worker };
	const struct deploy_owner by = { .project = owner.project,
					 .scope = owner.scope,
					 .revision = 3 };
	auto_json json_t *list = json_array();
	auto_free char *text = NULL;

	app_runs(w, s, "r/app:2", 3, 0);
	if (worker) {
		MEM_GROW(s->services, s->nr, s->cap);
		s->services[s->nr++] =
			(struct engine_service){ .id = mem_strdup("s2"),
						 .name = mem_strdup("worker"),
						 .spec = deploy_spec_json(&service, &by) };
	}
	for (size_t i = 0; i < s->nr; i++)
		json_array_append_new(list, json_pack("{s:s,s:{s:i},s:O}", "ID", s->services[i].id,
						      "Version", "Index", 7, "Spec",
						      s->services[i].spec));
	text = json_dumps(list, JSON_COMPACT);
	HTTP_EXPECT(w->s, .method = "GET",
		    .url = V141 "/services?status=true&filters=%7B%22name%22%3A%5B%22app%22%2C"
				"%22worker%22%5D%7D",
		    .status = 200, .answer = text);
	for (unsigned i = 1; i < times; i++)
		HTTP_EXPECT(w->s, .method = "GET",
			    .url = V141
			    "/services?status=true&filters=%7B%22name%22%3A%5B%22app%22%5D%7D",
			    .status = 200, .answer = text);
}

static void a_deploy_that_was_to_stay_failed_runs_as_it_is_recorded(void **state)
{
	struct world *w = *state;
	auto_json json_t *list = json_array();
	auto_deploy_history struct deploy_history h = { 0 };
	auto_running struct deploy_running r = { 0 };
	auto_engine_state struct engine_state s = { 0 };

	record_image(list, 1, "r/app:1");
	read_history(&h, list);
	w->stays_failed = true;
	app_runs(w, &s, "r/app:1", 1, 1);
	if (deploy_history_look(&r, &w->op, w->eng, &h, &s, &owner, &w->e) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(0, r.changes.n);
	assert_ptr_equal(&h.v[0], r.now);
}

static void an_earlier_revision_does_not_run_beside_a_service_of_a_later_one(void **state)
{
	static const struct {
		const char *worker;
		uint64_t now, was;
		unsigned questions;
	} cases[] = {
		{ "r/worker:1", 3, 0, 1 },
		{ "r/worker:9", 0, 3, 1 },
		/* removed by hand */
		{ NULL, 2, 3, 2 },
	};
	struct world *w = *state;
	auto_json json_t *list = json_array();
	auto_deploy_history struct deploy_history h = { 0 };

	records_with_a_worker(list);
	read_history(&h, list);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_running struct deploy_running r = { 0 };
		auto_engine_state struct engine_state s = { 0 };

		those_run(w, &s, cases[i].worker, cases[i].questions);
		if (deploy_history_look(&r, &w->op, w->eng, &h, &s, &owner, &w->e) < 0)
			fail_msg("%s", w->e.text);
		http_script_done(w->s);
		assert_int_equal(cases[i].now, r.now ? r.now->revision : 0);
		assert_int_equal(cases[i].was, r.was ? r.was->revision : 0);
	}
}

static void what_was_changed_by_hand_is_marked_as_that(void **state)
{
	auto_deploy_history struct deploy_history h = { 0 };
	auto_buf struct buf text = BUF_INIT(BUF_SMALL), json = BUF_INIT(BUF_SMALL);
	auto_json json_t *o = NULL;

	(void)state;
	revisions_to(&h, 2);
	const struct deploy_running changed = { .was = &h.v[0] };

	deploy_history_text(&text, &h, &changed);
	assert_non_null(strstr(buf_str(&text), "changed by hand since"));
	assert_null(strstr(buf_str(&text), "runs now"));
	o = deploy_history_json(&h, &changed);
	json_write(&json, o, false);
	assert_non_null(strstr(buf_str(&json), "\"runs\":false,\"changed\":true"));
	assert_null(strstr(buf_str(&json), "\"runs\":true"));
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
#define W(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(records_are_the_owners_and_come_with_the_newest_first),
		T(a_name_fits_whatever_project_and_revision),
		T(numbers_go_up_from_records_and_from_what_runs),
		T(what_runs_is_the_newest_record_unless_a_later_deploy_was_not_recorded),
		T(a_rollback_goes_to_the_one_before_and_never_to_what_was_wrong),
		T(a_rollback_that_was_cut_short_goes_on_to_where_it_was_going),
		W(what_runs_is_told_by_what_it_is_and_not_by_its_labels),
		W(a_deploy_that_was_to_stay_failed_runs_as_it_is_recorded),
		W(an_earlier_revision_does_not_run_beside_a_service_of_a_later_one),
		T(what_was_changed_by_hand_is_marked_as_that),
		T(no_secret_value_is_in_a_record_and_all_else_is),
		T(people_see_what_is_around_a_secret),
		T(what_cannot_be_shown_in_part_is_hidden_whole),
		T(what_was_hidden_comes_back_whole_from_who_still_has_it),
		T(a_value_that_nobody_has_is_refused_by_its_name),
		T(equal_passwords_of_two_variables_do_not_look_equal),
		T(a_stack_goes_into_a_record_and_comes_back_as_the_same_specs),
		T(a_body_that_is_not_ours_is_refused_with_words),
		T(labels_of_ours_in_a_record_count_for_nothing),
		T(the_table_has_a_line_for_each_whatever_stands_in_it),
		W(a_record_is_a_config_with_who_and_when_and_without_secrets),
		W(a_lost_answer_is_looked_up_and_another_s_record_is_not_ours),
		W(a_stack_too_large_for_a_config_is_told_and_not_sent),
		W(the_oldest_go),
		W(one_that_cannot_be_removed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

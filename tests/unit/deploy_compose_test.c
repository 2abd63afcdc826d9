/*
 * Compose files to specs. testdata/compose holds examples, each NAME.yml with what comes out of it:
 *	NAME.json	the whole stack: ServiceSpecs, networks, secrets and configs
 *	NAME.warn	the warnings
 *	NAME.err	the error; then there is no NAME.json
 *	NAME.peer.json	what `docker stack deploy` of 20.10 posts for it (tests/tools/record_stack_deploy
 *			shop NAME.yml, run in testdata/compose)
 * GOLDEN=1 writes the first three anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/dialect.h"
#include "deploy/diff.h"
#include "deploy/spec_json.h"
#include "tests/fakes/example.h"

#define EXAMPLES "testdata/compose"

/* -- one reading ---------------------------------------------------------------------- */

struct world {
	struct deploy_stack stack;
	struct strv env, images, warnings;
	struct err e;
	char *said;
	int result;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	w->e = ERR_INIT;
	strv_add(&w->env, "VERSION=7");
	strv_add(&w->env, "TOKEN=s3cret");
	*state = w;
	return 0;
}

static void forget(struct world *w)
{
	deploy_stack_release(&w->stack);
	strv_release(&w->warnings);
	free(w->said);
	w->said = NULL;
	w->e = ERR_INIT;
}

static int teardown(void **state)
{
	struct world *w = *state;

	forget(w);
	strv_release(&w->env);
	strv_release(&w->images);
	free(w);
	return 0;
}

static int read_named(void *arg, struct buf *out, const char *path, struct err *e)
{
	auto_close int fd = fs_open_dir(EXAMPLES, e);

	(void)arg;
	return fd < 0 ? -1 : fs_read_file(fd, path, out, e);
}

static int read_as(struct world *w, enum deploy_dialect dialect, const char *name,
		   const struct span *texts, size_t nr)
{
	struct deploy_input files[4] = { 0 };
	const struct compose_input in = {
		.files = files, .nr = nr, .stack = "shop", .read_file = read_named
	};

	forget(w);
	for (size_t i = 0; i < nr; i++)
		files[i] = (struct deploy_input){
			.file = i ? "more.yml" : name,
			.text = texts[i],
			.env = &w->env,
			.images = &w->images,
		};
	w->result = deploy_stack_read(&w->stack, &w->said, &in, dialect, &w->warnings, &w->e);
	return w->result;
}

static struct deploy_service *read_two(struct world *w, const char *a, const char *b)
{
	const struct span texts[] = { span_of_str(a), span_of_str(b ? b : "") };

	if (read_as(w, DEPLOY_DIALECT_COMPOSE, "c.yml", texts, b ? 2 : 1) < 0)
		fail_msg("%s", w->e.text);
	return &w->stack.services[0];
}

static struct deploy_service *read_one(struct world *w, const char *keys)
{
	auto_free char *text = mem_printf("services:\n  app:\n    image: x\n%s", keys);

	return read_two(w, text, NULL);
}

/* The text after "c.yml:LINE:COLUMN: ". */
static void assert_refused(struct world *w, const char *text, const char *want)
{
	const struct span one = span_of_str(text);

	if (read_as(w, DEPLOY_DIALECT_COMPOSE, "c.yml", &one, 1) == 0)
		fail_msg("read without an error: %s", text);
	if (w->e.kind != ERR_INPUT && w->e.kind != ERR_ABSENT)
		fail_msg("kind %d: %s", w->e.kind, w->e.text);
	if (!strstr(w->e.text, want))
		fail_msg("'%s' is not in '%s'", want, w->e.text);
}

static void assert_key_refused(struct world *w, const char *key, const char *want)
{
	auto_free char *text = mem_printf("services:\n  app:\n    image: x\n    %s\n", key);

	assert_refused(w, text, want);
	assert_true(strncmp(w->e.text, "c.yml:", 6) == 0);
}

static void assert_list(const struct strv *list, const char *want)
{
	auto_free char *text = strv_join(list, "|");

	assert_string_equal(want, text);
}

/* -- examples ------------------------------------------------------------------------- */

static json_t *subnets_json(const struct deploy_network *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nr_subnets; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s*, s:s*}", "subnet", n->subnets[i].subnet,
						"gateway", n->subnets[i].gateway, "ip_range",
						n->subnets[i].ip_range));
	return list;
}

static json_t *network_json(const struct deploy_network *n)
{
	return json_pack("{s:s, s:s*, s:o, s:o, s:b, s:b, s:o, s:s*}", "name", n->name, "driver",
			 n->driver, "labels", json_from_strv(&n->labels), "options",
			 json_from_strv(&n->driver_options), "attachable", n->attachable,
			 "internal", n->internal, "subnets", subnets_json(n), "ipam driver",
			 n->ipam_driver);
}

static json_t *object_json(const struct deploy_object *o)
{
	return json_pack("{s:s, s:s, s:o, s:i, s:b, s:s*}", "kind",
			 o->is_secret ? "secret" : "config", "name", o->name, "labels",
			 json_from_strv(&o->labels), "size", (int)o->size, "external",
			 o->is_external, "template driver", o->template_driver);
}

static void render(struct buf *out, const struct deploy_stack *stack)
{
	auto_json json_t *all = json_object();
	json_t *services = json_array(), *networks = json_array(), *objects = json_array();
	const struct deploy_owner owner = { .project = "p" };
	auto_free char *text = NULL;

	for (size_t i = 0; i < stack->nr; i++)
		json_array_append_new(services, deploy_spec_json(&stack->services[i], &owner));
	for (size_t i = 0; i < stack->nr_networks; i++)
		json_array_append_new(networks, network_json(&stack->networks[i]));
	for (size_t i = 0; i < stack->nr_objects; i++)
		json_array_append_new(objects, object_json(&stack->objects[i]));
	json_object_set_new(all, "networks", networks);
	json_object_set_new(all, "objects", objects);
	json_object_set_new(all, "services", services);
	text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
	buf_addf(out, "%s\n", text);
}

static int check(struct world *w, int dirfd, const char *stem)
{
	auto_free char *yml = mem_printf("%s.yml", stem);
	auto_buf struct buf text = BUF_INIT(BUF_SMALL), warn = BUF_INIT(BUF_SMALL);
	auto_buf struct buf json = BUF_INIT(BUF_SMALL), err = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct span one;
	int bad;

	if (fs_read_file(dirfd, yml, &text, &e) < 0)
		fail_msg("%s", e.text);
	one = buf_span(&text);
	if (read_as(w, DEPLOY_DIALECT_AUTO, yml, &one, 1) < 0)
		buf_addf(&err, "%s\n", w->e.text);
	else
		render(&json, &w->stack);
	for (size_t i = 0; i < w->warnings.n; i++)
		buf_addf(&warn, "%s\n", w->warnings.v[i]);
	bad = example_compare(dirfd, EXAMPLES, stem, "json", buf_span(&json)) < 0;
	bad += example_compare(dirfd, EXAMPLES, stem, "warn", buf_span(&warn)) < 0;
	bad += example_compare(dirfd, EXAMPLES, stem, "err", buf_span(&err)) < 0;
	return bad;
}

static void every_example_gives_what_lies_beside_it(void **state)
{
	struct err e = ERR_INIT;
	auto_close int fd = fs_open_dir(EXAMPLES, &e);
	DIR *d = opendir(EXAMPLES);
	int seen = 0, bad = 0;

	assert_non_null(d);
	for (struct dirent *ent; (ent = readdir(d));) {
		struct span name = span_of_str(ent->d_name);
		auto_free char *stem = NULL;

		if (!span_ends(name, ".yml"))
			continue;
		stem = span_dup(span_head(name, name.n - 4));
		bad += check(*state, fd, stem);
		seen++;
	}
	closedir(d);
	assert_true(seen > 10);
	assert_int_equal(0, bad);
}

/* -- as docker does it ------------------------------------------------------------------ */

static json_t *load(const char *name)
{
	struct err e = ERR_INIT;
	auto_close int fd = fs_open_dir(EXAMPLES, &e);
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	if (fs_read_file(fd, name, &text, &e) < 0)
		fail_msg("%s", e.text);
	return json_loadb(buf_str(&text), text.len, 0, NULL);
}

static int by_target(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;

	return strcmp(json_string_value(json_object_get(json_object_get(*x, "File"), "Name")),
		      json_string_value(json_object_get(json_object_get(*y, "File"), "Name")));
}

static void even_out_files(json_t *list, const char *id, const char *name)
{
	json_t *sorted[8], *file;
	size_t i, n = 0;

	json_array_foreach(list, i, file)
	{
		json_object_del(file, id);
		json_object_del(file, name);
		sorted[n++] = json_incref(file);
	}
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_target);
	json_array_clear(list);
	for (i = 0; i < n; i++)
		json_array_append_new(list, sorted[i]);
}

/* What differs on purpose: our labels, hashes in names, an order that docker leaves to chance,
 * the safer default of an update. */
static void even_out(json_t *spec)
{
	json_t *labels = json_object_get(spec, "Labels"), *task, *container, *line;
	auto_strv struct strv env = STRV_INIT;
	const char *image;
	size_t i;

	task = json_object_get(spec, "TaskTemplate");
	container = json_object_get(task, "ContainerSpec");
	json_object_del(labels, "io.cdeploy.project");
	json_object_del(labels, "io.cdeploy.hash");
	json_array_foreach(json_object_get(container, "Env"), i, line)
		strv_add(&env, json_string_value(line));
	strv_sort(&env);
	if (env.n)
		json_object_set_new(container, "Env", json_from_strv(&env));
	image = json_string_value(json_object_get(container, "Image"));
	if (!strchr(strrchr(image, '/'), ':')) {
		auto_free char *full = mem_printf("%s:latest", image);

		json_object_set_new(container, "Image", json_string(full));
	}
	even_out_files(json_object_get(container, "Secrets"), "SecretID", "SecretName");
	even_out_files(json_object_get(container, "Configs"), "ConfigID", "ConfigName");
}

static json_t *service_of(const json_t *peer, const char *name)
{
	json_t *s;
	size_t i;

	json_array_foreach(json_object_get(peer, "services"), i, s)
	{
		if (strcmp(name, json_string_value(json_object_get(s, "Name"))) == 0)
			return json_incref(s);
	}
	fail_msg("no %s", name);
	return NULL;
}

static void assert_as_docker(const struct deploy_service *s, const json_t *peer)
{
	const struct deploy_owner owner = { .project = "p" };
	auto_json json_t *ours = deploy_spec_json(s, &owner), *theirs = service_of(peer, s->name);
	auto_json json_t *a = NULL, *b = NULL;
	auto_strv struct strv words = STRV_INIT;
	auto_free char *list = NULL;

	even_out(ours);
	even_out(theirs);
	if (!json_object_get(theirs, "UpdateConfig"))
		json_object_del(ours, "UpdateConfig");
	if (!json_object_get(theirs, "RollbackConfig"))
		json_object_del(ours, "RollbackConfig");
	a = deploy_spec_normal(ours);
	b = deploy_spec_normal(theirs);
	deploy_spec_diff(&words, a, b);
	list = strv_join(&words, ", ");
	if (!json_equal(a, b))
		fail_msg("%s differs in: %s", s->name, list);
}

static void services_are_what_docker_makes_of_them(void **state)
{
	struct world *w = *state;
	auto_json json_t *peer = load("peer-base.peer.json");
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct span one;

	assert_int_equal(0, read_named(NULL, &text, "peer-base.yml", &e));
	one = buf_span(&text);
	if (read_as(w, DEPLOY_DIALECT_AUTO, "peer-base.yml", &one, 1) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(3, w->stack.nr);
	for (size_t i = 0; i < w->stack.nr; i++)
		assert_as_docker(&w->stack.services[i], peer);
	assert_list(&w->stack.make_networks, "shop_front|shop_default");
}

/* -- variables ---------------------------------------------------------------------------- */

static void variables_have_their_forms_and_quotes_stay(void **state)
{
	struct deploy_service *s = read_one(
		*state, "    environment:\n"
			"      - A=${VERSION}-$VERSION-${NO:-d$VERSION}-${NO-}-${VERSION:+y}\n"
			"      - B=\"quoted\" \\n $$HOME $${X}\n"
			"    labels: {v: '${VERSION:?must}'}\n");

	assert_list(&s->env, "A=7-7-d7--y|B=\"quoted\" \\n $HOME ${X}");
	assert_string_equal("7", strv_env_get(&s->container_labels, "v"));
}

static void a_variable_that_is_not_set_is_told_or_required(void **state)
{
	struct world *w = *state;

	read_one(w, "    user: 'u${NOBODY}'\n");
	assert_list(&w->warnings, "c.yml:4: services.app.user: variable 'NOBODY' is not set, "
				  "nothing stands in its place");
	assert_key_refused(w, "user: ${NOBODY:?say who}", "variable 'NOBODY': say who");
	assert_key_refused(w, "user: ${NOBODY/x/y}", "not a form");
	assert_key_refused(w, "user: a$(id)", "for the character write '$$'");
}

/* -- environment --------------------------------------------------------------------------- */

static void files_of_variables_come_first_and_the_service_wins(void **state)
{
	struct deploy_service *s =
		read_one(*state, "    environment:\n      PORT: 1\n      TOKEN:\n"
				 "      GONE:\n    env_file: web.env\n");

	assert_list(&s->env, "FROM_FILE=1|PORT=1|TOKEN=s3cret|GONE");
	assert_key_refused(*state, "env_file: no.env", "no.env");
	read_one(*state, "    env_file: [{path: no.env, required: false}]\n");
}

/* -- several files ------------------------------------------------------------------------- */

static void a_later_file_says_more(void **state)
{
	struct world *w = *state;
	struct deploy_service *s = read_two(
		w,
		"services:\n  app:\n    image: x:1\n    command: [a, b]\n    environment: {A: 1, B: 1}\n"
		"    ports: ['80:80', '81:81']\n    volumes: ['v:/a', 'v:/b']\n    dns: [1.1.1.1]\n"
		"    deploy: {replicas: 1, labels: {a: 1}}\n    restart: always\nvolumes: {v: {}}\n",
		"services:\n  app:\n    image: x:2\n    command: [c]\n    environment: [B=2, C=2]\n"
		"    ports: ['80:8080']\n    volumes: ['/w:/b']\n    dns: 8.8.8.8\n"
		"    deploy: {replicas: 2, labels: {b: 2}}\n    restart: 'no'\n  two: {image: y}\n");

	assert_string_equal("x:2", s->image);
	assert_list(&s->args, "c");
	assert_list(&s->env, "A=1|B=2|C=2");
	assert_list(&s->dns, "1.1.1.1|8.8.8.8");
	assert_int_equal(2, s->nr_ports);
	assert_int_equal(8080, s->ports[0].target);
	assert_int_equal(2, s->nr_mounts);
	assert_string_equal("/w", s->mounts[1].source);
	assert_int_equal(2, s->replicas);
	assert_string_equal("1", strv_env_get(&s->labels, "a"));
	assert_string_equal("none", s->restart.condition);
	assert_int_equal(2, w->stack.nr);
}

static void an_error_names_the_file_it_is_in(void **state)
{
	struct world *w = *state;
	const struct span texts[] = { SPAN_LIT("services: {a: {image: x}}"),
				      SPAN_LIT("services:\n  a: {tty: 7}\n") };

	assert_int_equal(-1, read_as(w, DEPLOY_DIALECT_COMPOSE, "c.yml", texts, 2));
	assert_string_equal("more.yml:2:12: services.a.tty: must be true or false", w->e.text);
	assert_non_null(strstr(w->e.excerpt, "a: {tty: 7}"));
}

/* -- secrets and configs -------------------------------------------------------------------- */

static const char with_config[] = "services:\n  app: {image: x, configs: [c]}\n"
				  "configs: {c: {content: 'a=${VERSION}'}}\n";

static void other_data_is_another_object(void **state)
{
	struct world *w = *state;
	auto_free char *before = NULL;

	read_two(w, with_config, NULL);
	assert_int_equal(1, w->stack.nr_objects);
	assert_memory_equal("a=7", w->stack.objects[0].data, 3);
	assert_true(strncmp(w->stack.objects[0].name, "shop_c-", 7) == 0);
	assert_int_equal(7 + 12, strlen(w->stack.objects[0].name));
	before = mem_strdup(w->stack.objects[0].name);
	read_two(w, with_config, NULL);
	assert_string_equal(before, w->stack.objects[0].name);
	strv_env_set(&w->env, "VERSION", "8");
	read_two(w, with_config, NULL);
	assert_string_not_equal(before, w->stack.objects[0].name);
	assert_string_equal(w->stack.objects[0].name, w->stack.services[0].configs[0].object);
}

static void a_name_of_the_files_own_is_told_from_a_made_one(void **state)
{
	struct world *w = *state;

	read_two(w,
		 "services: {app: {image: x, configs: [c, d]}}\n"
		 "configs: {c: {content: a}, d: {content: a, name: all-share-it}}\n",
		 NULL);
	assert_int_equal(2, w->stack.nr_objects);
	assert_false(w->stack.objects[0].is_named);
	assert_true(w->stack.objects[1].is_named);
	assert_string_equal("all-share-it", w->stack.objects[1].name);
}

static void a_secret_comes_from_a_file_or_a_variable(void **state)
{
	struct world *w = *state;

	read_two(w,
		 "services: {app: {image: x, secrets: [t, out]}}\n"
		 "secrets: {t: {environment: TOKEN}, out: {external: true}, unused: {file: no}}\n",
		 NULL);
	assert_int_equal(2, w->stack.nr_objects);
	assert_memory_equal("s3cret", w->stack.objects[0].data, 6);
	assert_true(w->stack.objects[1].is_external);
	assert_string_equal("out", w->stack.objects[1].name);
	assert_string_equal("t", w->stack.services[0].secrets[0].target);
	assert_int_equal(0444, w->stack.services[0].secrets[0].mode);
}

static void secrets_and_configs_are_checked(void **state)
{
	struct world *w = *state;

	assert_key_refused(w, "secrets: [s]", "no secret 's' in the top-level secrets");
	assert_refused(w, "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {file: no.txt}}\n",
		       "no.txt");
	assert_refused(w, "services: {a: {image: x}}\nsecrets: {s: {content: x}}\n",
		       "a secret does not stand in the file");
	assert_refused(w, "services: {a: {image: x}}\nsecrets: {s: {}}\n",
		       "needs one of file, environment");
	assert_refused(w, "services: {a: {image: x}}\nconfigs: {s: {file: x, external: true}}\n",
		       "is external");
	assert_refused(w,
		       "services: {a: {image: x, secrets: [s]}}\n"
		       "secrets: {s: {environment: NOBODY}}\n",
		       "secret 's': variable 'NOBODY' is not set");
}

static void assert_size(struct world *w, const char *kind, size_t size, const char *want)
{
	auto_free char *text = mem_printf(
		"services: {a: {image: x, %s: [s]}}\n%s: {s: {environment: BIG}}\n", kind, kind);
	auto_free char *big = mem_printf("%0*d", (int)size, 0);

	strv_env_set(&w->env, "BIG", size ? big : "");
	if (want)
		assert_refused(w, text, want);
	else
		assert_int_equal(size, read_two(w, text, NULL) ? w->stack.objects[0].size : 0);
}

/* Refused by us before anything is made, and not by the engine in the middle. */
static void data_is_as_much_as_a_swarm_takes(void **state)
{
	struct world *w = *state;

	assert_size(w, "secrets", 0, "empty");
	assert_size(w, "secrets", 511999, NULL);
	assert_size(w, "secrets", 512000, "larger than the 511999 bytes that a swarm takes");
	assert_size(w, "configs", 1023999, NULL);
	assert_size(w, "configs", 1024000, "larger than the 1023999 bytes that a swarm takes");
}

static void a_mode_is_octal_as_people_write_it(void **state)
{
	struct world *w = *state;
	static const char *const modes[] = { "0440", "0o440", "288" };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		auto_free char *text =
			mem_printf("services: {a: {image: x, secrets: [{source: t, mode: %s}]}}\n"
				   "secrets: {t: {environment: TOKEN}}\n",
				   modes[i]);

		assert_int_equal(0440, read_two(w, text, NULL)->secrets[0].mode);
	}
}

/* Which of the two is meant, tools do not agree on. */
static void a_key_that_is_there_twice_is_refused(void **state)
{
	struct world *w = *state;

	assert_key_refused(w, "user: a\n    user: b",
			   "c.yml:5:5: 'user' is in this map already, on line 4");
	assert_refused(w, "services: {a: {image: x}, a: {image: y}}", "'a' is in this map already");
	/* what is merged in is not written twice */
	read_one(w, "    environment: {<<: {A: 1, B: 2}, A: 3}\n");
}

/* -- networks and volumes --------------------------------------------------------------------- */

static void a_network_of_one_node_is_refused(void **state)
{
	static const char *const drivers[] = { "bridge", "host", "none", "macvlan", "ipvlan" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(drivers); i++) {
		auto_free char *text = mem_printf("services: {a: {image: x}}\n"
						  "networks:\n  default:\n    driver: %s\n",
						  drivers[i]);

		assert_refused(w, text,
			       "c.yml:4:13: networks.default.driver: makes a network of one node");
	}
	read_two(w, "services: {a: {image: x}}\nnetworks: {default: {driver: weave}}\n", NULL);
	assert_string_equal("weave", w->stack.networks[0].driver);
}

static void only_networks_that_are_used_are_made(void **state)
{
	struct world *w = *state;
	struct deploy_service *s =
		read_two(w,
			 "services: {a: {image: x, networks: {front: {aliases: [www]}, host: }}}\n"
			 "networks:\n  front: {name: the-front, attachable: true}\n  back: {}\n"
			 "  host: {external: true}\n",
			 NULL);

	assert_list(&s->networks, "host|the-front");
	assert_list(&s->aliases, "the-front=www|the-front=a");
	assert_list(&w->stack.make_networks, "the-front");
	assert_true(deploy_stack_network(&w->stack, "the-front")->attachable);
	assert_string_equal("shop",
			    strv_env_get(&w->stack.networks[0].labels, DEPLOY_LABEL_NAMESPACE));
	assert_key_refused(w, "networks: [no]", "no network 'no' in the top-level networks");
}

static void volumes_are_named_by_the_stack_or_by_the_file(void **state)
{
	struct deploy_service *s = read_two(
		*state,
		"services: {a: {image: x, volumes: ['v:/a', 'n:/b', 'e:/c', '/h:/d:ro,rslave']}}\n"
		"volumes: {v: , n: {name: mine}, e: {external: true}}\n",
		NULL);

	assert_string_equal("shop_v", s->mounts[0].source);
	assert_string_equal("mine", s->mounts[1].source);
	assert_string_equal("e", s->mounts[2].source);
	assert_int_equal(0, s->mounts[2].volume_labels.n);
	assert_true(s->mounts[3].read_only);
	assert_string_equal("rslave", s->mounts[3].propagation);
}

static void tmpfs_is_memory_with_options(void **state)
{
	struct deploy_service *s =
		read_one(*state, "    tmpfs: ['/run', '/t:size=1m,mode=1777']\n");

	assert_int_equal(2, s->nr_mounts);
	assert_int_equal(DEPLOY_MOUNT_TMPFS, s->mounts[1].type);
	assert_int_equal(1 << 20, s->mounts[1].tmpfs_bytes);
	assert_int_equal(01777, s->mounts[1].tmpfs_mode);
}

/* -- order -------------------------------------------------------------------------------------- */

static void services_know_what_comes_first(void **state)
{
	struct world *w = *state;
	struct deploy_service *s = read_two(
		w,
		"services:\n  a: {image: x, depends_on: {b: {condition: service_healthy}}}\n"
		"  b: {image: x, depends_on: [c]}\n  c: {image: x}\n",
		NULL);

	assert_list(&s->depends_on, "shop_b");
	assert_refused(w,
		       "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}",
		       "depends_on leads back to where it begins");
	assert_key_refused(w, "depends_on: [z]", "no service 'z' in the file");
}

/* -- what is refused, what is told ------------------------------------------------------------------ */

static void wrong_values_are_errors_with_their_place(void **state)
{
	static const struct {
		const char *key, *want;
	} wrong[] = {
		{ "imagee: x", "unknown key; did you mean 'image'?" },
		{ "zzz: 1", "services.app.zzz: unknown key" },
		{ "command: {a: b}", "must be text, not a map" },
		{ "environment: -A=1", "a blank is needed behind the '-'" },
		{ "environment: {A: [b]}", "must be text, not a list" },
		{ "environment: [{A: b}]", "write - KEY=value" },
		{ "environment: ['A B=1']", "has a blank" },
		{ "ports: 80", "must be a list" },
		{ "ports: [{published: 80}]", "names no target" },
		{ "ports: ['127.0.0.1:80:80']", "every node's address" },
		{ "ports: ['99999:80']", "not a port number" },
		{ "ports: ['target=80']", "must be a port" },
		{ "volumes: ['v:/a']", "no volume 'v' in the top-level volumes" },
		{ "volumes: ['./a:/a']", "must begin with '/'" },
		{ "volumes: ['/a:b']", "begin with '/'" },
		{ "volumes: [{target: /a}]", "has no type" },
		{ "volumes: [{type: bind, source: /a, target: /b, tmpfs: {size: 1}}]",
		  "options of type tmpfs for one of type bind" },
		{ "healthcheck: {test: [curl]}", "list that begins with CMD" },
		{ "healthcheck: {interval: 10}", "has no unit" },
		{ "healthcheck: {retries: -1}", "a whole number" },
		{ "init: perhaps", "must be true or false" },
		{ "restart: sometimes", "must be no, always" },
		{ "restart: 'always:3'", "must be no, always" },
		{ "ulimits: {nofile: {soft: 1}}", "must be a number or {soft: N, hard: N}" },
		{ "ulimits: {nofile: {soft: 2, hard: 1}}", "soft is more than hard" },
		{ "extra_hosts: [db]", "must be HOST:ADDRESS" },
		{ "extends: {service: x}", "not supported" },
		{ "mem_limit: 1g", "deploy: {resources:" },
		{ "profiles: [a]", "not supported" },
		{ "deploy: {mode: many}", "is not one of replicated, global" },
		{ "deploy: {mode: global, replicas: 2}", "exclude each other" },
		{ "deploy: {replicas: x}", "a whole number" },
		{ "deploy: {endpoint_mode: dnsrr}\n    ports: ['80:80']", "endpoint_mode vip" },
		{ "deploy: {update_config: {order: up}}", "is not one of stop-first" },
		{ "deploy: {update_config: {max_failure_ratio: 2}}", "from 0 to 1" },
		{ "deploy: {rollback_config: {failure_action: rollback}}", "pause, continue" },
		{ "deploy: {restart_policy: {condition: always}}", "'always' is called any here" },
		{ "deploy: {restart_policy: {condition: never}}", "none, on-failure, any" },
		{ "deploy: {restart_policy: {dealy: 1s}}", "unknown key; did you mean 'delay'?" },
		{ "healthcheck: {tset: x}", "unknown key; did you mean 'test'?" },
		{ "deploy: {resources: {limits: {memory: 1k}}}", "minimum of 4 MiB" },
		{ "deploy: {resources: {limits: {cpus: lots}}}", "not a number of CPUs" },
		{ "deploy: {placement: {constraints: [node]}}", "must be 'name==value'" },
		{ "deploy: {labels: {io.cdeploy.hash: x}}", "cdeploy's own" },
		{ "networks: {default: {ipv4_address: 10.0.0.1}}", "get their addresses" },
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_key_refused(*state, wrong[i].key, wrong[i].want);
	assert_refused(*state, "services: {app: {build: .}}", "has no image: cbuild builds it");
	assert_refused(*state, "services: {a/b: {image: x}}", "cannot be a service's name");
	assert_refused(*state, "name: a b\nservices: {a: {image: x}}", "cannot be a stack's name");
	assert_refused(*state,
		       "services: {a: {image: x, ports: ['1:1']}, b: {image: x, ports: "
		       "['1:2']}}",
		       "another service publishes the same port");
	assert_refused(*state, "include: [x]\nservices: {a: {image: x}}", "several -f");
	assert_refused(*state, "name: x", "no services in it");
}

static void what_a_swarm_has_no_use_for_is_told(void **state)
{
	struct world *w = *state;

	read_one(w,
		 "    container_name: c\n    privileged: true\n    build: .\n    x-mine: {a: b}\n"
		 "    network_mode: host\n");
	assert_int_equal(4, w->warnings.n);
	assert_non_null(strstr(w->warnings.v[0], "container_name: ignored: the swarm names"));
	assert_non_null(strstr(w->warnings.v[1], "privileged: ignored: a service of a swarm"));
}

/* The paragraph of the manual that begins so. */
static struct span paragraph(struct buf *text, const char *begin)
{
	struct err e = ERR_INIT;
	auto_close int docs = fs_open_dir("docs", &e);
	const char *at, *end;

	if (fs_read_file(docs, "COMPOSE.md", text, &e) < 0)
		fail_msg("%s", e.text);
	at = strstr(buf_str(text), begin);
	assert_non_null(at);
	end = strstr(at, "\n\n");
	assert_non_null(end);
	return span_of(at, (size_t)(end - at));
}

/* Takes a word between backticks. */
static bool take_key(struct span *rest, char key[64])
{
	struct span before, quoted;

	if (!span_cut(*rest, '`', &before, rest) || !span_cut(*rest, '`', &quoted, rest))
		return false;
	snprintf(key, 64, SPAN_FMT, SPAN_ARG(quoted));
	return true;
}

static void what_the_manual_says_is_ignored_is_told(void **state)
{
	auto_buf struct buf text = BUF_INIT(1u << 20);
	struct span rest = paragraph(&text, "Warned about and ignored:");
	struct world *w = *state;
	size_t nr = 0;
	char key[64];

	for (; take_key(&rest, key); nr++) {
		auto_free char *want = mem_printf(".%s: ignored: ", key);
		const char *value = strcmp(key, "privileged") == 0 ? "true" : "x";
		char *dot = strchr(key, '.');
		auto_free char *keys = mem_printf("    %.*s: %s%s%s%s\n", (int)strcspn(key, "."),
						  key, dot ? "{" : "", dot ? dot + 1 : value,
						  dot ? ": x" : "", dot ? "}" : "");

		read_one(w, keys);
		if (w->warnings.n != 1 || !strstr(w->warnings.v[0], want))
			fail_msg("%s: %zu warnings, %s", key, w->warnings.n,
				 w->warnings.n ? w->warnings.v[0] : "");
	}
	assert_in_range(nr, 28, 60);
}

static void what_the_manual_says_is_refused_is_an_error(void **state)
{
	static const char *const cpu[] = { "cpu_quota", "cpu_period", "cpu_shares", "cpu_count",
					   "cpu_percent" };
	auto_buf struct buf text = BUF_INIT(1u << 20);
	struct span rest = paragraph(&text, "Refused (exit status 2");
	size_t nr = 0;
	char key[64];

	for (; take_key(&rest, key); nr++) {
		auto_free char *keys = mem_printf("%s: x", key);

		if (strcmp(key, "include") == 0)
			assert_refused(*state, "include: x\nservices: {a: {image: x}}",
				       "include: ");
		else if (strcmp(key, "cpu_*") != 0)
			assert_key_refused(*state, keys, key);
	}
	for (size_t i = 0; i < ARRAY_LEN(cpu); i++) {
		auto_free char *keys = mem_printf("%s: 1", cpu[i]);

		assert_key_refused(*state, keys, "belongs under deploy.resources");
	}
	assert_in_range(nr, 20, 60);
}

static void hints_for_kubernetes_are_carried_over_where_they_mean_something(void **state)
{
	struct deploy_service *s = read_one(
		*state, "    ports: ['80']\n    x-orcinus-controller: daemonset\n"
			"    x-orcinus-expose: headless\n    x-orcinus-node-selector: {d: s}\n");

	assert_int_equal(DEPLOY_GLOBAL, s->mode);
	assert_int_equal(0, s->nr_ports);
	assert_true(s->dns_rr);
	assert_list(&s->constraints, "node.labels.d==s");
	assert_key_refused(*state, "x-orcinus-vm: true", "a swarm runs containers");
}

static void images_of_the_pipeline_are_put_in(void **state)
{
	struct world *w = *state;

	strv_add(&w->images, "two=r.example/y:9");
	read_two(w, "services: {one: {image: x}, two: {image: y}}", NULL);
	assert_string_equal("x", w->stack.services[0].image);
	assert_string_equal("r.example/y:9", w->stack.services[1].image);
}

/* -- dialects --------------------------------------------------------------------------------------- */

static void assert_said(struct world *w, const char *name, const char *text, const char *want)
{
	const struct span one = span_of_str(text);

	if (read_as(w, DEPLOY_DIALECT_AUTO, name, &one, 1) < 0)
		fail_msg("%s", w->e.text);
	assert_string_equal(want, w->said);
}

#define COMPOSE_NAMES                                                                              \
	"; its services are called STACK_NAME, with --dialect legacy as orcinus called them"

static void the_dialect_shows_in_the_keys(void **state)
{
	assert_said(*state, "orcinus.yml", "stack: s\nservices: {a: {image: x, restart: always}}",
		    "orcinus.yml is read as legacy: 'stack' on line 1");
	assert_said(*state, "compose.yml", "services:\n  a:\n    image: x\n    cpu: 1\n",
		    "compose.yml is read as legacy: 'cpu' on line 4");
	assert_said(*state, "orcinus.yml", "services:\n  a: {image: x}\nnetworks: {n: {}}\n",
		    "orcinus.yml is read as compose: 'networks' on line 3" COMPOSE_NAMES);
	assert_said(*state, "orcinus.yml",
		    "services:\n  a:\n    image: x\n    deploy: {replicas: 1}",
		    "orcinus.yml is read as compose: 'deploy.replicas' on line 4" COMPOSE_NAMES);
	assert_said(*state, "d/compose.yml", "services:\n  a:\n    image: x\n    restart: always",
		    "d/compose.yml is read as compose: 'restart' on line 4");
	assert_said(*state, "orcinus.yml", "services: {a: {image: x}}",
		    "orcinus.yml is read as legacy: by its name");
	assert_said(*state, "d/docker-compose.yml", "services: {a: {image: x}}",
		    "d/docker-compose.yml is read as compose: by its name");
}

static void assert_refused_as(struct world *w, const char *name, const char *text)
{
	const struct span one = span_of_str(text);

	w->e = ERR_INIT;
	assert_int_equal(-1, read_as(w, DEPLOY_DIALECT_AUTO, name, &one, 1));
	assert_non_null(strstr(w->e.text, "this is a document of Kubernetes"));
}

static void kubernetes_is_refused_by_name(void **state)
{
	struct world *w = *state;
	const struct span one =
		SPAN_LIT("services: {a: {image: x}}\n---\napiVersion: v1\nkind: Pod\n");

	assert_int_equal(-1, read_as(w, DEPLOY_DIALECT_AUTO, "orcinus.yml", &one, 1));
	assert_string_equal("orcinus.yml:3: document 2 is one of Kubernetes (kind Pod); cdeploy "
			    "deploys to a swarm",
			    w->e.text);
	assert_refused_as(w, "pod.json", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}");
	assert_refused_as(w, "pod.yml", "---\n'apiVersion': v1\n'kind': Pod\n");
}

static void several_files_are_for_compose(void **state)
{
	struct world *w = *state;
	const struct span two[] = { SPAN_LIT("stack: s\nservices: {a: {image: x}}"),
				    SPAN_LIT("services: {b: {image: x}}") };

	assert_int_equal(-1, read_as(w, DEPLOY_DIALECT_AUTO, "orcinus.yml", two, 2));
	assert_non_null(strstr(w->e.text, "several -f are for compose files"));
}

static void a_stack_is_called_after_the_project(void **state)
{
	static const char *const names[][2] = { { "group/My App", "My-App" },
						{ "shop", "shop" },
						{ "a/.b..c.", "b-c" },
						{ "..", "" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *got = deploy_compose_stack_name(names[i][0]);

		assert_string_equal(names[i][1], got);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_example_gives_what_lies_beside_it),
		T(services_are_what_docker_makes_of_them),
		T(variables_have_their_forms_and_quotes_stay),
		T(a_variable_that_is_not_set_is_told_or_required),
		T(files_of_variables_come_first_and_the_service_wins),
		T(a_later_file_says_more),
		T(an_error_names_the_file_it_is_in),
		T(other_data_is_another_object),
		T(a_name_of_the_files_own_is_told_from_a_made_one),
		T(a_secret_comes_from_a_file_or_a_variable),
		T(secrets_and_configs_are_checked),
		T(data_is_as_much_as_a_swarm_takes),
		T(a_mode_is_octal_as_people_write_it),
		T(a_key_that_is_there_twice_is_refused),
		T(a_network_of_one_node_is_refused),
		T(only_networks_that_are_used_are_made),
		T(volumes_are_named_by_the_stack_or_by_the_file),
		T(tmpfs_is_memory_with_options),
		T(services_know_what_comes_first),
		T(wrong_values_are_errors_with_their_place),
		T(what_a_swarm_has_no_use_for_is_told),
		T(what_the_manual_says_is_ignored_is_told),
		T(what_the_manual_says_is_refused_is_an_error),
		T(hints_for_kubernetes_are_carried_over_where_they_mean_something),
		T(images_of_the_pipeline_are_put_in),
		T(the_dialect_shows_in_the_keys),
		T(kubernetes_is_refused_by_name),
		T(several_files_are_for_compose),
		T(a_stack_is_called_after_the_project),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

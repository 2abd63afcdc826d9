/*
 * The top of compose files. All files are gone through several times: names and top-level maps
 * first, so that a service may use what stands below it or in a later file; then the services'
 * env_files, then the rest; and at the end what only shows when all is read.
 */
#include "deploy/compose.h"

#include <ctype.h>

#include "base/mem.h"
#include "deploy/compose_part.h"
#include "deploy/ports.h"
#include "deploy/spec_json.h"

#define FILES_MAX    20
#define SERVICES_MAX 1000
#define PORTS_MAX    4096
#define NAME_LEN_MAX 63

static void release_tops(struct compose *c)
{
	for (size_t i = 0; i < c->nr_networks; i++) {
		/* the rest of it: as of a stack */
		struct deploy_stack one = { .networks = mem_zalloc(sizeof(*one.networks)),
					    .nr_networks = 1 };

		one.networks[0] = c->networks[i].net;
		deploy_stack_release(&one);
		free(c->networks[i].key);
	}
	for (size_t i = 0; i < c->nr_volumes; i++) {
		free(c->volumes[i].key);
		free(c->volumes[i].name);
		free(c->volumes[i].driver);
		strv_release(&c->volumes[i].driver_options);
		strv_release(&c->volumes[i].labels);
	}
	for (size_t i = 0; i < c->nr_objects; i++) {
		struct compose_object *o = &c->objects[i];

		free(o->key);
		free(o->name);
		free(o->file);
		free(o->variable);
		free(o->content);
		free(o->template_driver);
		strv_release(&o->labels);
	}
}

void compose_release(struct compose *c)
{
	release_tops(c);
	free(c->networks);
	free(c->volumes);
	free(c->objects);
	for (size_t i = 0; i < c->nr_services; i++)
		free(c->services[i].key);
	free(c->services);
	for (size_t i = 0; c->docs && i < c->in->nr; i++)
		deploy_yaml_free(c->docs[i]);
	free(c->docs);
	free(c->files);
	reader_release(&c->r);
	deploy_stack_release(&c->stack);
}
#define auto_compose CLEANUP(compose_release)

struct compose_service *compose_meta(struct compose *c, const struct deploy_service *s)
{
	return &c->services[s - c->stack.services];
}

/* -- names --------------------------------------------------------------------------------- */

char *deploy_compose_stack_name(const char *project)
{
	const char *slash = strrchr(project, '/');
	char *name = mem_strdup(slash ? slash + 1 : project), *to = name;

	for (const char *p = name; *p; p++) {
		bool fits = isalnum((unsigned char)*p) || *p == '-' || *p == '_';

		if (fits && (to > name || isalnum((unsigned char)*p)))
			*to++ = *p;
		else if (to > name && to[-1] != '-')
			*to++ = '-';
	}
	while (to > name && !isalnum((unsigned char)to[-1]))
		to--;
	*to = '\0';
	return name;
}

static int read_name(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	(void)arg;
	if (compose_text(&c->stack.name, c, v, path, e) < 0)
		return -1;
	if (!reader_is_name(c->stack.name))
		return reader_fail(&c->r, v, path, e,
				   "cannot be a stack's name: letters, digits, '-' and '_', a "
				   "letter or digit at both ends, at most %d",
				   NAME_LEN_MAX);
	return 0;
}

static int note_service(struct compose *c, size_t file, const struct yaml_pair *p, const char *path,
			struct err *e)
{
	struct deploy_stack *stack = &c->stack;

	for (size_t i = 0; i < c->nr_services; i++)
		if (strcmp(c->services[i].key, p->key->text) == 0)
			return 0;
	if (!reader_is_name(p->key->text))
		return reader_fail(&c->r, p->key, path, e,
				   "cannot be a service's name: letters, digits, '-' and '_', a "
				   "letter or digit at both ends, at most %d",
				   NAME_LEN_MAX);
	if (stack->nr == SERVICES_MAX)
		return reader_fail(&c->r, p->key, path, e, "more than %d services", SERVICES_MAX);
	MEM_GROW(c->services, c->nr_services, c->cap_services);
	c->services[c->nr_services++] = (struct compose_service){ .key = mem_strdup(p->key->text),
								  .file = file,
								  .at = p->key };
	MEM_GROW(stack->services, stack->nr, stack->cap);
	stack->services[stack->nr++] = (struct deploy_service){ .line = p->key->line,
								.replicas = 1,
								.init = DEPLOY_INIT_ENGINE };
	return 0;
}

static int note_services(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	if (reader_want(&c->r, v, YAML_MAP, path, "name: {image: …}", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_path(path, v->pairs[i].key->text);

		if (note_service(c, *(size_t *)arg, &v->pairs[i], at, e) < 0)
			return -1;
	}
	return 0;
}

/* -- the files ------------------------------------------------------------------------------- */

static int nothing(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		   struct err *e)
{
	(void)c;
	(void)arg;
	(void)v;
	(void)path;
	(void)e;
	return 0;
}

#define TOP_KEYS(name, services, networks, volumes, secrets, configs)                              \
	KEY_READ("name", name), KEY_READ("services", services), KEY_READ("networks", networks),    \
		KEY_READ("volumes", volumes), KEY_READ("secrets", secrets),                        \
		KEY_READ("configs", configs), KEY_READ("version", nothing),                        \
		KEY_REFUSED("include", "not supported; give several -f"),                          \
		KEY_REFUSED("models", "not supported")

/* The stack's name is part of all other names. */
static int read_names(struct compose *c, void *file, const struct yaml_value *root, struct err *e)
{
	static const struct compose_key keys[] = {
		TOP_KEYS(read_name, note_services, nothing, nothing, nothing, nothing),
	};

	return compose_keys(c, file, root, "", keys, ARRAY_LEN(keys), e);
}

static int read_tops(struct compose *c, void *file, const struct yaml_value *root, struct err *e)
{
	static const struct compose_key keys[] = {
		TOP_KEYS(nothing, nothing, compose_top_networks, compose_top_volumes,
			 compose_top_secrets, compose_top_configs),
	};

	return compose_keys(c, file, root, "", keys, ARRAY_LEN(keys), e);
}

static size_t service_index(const struct compose *c, const char *key)
{
	size_t i = 0;

	while (strcmp(c->services[i].key, key) != 0) /* all were noted */
		i++;
	return i;
}

static int read_env_files(struct compose *c, void *file, const struct yaml_value *root,
			  struct err *e)
{
	const struct yaml_value *services = yaml_map_get(root, "services");

	(void)file;
	for (size_t i = 0; services && i < services->nr; i++) {
		const struct yaml_pair *p = &services->pairs[i];
		const struct yaml_value *v = yaml_map_get(p->value, "env_file");
		auto_free char *at = reader_path("services", p->key->text);
		auto_free char *path = reader_path(at, "env_file");

		if (!yaml_is_null(v) &&
		    compose_service_env_file(c, &c->stack.services[service_index(c, p->key->text)],
					     v, path, e) < 0)
			return -1;
	}
	return 0;
}

static int read_services(struct compose *c, void *file, const struct yaml_value *root,
			 struct err *e)
{
	const struct yaml_value *services = yaml_map_get(root, "services");

	(void)file;
	for (size_t i = 0; services && i < services->nr; i++) {
		const struct yaml_pair *p = &services->pairs[i];
		auto_free char *at = reader_path("services", p->key->text);

		if (compose_service(c, service_index(c, p->key->text), p->value, at, e) < 0)
			return -1;
	}
	return 0;
}

static int each_file(struct compose *c,
		     int (*read)(struct compose *c, void *file, const struct yaml_value *root,
				 struct err *e),
		     struct err *e)
{
	for (size_t i = 0; i < c->in->nr; i++) {
		c->r.in = &c->files[i];
		if (read(c, &i, c->docs[i]->root, e) < 0)
			return -1;
	}
	return 0;
}

static int load(struct compose *c, struct err *e)
{
	c->docs = mem_zalloc(c->in->nr * sizeof(struct deploy_yaml *));
	for (size_t i = 0; i < c->in->nr; i++) {
		const struct deploy_input *f = &c->files[i];

		if (deploy_yaml_read(&c->docs[i], f->file, f->text, NULL, e) < 0)
			return -1;
		if (!c->docs[i]->root || c->docs[i]->root->kind != YAML_MAP)
			return err_set(e, ERR_INPUT, "%s: no services in it", f->file);
	}
	return 0;
}

/* -- when all is read -------------------------------------------------------------------------- */

static int fail_service(struct compose *c, size_t i, struct err *e, const char *why)
{
	auto_free char *path = reader_path("services", c->services[i].key);

	c->r.in = &c->files[c->services[i].file];
	return reader_fail(&c->r, c->services[i].at, path, e, "%s", why);
}

static int check_counts(struct compose *c, size_t i, struct err *e)
{
	const struct deploy_service *s = &c->stack.services[i];

	if (!s->image)
		return fail_service(
			c, i, e,
			c->services[i].has_build
				? "has no image: cbuild builds it, and 'image' says what "
				  "runs"
				: "has no image");
	if (s->has_replicas && (s->mode == DEPLOY_GLOBAL || s->mode == DEPLOY_GLOBAL_JOB))
		return fail_service(
			c, i, e,
			"replicas and a global mode exclude each other; a global service "
			"runs once on every node");
	if (s->dns_rr)
		for (size_t j = 0; j < s->nr_ports; j++)
			if (!s->ports[j].host_mode)
				return fail_service(c, i, e,
						    "ports need endpoint_mode vip, or mode host");
	return 0;
}

/* Labels of a service say which stack it is of; those of the containers do as well. */
static int finish_service(struct compose *c, size_t i, struct err *e)
{
	struct deploy_service *s = &c->stack.services[i];

	if (check_counts(c, i, e) < 0)
		return -1;
	s->name = compose_scoped(c, c->services[i].key);
	if (strlen(s->name) > NAME_LEN_MAX)
		return fail_service(c, i, e, "its name with the stack's is longer than 63");
	strv_env_set(&s->labels, DEPLOY_LABEL_NAMESPACE, c->stack.name);
	strv_env_set(&s->labels, "com.docker.stack.image", s->image);
	strv_env_set(&s->container_labels, DEPLOY_LABEL_NAMESPACE, c->stack.name);
	for (size_t j = 0; j < s->labels.n; j++)
		if (strncmp(s->labels.v[j], DEPLOY_LABEL_PREFIX, strlen(DEPLOY_LABEL_PREFIX)) == 0)
			return fail_service(c, i, e,
					    "labels that begin with io.cdeploy. are cdeploy's own");
	return 0;
}

/* 1: i is behind itself. Marks: 1 being looked at, 2 done. */
static bool is_circle(const struct compose *c, size_t i, unsigned char *marks)
{
	const struct strv *before = &c->stack.services[i].depends_on;

	if (marks[i])
		return marks[i] == 1;
	marks[i] = 1;
	for (size_t j = 0; j < before->n; j++)
		for (size_t k = 0; k < c->nr_services; k++)
			if (strcmp(c->stack.services[k].name, before->v[j]) == 0 &&
			    is_circle(c, k, marks))
				return true;
	marks[i] = 2;
	return false;
}

static int check_order(struct compose *c, struct err *e)
{
	for (size_t i = 0; i < c->nr_services; i++) {
		auto_free unsigned char *marks = mem_zalloc(c->nr_services);

		if (is_circle(c, i, marks))
			return fail_service(c, i, e, "depends_on leads back to where it begins");
	}
	return 0;
}

static bool same_port(const struct deploy_service *a, const struct deploy_service *b)
{
	for (size_t i = 0; i < a->nr_ports; i++)
		for (size_t j = 0; j < b->nr_ports; j++)
			if (!a->ports[i].host_mode && !b->ports[j].host_mode &&
			    deploy_port_collides(&a->ports[i], &b->ports[j]))
				return true;
	return false;
}

static int check_ports(struct compose *c, struct err *e)
{
	size_t nr = 0;

	for (size_t i = 0; i < c->stack.nr; i++) {
		nr += c->stack.services[i].nr_ports;
		if (nr > PORTS_MAX)
			return fail_service(c, i, e, "more than 4096 ports in all");
		for (size_t j = 0; j < i; j++)
			if (same_port(&c->stack.services[i], &c->stack.services[j]))
				return fail_service(c, i, e,
						    "another service publishes the same port");
	}
	return 0;
}

static int finish(struct compose *c, struct err *e)
{
	for (size_t i = 0; i < c->stack.nr; i++)
		if (finish_service(c, i, e) < 0)
			return -1;
	if (check_ports(c, e) < 0 || check_order(c, e) < 0 || compose_finish_networks(c, e) < 0)
		return -1;
	return reader_images_finish(&c->r, e);
}

/* -- the whole ------------------------------------------------------------------------------------ */

/* For --image SERVICE=REF: the services of all files. */
static int check_images(struct compose *c, struct err *e)
{
	struct yaml_value all = { .kind = YAML_MAP };
	struct yaml_value *keys = mem_zalloc((c->nr_services + 1) * sizeof(*keys));
	int r;

	for (size_t i = 0; i < c->nr_services; i++) {
		keys[i] = (struct yaml_value){ .kind = YAML_SCALAR, .text = c->services[i].key };
		MEM_GROW(all.pairs, all.nr, all.cap);
		all.pairs[all.nr++] = (struct yaml_pair){ &keys[i], &keys[i] };
	}
	r = reader_images_check(&c->r, &all, e);
	free(all.pairs);
	free(keys);
	return r;
}

static int read_all(struct compose *c, struct err *e)
{
	if (load(c, e) < 0 || each_file(c, read_names, e) < 0)
		return -1;
	c->r.in = &c->files[0];
	c->r.nr_services = c->nr_services;
	if (!c->nr_services)
		return err_set(e, ERR_INPUT, "%s: no services in it", c->files[0].file);
	if (!c->stack.name)
		c->stack.name = mem_strdup(c->in->stack);
	if (!c->stack.name || !reader_is_name(c->stack.name))
		return err_set(e, ERR_INPUT,
			       "%s: the stack has no name that a swarm takes; write name: … at the "
			       "top",
			       c->files[0].file);
	if (check_images(c, e) < 0 || each_file(c, read_tops, e) < 0 ||
	    each_file(c, read_env_files, e) < 0 || each_file(c, read_services, e) < 0)
		return -1;
	return finish(c, e);
}

int deploy_compose_read(struct deploy_stack *out, const struct compose_input *in,
			struct strv *warnings, struct err *e)
{
	auto_compose struct compose c = { .in = in };
	const struct deploy_input *first;

	if (in->nr > FILES_MAX)
		return err_set(e, ERR_INPUT, "more than %d files", FILES_MAX);
	c.files = mem_resize(NULL, in->nr, sizeof(*c.files));
	first = c.files;
	for (size_t i = 0; i < in->nr; i++) {
		c.files[i] = in->files[0];
		c.files[i].file = in->files[i].file;
		c.files[i].text = in->files[i].text;
		if (in->files[0].image_ref && !*in->files[0].image_ref) /* says nothing */
			c.files[i].image_ref = NULL;
	}
	c.r = (struct reader){ .in = first,
			       .warnings = warnings,
			       .is_strict = true,
			       .expand = { .env = first->env, .grammar = EXPAND_COMPOSE } };
	if (first->images && first->images->n)
		c.r.image_used = mem_zalloc(first->images->n * sizeof(*c.r.image_used));
	if (read_all(&c, e) < 0)
		return -1;
	*out = c.stack;
	c.stack = (struct deploy_stack){ 0 };
	return 0;
}

/*
 * The top of an orcinus.yml: the stack's name (a network that its services share,
 * no owner), the services in the file's order, and what only shows between
 * services. reader_*.c read what is below.
 */
#include "deploy/manifest.h"

#include "base/mem.h"
#include "deploy/ports.h"
#include "deploy/reader.h"
#include "deploy/yaml.h"

#define SERVICES_MAX 1000
#define PORTS_MAX    4096 /* of all services; each is compared with each */

#define auto_reader CLEANUP(reader_release)

static int read_stack(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	struct deploy_stack *stack = arg;

	if (reader_want(r, v, YAML_SCALAR, path, "it names the network the services share", e) <
		    0 ||
	    reader_text(&stack->name, r, v, path, e) < 0)
		return -1;
	if (!reader_is_name(stack->name))
		return reader_fail(
			r, v, path, e,
			"'%s' cannot be a network's name: letters, digits, '-' and '_', a "
			"letter or digit at both ends, at most 63",
			stack->name);
	r->stack = stack->name;
	return 0;
}

static int read_domain(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	(void)arg;
	return reader_text(&r->domain, r, v, path, e);
}

static int read_volumes(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	(void)arg;
	if (reader_want(r, v, YAML_MAP, path, "name: {type, source, target}", e) < 0)
		return -1;
	r->volumes = v;
	return 0;
}

/* Services need to know the volumes and the stack, wherever in the file these stand. */
static int note_services(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	(void)arg;
	if (reader_want(r, v, YAML_MAP, path, "name: {image: …}", e) < 0)
		return -1;
	if (v->nr > SERVICES_MAX)
		return reader_fail(r, v, path, e, "more than %d services", SERVICES_MAX);
	r->nr_services = v->nr;
	return 0;
}

static const struct reader_key top_keys[] = {
	{ .name = "stack", .read = read_stack, .null_too = true },
	{ .name = "services", .read = note_services },
	{ .name = "volumes", .read = read_volumes },
	{ .name = "domain", .read = read_domain, .is_api = true },
	READER_IGNORE("version", "the format has none"),
	READER_IGNORE("name", "a stack has the name that 'stack' says"),
	READER_IGNORE("networks", "the stack's own is made, others must exist"),
	READER_IGNORE("secrets", "only a compose file can define them"),
	READER_IGNORE("configs", "only a compose file can define them"),
};

/* The stack's network comes first, so that it is the one a service is found by. */
static void join_stack(struct deploy_stack *stack)
{
	if (!stack->name)
		return;
	strv_add(&stack->make_networks, stack->name);
	for (size_t i = 0; i < stack->nr; i++) {
		struct deploy_service *s = &stack->services[i];
		struct strv networks = STRV_INIT;

		strv_add(&networks, stack->name);
		for (size_t j = 0; j < s->networks.n; j++)
			if (strcmp(s->networks.v[j], stack->name) != 0)
				strv_add(&networks, s->networks.v[j]);
		strv_release(&s->networks);
		s->networks = networks;
	}
}

/* The engine gives a published port of the routing mesh to one service only. */
static int check_two(const struct deploy_service *a, const struct deploy_service *b,
		     const struct reader *r, const struct yaml_value *at, struct err *e)
{
	auto_free char *path = reader_path("services", b->name);

	for (size_t i = 0; i < a->nr_ports; i++) {
		for (size_t j = 0; j < b->nr_ports; j++) {
			const struct deploy_port *p = &a->ports[i], *q = &b->ports[j];

			if (p->host_mode || q->host_mode || !deploy_port_collides(p, q))
				continue;
			return reader_fail(r, at, path, e,
					   "port %u/%s is published by services.%s as well",
					   p->published, p->protocol, a->name);
		}
	}
	return 0;
}

static int check_ports(const struct deploy_stack *stack, const struct reader *r,
		       const struct yaml_value *services, struct err *e)
{
	for (size_t i = 0; i < stack->nr; i++)
		for (size_t j = 0; j < i; j++)
			if (check_two(&stack->services[j], &stack->services[i], r,
				      services->pairs[i].key, e) < 0)
				return -1;
	return 0;
}

static int read_services(struct deploy_stack *stack, struct reader *r,
			 const struct yaml_value *services, struct err *e)
{
	size_t nr_ports = 0;

	for (size_t i = 0; i < services->nr; i++) {
		MEM_GROW(stack->services, stack->nr, stack->cap);
		stack->services[stack->nr] = (struct deploy_service){ 0 };
		if (reader_service(&stack->services[stack->nr++], r, &services->pairs[i], e) < 0)
			return -1;
		nr_ports += stack->services[i].nr_ports;
		if (nr_ports > PORTS_MAX)
			return err_set(e, ERR_INPUT, "%s: more than %d ports", r->in->file,
				       PORTS_MAX);
	}
	return check_ports(stack, r, services, e);
}

/* orcinus never looked at depends_on, so files may name what they do not hold. */
static void check_dependencies(struct deploy_stack *stack, struct reader *r,
			       const struct yaml_value *services)
{
	for (size_t i = 0; i < stack->nr; i++) {
		struct deploy_service *s = &stack->services[i];
		const struct yaml_value *at = yaml_map_get(services->pairs[i].value, "depends_on");
		auto_free char *path = mem_printf("services.%s.depends_on", s->name);

		for (size_t j = s->depends_on.n; j-- > 0;) {
			if (yaml_map_get(services, s->depends_on.v[j]))
				continue;
			reader_warn(r, at, path, "ignored: the file has no service '%s'",
				    s->depends_on.v[j]);
			strv_remove(&s->depends_on, j);
		}
	}
}

static int no_services(const struct reader *r, const struct yaml_value *at, struct err *e)
{
	if (!at) /* nothing at all */
		return err_set(e, ERR_INPUT, "%s: no services in it", r->in->file);
	return reader_fail(r, at, "", e, "no services in it");
}

static int read_top(struct deploy_stack *stack, struct reader *r, const struct yaml_value *root,
		    struct err *e)
{
	const struct yaml_value *services = yaml_map_get(root, "services");

	if (!root)
		return no_services(r, root, e);
	if (reader_want(r, root, YAML_MAP, "", "the file begins with services:", e) < 0)
		return -1;
	if (reader_keys(r, stack, root, "", top_keys, ARRAY_LEN(top_keys), e) < 0)
		return -1;
	if (yaml_is_null(services) || !services->nr)
		return no_services(r, services ? services : root, e);
	if (reader_images_check(r, services, e) < 0 || read_services(stack, r, services, e) < 0 ||
	    reader_images_finish(r, e) < 0)
		return -1;
	join_stack(stack);
	reader_warn_unused_volumes(r);
	check_dependencies(stack, r, services);
	if (r->domain && !r->has_endpoint)
		reader_warn(r, yaml_map_get(root, "domain"), "domain",
			    "ignored: no service has an endpoint");
	return 0;
}

int deploy_manifest_read(struct deploy_stack *out, const struct deploy_input *in,
			 struct strv *warnings, struct err *e)
{
	auto_deploy_yaml struct deploy_yaml *doc = NULL;
	auto_stack struct deploy_stack stack = { 0 };
	struct deploy_input input = *in;
	auto_reader struct reader r = { .in = &input,
					.warnings = warnings,
					.expand = EXPAND_INIT(in->env) };

	/* as everywhere: a variable that is empty says nothing */
	if (input.image_ref && !*input.image_ref)
		input.image_ref = NULL;
	if (in->images && in->images->n)
		r.image_used = mem_zalloc(in->images->n * sizeof(*r.image_used));
	if (deploy_yaml_read(&doc, in->file, in->text, warnings, e) < 0 ||
	    read_top(&stack, &r, doc->root, e) < 0)
		return -1;
	*out = stack;
	stack = (struct deploy_stack){ 0 };
	return 0;
}

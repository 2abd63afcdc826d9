/*
 * What is written is read by later versions of this program as well; a body of a format that is not known is
 * refused rather than half understood.
 */
#include "deploy/history_stack.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/secret_name.h"
#include "deploy/history_hide.h"
#include "deploy/mask.h"
#include "deploy/spec_json.h"
#include "deploy/spec_part.h"

#define FORMAT 1

static const struct {
	const char *list, *name;
	bool is_secret;
} kinds[] = {
	{ "Secrets", "SecretName", true },
	{ "Configs", "ConfigName", false },
};

static json_t *container_of(const json_t *spec)
{
	return json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec");
}

/* Our labels are those of whoever deploys it. */
static void drop_our_labels(json_t *spec)
{
	json_t *labels = json_object_get(spec, "Labels"), *v;
	const char *key;
	void *next;

	json_object_foreach_safe(labels, next, key, v) if (strncmp(key, DEPLOY_LABEL_PREFIX,
								   strlen(DEPLOY_LABEL_PREFIX)) ==
							   0) json_object_del(labels, key);
}

/* -- writing ------------------------------------------------------------------ */

static json_t *spec_body(const struct deploy_service *s, const struct deploy_owner *o,
			 const char *salt)
{
	struct deploy_service plain = *s;
	json_t *spec;

	/* a wish of that one run (--no-rollback) */
	plain.stays_failed = false;
	spec = deploy_spec_json(&plain, o);
	drop_our_labels(spec);
	deploy_hide(spec, salt);
	return spec;
}

static json_t *service_body(const struct deploy_service *s, const struct deploy_owner *o,
			    const char *salt)
{
	json_t *body = json_object();

	spec_set(body, "spec", spec_body(s, o, salt));
	spec_set_list(body, "depends_on", &s->depends_on);
	spec_set_true(body, "auth", s->with_auth);
	return body;
}

/* Of a network no value can be found again: what sounds like a secret is not made again either. */
static json_t *options_body(const struct strv *map)
{
	json_t *all = spec_map(map), *v;
	const char *key;
	void *next;

	json_object_foreach_safe(all, next, key, v)
	{
		auto_free char *masked = mask_text(span_of_str(json_string_value(v)));

		if (names_secret(span_of_str(key)) || strcmp(masked, json_string_value(v)) != 0)
			json_object_del(all, key);
	}
	return all;
}

static json_t *subnets_body(const struct deploy_network *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nr_subnets; i++) {
		json_t *o = json_object();

		spec_set_text(o, "subnet", n->subnets[i].subnet);
		spec_set_text(o, "gateway", n->subnets[i].gateway);
		spec_set_text(o, "ip_range", n->subnets[i].ip_range);
		spec_append(list, o);
	}
	return list;
}

static json_t *network_body(const struct deploy_stack *s, const char *name)
{
	const struct deploy_network *n = deploy_stack_network(s, name);
	json_t *o = json_object();

	spec_set(o, "name", json_str(name));
	if (!n)
		return o;
	spec_set_text(o, "driver", n->driver);
	spec_set(o, "options", options_body(&n->driver_options));
	spec_set(o, "labels", options_body(&n->labels));
	spec_set_true(o, "attachable", n->attachable);
	spec_set_true(o, "internal", n->internal);
	spec_set_text(o, "ipam", n->ipam_driver);
	spec_set(o, "subnets", subnets_body(n));
	return o;
}

json_t *deploy_stack_body(const struct deploy_stack *s, const struct deploy_owner *o,
			  const char *salt)
{
	json_t *body = json_object(), *networks = json_array(), *services = json_array();

	for (size_t i = 0; i < s->make_networks.n; i++)
		spec_append(networks, network_body(s, s->make_networks.v[i]));
	for (size_t i = 0; i < s->nr; i++)
		spec_append(services, service_body(&s->services[i], o, salt));
	spec_set(body, "format", json_integer(FORMAT));
	spec_set(body, "salt", json_str(salt));
	spec_set_text(body, "stack", s->name);
	spec_set(body, "networks", networks);
	spec_set(body, "services", services);
	return body;
}

/* -- reading: networks ---------------------------------------------------------- */

static int dup_str(char **out, const json_t *o, const char *key, const char *path, struct err *e)
{
	const char *text;

	if (json_opt_str(&text, o, key, path, NULL, e) < 0)
		return -1;
	*out = mem_strdup(text);
	return 0;
}

static int read_subnets(struct deploy_network *n, const json_t *o, struct err *e)
{
	json_t *list, *v;
	size_t i;

	if (json_opt_arr(&list, o, "subnets", "network", e) < 0)
		return -1;
	json_array_foreach(list, i, v)
	{
		struct deploy_subnet *s;

		MEM_GROW(n->subnets, n->nr_subnets, n->cap_subnets);
		s = &n->subnets[n->nr_subnets++];
		*s = (struct deploy_subnet){ 0 };
		if (dup_str(&s->subnet, v, "subnet", "network.subnets", e) < 0 ||
		    dup_str(&s->gateway, v, "gateway", "network.subnets", e) < 0 ||
		    dup_str(&s->ip_range, v, "ip_range", "network.subnets", e) < 0)
			return -1;
	}
	return 0;
}

static int read_network(struct deploy_stack *s, const json_t *o, struct err *e)
{
	struct deploy_network *n;
	const char *name;

	if (json_get_str(&name, o, "name", "network", e) < 0)
		return -1;
	strv_add(&s->make_networks, name);
	MEM_GROW(s->networks, s->nr_networks, s->cap_networks);
	n = &s->networks[s->nr_networks++];
	*n = (struct deploy_network){ .name = mem_strdup(name) };
	if (dup_str(&n->driver, o, "driver", "network", e) < 0 ||
	    dup_str(&n->ipam_driver, o, "ipam", "network", e) < 0 ||
	    json_opt_map(&n->driver_options, o, "options", "network", e) < 0 ||
	    json_opt_map(&n->labels, o, "labels", "network", e) < 0 ||
	    json_opt_bool(&n->attachable, o, "attachable", "network", false, e) < 0 ||
	    json_opt_bool(&n->internal, o, "internal", "network", false, e) < 0)
		return -1;
	return read_subnets(n, o, e);
}

/* -- reading: services ---------------------------------------------------------- */

static int read_targets(struct deploy_service *s, const json_t *spec, struct err *e)
{
	json_t *list, *v;
	const char *target;
	size_t i;

	if (json_opt_arr(&list, json_object_get(spec, "TaskTemplate"), "Networks", "TaskTemplate",
			 e) < 0)
		return -1;
	json_array_foreach(list, i, v)
	{
		if (json_get_str(&target, v, "Target", "TaskTemplate.Networks", e) < 0)
			return -1;
		strv_add(&s->networks, target);
	}
	return 0;
}

/* For the link that --dotenv gives; what makes no sense is the engine's to refuse. */
static void read_ports(struct deploy_service *s, const json_t *spec)
{
	json_t *list = json_object_get(json_object_get(spec, "EndpointSpec"), "Ports"), *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		const char *protocol = json_string_value(json_object_get(v, "Protocol"));
		json_int_t published = json_integer_value(json_object_get(v, "PublishedPort"));
		struct deploy_port p = { 0 };

		if (published < 0 || published > UINT16_MAX)
			continue;
		p.published = (uint16_t)published;
		snprintf(p.protocol, sizeof(p.protocol), "%s", protocol ? protocol : "tcp");
		MEM_GROW(s->ports, s->nr_ports, s->cap_ports);
		s->ports[s->nr_ports++] = p;
	}
}

static void add_object(struct deploy_stack *s, const char *name, bool is_secret)
{
	for (size_t i = 0; i < s->nr_objects; i++)
		if (s->objects[i].is_secret == is_secret && strcmp(s->objects[i].name, name) == 0)
			return;
	MEM_GROW(s->objects, s->nr_objects, s->cap_objects);
	s->objects[s->nr_objects++] = (struct deploy_object){ .is_secret = is_secret,
							      .name = mem_strdup(name),
							      .is_external = true };
}

/* Their data is not known here: they must be there. */
static int read_objects(struct deploy_stack *s, const json_t *spec, struct err *e)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		json_t *list, *v;
		const char *name;
		size_t i;

		if (json_opt_arr(&list, container_of(spec), kinds[k].list, "ContainerSpec", e) < 0)
			return -1;
		json_array_foreach(list, i, v)
		{
			if (json_get_str(&name, v, kinds[k].name, kinds[k].list, e) < 0)
				return -1;
			add_object(s, name, kinds[k].is_secret);
		}
	}
	return 0;
}

static int check_name(const struct deploy_stack *s, const char *name, struct err *e)
{
	if (!*name)
		return err_set(e, ERR_CORRUPT, "a service without a name");
	for (size_t i = 0; i < s->nr; i++)
		if (strcmp(s->services[i].name, name) == 0)
			return err_set(e, ERR_CORRUPT, "service '%s' is there twice", name);
	return 0;
}

/* spec: with its values, ours from here on. */
static int read_spec(struct deploy_service *out, json_t *spec, struct err *e)
{
	json_t *task, *container, *mode, *labels, *replicated;
	const char *image;

	drop_our_labels(spec);
	if (json_get_obj(&task, spec, "TaskTemplate", "spec", e) < 0 ||
	    json_get_obj(&container, task, "ContainerSpec", "spec.TaskTemplate", e) < 0 ||
	    json_get_str(&image, container, "Image", "ContainerSpec", e) < 0 ||
	    json_get_obj(&mode, spec, "Mode", "spec", e) < 0 ||
	    json_opt_obj(&replicated, mode, "Replicated", "spec.Mode", e) < 0 ||
	    json_get_obj(&labels, spec, "Labels", "spec", e) < 0 ||
	    json_opt_map(&out->labels, spec, "Labels", "spec", e) < 0 ||
	    read_targets(out, spec, e) < 0)
		return -1;
	out->image = mem_strdup(image);
	out->has_replicas = json_object_get(replicated, "Replicas") != NULL;
	out->recorded = json_incref(spec);
	read_ports(out, spec);
	return 0;
}

static int read_service(struct deploy_stack *s, const json_t *o, const char *salt,
			const struct strv *known, struct err *e)
{
	auto_json json_t *copy = json_deep_copy(o);
	struct deploy_service *out;
	const char *name;
	json_t *spec;

	if (json_get_obj(&spec, copy, "spec", "service", e) < 0 ||
	    json_get_str(&name, spec, "Name", "spec", e) < 0 || check_name(s, name, e) < 0)
		return -1;
	MEM_GROW(s->services, s->nr, s->cap);
	out = &s->services[s->nr++];
	*out = (struct deploy_service){ .name = mem_strdup(name) };
	if (deploy_reveal(spec, salt, known, e) < 0 || read_spec(out, spec, e) < 0 ||
	    read_objects(s, spec, e) < 0 ||
	    json_opt_strv(&out->depends_on, copy, "depends_on", "service", e) < 0 ||
	    json_opt_bool(&out->with_auth, copy, "auth", "service", false, e) < 0)
		return err_wrap(e, "service '%s'", name);
	return 0;
}

/* -- the whole ------------------------------------------------------------------ */

static int read_body(struct deploy_stack *s, const json_t *body, const struct strv *known,
		     struct err *e)
{
	json_t *networks, *services, *v;
	const char *salt, *name;
	uint64_t format;
	size_t i;

	if (json_get_u64(&format, body, "format", "record", e) < 0)
		return -1;
	if (format != FORMAT)
		return err_set(e, ERR_CORRUPT, "record.format: %llu is of another cdeploy",
			       (unsigned long long)format);
	if (json_get_str(&salt, body, "salt", "record", e) < 0 ||
	    json_opt_str(&name, body, "stack", "record", NULL, e) < 0 ||
	    json_opt_arr(&networks, body, "networks", "record", e) < 0 ||
	    json_get_arr(&services, body, "services", "record", e) < 0)
		return -1;
	s->name = mem_strdup(name);
	json_array_foreach(networks, i, v) if (read_network(s, v, e) < 0) return -1;
	json_array_foreach(services, i, v) if (read_service(s, v, salt, known, e) < 0) return -1;
	return s->nr ? 0 : err_set(e, ERR_CORRUPT, "record.services: there are none");
}

int deploy_stack_of_body(struct deploy_stack *out, const json_t *body, const struct strv *known,
			 struct err *e)
{
	auto_stack struct deploy_stack s = { 0 };

	if (read_body(&s, body, known, e) < 0)
		return -1;
	*out = s;
	s = (struct deploy_stack){ 0 };
	return 0;
}

/* -- looking ------------------------------------------------------------------- */

void deploy_body_images(struct strv *out, const json_t *body)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(body, "services"), i, v)
	{
		const json_t *spec = json_object_get(v, "spec");
		const char *name = json_string_value(json_object_get(spec, "Name"));
		const char *image = json_string_value(json_object_get(container_of(spec), "Image"));

		if (name && image)
			strv_addf(out, "%s=%s", name, image);
	}
}

bool deploy_body_has(const json_t *body, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(body, "services"), i, v)
	{
		const json_t *spec = json_object_get(v, "spec");
		const char *its = json_string_value(json_object_get(spec, "Name"));

		if (its && strcmp(its, name) == 0)
			return true;
	}
	return false;
}

void deploy_body_objects(struct strv *out, const json_t *body)
{
	json_t *v, *ref;
	size_t i, j;

	json_array_foreach(json_object_get(body, "services"), i, v)
	{
		const json_t *container = container_of(json_object_get(v, "spec"));

		for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
			json_array_foreach(json_object_get(container, kinds[k].list), j, ref)
			{
				const char *name =
					json_string_value(json_object_get(ref, kinds[k].name));

				if (name)
					strv_addf(out, "%s %s",
						  kinds[k].is_secret ? "secret" : "config", name);
			}
	}
}

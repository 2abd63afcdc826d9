/*
 * Networks of a compose file. Those of the top-level map that a service uses are made, as
 * STACK_name; "default" is every service's that names none. A service is found under its short
 * name on each of its networks.
 */
#include "base/mem.h"
#include "deploy/compose_part.h"

static struct compose_network *find_network(struct compose *c, const char *key)
{
	for (size_t i = 0; i < c->nr_networks; i++)
		if (strcmp(c->networks[i].key, key) == 0)
			return &c->networks[i];
	return NULL;
}

static struct compose_network *add_network(struct compose *c, const char *key)
{
	struct compose_network *n = find_network(c, key);

	if (n)
		return n;
	MEM_GROW(c->networks, c->nr_networks, c->cap_networks);
	n = &c->networks[c->nr_networks++];
	*n = (struct compose_network){ .key = mem_strdup(key) };
	return n;
}

/* -- the top-level map ----------------------------------------------------------------- */

static const struct compose_key subnet_keys[] = {
	KEY_TEXT("subnet", struct deploy_subnet, subnet),
	KEY_TEXT("gateway", struct deploy_subnet, gateway),
	KEY_TEXT("ip_range", struct deploy_subnet, ip_range),
	KEY_REFUSED("aux_addresses", "a swarm's network has none"),
};

static int read_subnets(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	struct deploy_network *n = arg;

	if (reader_want(&c->r, v, YAML_LIST, path, "write - subnet: 10.0.0.0/24", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i);

		MEM_GROW(n->subnets, n->nr_subnets, n->cap_subnets);
		n->subnets[n->nr_subnets] = (struct deploy_subnet){ 0 };
		if (compose_keys(c, &n->subnets[n->nr_subnets++], v->items[i], at, subnet_keys,
				 ARRAY_LEN(subnet_keys), e) < 0)
			return -1;
		if (!n->subnets[n->nr_subnets - 1].subnet)
			return reader_fail(&c->r, v->items[i], at, e, "has no subnet");
	}
	return 0;
}

static int read_ipam(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_TEXT("driver", struct deploy_network, ipam_driver),
		KEY_READ("config", read_subnets),
		KEY_IGNORED("options", "the engine's own are taken"),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_network_external(struct compose *c, void *arg, const struct yaml_value *v,
				 const char *path, struct err *e)
{
	struct deploy_network *net = arg;
	struct compose_network *n =
		(struct compose_network *)((char *)net - offsetof(struct compose_network, net));

	return compose_external(&n->is_external, &net->name, c, v, path, e);
}

/* Files for one machine have these. The engine would make such a network, on one node, and no service could join it. */
static int read_network_driver(struct compose *c, void *arg, const struct yaml_value *v,
			       const char *path, struct err *e)
{
	static const char *const of_a_node[] = { "bridge", "host",    "none",
						 "null",   "macvlan", "ipvlan" };
	struct deploy_network *net = arg;

	if (compose_text(&net->driver, c, v, path, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(of_a_node); i++)
		if (strcmp(net->driver, of_a_node[i]) == 0)
			return reader_fail(&c->r, v, path, e,
					   "makes a network of one node; leave it out, and it is "
					   "an overlay, which is one of the swarm");
	return 0;
}

static const struct compose_key network_keys[] = {
	KEY_TEXT("name", struct deploy_network, name),
	KEY_READ("driver", read_network_driver),
	KEY_MAP("driver_opts", struct deploy_network, driver_options),
	KEY_MAP("labels", struct deploy_network, labels),
	KEY_BOOL("attachable", struct deploy_network, attachable),
	KEY_BOOL("internal", struct deploy_network, internal),
	KEY_READ("ipam", read_ipam),
	KEY_READ("external", read_network_external),
	KEY_REFUSED("enable_ipv6", "overlay networks of a swarm have no IPv6"),
	KEY_IGNORED("enable_ipv4", "overlay networks of a swarm always have IPv4"),
};

int compose_top_networks(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	(void)arg;
	if (reader_want(&c->r, v, YAML_MAP, path, "name: {driver: overlay}", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text);
		struct compose_network *n = add_network(c, p->key->text);

		if (!yaml_is_null(p->value) && compose_keys(c, &n->net, p->value, at, network_keys,
							    ARRAY_LEN(network_keys), e) < 0)
			return -1;
		if (n->net.name && !*n->net.name)
			return reader_fail(&c->r, p->key, at, e, "has an empty name");
	}
	return 0;
}

/* -- of a service ---------------------------------------------------------------------- */

/* What the swarm calls it. */
static const char *network_name(struct compose *c, struct compose_network *n)
{
	if (!n->net.name)
		n->net.name = n->is_external ? mem_strdup(n->key) : compose_scoped(c, n->key);
	return n->net.name;
}

static void add_alias(struct deploy_service *s, const char *network, const char *alias)
{
	auto_free char *line = mem_printf("%s=%s", network, alias);

	if (!strv_has(&s->aliases, line))
		strv_add(&s->aliases, line);
}

/* The engine's own are used by their names, on which nobody has another one. */
static bool is_builtin(const char *name)
{
	return !strcmp(name, "host") || !strcmp(name, "none") || !strcmp(name, "bridge");
}

static void join(struct compose *c, struct deploy_service *s, struct compose_network *n,
		 const struct strv *aliases)
{
	const char *name = network_name(c, n);

	n->is_used = true;
	if (!strv_has(&s->networks, name))
		strv_add(&s->networks, name);
	if (n->is_external && is_builtin(name))
		return;
	for (size_t i = 0; i < aliases->n; i++)
		add_alias(s, name, aliases->v[i]);
}

static int join_by_key(struct compose *c, struct deploy_service *s, const char *key,
		       const struct strv *aliases, const struct yaml_value *at, const char *path,
		       struct err *e)
{
	struct compose_network *n =
		strcmp(key, "default") == 0 ? add_network(c, key) : find_network(c, key);

	if (!n)
		return reader_fail(&c->r, at, path, e, "no network '%s' in the top-level networks",
				   key);
	join(c, s, n, aliases);
	return 0;
}

struct attachment {
	struct strv aliases;
};

static int join_with(struct compose *c, struct deploy_service *s, const struct yaml_pair *p,
		     const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_LIST("aliases", struct attachment, aliases),
		KEY_REFUSED("ipv4_address", "tasks of a swarm get their addresses from it"),
		KEY_REFUSED("ipv6_address", "tasks of a swarm get their addresses from it"),
		KEY_REFUSED("link_local_ips", "tasks of a swarm get their addresses from it"),
		KEY_REFUSED("driver_opts", "not supported by network and service"),
		KEY_REFUSED("mac_address", "tasks of a swarm get theirs from it"),
		KEY_IGNORED("priority", "a swarm knows no order of networks"),
		KEY_IGNORED("gw_priority", "a swarm knows no order of networks"),
		KEY_IGNORED("interface_name", "the engine names interfaces"),
	};
	struct attachment a = { 0 };
	int r = 0;

	if (!yaml_is_null(p->value))
		r = compose_keys(c, &a, p->value, path, keys, ARRAY_LEN(keys), e);
	if (r == 0)
		r = join_by_key(c, s, p->key->text, &a.aliases, p->key, path, e);
	strv_release(&a.aliases);
	return r;
}

int compose_service_networks(struct compose *c, void *arg, const struct yaml_value *v,
			     const char *path, struct err *e)
{
	const struct strv no_aliases = { 0 };

	for (size_t i = 0; v->kind == YAML_MAP && i < v->nr; i++) {
		auto_free char *at = reader_path(path, v->pairs[i].key->text);

		if (join_with(c, arg, &v->pairs[i], at, e) < 0)
			return -1;
	}
	if (v->kind == YAML_MAP)
		return 0;
	if (reader_want(&c->r, v, YAML_LIST, path, "write - NAME", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i), *key = NULL;

		if (compose_text(&key, c, v->items[i], at, e) < 0 ||
		    join_by_key(c, arg, key, &no_aliases, v->items[i], at, e) < 0)
			return -1;
	}
	return 0;
}

/* -- when all is read -------------------------------------------------------------------- */

static void move_network(struct deploy_stack *stack, struct compose *c, struct compose_network *n)
{
	strv_add(&stack->make_networks, n->net.name);
	strv_env_set(&n->net.labels, DEPLOY_LABEL_NAMESPACE, c->stack.name);
	MEM_GROW(stack->networks, stack->nr_networks, stack->cap_networks);
	stack->networks[stack->nr_networks++] = n->net;
	n->net = (struct deploy_network){ 0 };
}

static void finish_service(struct compose *c, struct deploy_service *s, const char *key)
{
	const struct strv no_aliases = { 0 };

	if (!s->networks.n)
		join(c, s, add_network(c, "default"), &no_aliases);
	strv_sort(&s->networks); /* the engine compares them in order, and a map has none */
	for (size_t i = 0; i < c->nr_networks; i++) {
		struct compose_network *n = &c->networks[i];
		const char *name = network_name(c, n);

		if (strv_has(&s->networks, name) && !(n->is_external && is_builtin(name)))
			add_alias(s, name, key);
	}
}

int compose_finish_networks(struct compose *c, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < c->stack.nr; i++)
		finish_service(c, &c->stack.services[i], c->services[i].key);
	for (size_t i = 0; i < c->nr_networks; i++) {
		struct compose_network *n = &c->networks[i];

		if (n->is_used && !n->is_external)
			move_network(&c->stack, c, n);
	}
	return 0;
}

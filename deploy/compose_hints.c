/*
 * x-orcinus-…, which the Kubernetes orcinus reads: what has a plain meaning for a swarm is
 * carried over, what only Kubernetes has is told, and what would deploy in another way than the
 * file says is an error.
 */
#include "base/mem.h"
#include "deploy/compose_part.h"

static int hint_controller(struct compose *c, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	static const char *const words[] = { "deployment", "statefulset", "daemonset", NULL };
	const char *word;

	if (reader_choice(&word, &c->r, v, path, words, e) < 0)
		return -1;
	if (word == words[2])
		((struct deploy_service *)arg)->mode = DEPLOY_GLOBAL;
	return 0;
}

/* A cluster's own addresses publish nothing; the others are the ports as they stand. */
static int hint_expose(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	static const char *const words[] = { "ingress",	  "nodeport", "loadbalancer",
					     "clusterip", "headless", NULL };
	struct deploy_service *s = arg;
	const char *word;

	if (reader_choice(&word, &c->r, v, path, words, e) < 0)
		return -1;
	if (word == words[3] || word == words[4]) {
		free(s->ports);
		s->ports = NULL;
		s->nr_ports = s->cap_ports = 0;
	}
	s->dns_rr = word == words[4];
	if (word == words[0])
		reader_warn(&c->r, v, path,
			    "ignored: an ingress is what a proxy reads from labels; write them "
			    "under deploy.labels");
	return 0;
}

static int hint_node_selector(struct compose *c, void *arg, const struct yaml_value *v,
			      const char *path, struct err *e)
{
	auto_strv struct strv labels = STRV_INIT;
	struct deploy_service *s = arg;

	if (reader_map(&labels, &c->r, v, path, e) < 0)
		return -1;
	for (size_t i = 0; i < labels.n; i++) {
		struct span key, value;

		span_cut(span_of_str(labels.v[i]), '=', &key, &value);
		strv_addf(&s->constraints, "node.labels." SPAN_FMT "==" SPAN_FMT, SPAN_ARG(key),
			  SPAN_ARG(value));
	}
	return 0;
}

static int hint_autoscale_min(struct compose *c, void *arg, const struct yaml_value *v,
			      const char *path, struct err *e)
{
	struct deploy_service *s = arg;
	uint64_t n;

	if (reader_number(&n, &c->r, v, path, e) < 0)
		return -1;
	if (!s->has_replicas)
		s->replicas = n;
	s->has_replicas = true;
	reader_warn(&c->r, v, path, "a swarm does not scale by load: %llu replicas",
		    (unsigned long long)s->replicas);
	return 0;
}

static int hint_strategy(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	static const char *const words[] = { "rolling", "recreate", NULL };
	struct deploy_service *s = arg;
	const char *word;

	if (reader_choice(&word, &c->r, v, path, words, e) < 0)
		return -1;
	if (word == words[0])
		return 0;
	s->update.has_parallelism = true;
	s->update.parallelism = 0;
	s->update.order = "stop-first";
	return 0;
}

#define PROXY "write a proxy's labels under deploy.labels"

static const struct compose_key hints[] = {
	KEY_READ("controller", hint_controller),
	KEY_READ("expose", hint_expose),
	KEY_READ("node-selector", hint_node_selector),
	KEY_READ("autoscale-min", hint_autoscale_min),
	KEY_READ("strategy", hint_strategy),
	KEY_IGNORED("autoscale-max", "a swarm does not scale by load"),
	KEY_IGNORED("autoscale-cpu", "a swarm does not scale by load"),
	KEY_IGNORED("autoscale-memory", "a swarm does not scale by load"),
	KEY_IGNORED("host", PROXY),
	KEY_IGNORED("path", PROXY),
	KEY_IGNORED("port", PROXY),
	KEY_IGNORED("ingress-class", PROXY),
	KEY_IGNORED("strip-prefix", PROXY),
	KEY_IGNORED("middleware", PROXY),
	KEY_IGNORED("tls", PROXY),
	KEY_IGNORED("tls-secret", PROXY),
	KEY_IGNORED("secret", "these variables can be read by who may inspect the service; use "
			      "secrets"),
	KEY_IGNORED("image-pull-secret", "credentials come from the registry's own files"),
	KEY_IGNORED("volume-size", "a swarm's volumes have no size"),
	KEY_IGNORED("max-surge", "write deploy.update_config"),
	KEY_IGNORED("max-unavailable", "write deploy.update_config"),
	KEY_REFUSED("rollout",
		    "a swarm has no canary or blue-green rollouts; deploy.update_config says "
		    "how tasks are replaced"),
	KEY_REFUSED("vm", "a swarm runs containers, no virtual machines"),
	KEY_REFUSED("vm-ssh-users", "a swarm runs containers, no virtual machines"),
};

int compose_service_hint(struct compose *c, struct deploy_service *s, const char *key,
			 const struct yaml_value *v, const char *path, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		if (strcmp(hints[i].name, key) != 0)
			continue;
		if (hints[i].kind == COMPOSE_READ)
			return hints[i].read(c, s, v, path, e);
		if (hints[i].kind == COMPOSE_REFUSED)
			return reader_fail(&c->r, v, path, e, "%s", hints[i].why);
		reader_warn(&c->r, v, path, "ignored: %s", hints[i].why);
		return 0;
	}
	reader_warn(&c->r, v, path, "unknown, ignored");
	return 0;
}

/*
 * Keys of a service that are small languages of their own: ports, healthcheck, logging.
 */
#include "base/mem.h"
#include "deploy/compose_part.h"
#include "deploy/ports.h"

/* -- ports -------------------------------------------------------------------------------- */

struct long_port {
	char *target, *published, *protocol, *mode;
};

static void long_port_release(struct long_port *p)
{
	free(p->target);
	free(p->published);
	free(p->protocol);
	free(p->mode);
}
#define auto_long_port CLEANUP(long_port_release)

/* docker's other spelling of the same, which ports.c reads. */
static int spell_port(struct buf *out, struct compose *c, const struct yaml_value *v,
		      const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_TEXT("target", struct long_port, target),
		KEY_TEXT("published", struct long_port, published),
		KEY_TEXT("protocol", struct long_port, protocol),
		KEY_TEXT("mode", struct long_port, mode),
		KEY_IGNORED("name", "a swarm's ports have no names"),
		KEY_IGNORED("app_protocol", "a swarm does not look into what a port carries"),
		KEY_REFUSED("host_ip", "a swarm publishes on every node's address"),
	};
	auto_long_port struct long_port p = { 0 };
	const char *const parts[] = { "target", "published", "protocol", "mode" };

	if (compose_keys(c, &p, v, path, keys, ARRAY_LEN(keys), e) < 0)
		return -1;
	if (!p.target)
		return reader_fail(&c->r, v, path, e, "names no target");

	const char *const values[] = { p.target, p.published, p.protocol, p.mode };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!values[i])
			continue;
		if (strchr(values[i], ','))
			return reader_fail(&c->r, v, path, e, "%s: a ',' does not belong there",
					   parts[i]);
		buf_addf(out, "%s%s=%s", out->len ? "," : "", parts[i], values[i]);
	}
	return 0;
}

static int add_port(struct compose *c, struct deploy_service *s, const struct yaml_value *v,
		    const char *path, struct err *e)
{
	auto_buf struct buf spelled = BUF_INIT(BUF_SMALL);
	auto_free char *text = NULL;

	if (v->kind == YAML_MAP) {
		if (spell_port(&spelled, c, v, path, e) < 0)
			return -1;
	} else {
		if (compose_text(&text, c, v, path, e) < 0)
			return -1;
		if (strchr(text, '='))
			return reader_fail(&c->r, v, path, e, "must be a port such as 8080:80");
		buf_add_str(&spelled, text);
	}
	return deploy_ports_add(s, buf_span(&spelled), e) < 0 ? reader_wrap(&c->r, v, path, e) : 0;
}

static int by_published(const void *a, const void *b)
{
	const struct deploy_port *x = a, *y = b;

	if (x->published != y->published)
		return x->published < y->published ? -1 : 1;
	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	return strcmp(x->protocol, y->protocol);
}

/* What an earlier file publishes at the same place gives way. */
static void keep_others(struct deploy_service *now, const struct deploy_service *before)
{
	size_t fresh = now->nr_ports;

	for (size_t i = 0; i < before->nr_ports; i++) {
		const struct deploy_port *p = &before->ports[i];
		bool gone = false;

		for (size_t j = 0; j < fresh && !gone; j++) {
			const struct deploy_port *q = &now->ports[j];

			gone = deploy_port_collides(p, q) ||
			       (!p->published && !q->published && p->target == q->target &&
				!strcmp(p->protocol, q->protocol));
		}
		if (gone)
			continue;
		MEM_GROW(now->ports, now->nr_ports, now->cap_ports);
		now->ports[now->nr_ports++] = *p;
	}
}

int compose_service_ports(struct compose *c, void *arg, const struct yaml_value *v,
			  const char *path, struct err *e)
{
	struct deploy_service *s = arg, now = { 0 };
	int r = reader_want(&c->r, v, YAML_LIST, path, "write - \"8080:80\"", e);

	for (size_t i = 0; i < v->nr && r == 0; i++) {
		auto_free char *at = reader_item_path(path, i);

		r = add_port(c, &now, v->items[i], at, e);
	}
	if (r == 0) {
		keep_others(&now, s);
		if (now.nr_ports) /* the engine compares them in order */
			qsort(now.ports, now.nr_ports, sizeof(*now.ports), by_published);
		free(s->ports);
		s->ports = now.ports;
		s->nr_ports = now.nr_ports;
		s->cap_ports = now.cap_ports;
	} else {
		free(now.ports);
	}
	return r;
}

/* -- healthcheck --------------------------------------------------------------------------- */

int compose_service_healthcheck(struct compose *c, void *arg, const struct yaml_value *v,
				const char *path, struct err *e)
{
	return reader_health_keys(&((struct deploy_service *)arg)->health, &c->r, v, path, e);
}

/* -- logging -------------------------------------------------------------------------------- */

int compose_service_logging(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_TEXT("driver", struct deploy_service, log_driver),
		KEY_MAP("options", struct deploy_service, log_options),
	};

	return compose_keys(c, arg, v, path, keys, ARRAY_LEN(keys), e);
}

/*
 * docker's two spellings of a published port. A range is spread out here: the
 * engine's API knows single ports only. Several published ports may lead to one
 * target, never the other way round.
 */
#include "deploy/ports.h"

#include "base/mem.h"

struct port_range {
	uint16_t first, last;
};

static int read_number(uint16_t *out, struct span text, unsigned least, struct err *e)
{
	uint64_t n;

	if (span_to_u64(&n, text) < 0 || n < least || n > 65535)
		return err_set(e, ERR_INPUT, "'" SPAN_FMT "' is not a port number", SPAN_ARG(text));
	*out = (uint16_t)n;
	return 0;
}

static int read_range(struct port_range *out, struct span text, unsigned least, struct err *e)
{
	struct span first, last;
	struct port_range r;

	if (!span_cut(text, '-', &first, &last))
		last = first;
	if (read_number(&r.first, first, least, e) < 0 || read_number(&r.last, last, least, e) < 0)
		return -1;
	if (r.first > r.last)
		return err_set(e, ERR_INPUT, "range '" SPAN_FMT "' runs backwards", SPAN_ARG(text));
	*out = r;
	return 0;
}

static int read_protocol(char out[8], struct span text, struct err *e)
{
	static const char *const known[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (span_eq_nocase(text, known[i])) {
			memcpy(out, known[i], strlen(known[i]) + 1);
			return 0;
		}
	}
	return err_set(e, ERR_INPUT, "protocol '" SPAN_FMT "' is not tcp, udp or sctp",
		       SPAN_ARG(text));
}

bool deploy_port_collides(const struct deploy_port *a, const struct deploy_port *b)
{
	return a->published && a->published == b->published && !strcmp(a->protocol, b->protocol);
}

static int add_port(struct deploy_service *s, const struct deploy_port *p, struct err *e)
{
	if (s->nr_ports == DEPLOY_PORTS_MAX)
		return err_set(e, ERR_INPUT, "more than %d ports", DEPLOY_PORTS_MAX);
	for (size_t i = 0; i < s->nr_ports; i++)
		if (deploy_port_collides(&s->ports[i], p))
			return err_set(e, ERR_INPUT, "port %u/%s is published twice", p->published,
				       p->protocol);
	MEM_GROW(s->ports, s->nr_ports, s->cap_ports);
	s->ports[s->nr_ports++] = *p;
	return 0;
}

/* -- 8080:80/tcp -------------------------------------------------------------- */

static int split_short(struct span *published, struct span *target, struct span text, struct err *e)
{
	ptrdiff_t colon = span_rfind(text, ':');

	*published = (struct span){ 0 };
	*target = text;
	if (colon < 0)
		return 0;
	*published = span_head(text, (size_t)colon);
	*target = span_sub(text, (size_t)colon + 1);
	if (span_find(*published, ':') >= 0)
		return err_set(e, ERR_INPUT,
			       "a swarm publishes on every node's address; write '" SPAN_FMT
			       "' without the address",
			       SPAN_ARG(text));
	return 0;
}

static int add_short(struct deploy_service *s, struct span text, struct err *e)
{
	struct deploy_port port = { .protocol = "tcp" };
	struct span rest, protocol, published, target;
	struct port_range to, from = { 0 };

	if (span_cut(text, '/', &rest, &protocol) && read_protocol(port.protocol, protocol, e) < 0)
		return -1;
	if (split_short(&published, &target, rest, e) < 0 || read_range(&to, target, 1, e) < 0)
		return -1;
	if (published.n && read_range(&from, published, 0, e) < 0)
		return -1;
	if (published.n && to.first != to.last && to.last - to.first != from.last - from.first)
		return err_set(e, ERR_INPUT, "ranges in '" SPAN_FMT "' are of different length",
			       SPAN_ARG(text));
	if (!published.n)
		from.last = (uint16_t)(to.last - to.first);
	for (unsigned i = 0; i <= (unsigned)(from.last - from.first); i++) {
		port.published = published.n ? (uint16_t)(from.first + i) : 0;
		port.target = to.first == to.last ? to.first : (uint16_t)(to.first + i);
		if (add_port(s, &port, e) < 0)
			return -1;
	}
	return 0;
}

/* -- published=8080,target=80 --------------------------------------------------- */

static int read_field(struct deploy_port *p, struct span key, struct span value, struct err *e)
{
	if (span_eq_nocase(key, "target"))
		return read_number(&p->target, value, 1, e);
	if (span_eq_nocase(key, "published"))
		return read_number(&p->published, value, 0, e);
	if (span_eq_nocase(key, "protocol"))
		return read_protocol(p->protocol, value, e);
	if (!span_eq_nocase(key, "mode"))
		return err_set(e, ERR_INPUT,
			       "'" SPAN_FMT "' is not one of target, published, protocol, mode",
			       SPAN_ARG(key));
	p->host_mode = span_eq_nocase(value, "host");
	if (!p->host_mode && !span_eq_nocase(value, "ingress"))
		return err_set(e, ERR_INPUT, "mode '" SPAN_FMT "' is not ingress or host",
			       SPAN_ARG(value));
	return 0;
}

static int add_long(struct deploy_service *s, struct span text, struct err *e)
{
	struct deploy_port port = { .protocol = "tcp" };
	struct span rest = text, field, key, value;

	while (span_split(&rest, ',', &field)) {
		if (!span_cut(field, '=', &key, &value))
			return err_set(e, ERR_INPUT, "'" SPAN_FMT "' is not KEY=VALUE",
				       SPAN_ARG(field));
		if (read_field(&port, span_trim(key), span_trim(value), e) < 0)
			return -1;
	}
	if (!port.target)
		return err_set(e, ERR_INPUT, "'" SPAN_FMT "' names no target", SPAN_ARG(text));
	return add_port(s, &port, e);
}

int deploy_ports_add(struct deploy_service *s, struct span text, struct err *e)
{
	text = span_trim(text);
	return span_find(text, '=') >= 0 ? add_long(s, text, e) : add_short(s, text, e);
}

/*
 * A rule may say much more than a host ("Host(`a`) && PathPrefix(`/x`)"); what is taken is the first name in
 * it, and only if it is a name: it ends up in a link.
 */
#include "deploy/address.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/span.h"

#define V1_RULE	 "traefik.frontend.rule="
#define V1_ENTRY "traefik.frontend.entryPoints="
#define V2	 "traefik.http.routers."

/* The name behind `mark`, as far as it is one. n 0: there is none. */
static struct span name_behind(const char *rule, const char *mark)
{
	const char *at = strcasestr(rule, mark);
	struct span s = span_of_str(at ? at + strlen(mark) : "");
	size_t n = 0;

	s = span_trim(s);
	while (n < s.n && (isalnum((unsigned char)s.p[n]) || strchr(".-_", s.p[n])))
		n++;
	return span_head(s, n);
}

static char *link_to(struct span name, bool tls)
{
	return name.n ? mem_printf("%s://" SPAN_FMT, tls ? "https" : "http", SPAN_ARG(name)) : NULL;
}

static const char *label(const struct strv *labels, const char *start)
{
	for (size_t i = 0; i < labels->n; i++)
		if (strncasecmp(labels->v[i], start, strlen(start)) == 0)
			return labels->v[i] + strlen(start);
	return NULL;
}

static char *by_rule_1(const struct strv *labels)
{
	const char *rule = label(labels, V1_RULE), *entry = label(labels, V1_ENTRY);

	return rule ? link_to(name_behind(rule, "Host:"), entry && strstr(entry, "https")) : NULL;
}

/* Does this router speak TLS? router: "traefik.http.routers.NAME." */
static bool has_tls(const struct strv *labels, const char *router)
{
	auto_free char *tls = mem_printf("%stls", router);
	auto_free char *entry_key = mem_printf("%sentrypoints=", router);
	const char *entry = label(labels, entry_key), *said = label(labels, tls);

	/* "….tls=true", "….tls.certresolver=…" */
	return (said && strcasecmp(said, "=false") != 0) || (entry && strstr(entry, "secure"));
}

static char *by_rule_2(const struct strv *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		const char *l = labels->v[i], *rule = strstr(l, ".rule=");
		auto_free char *router = NULL;
		char *found;

		if (strncasecmp(l, V2, strlen(V2)) != 0 || !rule)
			continue;
		router = mem_strndup(l, (size_t)(rule - l) + 1);
		found = link_to(name_behind(rule, "Host(`"), has_tls(labels, router));
		if (found)
			return found;
	}
	return NULL;
}

static char *by_port(const struct deploy_service *s, const char *host)
{
	for (size_t i = 0; i < s->nr_ports; i++) {
		const struct deploy_port *p = &s->ports[i];

		if (p->published && strcmp(p->protocol, "tcp") == 0)
			return mem_printf("%s://%s:%u", p->published == 443 ? "https" : "http",
					  host ? host : "localhost", p->published);
	}
	return NULL;
}

char *deploy_address(const struct deploy_stack *stack, const char *host)
{
	char *found = NULL;

	for (size_t i = 0; i < stack->nr && !found; i++) {
		const struct strv *labels = &stack->services[i].labels;

		found = by_rule_1(labels);
		if (!found)
			found = by_rule_2(labels);
	}
	for (size_t i = 0; i < stack->nr && !found; i++)
		found = by_port(&stack->services[i], host);
	return found;
}

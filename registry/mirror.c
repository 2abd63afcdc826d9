/* "docker.io=https://mirror.example:5000/prefix", taken apart. */
#include "registry/mirror.h"

#include "base/mem.h"
#include "oci/image/reference.h"

#define PROBE "mirrored/image"

/* As references have it: a text that is a host of one. */
static char *host_of(struct span text)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_free char *image = mem_printf(SPAN_FMT "/" PROBE, SPAN_ARG(text));
	struct err ignored = ERR_INIT;

	if (oci_reference_parse(&ref, image, &ignored) < 0 || strcmp(ref.path, PROBE) != 0)
		return NULL;
	return STEAL(&ref.host);
}

/* The path of an address as the first part of a repository's name; NULL: it cannot be one. */
static char *prefix_of(const char *path)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_free char *image = NULL;
	struct span rest = span_of_str(path);
	struct err ignored = ERR_INIT;

	while (rest.n && rest.p[0] == '/')
		rest.p++, rest.n--;
	while (rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	if (!rest.n)
		return mem_strdup("");
	image = mem_printf("mirror.example/" SPAN_FMT "/" PROBE, SPAN_ARG(rest));
	if (oci_reference_parse(&ref, image, &ignored) < 0)
		return NULL;
	return mem_printf(SPAN_FMT "/", SPAN_ARG(rest));
}

static int mirror_parse(struct registry_mirror *m, struct span host, struct span address,
			struct err *e)
{
	auto_free char *text = span_dup(address);
	auto_url struct url u = { 0 };
	bool usual;

	m->host = host_of(host);
	if (!m->host)
		return err_set(e, ERR_INPUT, "'" SPAN_FMT "' is not the host of a registry",
			       SPAN_ARG(host));
	if (url_parse(&u, text, e) < 0)
		return -1;
	m->prefix = prefix_of(u.path);
	if (!m->prefix || u.query)
		return err_set(e, ERR_INPUT, "'%s' is not the address of a registry", text);
	m->is_http = strcmp(u.scheme, "http") == 0;
	usual = u.port == (m->is_http ? 80 : 443);
	m->name = usual ? mem_strdup(u.host) : mem_printf("%s:%u", u.host, u.port);
	return 0;
}

static int mirrors_add(struct registry_mirrors *out, const char *text, struct err *e)
{
	struct span host, address;
	struct registry_mirror *m;

	if (!span_cut(span_of_str(text), '=', &host, &address))
		return err_set(e, ERR_INPUT,
			       "'%s' is not HOST=URL, as docker.io=https://mirror.example", text);
	MEM_GROW(out->v, out->n, out->cap);
	m = &out->v[out->n++];
	*m = (struct registry_mirror){ 0 };
	if (mirror_parse(m, host, address, e) < 0)
		return -1;
	for (size_t i = 0; i + 1 < out->n; i++)
		if (strcmp(out->v[i].host, m->host) == 0)
			return err_set(e, ERR_INPUT, "%s has a mirror already", m->host);
	return 0;
}

int registry_mirrors_parse(struct registry_mirrors *out, const struct strv *texts, struct err *e)
{
	for (size_t i = 0; i < texts->n; i++)
		if (mirrors_add(out, texts->v[i], e) < 0)
			return err_wrap(e, "--registry-mirror");
	return 0;
}

void registry_mirrors_release(struct registry_mirrors *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].host);
		free(m->v[i].name);
		free(m->v[i].prefix);
	}
	free(m->v);
	*m = (struct registry_mirrors){ 0 };
}

const struct registry_mirror *registry_mirrors_find(const struct registry_mirrors *m,
						    const char *host)
{
	for (size_t i = 0; m && i < m->n; i++)
		if (strcmp(m->v[i].host, host) == 0)
			return &m->v[i];
	return NULL;
}

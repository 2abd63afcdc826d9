/*
 * What only orcinus' dashboard did with a file, never its command line: `endpoint` and `domain` become
 * labels for traefik 1, {orcinus.stack} and {orcinus.userid} are filled in. There is no
 * user of a dashboard here: the variable ORCINUS_USERID is the id.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "deploy/reader.h"

#define NETWORK_DEFAULT "orcinus"

static const char *variable(const struct reader *r, const char *name)
{
	const char *value = r->in->env ? strv_env_get(r->in->env, name) : NULL;

	return value && *value ? value : NULL;
}

/* -- endpoint ----------------------------------------------------------------------- */

/* `labels` may stand before or behind: what it says counts. */
static void suggest_label(struct deploy_service *s, const char *key, const char *value)
{
	if (!strv_env_get(&s->labels, key))
		strv_env_set(&s->labels, key, value);
}

int reader_endpoint(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		    struct err *e)
{
	struct deploy_service *s = arg;
	const char *network = variable(r, "ORCINUS_NETWORK");
	uint64_t port;

	if (reader_number(&port, r, v, path, e) < 0)
		return -1;
	if (port < 1 || port > 65535)
		return reader_fail(r, v, path, e, "must be a port number, 1 to 65535");

	auto_free char *text = mem_printf("%llu", (unsigned long long)port);

	network = network ? network : NETWORK_DEFAULT;
	suggest_label(s, "traefik.port", text);
	suggest_label(s, "traefik.docker.network", network);
	if (!strv_has(&s->networks, network))
		strv_add(&s->networks, network);
	if (r->domain) {
		auto_free char *rule = mem_printf("Host:%s", r->domain);

		suggest_label(s, "orcinus.domain", r->domain);
		suggest_label(s, "traefik.frontend.rule", rule);
	}
	r->has_endpoint = true;
	return 0;
}

/* -- templates ---------------------------------------------------------------------- */

struct template
{
	const char *name, *value, *missing;
};

static const struct template *find_template(const struct template *all, size_t nr, const char *text,
					    const char *start)
{
	/* "${…}" is a variable, whatever its name */
	if (*text != '{' || (text > start && text[-1] == '$'))
		return NULL;
	for (size_t i = 0; i < nr; i++)
		if (strncmp(text, all[i].name, strlen(all[i].name)) == 0)
			return &all[i];
	return NULL;
}

int reader_templates(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		     const char *path, struct err *e)
{
	const struct template all[] = {
		{ "{orcinus.stack}", r->stack, "the file has no stack" },
		{ "{orcinus.userid}", variable(r, "ORCINUS_USERID"),
		  "the variable ORCINUS_USERID is not set" },
	};
	auto_buf struct buf filled = BUF_INIT(2 * DEPLOY_YAML_MAX);
	const struct template *t;

	for (const char *p = text; *p; p += t && t->value ? strlen(t->name) : 1) {
		t = find_template(all, ARRAY_LEN(all), p, text);
		if (t && t->value)
			buf_add_str(&filled, t->value);
		else
			buf_add_char(&filled, *p);
		if (t && !t->value)
			reader_warn(r, at, path, "%s is left as it is: %s", t->name, t->missing);
	}
	if (filled.over)
		return reader_fail(r, at, path, e, "too long once templates are filled");
	*out = mem_strdup(buf_str(&filled));
	return 0;
}

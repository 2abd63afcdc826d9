/*
 * Both dialects have these keys in the same places, so the tree is looked at as it is, without a reader.
 */
#include "deploy/lint.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/mask.h"
#include "deploy/secret_words.h"

#define ESCAPED "{{\"{{\"}}" /* what a template makes a "{{" of */

struct place {
	struct lint *out;
	const char *file, *service;
	const struct yaml_value *networks; /* at the top of the file, or NULL */
};

void lint_release(struct lint *l)
{
	for (size_t i = 0; i < l->nr; i++) {
		free(l->v[i].file);
		free(l->v[i].text);
	}
	free(l->v);
	*l = (struct lint){ 0 };
}

/* Takes text. */
static void add(struct lint *out, const char *file, unsigned line, const char *check,
		enum lint_severity severity, char *text)
{
	MEM_GROW(out->v, out->nr, out->cap);
	out->v[out->nr++] = (struct lint_finding){ .check = check,
						   .file = mem_strdup(file),
						   .text = text,
						   .line = line,
						   .severity = severity };
}

/* -- secrets ------------------------------------------------------------------ */

/* What has a variable in it comes from elsewhere. */
static bool holds_secret(struct span text)
{
	auto_free char *masked = span_find(text, '$') < 0 ? mask_text(text) : NULL;

	return masked && !span_eq_str(text, masked);
}

/* PASSWORD_FILE holds a path. */
static bool is_literal_secret(struct span name, struct span value)
{
	value = span_trim(value);
	return value.n && !span_ends(name, "_FILE") &&
	       ((span_find(value, '$') < 0 && deploy_is_secret(name, value)) ||
		holds_secret(value));
}

/* A "{{" that is not written so that it stands for itself. */
static bool has_template(struct span value)
{
	while (value.n)
		if (!span_take(&value, ESCAPED)) {
			if (span_starts(value, "{{"))
				return true;
			value = span_sub(value, 1);
		}
	return false;
}

static void look_at_variable(const struct place *p, unsigned line, struct span name,
			     struct span value)
{
	if (is_literal_secret(name, value))
		add(p->out, p->file, line, "literal-secret", LINT_MAJOR,
		    mem_printf("service '%s': the value of " SPAN_FMT
			       " stands in the file; write ${" SPAN_FMT
			       "} and set it as a masked variable, or use a secret",
			       p->service, SPAN_ARG(name), SPAN_ARG(name)));
	if (has_template(value))
		add(p->out, p->file, line, "swarm-template", LINT_INFO,
		    mem_printf("service '%s': the swarm expands the {{ in the value of " SPAN_FMT
			       ", as {{.Service.Name}}; one that is none is written " ESCAPED
			       ", in a legacy file '" ESCAPED "'",
			       p->service, SPAN_ARG(name)));
}

static void look_at_environment(const struct place *p, const struct yaml_value *env)
{
	struct span name, value;

	if (!env)
		return;
	for (size_t i = 0; env->kind == YAML_LIST && i < env->nr; i++)
		if (env->items[i]->kind == YAML_SCALAR) {
			span_cut(span_of_str(env->items[i]->text), '=', &name, &value);
			look_at_variable(p, env->items[i]->line, span_trim(name), value);
		}
	for (size_t i = 0; env->kind == YAML_MAP && i < env->nr; i++)
		if (env->pairs[i].value->kind == YAML_SCALAR && !yaml_is_null(env->pairs[i].value))
			look_at_variable(p, env->pairs[i].key->line,
					 span_of_str(env->pairs[i].key->text),
					 span_of_str(env->pairs[i].value->text));
}

static void add_secret_in(const struct place *p, unsigned line, const char *key)
{
	add(p->out, p->file, line, "literal-secret", LINT_MAJOR,
	    mem_printf("service '%s': a password stands in %s; write a ${VARIABLE} and set it as a "
		       "masked variable, or use a secret",
		       p->service, key));
}

/* As one text: the words of a list belong together. */
static void look_at_command(const struct place *p, const char *key, const struct yaml_value *v)
{
	auto_buf struct buf text = BUF_INIT(SIZE_MAX);

	if (!v)
		return;
	if (v->kind == YAML_SCALAR)
		buf_add_str(&text, v->text);
	for (size_t i = 0; v->kind == YAML_LIST && i < v->nr; i++)
		if (v->items[i]->kind == YAML_SCALAR)
			buf_addf(&text, "%s%s", i ? " " : "", v->items[i]->text);
	if (holds_secret(buf_span(&text)))
		add_secret_in(p, v->line, key);
}

static void look_at_labels(const struct place *p, const struct yaml_value *v)
{
	for (size_t i = 0; v && v->kind == YAML_LIST && i < v->nr; i++)
		look_at_command(p, "labels", v->items[i]);
	for (size_t i = 0; v && v->kind == YAML_MAP && i < v->nr; i++) {
		const struct yaml_pair *pair = &v->pairs[i];

		if (pair->value->kind == YAML_SCALAR &&
		    is_literal_secret(span_of_str(pair->key->text), span_of_str(pair->value->text)))
			add_secret_in(p, pair->key->line, "labels");
	}
}

/* -- image ------------------------------------------------------------------- */

static void look_at_image(const struct place *p, const struct yaml_value *image)
{
	const char *text, *slash, *colon;

	if (!image || image->kind != YAML_SCALAR || !image->text)
		return;
	text = image->text;
	if (strpbrk(text, "@$<"))
		return;
	slash = strrchr(text, '/');
	colon = strchr(slash ? slash : text, ':');
	if (!colon || strcmp(colon, ":latest") == 0)
		add(p->out, p->file, image->line, "image-latest", LINT_INFO,
		    mem_printf(
			    "service '%s': the image's tag is latest, which moves; each deploy pins "
			    "the digest it has then",
			    p->service));
}

/* -- volumes ----------------------------------------------------------------- */

static bool is_system_folder(struct span path)
{
	static const char *const folders[] = { "/root", "/etc",		  "/boot",    "/proc",
					       "/sys",	"/dev",		  "/usr",     "/bin",
					       "/sbin", "/lib",		  "/var/run", "/run",
					       "/var",	"/var/lib/docker" };

	while (path.n > 1 && span_ends(path, "/"))
		path = span_head(path, path.n - 1);
	if (span_eq_str(path, "/") || span_starts(path, "/root/"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (span_eq_str(path, folders[i]))
			return true;
	return false;
}

/* who: "service 'x'" or "volume 'x'" */
static void look_at_source(const struct place *p, const char *who, unsigned line, struct span path)
{
	path = span_trim(path);
	if (span_ends(path, "/docker.sock"))
		add(p->out, p->file, line, "docker-socket", LINT_MAJOR,
		    mem_printf("%s: whoever has the engine's socket is root on the node", who));
	else if (is_system_folder(path))
		add(p->out, p->file, line, "system-bind", LINT_MAJOR,
		    mem_printf("%s: a folder of the node's system is given to the container", who));
}

static void look_at_volumes(const struct place *p, const struct yaml_value *volumes)
{
	auto_free char *who = mem_printf("service '%s'", p->service);

	for (size_t i = 0; volumes && volumes->kind == YAML_LIST && i < volumes->nr; i++) {
		const struct yaml_value *v = volumes->items[i], *source;
		struct span path, rest;

		if (v->kind == YAML_SCALAR) {
			span_cut(span_of_str(v->text), ':', &path, &rest);
			look_at_source(p, who, v->line, path);
		} else if (v->kind == YAML_MAP) {
			source = yaml_map_get(v, "source");
			if (source && source->kind == YAML_SCALAR)
				look_at_source(p, who, source->line, span_of_str(source->text));
		}
	}
}

/* The legacy dialect's: named at the top, with their sources. */
static void look_at_named_volumes(const struct place *p, const struct yaml_value *volumes)
{
	for (size_t i = 0; volumes && volumes->kind == YAML_MAP && i < volumes->nr; i++) {
		const struct yaml_pair *pair = &volumes->pairs[i];
		auto_free char *who = mem_printf("volume '%s'", pair->key->text);
		const struct yaml_value *source =
			pair->value->kind == YAML_MAP ? yaml_map_get(pair->value, "source") : NULL;

		if (source && source->kind == YAML_SCALAR)
			look_at_source(p, who, source->line, span_of_str(source->text));
	}
}

/* -- networks ---------------------------------------------------------------- */

static bool is_text(const struct yaml_value *v, const char *text)
{
	return v && v->kind == YAML_SCALAR && strcmp(v->text, text) == 0;
}

/* By this name a service has the node's own network: a compose file may mean another by it, or it by another. */
static bool is_host_network(const struct place *p, const struct yaml_value *name)
{
	const struct yaml_value *network, *real;

	if (name->kind != YAML_SCALAR)
		return false;
	network = p->networks ? yaml_map_get(p->networks, name->text) : NULL;
	if (!network)
		return is_text(name, "host");
	if (network->kind != YAML_MAP || !is_text(yaml_map_get(network, "external"), "true"))
		return false;
	real = yaml_map_get(network, "name");
	return is_text(real ? real : name, "host");
}

static void look_at_networks(const struct place *p, const struct yaml_value *networks)
{
	for (size_t i = 0; networks && i < networks->nr; i++) {
		const struct yaml_value *name =
			networks->kind == YAML_MAP ? networks->pairs[i].key : networks->items[i];

		if (is_host_network(p, name))
			add(p->out, p->file, name->line, "host-network", LINT_MAJOR,
			    mem_printf("service '%s': it is in the node's own network, and reaches "
				       "what listens for the node alone",
				       p->service));
	}
}

/* -- the whole --------------------------------------------------------------- */

static void look_at_service(const struct place *p, const struct yaml_pair *pair)
{
	static const char *const commands[] = { "command", "commands", "entrypoint" };
	const struct yaml_value *s = pair->value;

	if (s->kind != YAML_MAP)
		return;
	look_at_environment(p, yaml_map_get(s, "environment"));
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		look_at_command(p, commands[i], yaml_map_get(s, commands[i]));
	look_at_labels(p, yaml_map_get(s, "labels"));
	look_at_image(p, yaml_map_get(s, "image"));
	look_at_volumes(p, yaml_map_get(s, "volumes"));
	look_at_networks(p, yaml_map_get(s, "networks"));
	if (yaml_is_null(yaml_map_get(s, "healthcheck")))
		add(p->out, p->file, pair->key->line, "no-healthcheck", LINT_INFO,
		    mem_printf(
			    "service '%s' has no healthcheck: that it runs only says that it was "
			    "started, unless its image has one",
			    p->service));
}

void deploy_lint(struct lint *out, const char *file, const struct deploy_yaml *doc)
{
	const struct yaml_value *services;
	struct place p = { .out = out, .file = file, .service = "" };

	if (!doc->root || doc->root->kind != YAML_MAP)
		return;
	services = yaml_map_get(doc->root, "services");
	p.networks = yaml_map_get(doc->root, "networks");
	for (size_t i = 0; services && services->kind == YAML_MAP && i < services->nr; i++) {
		p.service = services->pairs[i].key->text;
		look_at_service(&p, &services->pairs[i]);
	}
	look_at_named_volumes(&p, yaml_map_get(doc->root, "volumes"));
}

/* ":12" or ":12:3" in front of ": ": *line and what follows. */
static bool take_line(struct span *rest, unsigned *line)
{
	struct span s = *rest, word;
	uint64_t n;

	for (int i = 0; i < 2; i++) {
		ptrdiff_t end;

		if (!span_take(&s, ":"))
			break;
		end = span_find(s, ':');
		word = span_head(s, end < 0 ? 0 : (size_t)end);
		if (span_to_u64(&n, word) < 0)
			return false;
		if (!i)
			*line = (unsigned)n;
		s = span_sub(s, word.n);
		if (span_starts(s, ": "))
			break;
	}
	if (!span_take(&s, ": "))
		return false;
	*rest = s;
	return true;
}

void lint_add_message(struct lint *out, const char *check, enum lint_severity severity,
		      const char *message)
{
	struct span text = span_of_str(message), rest;
	auto_free char *file = NULL;
	unsigned line = 1;

	for (size_t i = 0; i < text.n && !file; i++) {
		rest = span_sub(text, i);
		if (span_starts(rest, ": "))
			break;
		if (span_starts(rest, ":") && take_line(&rest, &line))
			file = span_dup(span_head(text, i));
	}
	add(out, file ? file : "orcinus.yml", line, check, severity, span_dup(file ? rest : text));
}

size_t lint_count(const struct lint *l, enum lint_severity least)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nr; i++)
		n += l->v[i].severity >= least;
	return n;
}

char *lint_line(const struct lint_finding *f)
{
	return mem_printf("%s:%u: %s: %s", f->file, f->line, f->check, f->text);
}

/* How many with the same words come before it: each gets a fingerprint of its own. */
static size_t earlier_ones(const struct lint *l, const struct lint_finding *f)
{
	size_t n = 0;

	for (const struct lint_finding *x = l->v; x < f; x++)
		n += strcmp(x->check, f->check) == 0 && strcmp(x->file, f->file) == 0 &&
		     strcmp(x->text, f->text) == 0;
	return n;
}

static json_t *fingerprint(const struct lint *l, const struct lint_finding *f)
{
	auto_free char *identity =
		mem_printf("%s\n%s\n%s\n%zu", f->check, f->file, f->text, earlier_ones(l, f));
	unsigned char raw[HASH_SHA256_LEN];
	char hex[HASH_SHA256_HEX + 1];

	hash_sha256(raw, identity, strlen(identity));
	hash_hex(hex, raw);
	return json_string(hex);
}

static json_t *finding_json(const struct lint *l, const struct lint_finding *f)
{
	static const char *const severities[] = { "info", "minor", "major", "blocker" };
	json_t *o = json_object(), *location = json_object(), *lines = json_object();

	json_object_set_new(o, "description", json_str(f->text));
	json_object_set_new(o, "check_name", json_string(f->check));
	json_object_set_new(o, "fingerprint", fingerprint(l, f));
	json_object_set_new(o, "severity", json_string(severities[f->severity]));
	json_object_set_new(lines, "begin", json_integer(f->line));
	json_object_set_new(location, "path", json_str(f->file));
	json_object_set_new(location, "lines", lines);
	json_object_set_new(o, "location", location);
	return o;
}

json_t *lint_code_quality(const struct lint *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->nr; i++)
		json_array_append_new(list, finding_json(l, &l->v[i]));
	return list;
}

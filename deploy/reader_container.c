/*
 * What a container is started with and what it sees around it. Only sysctls, user, hosts and dns
 * are orcinus' own; the rest are compose's keys, which mean here what they mean there.
 */
#include <arpa/inet.h>

#include "base/buf.h"
#include "base/mem.h"
#include "deploy/envfile.h"
#include "deploy/reader.h"

/* -- the process -------------------------------------------------------------------- */

static int read_argument(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	auto_free char *text = NULL;

	if (reader_plain(&text, r, v, path, e) < 0)
		return -1;
	strv_add(arg, text);
	return 0;
}

/* A list is taken as it is, its quotes with it; a text is split into words. */
static int read_argv(struct strv *out, struct reader *r, const struct yaml_value *v,
		     const char *path, struct err *e)
{
	if (v->kind == YAML_SCALAR)
		return reader_words(out, r, v, path, e);
	return reader_each(r, out, v, path, "write [\"program\", \"argument\"]", read_argument, e);
}

int reader_command(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		   struct err *e)
{
	return read_argv(&((struct deploy_service *)arg)->args, r, v, path, e);
}

int reader_entrypoint(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	return read_argv(&((struct deploy_service *)arg)->command, r, v, path, e);
}

int reader_init(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		struct err *e)
{
	bool yes;

	if (reader_bool(&yes, r, v, path, e) < 0)
		return -1;
	((struct deploy_service *)arg)->init = yes ? DEPLOY_INIT_YES : DEPLOY_INIT_NO;
	return 0;
}

int reader_stop_grace(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	struct deploy_service *s = arg;

	s->has_stop_grace = true;
	return reader_length(&s->stop_grace_ns, r, v, path, e);
}

/* -- healthcheck -------------------------------------------------------------------- */

struct health {
	struct deploy_health *h;
	bool disable;
};

/* A shell in the container reads it. */
static int read_test_text(struct strv *test, struct reader *r, const struct yaml_value *v,
			  const char *path, struct err *e)
{
	if (strcmp(v->text, "NONE") != 0)
		strv_add(test, "CMD-SHELL");
	return read_argument(r, test, v, path, e);
}

static int read_test(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	struct strv *test = &((struct health *)arg)->h->test;

	strv_release(test);
	if (v->kind == YAML_SCALAR)
		return read_test_text(test, r, v, path, e);
	if (reader_each(r, test, v, path, "write [CMD, program]", read_argument, e) < 0)
		return -1;
	if (!test->n || (strcmp(test->v[0], "CMD") != 0 && strcmp(test->v[0], "CMD-SHELL") != 0 &&
			 strcmp(test->v[0], "NONE") != 0))
		return reader_fail(r, v, path, e,
				   "must be text for a shell, or a list that begins with CMD, "
				   "CMD-SHELL or NONE");
	return 0;
}

#define HEALTH_READER(name, read, field)                                                           \
	static int name(struct reader *r, void *arg, const struct yaml_value *v, const char *path, \
			struct err *e)                                                             \
	{                                                                                          \
		return read(&((struct health *)arg)->h->field, r, v, path, e);                     \
	}
HEALTH_READER(read_interval, reader_length, interval_ns)
HEALTH_READER(read_timeout, reader_length, timeout_ns)
HEALTH_READER(read_start_period, reader_length, start_period_ns)
HEALTH_READER(read_retries, reader_number, retries)

static void no_health(struct deploy_health *h)
{
	strv_release(&h->test);
	*h = (struct deploy_health){ 0 };
	strv_add(&h->test, "NONE");
}

int reader_health_keys(struct deploy_health *out, struct reader *r, const struct yaml_value *v,
		       const char *path, struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "test", .read = read_test },
		{ .name = "interval", .read = read_interval },
		{ .name = "timeout", .read = read_timeout },
		{ .name = "start_period", .read = read_start_period },
		{ .name = "retries", .read = read_retries },
		{ .name = "disable",
		  .kind = READER_BOOL,
		  .offset = offsetof(struct health, disable) },
		READER_IGNORE("start_interval", "engines know it from 25.0 on"),
	};
	struct health health = { .h = out };

	if (reader_keys(r, &health, v, path, keys, ARRAY_LEN(keys), e) < 0)
		return -1;
	if (health.disable)
		no_health(out);
	return 0;
}

int reader_healthcheck(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	return reader_health_keys(&((struct deploy_service *)arg)->health, r, v, path, e);
}

/* -- names and addresses ------------------------------------------------------------ */

static bool is_address(struct span text)
{
	auto_free char *copy = span_dup(text);
	unsigned char ignored[16];

	return inet_pton(AF_INET, copy, ignored) == 1 || inet_pton(AF_INET6, copy, ignored) == 1;
}

static int add_host(struct deploy_service *s, struct reader *r, const struct yaml_value *at,
		    struct span name, struct span address, const char *path, struct err *e)
{
	name = span_trim(name);
	address = span_trim(address);
	if (!name.n || !is_address(address))
		return reader_fail(r, at, path, e,
				   "must be an address and its names, as 10.0.0.5 db.example, or "
				   "db.example:10.0.0.5");
	strv_addf(&s->hosts, SPAN_FMT " " SPAN_FMT, SPAN_ARG(address), SPAN_ARG(name));
	return 0;
}

/* The engine's "IP NAME…", or compose's "NAME:IP" and "NAME=IP". */
static int read_host(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	auto_free char *text = NULL;
	struct span line, address, name;

	if (reader_want(r, v, YAML_SCALAR, path, "write - 10.0.0.5 db.example", e) < 0 ||
	    reader_text(&text, r, v, path, e) < 0)
		return -1;
	line = name = span_trim(span_of_str(text));
	/* db:fd00::2 is an address itself, but none without a name behind it */
	if (span_word(&name, &address) && is_address(address) && span_trim(name).n)
		return add_host(arg, r, v, name, address, path, e);
	if (!span_cut(line, '=', &name, &address))
		span_cut(line, ':', &name, &address);
	return add_host(arg, r, v, name, address, path, e);
}

int reader_hosts(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		 struct err *e)
{
	if (v->kind != YAML_MAP)
		return reader_each(r, arg, v, path, "write - 10.0.0.5 db.example", read_host, e);
	for (size_t i = 0; i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text), *address = NULL;

		if (reader_text(&address, r, p->value, at, e) < 0 ||
		    add_host(arg, r, p->value, span_of_str(p->key->text), span_of_str(address), at,
			     e) < 0)
			return -1;
	}
	return 0;
}

static int read_nameserver(struct reader *r, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (!is_address(span_of_str(text)))
		return reader_fail(r, v, path, e, "'%s' is not an IP address", text);
	strv_add(&s->dns, text);
	return 0;
}

static int read_nameservers(struct reader *r, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	if (v->kind == YAML_SCALAR)
		return read_nameserver(r, arg, v, path, e);
	return reader_each(r, arg, v, path, "write - 10.0.0.2", read_nameserver, e);
}

/* orcinus' map in the engine's words, or compose's address and list of addresses. */
int reader_dns(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
	       struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "Nameservers", .read = read_nameservers },
		{ .name = "Search",
		  .kind = READER_LIST,
		  .offset = offsetof(struct deploy_service, dns_search) },
		{ .name = "Options",
		  .kind = READER_LIST,
		  .offset = offsetof(struct deploy_service, dns_options) },
	};

	if (v->kind != YAML_MAP)
		return read_nameservers(r, arg, v, path, e);
	return reader_keys(r, arg, v, path, keys, ARRAY_LEN(keys), e);
}

int reader_depends_on(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	struct deploy_service *s = arg;

	if (v->kind != YAML_MAP)
		return reader_list(&s->depends_on, r, v, path, e);
	for (size_t i = 0; i < v->nr; i++)
		strv_add(&s->depends_on, v->pairs[i].key->text);
	return 0;
}

/* -- env_file ----------------------------------------------------------------------- */

/* orcinus never read it, so it need not be there. */
static int read_env_file(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	struct deploy_service *s = arg;
	auto_buf struct buf text = BUF_INIT(DEPLOY_ENVFILE_MAX);
	auto_free char *file = NULL;
	struct err missing = ERR_INIT;

	if (reader_text(&file, r, v, path, e) < 0)
		return -1;
	if (!r->in->read_file || r->in->read_file(r->in->read_arg, &text, file, &missing) < 0) {
		reader_warn(r, v, path, "ignored: '%s' cannot be read", file);
		return 0;
	}
	return deploy_envfile_read(&s->env, file, buf_span(&text), r->in->env, r->warnings, e);
}

int reader_env_file(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		    struct err *e)
{
	if (v->kind == YAML_SCALAR)
		return read_env_file(r, arg, v, path, e);
	return reader_each(r, arg, v, path, "write - .env", read_env_file, e);
}

/* -- the rest ------------------------------------------------------------------------ */

int reader_logging(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		   struct err *e)
{
	static const struct reader_key keys[] = {
		{ .name = "driver",
		  .kind = READER_TEXT,
		  .offset = offsetof(struct deploy_service, log_driver) },
		{ .name = "options",
		  .kind = READER_MAP,
		  .offset = offsetof(struct deploy_service, log_options) },
	};

	return reader_keys(r, arg, v, path, keys, ARRAY_LEN(keys), e);
}

static int read_limit(int64_t *out, struct reader *r, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (span_to_i64(out, span_of_str(text)) < 0 || *out < -1)
		return reader_fail(r, v, path, e, "must be a number; -1 is no limit");
	return 0;
}

/* name: 65535, or name: {soft: 20000, hard: 40000} */
static int read_ulimit(struct deploy_ulimit *u, struct reader *r, const struct yaml_value *v,
		       const char *path, struct err *e)
{
	const struct yaml_value *soft = yaml_map_get(v, "soft"), *hard = yaml_map_get(v, "hard");

	if (v->kind == YAML_SCALAR) {
		if (read_limit(&u->soft, r, v, path, e) < 0)
			return -1;
		u->hard = u->soft;
		return 0;
	}
	if (!soft || !hard || v->nr != 2)
		return reader_fail(r, v, path, e, "must be a number or {soft: N, hard: N}");
	if (read_limit(&u->soft, r, soft, path, e) < 0 ||
	    read_limit(&u->hard, r, hard, path, e) < 0)
		return -1;
	if (u->hard != -1 && (u->soft == -1 || u->soft > u->hard))
		return reader_fail(r, v, path, e, "soft is more than hard");
	return 0;
}

static struct deploy_ulimit *ulimit_of(struct deploy_service *s, const char *name)
{
	for (size_t i = 0; i < s->nr_ulimits; i++)
		if (strcmp(s->ulimits[i].name, name) == 0)
			return &s->ulimits[i];
	MEM_GROW(s->ulimits, s->nr_ulimits, s->cap_ulimits);
	s->ulimits[s->nr_ulimits] = (struct deploy_ulimit){ .name = mem_strdup(name) };
	return &s->ulimits[s->nr_ulimits++];
}

/* Of several files the last one counts. */
int reader_ulimits(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		   struct err *e)
{
	struct deploy_service *s = arg;

	if (reader_want(r, v, YAML_MAP, path, "write nofile: 65535", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text);

		if (read_ulimit(ulimit_of(s, p->key->text), r, p->value, at, e) < 0)
			return -1;
	}
	return 0;
}

static int read_tmpfs(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (text[0] != '/' || strchr(text, ':'))
		return reader_fail(r, v, path, e, "must be an absolute path without options");
	for (size_t i = 0; i < s->nr_mounts; i++)
		if (strcmp(s->mounts[i].target, text) == 0)
			return reader_fail(r, v, path, e, "something else is mounted there");
	MEM_GROW(s->mounts, s->nr_mounts, s->cap_mounts);
	s->mounts[s->nr_mounts++] =
		(struct deploy_mount){ .type = DEPLOY_MOUNT_TMPFS, .target = STEAL(&text) };
	return 0;
}

int reader_tmpfs(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		 struct err *e)
{
	if (v->kind == YAML_SCALAR)
		return read_tmpfs(r, arg, v, path, e);
	return reader_each(r, arg, v, path, "write - /run", read_tmpfs, e);
}

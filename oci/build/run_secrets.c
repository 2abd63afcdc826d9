/*
 * --secret and --ssh (declared in run_options.h). Their texts are read first; the values only when
 * the helper that starts the RUNs has been made, so that it never had them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/secret.h"
#include "oci/build/run_options.h"

#define SSH_DEFAULT "default"

/* -- --secret --------------------------------------------------------------------- */

static int secret_field(struct run_secret *s, struct span *type, struct span field, struct err *e)
{
	struct span key, value;
	char **to = NULL;

	if (!span_cut(field, '=', &key, &value))
		return err_set(e, ERR_INPUT, "'" SPAN_FMT "' is not KEY=VALUE", SPAN_ARG(field));
	if (span_eq_nocase(key, "type")) {
		*type = value;
		return 0;
	}
	if (span_eq_nocase(key, "id"))
		to = &s->id;
	else if (span_eq_nocase(key, "src") || span_eq_nocase(key, "source"))
		to = &s->file;
	else if (span_eq_nocase(key, "env"))
		to = &s->env;
	else
		return err_set(e, ERR_INPUT,
			       "unexpected key '" SPAN_FMT "'; there are id, src, "
			       "env and type",
			       SPAN_ARG(key));
	free(*to);
	*to = value.n ? span_dup(value) : NULL;
	return 0;
}

static int secret_type(struct run_secret *s, struct span type, struct err *e)
{
	if (!type.n || span_eq_str(type, "file"))
		return 0;
	if (!span_eq_str(type, "env"))
		return err_set(e, ERR_INPUT, "unsupported secret type '" SPAN_FMT "'",
			       SPAN_ARG(type));
	if (!s->env)
		s->env = STEAL(&s->file);
	return 0;
}

static int secret_parse(struct run_secret *s, const char *text, struct err *e)
{
	struct span rest = span_of_str(text), field, type = { NULL, 0 };

	while (span_split(&rest, ',', &field))
		if (secret_field(s, &type, field, e) < 0)
			return -1;
	if (!s->id)
		return err_set(e, ERR_INPUT, "'%.200s' has no id=", text);
	if (secret_type(s, type, e) < 0)
		return -1;
	if (s->file && s->env)
		return err_set(e, ERR_INPUT, "'%.200s' has both src= and env=", text);
	return 0;
}

int run_options_secret(struct run_options *o, const char *text, struct err *e)
{
	struct run_secret s = { .value = BUF_INIT(RUN_SECRET_MAX) };

	if (secret_parse(&s, text, e) < 0) {
		free(s.id);
		free(s.file);
		free(s.env);
		return -1;
	}
	MEM_GROW(o->secrets, o->nr_secrets, o->cap_secrets);
	o->secrets[o->nr_secrets++] = s;
	return 0;
}

/* As much as there can be in one piece: growing would leave copies that nobody wipes. */
static int secret_read(struct run_secret *s, int fd, struct err *e)
{
	auto_free char *room = mem_alloc(RUN_SECRET_MAX + 1);
	size_t n = 0;
	ssize_t r;

	while (n <= RUN_SECRET_MAX && (r = read(fd, room + n, RUN_SECRET_MAX + 1 - n)) != 0) {
		if (r > 0)
			n += (size_t)r;
		else if (errno != EINTR)
			break;
	}
	if (r < 0)
		err_sys(e, "read '%s'", s->file);
	else if (n > RUN_SECRET_MAX)
		err_set(e, ERR_INPUT, "'%s' is too big; a secret has at most %u KiB", s->file,
			RUN_SECRET_MAX >> 10);
	else
		buf_add(&s->value, room, n);
	explicit_bzero(room, n);
	return e->kind == ERR_NONE ? 0 : -1;
}

static int secret_from_file(struct run_secret *s, struct err *e)
{
	auto_close int fd = open(s->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(e, "open '%s'", s->file);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, ERR_INPUT, "'%s' is a directory", s->file);
	s->is_there = true;
	return secret_read(s, fd, e);
}

static int secret_from_env(struct run_secret *s, const char *value, struct err *e)
{
	if (!value)
		return 0; /* as docker has it, this is one that is not there */
	if (strlen(value) > RUN_SECRET_MAX)
		return err_set(e, ERR_INPUT, "the value of '%s' is too big", s->env);
	buf_add_str(&s->value, value);
	s->is_there = true;
	return 0;
}

static int secret_load(struct run_secret *s, run_getenv env, struct err *e)
{
	if (!s->file && !s->env) {
		if (env(s->id))
			s->env = mem_strdup(s->id);
		else
			s->file = mem_strdup(s->id);
	}
	return s->env ? secret_from_env(s, env(s->env), e) : secret_from_file(s, e);
}

/* -- --ssh ------------------------------------------------------------------------ */

int run_options_ssh(struct run_options *o, const char *text, struct err *e)
{
	struct span id, paths;
	bool has_path = span_cut(span_of_str(text), '=', &id, &paths);
	struct run_ssh *s;

	if (!id.n)
		return err_set(e, ERR_INPUT, "'%.200s' has no id", text);
	if (has_path && (!paths.n || span_find(paths, ',') >= 0))
		return err_set(
			e, ERR_INPUT,
			"'%.200s': one agent's socket is needed; keys are given to ssh-agent "
			"by ssh-add(1)",
			text);
	MEM_GROW(o->ssh, o->nr_ssh, o->cap_ssh);
	s = &o->ssh[o->nr_ssh++];
	*s = (struct run_ssh){ .id = span_dup(id), .socket = has_path ? span_dup(paths) : NULL };
	return 0;
}

static int ssh_load(struct run_ssh *s, run_getenv env, struct err *e)
{
	struct stat st;

	if (!s->socket) {
		const char *socket = env("SSH_AUTH_SOCK");

		if (!socket || !*socket)
			return err_set(e, ERR_INPUT,
				       "no agent for '%s': SSH_AUTH_SOCK is not set (ssh-agent(1))",
				       s->id);
		s->socket = mem_strdup(socket);
	}
	if (stat(s->socket, &st) < 0)
		return err_sys(e, "ssh agent '%s'", s->socket);
	if (!S_ISSOCK(st.st_mode))
		return err_set(
			e, ERR_INPUT,
			"'%s' is no agent's socket; keys are given to ssh-agent by ssh-add(1)",
			s->socket);
	return 0;
}

/* -- both ------------------------------------------------------------------------- */

int run_options_load(struct run_options *o, run_getenv env, struct err *e)
{
	for (size_t i = 0; i < o->nr_secrets; i++)
		if (secret_load(&o->secrets[i], env, e) < 0)
			return err_wrap(e, "--secret id=%s", o->secrets[i].id);
	for (size_t i = 0; i < o->nr_ssh; i++)
		if (ssh_load(&o->ssh[i], env, e) < 0)
			return err_wrap(e, "--ssh");
	return 0;
}

const struct run_secret *run_options_find_secret(const struct run_options *o, const char *id)
{
	for (size_t i = o->nr_secrets; i-- > 0;)
		if (strcmp(o->secrets[i].id, id) == 0)
			return o->secrets[i].is_there ? &o->secrets[i] : NULL;
	return NULL;
}

const struct run_ssh *run_options_find_ssh(const struct run_options *o, const char *id)
{
	for (size_t i = o->nr_ssh; i-- > 0;)
		if (strcmp(o->ssh[i].id, *id ? id : SSH_DEFAULT) == 0)
			return &o->ssh[i];
	return NULL;
}

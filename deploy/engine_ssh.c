/*
 * An argument list, never a shell; what comes from the user stands behind "--" or behind an option of its own, and
 * was checked by engine_host.c. The command at the other end goes through a shell there, so the one word of the
 * user's in it is a plain path.
 *
 * Requests follow each other on one kept-alive connection, so there is one ssh as a rule.
 */
#include "deploy/engine_ssh.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/strv.h"

#define SAID_MAX    4096
#define LAST_MS	    1000 /* a connection that breaks off is told of before the program ends */
#define NO_PROGRAM  127
#define AT_ONCE_MAX 64

/* One ssh, and the last of what it has said. */
struct talk {
	struct proc_talk with;
	struct buf said;
};

struct engine_ssh {
	struct dial dial;
	struct strv args;
	const char **argv; /* of args, NULL at the end */
	char *known_hosts;
	pthread_mutex_t lock; /* of what follows */
	struct talk *talks;
	size_t nr, cap;
};

static void add_option(struct engine_ssh *s, const char *text)
{
	strv_add(&s->args, "-o");
	strv_add(&s->args, text);
}

static void make_args(struct engine_ssh *s, const struct engine_host *at)
{
	strv_add(&s->args, "ssh");
	strv_add(&s->args, "-T");
	add_option(s, "BatchMode=yes");
	add_option(s, "StrictHostKeyChecking=yes");
	add_option(s, "ConnectTimeout=30");
	/* a way that is dead is noticed */
	add_option(s, "ServerAliveInterval=15");
	add_option(s, "ServerAliveCountMax=4");
	if (s->known_hosts) {
		strv_add(&s->args, "-o");
		strv_addf(&s->args, "UserKnownHostsFile=\"%s\"", s->known_hosts);
		add_option(s, "GlobalKnownHostsFile=/dev/null");
	}
	if (at->user) {
		strv_add(&s->args, "-l");
		strv_add(&s->args, at->user);
	}
	if (at->port) {
		strv_add(&s->args, "-p");
		strv_addf(&s->args, "%u", at->port);
	}
	strv_add(&s->args, "--");
	strv_add(&s->args, at->name);
	strv_add(&s->args, "docker");
	if (at->path) {
		strv_add(&s->args, "--host");
		strv_addf(&s->args, "unix://%s", at->path);
	}
	strv_add(&s->args, "system");
	strv_add(&s->args, "dial-stdio");
}

/* ssh reads more into such a name than a name. */
static int check_known_hosts(const char *file, struct err *e)
{
	struct stat st;

	if (strpbrk(file, "\"%$\\\r\n"))
		return err_set(e, ERR_INPUT,
			       "--ssh-known-hosts: '%s': ssh takes no such characters in the "
			       "file's name",
			       file);
	if (stat(file, &st) < 0)
		return err_sys(e, "--ssh-known-hosts: '%s'", file);
	return 0;
}

static void talk_end(struct talk *t)
{
	proc_talk_end(&t->with);
	buf_release(&t->said);
}

/* Those that have ended are let go. The lock is held. */
static void reap(struct engine_ssh *s)
{
	for (size_t i = s->nr; i-- > 0;)
		if (proc_talk_has_ended(&s->talks[i].with, NULL, 0)) {
			talk_end(&s->talks[i]);
			s->talks[i] = s->talks[--s->nr];
		}
}

static int start(struct engine_ssh *s, int fd, struct err *e)
{
	struct talk talk = { .said = BUF_INIT(SAID_MAX) };

	if (s->nr >= AT_ONCE_MAX)
		return err_set(e, ERR_FAILED, "more than %d connections by ssh at once",
			       AT_ONCE_MAX);
	if (proc_talk_start(&talk.with, fd, s->argv, e) < 0)
		return -1;
	if (dial_watch(&s->dial, talk.with.err, e) < 0) {
		talk_end(&talk);
		return -1;
	}
	MEM_GROW(s->talks, s->nr, s->cap);
	s->talks[s->nr++] = talk;
	return 0;
}

/* A server with a long banner, or an ssh that was asked to tell much: it must not wait for us while we wait for it. */
static void listen_to_all(struct dial *d)
{
	struct engine_ssh *s = CONTAINER_OF(d, struct engine_ssh, dial);

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->nr; i++)
		proc_talk_said(&s->talks[i].with, &s->talks[i].said);
	pthread_mutex_unlock(&s->lock);
}

static int serve(struct dial *d, struct op *op, int fd, struct err *e)
{
	struct engine_ssh *s = CONTAINER_OF(d, struct engine_ssh, dial);
	int r;

	pthread_mutex_lock(&s->lock);
	reap(s);
	r = start(s, fd, e);
	pthread_mutex_unlock(&s->lock);
	if (op && r == 0)
		log_debug(op, "engine: ssh is started");
	return r;
}

int engine_ssh_new(struct engine_ssh **out, const struct engine_host *at, const char *known_hosts,
		   struct err *e)
{
	auto_engine_ssh struct engine_ssh *s = NULL;

	if (known_hosts && check_known_hosts(known_hosts, e) < 0)
		return -1;
	s = mem_zalloc(sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->dial = (struct dial){ .serve = serve, .look = listen_to_all };
	s->dial.fd = s->dial.listening = s->dial.place = -1;
	if (dial_open(&s->dial, e) < 0)
		return -1;
	s->known_hosts = known_hosts ? mem_strdup(known_hosts) : NULL;
	make_args(s, at);
	s->argv = mem_zalloc((s->args.n + 1) * sizeof(*s->argv));
	for (size_t i = 0; i < s->args.n; i++)
		s->argv[i] = s->args.v[i];
	*out = STEAL(&s);
	return 0;
}

void engine_ssh_free(struct engine_ssh *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr; i++)
		talk_end(&s->talks[i]);
	dial_close(&s->dial);
	free(s->talks);
	free(s->argv);
	strv_release(&s->args);
	free(s->known_hosts);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct dial *engine_ssh_dial(struct engine_ssh *s)
{
	return &s->dial;
}

const char *const *engine_ssh_argv(const struct engine_ssh *s)
{
	return s->argv;
}

/* -- what ssh says --------------------------------------------------------------- */

static bool says(struct span said, const char *words)
{
	return memmem(said.p, said.n, words, strlen(words)) != NULL;
}

/* The last line that is one. */
static struct span last_line(struct span said)
{
	struct span line, last = span_of("", 0);

	while (span_line(&said, &line)) {
		line = span_trim(line);
		if (line.n)
			last = line;
	}
	return span_head(last, 300);
}

void engine_ssh_explain(struct err *out, struct span said, int status, const char *known_hosts)
{
	const char *where = known_hosts ? known_hosts : "ssh's known_hosts";
	struct span last = last_line(said);
	char how[64];

	if (says(said, "HOST IDENTIFICATION HAS CHANGED"))
		err_set(out, ERR_DENIED,
			"ssh: the host shows another key than the one in %s; either it was set up "
			"anew, or somebody else answers there",
			where);
	else if (says(said, "host key is known for") || says(said, "Host key verification failed"))
		err_set(out, ERR_DENIED,
			"ssh: the host's key is not in %s (ssh-keyscan shows it; compare it before "
			"you add it)",
			where);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
		err_set(out, ERR_UNAVAILABLE,
			"ssh: there is no docker command there (" SPAN_FMT ")", SPAN_ARG(last));
	else if (last.n)
		err_set(out, says(last, "ermission denied") ? ERR_DENIED : ERR_UNAVAILABLE,
			"ssh: " SPAN_FMT, SPAN_ARG(last));
	else {
		proc_describe(how, sizeof(how), status);
		err_set(out, ERR_UNAVAILABLE, "ssh ended without a word: %s", how);
	}
}

int engine_ssh_failed(struct engine_ssh *s, struct err *e)
{
	pthread_mutex_lock(&s->lock);
	/* the youngest is the one that failed; while it goes on, it is not ssh's fault */
	for (size_t i = s->nr; i-- > 0;) {
		struct talk *t = &s->talks[i];

		if (!proc_talk_has_ended(&t->with, &t->said, i + 1 == s->nr ? LAST_MS : 0))
			continue;
		engine_ssh_explain(e, buf_span(&t->said), t->with.status, s->known_hosts);
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return -1;
}

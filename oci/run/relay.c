/*
 * The agent's protocol (draft-miller-ssh-agent) is a message there and a message back, each with
 * four bytes of length and one of kind. A talk holds one message at a time and is in one of four
 * states, so it waits for one thing on one descriptor.
 */
#include "oci/run/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/secret.h"

enum {
	AGENT_FAILURE = 5,
	AGENTC_REQUEST_IDENTITIES = 11,
	AGENTC_SIGN_REQUEST = 13,
};

enum talk_state { TALK_ASKED, TALK_TELL_AGENT, TALK_ANSWERED, TALK_TELL_RUN };

struct talk {
	int run_fd, agent_fd; /* run_fd -1: free */
	enum talk_state state;
	struct buf message; /* as far as it is here */
	size_t sent;
};

struct relay {
	const struct run_agent *agents;
	size_t nr_agents;
	struct talk talks[RELAY_TALKS_MAX];
	size_t polled[RELAY_TALKS_MAX]; /* which talk an entry of poll is */
};

/* -- the socket -------------------------------------------------------------- */

static int unix_address(struct sockaddr_un *out, const char *path, struct err *e)
{
	size_t n = strlen(path);

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof(out->sun_path))
		return err_set(e, ERR_INPUT, "'%s' is too long for a socket's path", path);
	memcpy(out->sun_path, path, n + 1);
	return 0;
}

int relay_listen(int *listen_fd, int *mount_fd, int dirfd, const char *name, uint32_t mode,
		 uint32_t uid, uint32_t gid, struct err *e)
{
	auto_free char *path = mem_printf("/proc/self/fd/%d/%s", dirfd, name);
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	auto_close int node = -1;
	struct sockaddr_un at;

	if (fd < 0)
		return err_sys(e, "make a socket for the ssh agent");
	if (unix_address(&at, path, e) < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 16) < 0)
		return err_sys(e, "make a socket for the ssh agent");
	if (fchmodat(dirfd, name, mode, 0) < 0 || fchownat(dirfd, name, uid, gid, 0) < 0)
		return err_sys(e, "give the ssh agent's socket to %u:%u", uid, gid);
	node = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (node < 0)
		return err_sys(e, "open the ssh agent's socket");
	*listen_fd = fd_steal(&fd);
	*mount_fd = fd_steal(&node);
	return 0;
}

static int connect_agent(const char *path)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct err ignored = ERR_INIT;
	struct sockaddr_un to;

	if (fd < 0 || unix_address(&to, path, &ignored) < 0 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	return fd_steal(&fd);
}

/* -- talks ------------------------------------------------------------------- */

static void talk_end(struct talk *t)
{
	fd_auto_close_(&t->run_fd);
	fd_auto_close_(&t->agent_fd);
	secret_buf_auto_(&t->message);
	*t = (struct talk){ .run_fd = -1, .agent_fd = -1 };
}

/* Bytes of the message that are still missing; 0: it is whole. SIZE_MAX: it is none. */
static size_t missing(const struct talk *t)
{
	const unsigned char *p = (const unsigned char *)t->message.data;
	size_t n;

	if (t->message.len < 4)
		return 4 - t->message.len;
	n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (n == 0 || n > RELAY_MESSAGE_MAX)
		return SIZE_MAX;
	return 4 + n - t->message.len;
}

static void talk_turn(struct talk *t, enum talk_state to)
{
	t->state = to;
	t->sent = 0;
	if (to == TALK_ASKED || to == TALK_ANSWERED)
		buf_reset(&t->message);
}

static void request_whole(struct talk *t)
{
	static const unsigned char failure[] = { 0, 0, 0, 1, AGENT_FAILURE };
	int kind = t->message.data[4];

	if (kind == AGENTC_REQUEST_IDENTITIES || kind == AGENTC_SIGN_REQUEST) {
		talk_turn(t, TALK_TELL_AGENT);
		return;
	}
	buf_reset(&t->message);
	buf_add(&t->message, failure, sizeof(failure));
	talk_turn(t, TALK_TELL_RUN);
}

/* False: the talk is over. */
static bool talk_read(struct talk *t)
{
	char piece[4096];
	size_t want = missing(t);
	ssize_t n;

	if (want == SIZE_MAX)
		return false;
	n = read(t->state == TALK_ASKED ? t->run_fd : t->agent_fd, piece,
		 want < sizeof(piece) ? want : sizeof(piece));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	buf_add(&t->message, piece, (size_t)n);
	explicit_bzero(piece, (size_t)n);
	want = missing(t);
	if (want)
		return want != SIZE_MAX;
	if (t->state == TALK_ASKED)
		request_whole(t);
	else
		talk_turn(t, TALK_TELL_RUN);
	return true;
}

static bool talk_write(struct talk *t)
{
	ssize_t n = send(t->state == TALK_TELL_RUN ? t->run_fd : t->agent_fd,
			 t->message.data + t->sent, t->message.len - t->sent, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	t->sent += (size_t)n;
	if (t->sent == t->message.len)
		talk_turn(t, t->state == TALK_TELL_RUN ? TALK_ASKED : TALK_ANSWERED);
	return true;
}

static struct talk *talk_free_one(struct relay *r)
{
	for (size_t i = 0; i < RELAY_TALKS_MAX; i++)
		if (r->talks[i].run_fd < 0)
			return &r->talks[i];
	return NULL;
}

static void talk_begin(struct relay *r, const struct run_agent *a)
{
	struct talk *t = talk_free_one(r);

	if (!t)
		return; /* it waits in the queue of the socket */
	t->run_fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (t->run_fd < 0)
		return;
	t->agent_fd = connect_agent(a->path);
	buf_init(&t->message, RELAY_MESSAGE_MAX + 4);
	talk_turn(t, TALK_ASKED);
	if (t->agent_fd < 0)
		talk_end(t);
}

/* -- the loop's side --------------------------------------------------------- */

struct relay *relay_new(const struct run_agent *agents, size_t nr)
{
	struct relay *r = mem_zalloc(sizeof(*r));

	r->agents = agents;
	r->nr_agents = nr;
	for (size_t i = 0; i < RELAY_TALKS_MAX; i++)
		r->talks[i].run_fd = r->talks[i].agent_fd = -1;
	return r;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < RELAY_TALKS_MAX; i++)
		talk_end(&r->talks[i]);
	free(r);
}

static struct pollfd talk_poll(const struct talk *t)
{
	bool with_run = t->state == TALK_ASKED || t->state == TALK_TELL_RUN;
	bool reads = t->state == TALK_ASKED || t->state == TALK_ANSWERED;

	return (struct pollfd){ .fd = with_run ? t->run_fd : t->agent_fd,
				.events = reads ? POLLIN : POLLOUT };
}

size_t relay_poll(struct relay *r, struct pollfd *p)
{
	bool has_room = talk_free_one(r) != NULL;
	size_t nr = 0;

	for (size_t i = 0; i < r->nr_agents; i++)
		p[nr++] = (struct pollfd){ .fd = has_room ? r->agents[i].listen_fd : -1,
					   .events = POLLIN };
	for (size_t i = 0; i < RELAY_TALKS_MAX; i++) {
		if (r->talks[i].run_fd < 0)
			continue;
		r->polled[nr - r->nr_agents] = i;
		p[nr++] = talk_poll(&r->talks[i]);
	}
	return nr;
}

void relay_serve(struct relay *r, const struct pollfd *p, size_t nr)
{
	for (size_t i = r->nr_agents; i < nr; i++) {
		struct talk *t = &r->talks[r->polled[i - r->nr_agents]];

		if (p[i].revents && !(p[i].events == POLLIN ? talk_read(t) : talk_write(t)))
			talk_end(t);
	}
	for (size_t i = 0; i < r->nr_agents; i++)
		if (p[i].revents)
			talk_begin(r, &r->agents[i]);
}

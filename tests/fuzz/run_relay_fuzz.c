/*
 * A RUN and an ssh agent that say anything, in any pieces: the agent only ever gets whole requests to list keys and
 * to sign, and the RUN only whole answers.
 *
 * A piece of the input: a byte whose lowest bit says who speaks, one that says how long, and what is said.
 */
#include <assert.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/relay.h"

#define HEARD_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct relay *relay;
	int listen_fd, agent_fd, run_fd; /* agent_fd -1: nobody has called */
	struct buf asked, answered;
};

static int unix_socket(const char *dir, const char *name, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/%s", dir, name);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void hear(int fd, struct buf *heard)
{
	char piece[4096];
	ssize_t n;

	while (fd >= 0 && (n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT)) > 0)
		buf_add(heard, piece, (size_t)n);
}

/* Until nothing more happens. */
static void pump(struct world *w)
{
	struct pollfd p[RELAY_POLL_MAX(1)];
	size_t nr = relay_poll(w->relay, p);

	while (poll(p, nr, 0) > 0) {
		relay_serve(w->relay, p, nr);
		if (w->agent_fd < 0)
			w->agent_fd = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		hear(w->agent_fd, &w->asked);
		hear(w->run_fd, &w->answered);
		nr = relay_poll(w->relay, p);
	}
}

static void talk(struct world *w, struct span script)
{
	pump(w);
	while (script.n >= 2) {
		int to = script.p[0] & 1 ? w->agent_fd : w->run_fd;
		size_t n = 1u + (unsigned char)script.p[1];

		script = span_sub(script, 2);
		if (n > script.n)
			n = script.n;
		/* one that was hung up on says nothing */
		if (n && to >= 0 && send(to, script.p, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return;
		script = span_sub(script, n);
		pump(w);
	}
}

static void is_whole(const struct buf *heard, bool is_request)
{
	const unsigned char *p = (const unsigned char *)heard->data;

	for (size_t at = 0; at < heard->len;) {
		size_t left = heard->len - at, n;

		assert(left > 4);
		n = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 |
		    p[at + 3];
		assert(n && n <= RELAY_MESSAGE_MAX && n <= left - 4);
		assert(!is_request || p[at + 4] == 11 || p[at + 4] == 13);
		at += 4 + n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/relay-fuzz-XXXXXX";
	struct world w = { .asked = BUF_INIT(HEARD_MAX),
			   .answered = BUF_INIT(HEARD_MAX),
			   .agent_fd = -1 };
	struct sockaddr_un agent_at, run_at;
	struct run_agent agent = { .path = agent_at.sun_path };
	struct err e = ERR_INIT;
	int dirfd, mount_fd;

	assert(mkdtemp(path) != NULL);
	dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w.listen_fd = unix_socket(path, "agent", &agent_at);
	assert(bind(w.listen_fd, (struct sockaddr *)&agent_at, sizeof(agent_at)) == 0 &&
	       listen(w.listen_fd, 4) == 0);
	assert(relay_listen(&agent.listen_fd, &mount_fd, dirfd, "ours", 0600, geteuid(), getegid(),
			    &e) == 0);
	w.relay = relay_new(&agent, 1);
	w.run_fd = unix_socket(path, "ours", &run_at);
	assert(connect(w.run_fd, (struct sockaddr *)&run_at, sizeof(run_at)) == 0);

	talk(&w, span_of(data, size));
	is_whole(&w.asked, true);
	is_whole(&w.answered, false);

	relay_free(w.relay);
	for (size_t i = 0; i < 6; i++) {
		int fd = (const int[]){ dirfd,	     mount_fd,	 agent.listen_fd,
					w.listen_fd, w.agent_fd, w.run_fd }[i];

		if (fd >= 0)
			close(fd);
	}
	buf_release(&w.asked);
	buf_release(&w.answered);
	assert(fs_remove_tree(AT_FDCWD, path, &e) == 0);
	return 0;
}

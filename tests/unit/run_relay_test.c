/* The way to an ssh agent, with an agent that is played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mem.h"
#include "oci/run/relay.h"
#include "tests/fakes/tmpdir.h"

struct world {
	struct tmpdir dir;
	int agent; /* listens */
	struct run_agent to;
	int mount_fd;
	struct relay *relay;
};

static int unix_socket(const struct world *w, const char *name, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/%s", w->dir.path, name);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct sockaddr_un at;
	struct err e = ERR_INIT;

	tmpdir_init(&w->dir);
	w->agent = unix_socket(w, "agent", &at);
	assert_int_equal(bind(w->agent, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(w->agent, 16), 0);
	w->to.path = mem_strdup(at.sun_path);
	assert_int_equal(
		relay_listen(&w->to.listen_fd, &w->mount_fd, w->dir.fd, "ours", 0600, 0, 0, &e), 0);
	w->relay = relay_new(&w->to, 1);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	relay_free(w->relay);
	close(w->agent);
	close(w->to.listen_fd);
	close(w->mount_fd);
	free(w->to.path);
	tmpdir_release(&w->dir);
	free(w);
	return 0;
}

/* Until nothing more happens. */
static void pump(struct world *w)
{
	struct pollfd p[RELAY_POLL_MAX(1)];

	for (;;) {
		size_t nr = relay_poll(w->relay, p);

		assert_true(nr <= RELAY_POLL_MAX(1));
		if (poll(p, nr, 0) <= 0)
			return;
		relay_serve(w->relay, p, nr);
	}
}

static int connect_run(struct world *w)
{
	struct sockaddr_un at;
	int fd = unix_socket(w, "ours", &at);

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	pump(w);
	return fd;
}

static int agent_accept(struct world *w)
{
	int fd = accept4(w->agent, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	assert_true(fd >= 0);
	return fd;
}

static void say(struct world *w, int fd, const char *bytes, size_t n)
{
	assert_int_equal(write(fd, bytes, n), n);
	pump(w);
}

static void assert_hears(int fd, const char *bytes, size_t n)
{
	char got[64];

	assert_int_equal(read(fd, got, sizeof(got)), n);
	assert_memory_equal(got, bytes, n);
}

#define BYTES(text) text, sizeof(text) - 1

static void keys_are_listed_and_sign(void **state)
{
	struct world *w = *state;
	int run = connect_run(w), agent = agent_accept(w);

	say(w, run, BYTES("\0\0\0\1\x0b"));
	assert_hears(agent, BYTES("\0\0\0\1\x0b"));
	say(w, agent, BYTES("\0\0\0\5\x0c\0\0\0\0"));
	assert_hears(run, BYTES("\0\0\0\5\x0c\0\0\0\0"));
	/* in pieces */
	say(w, run, BYTES("\0\0\0"));
	say(w, run, BYTES("\3\x0d!"));
	say(w, run, BYTES("?"));
	assert_hears(agent, BYTES("\0\0\0\3\x0d!?"));
	say(w, agent, BYTES("\0\0\0\2\x0e+"));
	assert_hears(run, BYTES("\0\0\0\2\x0e+"));
	close(run);
	close(agent);
	pump(w);
}

/* Adding, removing, locking, extensions. */
static void anything_else_is_refused_and_never_reaches_the_agent(void **state)
{
	static const char kinds[] = { 17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 1, 0, 127, -1 };
	struct world *w = *state;
	int run = connect_run(w), agent = agent_accept(w);
	char byte;

	for (size_t i = 0; i < sizeof(kinds); i++) {
		const char message[] = { 0, 0, 0, 2, kinds[i], 'x' };

		say(w, run, message, sizeof(message));
		assert_hears(run, BYTES("\0\0\0\1\5"));
		assert_int_equal(read(agent, &byte, 1), -1);
	}
	close(run);
	close(agent);
	pump(w);
}

static void a_message_that_is_none_ends_the_talk(void **state)
{
	static const char *const heads[] = { "\0\0\0\0", "\xff\xff\xff\xff", "\0\4\0\1" };
	struct world *w = *state;
	char byte;

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		int run = connect_run(w), agent = agent_accept(w);

		say(w, run, heads[i], 4);
		assert_int_equal(read(run, &byte, 1), 0);
		assert_int_equal(read(agent, &byte, 1), 0);
		close(run);
		close(agent);
	}
}

static void more_talks_than_there_may_be_wait_for_one_to_end(void **state)
{
	struct world *w = *state;
	int run[RELAY_TALKS_MAX + 2], first;

	for (size_t i = 0; i < ARRAY_LEN(run); i++)
		run[i] = connect_run(w);
	first = agent_accept(w);
	for (size_t i = 1; i < RELAY_TALKS_MAX; i++)
		close(agent_accept(w));
	assert_int_equal(accept4(w->agent, NULL, NULL, SOCK_CLOEXEC), -1);
	for (size_t i = 0; i < ARRAY_LEN(run) - 1; i++)
		close(run[i]);
	pump(w);
	say(w, run[ARRAY_LEN(run) - 1], BYTES("\0\0\0\1\x0b"));
	close(agent_accept(w)); /* of one that is gone already */
	first = (close(first), agent_accept(w));
	assert_hears(first, BYTES("\0\0\0\1\x0b"));
	close(first);
	close(run[ARRAY_LEN(run) - 1]);
}

static void an_agent_that_is_gone_ends_the_talk(void **state)
{
	struct world *w = *state;
	char byte;
	int run;

	close(w->agent);
	assert_int_equal(unlinkat(w->dir.fd, "agent", 0), 0);
	run = connect_run(w);
	assert_int_equal(read(run, &byte, 1), 0);
	close(run);
	w->agent = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void the_socket_has_the_mode_that_was_asked_for(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(fstat(w->mount_fd, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(keys_are_listed_and_sign),
		T(anything_else_is_refused_and_never_reaches_the_agent),
		T(a_message_that_is_none_ends_the_talk),
		T(more_talks_than_there_may_be_wait_for_one_to_end),
		T(an_agent_that_is_gone_ends_the_talk),
		T(the_socket_has_the_mode_that_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

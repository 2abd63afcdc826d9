/* A place to connect to inside this machine, for us alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/dial.h"

static unsigned served;

static int serve(struct dial *d, struct op *op, int fd, struct err *e)
{
	(void)d;
	(void)op;
	(void)e;
	assert_int_equal(1, write(fd, "x", 1));
	served++;
	return 0;
}

static int connect_to(const struct dial *d)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", d->path);
	assert_int_equal(0, connect(fd, (struct sockaddr *)&at, sizeof(at)));
	return fd;
}

static void our_own_connections_are_served(void **state)
{
	struct dial d = { .serve = serve };
	struct err e = ERR_INIT;
	char c = 0;
	int fd;

	(void)state;
	served = 0;
	assert_int_equal(0, dial_open(&d, &e));
	fd = connect_to(&d);
	assert_int_equal(0, dial_serve(&d, NULL, &e));
	assert_int_equal(1, served);
	assert_int_equal(1, read(fd, &c, 1));
	/* serve kept no copy */
	assert_int_equal(0, read(fd, &c, 1));
	close(fd);
	dial_close(&d);
}

static void another_process_is_sent_away(void **state)
{
	struct dial d = { .serve = serve };
	struct err e = ERR_INIT;
	int ready[2], status;
	pid_t pid;
	char c;

	(void)state;
	served = 0;
	assert_int_equal(0, dial_open(&d, &e));
	assert_int_equal(0, pipe(ready));
	pid = fork();
	if (pid == 0) {
		int fd = connect_to(&d);

		if (write(ready[1], "c", 1) != 1)
			_exit(2);
		_exit(read(fd, &c, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(1, read(ready[0], &c, 1));
	assert_int_equal(0, dial_serve(&d, NULL, &e));
	assert_int_equal(0, served);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	close(ready[0]);
	close(ready[1]);
	dial_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_own_connections_are_served),
		cmocka_unit_test(another_process_is_sent_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

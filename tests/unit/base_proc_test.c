#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/proc.h"

struct run {
	struct proc_spec spec;
	struct op op;
	struct proc_result r;
	struct err e;
	int result;
	const char *argv[4];
};

static void run_init(struct run *r, const char *script)
{
	*r = (struct run){ .argv = { "sh", "-c", script } };
	r->spec.argv = r->argv;
	r->spec.output_max = 1 << 20;
	r->op.clock = &clock_system;
}

static void run_go(void *item)
{
	struct run *r = item;

	r->result = proc_run(&r->r, &r->op, &r->spec, &r->e);
}

static void run_ok(struct run *r)
{
	run_go(r);
	if (r->result < 0)
		fail_msg("%s", r->e.text);
}

static void both_outputs_and_the_status_come_back(void **state)
{
	struct run r;

	(void)state;
	run_init(&r, "echo out; echo err >&2; exit 7");
	run_ok(&r);
	assert_string_equal("out\n", buf_str(&r.r.out));
	assert_string_equal("err\n", buf_str(&r.r.err));
	assert_int_equal(7, WEXITSTATUS(r.r.status));
	proc_result_release(&r.r);
}

static void input_is_read_to_its_end_even_a_large_one(void **state)
{
	auto_free char *big = mem_alloc(300000);
	struct run r;

	(void)state;
	memset(big, 'i', 300000);
	run_init(&r, "cat");
	r.spec.input = span_of(big, 300000);
	run_ok(&r);
	assert_int_equal(300000, r.r.out.len);
	proc_result_release(&r.r);
	/* a child that does not want it does no harm */
	run_init(&r, "exit 0");
	r.spec.input = span_of(big, 300000);
	run_ok(&r);
	assert_int_equal(0, r.r.status);
	proc_result_release(&r.r);
}

static void without_input_it_reads_nothing(void **state)
{
	struct run r;

	(void)state;
	run_init(&r, "cat; echo end");
	run_ok(&r);
	assert_string_equal("end\n", buf_str(&r.r.out));
	proc_result_release(&r.r);
}

static void output_over_the_ceiling_is_dropped_and_the_child_ends(void **state)
{
	struct run r;

	(void)state;
	run_init(&r, "head -c 500000 /dev/zero | tr '\\0' x; echo done >&2");
	r.spec.output_max = 10;
	run_ok(&r);
	assert_string_equal("xxxxxxxxxx", buf_str(&r.r.out));
	assert_true(r.r.out.over);
	assert_string_equal("done\n", buf_str(&r.r.err));
	assert_false(r.r.err.over);
	proc_result_release(&r.r);
}

static void a_missing_program_is_absent(void **state)
{
	const char *argv[] = { "no-such-program-anywhere", NULL };
	struct run r;

	(void)state;
	run_init(&r, "");
	r.spec.argv = argv;
	run_go(&r);
	assert_int_equal(-1, r.result);
	assert_int_equal(ERR_ABSENT, r.e.kind);
	assert_non_null(strstr(r.e.text, "run 'no-such-program-anywhere'"));
}

static void the_environment_is_ours_or_exactly_what_is_given(void **state)
{
	auto_strv struct strv env = STRV_INIT;
	struct run r;

	(void)state;
	setenv("PROC_TEST", "ours", 1);
	run_init(&r, "echo $PROC_TEST");
	run_ok(&r);
	assert_string_equal("ours\n", buf_str(&r.r.out));
	proc_result_release(&r.r);

	run_init(&r, "echo \"[$PROC_TEST][$OTHER]\"");
	r.spec.env = &env;
	run_ok(&r);
	assert_string_equal("[][]\n", buf_str(&r.r.out));
	proc_result_release(&r.r);
	strv_add(&env, "OTHER=x");
	run_ok(&r);
	assert_string_equal("[][x]\n", buf_str(&r.r.out));
	proc_result_release(&r.r);
	unsetenv("PROC_TEST");
}

static void no_descriptor_of_ours_reaches_the_child(void **state)
{
	auto_close int leak = open("/dev/null", O_RDONLY);
	struct run r;

	(void)state;
	/* only what is numbered below 3, and the one ls itself opens */
	run_init(&r, "exec ls /proc/self/fd | wc -l");
	int high = fcntl(leak, F_DUPFD, 40);

	assert_true(leak >= 0 && high >= 40);
	run_ok(&r);
	assert_string_equal("4\n", buf_str(&r.r.out));
	proc_result_release(&r.r);
	close(high);
}

static void a_child_of_a_worker_takes_signals_again(void **state)
{
	auto_pool struct pool *p = NULL;
	struct pool_batch b;
	struct run r;

	(void)state;
	run_init(&r, "kill -TERM $$; sleep 20");
	assert_int_equal(0, pool_new(&p, 1, &r.e));
	pool_batch_init(&b, p);
	pool_submit(&b, run_go, &r);
	pool_batch_wait(&b);
	assert_int_equal(0, r.result);
	assert_true(WIFSIGNALED(r.r.status));
	assert_int_equal(SIGTERM, WTERMSIG(r.r.status));
	proc_result_release(&r.r);
}

static bool all_ended(int fd)
{
	char byte;

	/* end of file on a pipe whose write ends the processes held: they are gone */
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 5000) == 1 &&
	       read(fd, &byte, 1) == 0;
}

/* The script has come as far as saying so. */
static bool has_begun(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1;
}

static void a_time_limit_kills_the_child_and_what_it_started(void **state)
{
	char dir[] = "/tmp/proc_XXXXXX";
	auto_free char *fifo = NULL, *script = NULL;
	auto_close int fd = -1;
	struct run r;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fifo = mem_printf("%s/fifo", dir);
	script = mem_printf("exec 9>%s; echo >&9; sleep 30 & sleep 30", fifo);
	assert_int_equal(0, mkfifo(fifo, 0600));
	fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	/* a busy machine may not have started the script within the limit */
	for (int64_t limit_ms = 60; limit_ms < 16000; limit_ms *= 4) {
		run_init(&r, script);
		r.spec.timeout_ms = limit_ms;
		run_go(&r);
		assert_int_equal(-1, r.result);
		assert_int_equal(ERR_TIMEOUT, r.e.kind);
		if (has_begun(fd))
			break;
	}
	assert_true(all_ended(fd));
	unlink(fifo);
	rmdir(dir);
}

static void a_cancel_kills_the_child(void **state)
{
	auto_pool struct pool *p = NULL;
	struct pool_batch b;
	struct cancel cn;
	struct run r;

	(void)state;
	run_init(&r, "sleep 30");
	assert_int_equal(0, cancel_init(&cn, &r.e));
	r.op.cancel = &cn;
	assert_int_equal(0, pool_new(&p, 1, &r.e));
	pool_batch_init(&b, p);
	pool_submit(&b, run_go, &r);
	usleep(20000); /* most likely it runs by now; not begun at all is right, too */
	cancel_set(&cn, SIGTERM);
	pool_batch_wait(&b);
	assert_int_equal(-1, r.result);
	assert_int_equal(ERR_CANCELLED, r.e.kind);
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG));
	assert_int_equal(ECHILD, errno);
	cancel_release(&cn);
}

static void a_daemon_that_keeps_the_pipe_is_not_waited_for(void **state)
{
	struct run r;

	(void)state;
	run_init(&r, "sleep 30 & echo $!");
	r.spec.timeout_ms = 5000;
	run_ok(&r);
	assert_int_equal(0, r.r.status);
	kill((pid_t)strtol(buf_str(&r.r.out), NULL, 10), SIGKILL);
	proc_result_release(&r.r);
}

static void start_talk(struct proc_talk *t, int *fd, const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct err e = ERR_INIT;
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	if (proc_talk_start(t, pair[1], argv, &e) < 0)
		fail_msg("%s", e.text);
	close(pair[1]);
	*fd = pair[0];
}

static void a_program_beside_us_is_talked_with(void **state)
{
	auto_buf struct buf said = BUF_INIT(5);
	char answer[16] = "";
	struct proc_talk t;
	int fd;

	(void)state;
	start_talk(&t, &fd,
		   "read -r x; echo \"got $x\"; printf 'many words' >&2; cat >/dev/null; exit 7");
	assert_int_equal(3, write(fd, "hi\n", 3));
	assert_int_equal(7, read(fd, answer, sizeof(answer)));
	assert_string_equal("got hi\n", answer);
	assert_false(proc_talk_has_ended(&t, NULL, 0));
	/* as when we are gone */
	close(fd);
	assert_true(proc_talk_has_ended(&t, NULL, 60000));
	assert_int_equal(7, WEXITSTATUS(t.status));
	proc_talk_said(&t, &said);
	assert_string_equal("words", buf_str(&said));
	proc_talk_end(&t);
}

/* More than a pipe holds: unheard, it would never end. */
static void a_program_beside_us_is_heard_while_its_end_is_waited_for(void **state)
{
	auto_buf struct buf said = BUF_INIT(6);
	struct proc_talk t;
	int fd;

	(void)state;
	start_talk(&t, &fd, "yes word | head -n 50000 >&2; printf reason >&2; exit 7");
	assert_true(proc_talk_has_ended(&t, &said, 60000));
	assert_string_equal("reason", buf_str(&said));
	close(fd);
	proc_talk_end(&t);
}

/* What can always be read, as the pipe of one that writes as fast as it is read. */
static void of_words_without_end_a_call_hears_what_a_pipe_holds(void **state)
{
	struct proc_talk t = { .err = memfd_create("words", MFD_CLOEXEC) };
	auto_buf struct buf said = BUF_INIT(6);
	const off_t size = 16 << 20;

	(void)state;
	assert_int_equal(0, ftruncate(t.err, size));
	proc_talk_said(&t, &said);
	assert_in_range(lseek(t.err, 0, SEEK_CUR), 64 << 10, 1 << 20);
	assert_int_equal(6, said.len);
	close(t.err);
}

static void a_program_beside_us_that_talks_without_end_is_ended(void **state)
{
	auto_buf struct buf said = BUF_INIT(6);
	struct proc_talk t;
	int fd;

	(void)state;
	start_talk(&t, &fd, "exec yes word >&2");
	assert_false(proc_talk_has_ended(&t, &said, 0));
	close(fd);
	proc_talk_end(&t);
	assert_true(t.has_ended);
}

static void a_program_beside_us_is_ended_with_what_it_started(void **state)
{
	struct proc_talk t;
	char line[32] = "";
	int fd;

	(void)state;
	start_talk(&t, &fd, "trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000");
	assert_true(read(fd, line, sizeof(line) - 1) > 0);
	proc_talk_end(&t);
	assert_true(t.has_ended);
	/* nobody else holds the other end, so they are all gone */
	while (read(fd, line, sizeof(line)) > 0)
		;
	close(fd);
}

static void a_program_beside_us_has_no_terminal(void **state)
{
	char answer[16] = "";
	struct proc_talk t;
	int fd;

	(void)state;
	start_talk(&t, &fd, "(: </dev/tty) 2>/dev/null && echo has || echo none");
	assert_true(read(fd, answer, sizeof(answer) - 1) > 0);
	assert_string_equal("none\n", answer);
	close(fd);
	proc_talk_end(&t);
}

static void a_program_beside_us_that_is_missing_is_absent(void **state)
{
	const char *const argv[] = { "no-such-program-at-all", NULL };
	struct proc_talk t;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(-1, proc_talk_start(&t, STDIN_FILENO, argv, &e));
	assert_int_equal(ERR_ABSENT, e.kind);
}

static void statuses_are_told_in_words(void **state)
{
	char text[64];

	(void)state;
	proc_describe(text, sizeof(text), 7 << 8);
	assert_string_equal("exit status 7", text);
	proc_describe(text, sizeof(text), SIGKILL);
	assert_string_equal("killed by SIGKILL (Killed)", text);
	proc_describe(text, sizeof(text), 139 << 8);
	assert_string_equal("exit status 139 (128 + 11: SIGSEGV)", text);
	proc_describe(text, sizeof(text), 255 << 8);
	assert_string_equal("exit status 255", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_outputs_and_the_status_come_back),
		cmocka_unit_test(input_is_read_to_its_end_even_a_large_one),
		cmocka_unit_test(without_input_it_reads_nothing),
		cmocka_unit_test(output_over_the_ceiling_is_dropped_and_the_child_ends),
		cmocka_unit_test(a_missing_program_is_absent),
		cmocka_unit_test(the_environment_is_ours_or_exactly_what_is_given),
		cmocka_unit_test(no_descriptor_of_ours_reaches_the_child),
		cmocka_unit_test(a_child_of_a_worker_takes_signals_again),
		cmocka_unit_test(a_time_limit_kills_the_child_and_what_it_started),
		cmocka_unit_test(a_cancel_kills_the_child),
		cmocka_unit_test(a_daemon_that_keeps_the_pipe_is_not_waited_for),
		cmocka_unit_test(a_program_beside_us_is_talked_with),
		cmocka_unit_test(a_program_beside_us_is_heard_while_its_end_is_waited_for),
		cmocka_unit_test(of_words_without_end_a_call_hears_what_a_pipe_holds),
		cmocka_unit_test(a_program_beside_us_that_talks_without_end_is_ended),
		cmocka_unit_test(a_program_beside_us_is_ended_with_what_it_started),
		cmocka_unit_test(a_program_beside_us_has_no_terminal),
		cmocka_unit_test(a_program_beside_us_that_is_missing_is_absent),
		cmocka_unit_test(statuses_are_told_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

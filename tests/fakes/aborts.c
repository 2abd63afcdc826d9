#include "tests/fakes/aborts.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_child(void (*run)(void *arg), void *arg)
{
	const struct rlimit none = { 0 };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGABRT, SIG_DFL);
	dup2(null, STDERR_FILENO);
	run(arg);
	_exit(0);
}

bool aborts(void (*run)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		in_child(run, arg);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGABRT;
}

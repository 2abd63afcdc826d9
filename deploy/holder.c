/*
 * A pid alone says little: it is used again, and other machines and containers have the same
 * ones. Boot id and pid namespace say whether we can judge at all, the start time whether it is
 * still the same process.
 */
#include "deploy/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/span.h"

/* "BOOT/NAMESPACE/" of this process. */
static char *where_we_are(void)
{
	auto_buf struct buf boot = BUF_INIT(BUF_SMALL);
	char ns[64] = "";
	struct err ignored = ERR_INIT;
	ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	if (n <= 0 ||
	    fs_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &boot, &ignored) < 0)
		return NULL;
	return mem_printf(SPAN_FMT "/%s/", SPAN_ARG(span_trim(buf_span(&boot))), ns);
}

/* The 22nd word of its stat; the second is a name in brackets that may hold anything. */
static int start_time(uint64_t *out, const char *pid)
{
	auto_free char *path = mem_printf("/proc/%s/stat", pid);
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct err ignored = ERR_INIT;
	struct span rest, word;
	ptrdiff_t end;

	if (fs_read_file(AT_FDCWD, path, &text, &ignored) < 0)
		return -1;
	end = span_rfind(buf_span(&text), ')');
	if (end < 0)
		return -1;
	rest = span_sub(buf_span(&text), (size_t)end + 1);
	for (int i = 3; i <= 22; i++)
		if (!span_word(&rest, &word))
			return -1;
	return span_to_u64(out, word);
}

char *deploy_holder_process(void)
{
	auto_free char *where = where_we_are();
	auto_free char *pid = mem_printf("%d", (int)getpid());
	uint64_t start;

	if (!where || start_time(&start, pid) < 0)
		return NULL;
	return mem_printf("%s%s/%llu", where, pid, (unsigned long long)start);
}

bool deploy_holder_is_gone(const char *process)
{
	auto_free char *where = where_we_are(), *pid = NULL;
	struct span rest = span_of_str(process), number, start;
	uint64_t then, now, id;

	if (!where || !span_take(&rest, where) || !span_cut(rest, '/', &number, &start) ||
	    span_to_u64(&id, number) < 0 || !id || id > INT32_MAX || span_to_u64(&then, start) < 0)
		return false;
	pid = span_dup(number);
	if (start_time(&now, pid) == 0)
		return now != then;
	/* /proc may hide what is there (hidepid): then only the kernel's word counts */
	return kill((pid_t)id, 0) < 0 && errno == ESRCH;
}

/*
 * Names of signals as STOPSIGNAL takes them: linux ones, whatever this program runs on.
 */
#include "base/span.h"
#include "oci/dockerfile/parse.h"

#define RT_MAX 15 /* RTMIN+15; RTMAX-14 */

static const char *const names[] = {
	"ABRT", "ALRM",	  "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",   "ILL",
	"INT",	"IO",	  "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",   "QUIT",
	"SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN",  "TTOU",
	"URG",	"USR1",	  "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
};

/* "RTMIN+N", "RTMAX-N" */
static bool is_realtime(struct span name)
{
	struct span base = span_head(name, 6), number = span_sub(name, 6);
	uint64_t n;

	if (number.n < 1 || span_to_u64(&n, number) < 0)
		return false;
	return n >= 1 && ((span_eq_nocase(base, "RTMIN+") && n <= RT_MAX) ||
			  (span_eq_nocase(base, "RTMAX-") && n < RT_MAX));
}

bool dockerfile_signal_valid(const char *signal)
{
	struct span name = span_of_str(signal);
	uint64_t n;

	if (span_to_u64(&n, name) == 0)
		return n >= 1 && n <= INT32_MAX;
	if (span_eq_nocase(span_head(name, 3), "SIG"))
		name = span_sub(name, 3);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq_nocase(name, names[i]))
			return true;
	return is_realtime(name);
}

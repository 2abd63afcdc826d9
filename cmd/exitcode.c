/* Kind of error to exit status. */
#include "cmd/exitcode.h"

int exitcode_of(enum err_kind kind, int signo)
{
	static const unsigned char table[ERR_KINDS] = {
		[ERR_NONE] = 0,	       [ERR_FAILED] = 1,  [ERR_CORRUPT] = 1,
		[ERR_INPUT] = 2,       [ERR_DENIED] = 3,  [ERR_ABSENT] = 4,
		[ERR_UNAVAILABLE] = 5, [ERR_TIMEOUT] = 6, [ERR_IMPOSSIBLE] = 7,
		[ERR_ROLLED_BACK] = 9, [ERR_STUCK] = 10,  [ERR_LOCKED] = 11,
		[ERR_CHANGES] = 8,
	};

	if (kind == ERR_CANCELLED)
		return 128 + signo;
	return kind < ERR_KINDS ? table[kind] : 1;
}

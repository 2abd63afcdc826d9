/*
 * Command lines by table: one table per tool makes parsing, the usage text and the check of
 * the man page. An option may also come from a variable (CBUILD_…); the command line wins.
 *
 * Options may stand anywhere; "--" ends them; "--name=value", "--name value", "-xvalue", "-x value" and
 * bundled flags (-qv) all work; a flag may be given as "--name=true" or "=false". What is not known
 * is ERR_INPUT with a suggestion.
 */
#ifndef CMD_OPTS_H
#define CMD_OPTS_H

#include "base/err.h"
#include "base/strv.h"

enum opt_kind {
	OPT_KIND_END,
	OPT_KIND_FLAG,	/* bool */
	OPT_KIND_COUNT, /* unsigned, one more each time */
	OPT_KIND_STR, /* const char * (borrowed from argv or the environment); the last one counts */
	OPT_KIND_LIST,	   /* struct strv, one more each time; a variable holds one per line */
	OPT_KIND_UINT,	   /* unsigned */
	OPT_KIND_DURATION, /* int64_t milliseconds */
	OPT_KIND_MAYBE,	   /* const char *: "" for the name alone, which takes no next word */
	OPT_KIND_CHOICE,   /* const char *, one of .arg split at '|' */
};

struct opt {
	char letter; /* 0: none */
	const char *name;
	const char *variable; /* NULL: none */
	enum opt_kind kind;
	size_t offset;	 /* in the tool's argument struct */
	const char *arg; /* what the usage calls the argument */
	const char *help;
};

#define OPT_FLAG(l, n, var, T, f, help)                                                            \
	{                                                                                          \
		l, n, var, OPT_KIND_FLAG, offsetof(T, f), NULL, help                               \
	}
#define OPT_COUNT(l, n, var, T, f, help)                                                           \
	{                                                                                          \
		l, n, var, OPT_KIND_COUNT, offsetof(T, f), NULL, help                              \
	}
#define OPT_STR(l, n, var, T, f, arg, help)                                                        \
	{                                                                                          \
		l, n, var, OPT_KIND_STR, offsetof(T, f), arg, help                                 \
	}
#define OPT_LIST(l, n, var, T, f, arg, help)                                                       \
	{                                                                                          \
		l, n, var, OPT_KIND_LIST, offsetof(T, f), arg, help                                \
	}
#define OPT_UINT(l, n, var, T, f, arg, help)                                                       \
	{                                                                                          \
		l, n, var, OPT_KIND_UINT, offsetof(T, f), arg, help                                \
	}
#define OPT_DURATION(l, n, var, T, f, help)                                                        \
	{                                                                                          \
		l, n, var, OPT_KIND_DURATION, offsetof(T, f), "DURATION", help                     \
	}
#define OPT_CHOICE(l, n, var, T, f, arg, help)                                                     \
	{                                                                                          \
		l, n, var, OPT_KIND_CHOICE, offsetof(T, f), arg, help                              \
	}
#define OPT_MAYBE(l, n, T, f, arg, help)                                                           \
	{                                                                                          \
		l, n, NULL, OPT_KIND_MAYBE, offsetof(T, f), arg, help                              \
	}
#define OPT_END                                                                                    \
	{                                                                                          \
		.kind = OPT_KIND_END                                                               \
	}

/* An option that is known elsewhere: refused with what there is instead. The last has no name. */
struct opt_elsewhere {
	const char *name, *hint;
};

/* Several tables are one (the tool's own, then app.h's common one), each with its own struct. */
struct opt_table {
	const struct opt *opts;
	void *args;
	const struct opt_elsewhere *elsewhere; /* NULL: none */
};

/* positional: what is no option. env is read for variables (getenv); argv[0] is skipped. */
int opts_parse(const struct opt_table *tables, size_t nr, int argc, char **argv,
	       struct strv *positional, struct err *e) MUST_CHECK;

/* "  -t, --tag NAME          tag to set (latest) [CPUSH_TAG]" for each; to stdout. */
void opts_usage(const struct opt_table *tables, size_t nr);
/* "-t --tag NAME" lines for the man page check. */
void opts_dump(const struct opt_table *tables, size_t nr);

#endif

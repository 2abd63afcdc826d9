/*
 * What every file of this project is compiled with: attributes, ownership by
 * scope, and the calls we do not use.
 *
 * Ownership: whoever holds an auto_ variable owns the thing; leaving the scope
 * releases it. Giving it away is STEAL (pointers) or fd_steal (descriptors).
 *
 *	auto_free char *name = mem_strdup("x");
 *	*out = STEAL(&name);		// the caller owns it now
 */
#ifndef BASE_CC_H
#define BASE_CC_H

#ifndef _GNU_SOURCE
#error "compile with -D_GNU_SOURCE"
#endif

#include <alloca.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MUST_CHECK	 __attribute__((warn_unused_result))
#define PRINTF_FMT(f, a) __attribute__((format(printf, f, a)))
#define NORETURN	 __attribute__((noreturn))
#define MAYBE_UNUSED	 __attribute__((unused))
#define CLEANUP(fn)	 __attribute__((cleanup(fn)))
#define ARRAY_LEN(a)	 (sizeof(a) / sizeof((a)[0]))

/* The struct that holds member m at address p. */
#define CONTAINER_OF(p, type, m) ((type *)((char *)(p)-offsetof(type, m)))

/* Hand a pointer over: its value is returned, the variable becomes NULL. */
#define STEAL(pp)                                                                                  \
	({                                                                                         \
		__typeof__(*(pp)) stolen_ = *(pp);                                                 \
		*(pp) = NULL;                                                                      \
		stolen_;                                                                           \
	})

/*
 * Defines name_ptr_cleanup_ for `auto_x struct t *`:
 *	DEFINE_AUTO(oci_config, oci_config_free)
 *	#define auto_config CLEANUP(oci_config_auto_)
 */
#define DEFINE_AUTO(type, free_fn)                                                                 \
	static inline MAYBE_UNUSED void type##_auto_(struct type **p)                              \
	{                                                                                          \
		free_fn(*p);                                                                       \
	}

static inline MAYBE_UNUSED void mem_auto_free_(void *p)
{
	free(*(void **)p);
}
#define auto_free CLEANUP(mem_auto_free_)

static inline MAYBE_UNUSED void fd_auto_close_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define auto_close CLEANUP(fd_auto_close_)

static inline MAYBE_UNUSED int fd_steal(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

/* Calls that lose a length, hide state or read past an end: a compile error. */
#define BANNED(f) banned_function_##f##_use_span_buf_or_mem
#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strncat
#define strncat(...) BANNED(strncat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef strtok
#define strtok(...) BANNED(strtok)
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef gets
#define gets(...) BANNED(gets)
#undef alloca
#define alloca(...) BANNED(alloca)

#endif

/*
 * Allocation that does not fail: without memory there is nothing sensible left
 * to do, and testing for it everywhere would be code that never runs. The end
 * is _exit, because exit handlers may need memory or a lock somebody holds.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <sys/mman.h>

#define HUGE_PAGE (2u << 20)

static NORETURN void out_of_memory(void)
{
	static const char line[] = "out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)ignored;
	_exit(1);
}

static void *must(void *p)
{
	if (!p)
		out_of_memory();
	return p;
}

void *mem_alloc(size_t n)
{
	return must(malloc(n ? n : 1));
}

void *mem_zalloc(size_t n)
{
	return must(calloc(1, n ? n : 1));
}

void *mem_resize(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		out_of_memory();
	return must(realloc(p, bytes ? bytes : 1)); /* 0 would free p */
}

void *mem_alloc_large(size_t n)
{
	size_t huge = n / HUGE_PAGE * HUGE_PAGE;
	void *p;

	if (!huge)
		return mem_alloc(n);
	if (posix_memalign(&p, HUGE_PAGE, n) != 0)
		out_of_memory();
	madvise(p, huge, MADV_HUGEPAGE); /* else small ones do */
	return p;
}

char *mem_strdup(const char *s)
{
	return s ? must(strdup(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

char *mem_printf(const char *fmt, ...)
{
	char *out = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&out, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return out;
}

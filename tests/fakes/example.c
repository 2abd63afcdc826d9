/* See example.h. */
#include "tests/fakes/example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

int example_compare(int dirfd, const char *dir, const char *stem, const char *suffix,
		    struct span got)
{
	auto_free char *name = mem_printf("%s.%s", stem, suffix);
	auto_buf struct buf want = BUF_INIT(64u << 20);
	struct err e = ERR_INIT;

	if (getenv("GOLDEN")) {
		if (!got.n) {
			unlinkat(dirfd, name, 0);
			return 0;
		}
		return fs_write_file(dirfd, name, got, 0644, &e);
	}
	if (fs_read_file(dirfd, name, &want, &e) < 0 && e.kind != ERR_ABSENT) {
		print_error("%s\n", e.text);
		return -1;
	}
	if (span_eq(got, buf_span(&want)))
		return 0;
	print_error("%s/%s: want\n%s---- got\n%.*s", dir, name, buf_str(&want), (int)got.n,
		    got.n ? got.p : "");
	return -1;
}

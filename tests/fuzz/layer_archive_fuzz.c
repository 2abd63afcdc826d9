/*
 * Any bytes as an archive that a user gives: into a directory that has something beside it. It fails
 * with words or not, and nothing outside changes.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void detect(const uint8_t *data, size_t size)
{
	auto_close int fd = memfd_create("archive", MFD_CLOEXEC);
	struct err e = ERR_INIT;

	must(fd >= 0 && fs_write_all(fd, data, size, "archive", &e) == 0);
	must(archive_detect(fd, &e) >= 0);
	(void)archive_looks_like(span_of(data, size < ARCHIVE_HEAD ? size : ARCHIVE_HEAD));
}

static void extract(const struct op *op, const uint8_t *data, size_t size)
{
	char path[] = "/tmp/archive-fuzz-XXXXXX";
	auto_close int top = -1, tree = -1, outside = -1;
	struct err e = ERR_INIT, ignored = ERR_INIT;
	struct span_source in;

	must(mkdtemp(path) != NULL);
	top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(mkdirat(top, "tree", 0755) == 0 && mkdirat(top, "outside", 0755) == 0);
	tree = openat(top, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(tree >= 0);
	if (archive_extract(op, tree, span_source_init(&in, span_of(data, size)), &e) < 0)
		must(e.kind != ERR_NONE && e.text[0]);
	must(unlinkat(top, "outside", AT_REMOVEDIR) == 0); /* nothing was added */
	must(fs_remove_tree(AT_FDCWD, path, &ignored) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct op op = { .clock = &clock_system };

	detect(data, size);
	extract(&op, data, size);
	return 0;
}

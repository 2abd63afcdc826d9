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
#include "tests/fuzz/tar_mutator.h"

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
	auto_close int top = -1, tree = -1;
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

static void look_at_names(const struct layer_listing *made)
{
	auto_listing_cursor struct listing_cursor at;
	const struct layer_change *c;

	listing_begin(&at, made);
	while ((c = listing_next(&at)))
		must(strcmp(c->path, "a") == 0 || strcmp(c->path, "a/b") == 0 ||
		     strncmp(c->path, "a/b/", 4) == 0);
}

/* Into a layer over nothing: what comes out are clean names below the destination. */
static void unpack(const struct op *op, const uint8_t *data, size_t size)
{
	static const struct timespec now;
	const struct layer_file dir = { .st = { .st_mode = S_IFDIR | 0755 } };
	char path[] = "/tmp/archive-fuzz-XXXXXX";
	auto_close int spool = -1;
	auto_layer_builder struct layer_builder *b = layer_builder_new(NULL, &now);
	auto_listing struct layer_listing made = LISTING_INIT;
	struct err e = ERR_INIT, ignored = ERR_INIT;
	struct span_source in;
	uint64_t same = 0;
	struct archive_target to = { .dest = "a/b", .same = &same };

	must(mkdtemp(path) != NULL);
	spool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to.spool_fd = spool;
	must(layer_builder_make_dirs(b, "a/b", &dir, &e) == 0);
	if (archive_unpack(b, op, span_source_init(&in, span_of(data, size)), &to, &e) < 0)
		must(e.kind != ERR_NONE && e.text[0]);
	else
		must(layer_builder_list(&made, b, &e) == 0);
	look_at_names(&made);
	must(fs_remove_tree(AT_FDCWD, path, &ignored) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct op op = { .clock = &clock_system };

	detect(data, size);
	extract(&op, data, size);
	unpack(&op, data, size);
	return 0;
}

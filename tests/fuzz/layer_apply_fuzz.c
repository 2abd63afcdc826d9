/*
 * Any bytes applied as a layer to a tree that has something to lose: it fails with words or
 * not, and nothing beside the tree changes.
 */
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/apply.h"
#include "tests/fuzz/tar_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* outside/precious, and a tree beside it with links that lead there. */
static int make_tree(int top)
{
	int fd;

	must(mkdirat(top, "outside", 0755) == 0 && mkdirat(top, "tree", 0755) == 0);
	must(symlinkat("tree", top, "outside/precious") == 0);
	fd = openat(top, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0 && mkdirat(fd, "d", 0755) == 0 && mkdirat(fd, "d/e", 0755) == 0);
	must(symlinkat("../outside", fd, "up") == 0 && symlinkat("d/e", fd, "in") == 0);
	must(symlinkat("x", fd, "d/f") == 0);
	return fd;
}

static void check_outside(int top)
{
	char target[8];

	must(readlinkat(top, "outside/precious", target, sizeof(target)) == 4);
	must(unlinkat(top, "outside/precious", 0) == 0);
	must(unlinkat(top, "outside", AT_REMOVEDIR) == 0); /* nothing was added */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/layer-fuzz-XXXXXX";
	struct err e = ERR_INIT, ignored = ERR_INIT;
	struct span_source src;
	int top, tree;

	must(mkdtemp(path) != NULL);
	top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(top >= 0);
	tree = make_tree(top);
	if (layer_apply(NULL, tree, span_source_init(&src, span_of(data, size)), NULL, &e) < 0)
		must(e.kind != ERR_NONE && e.text[0]);
	check_outside(top);
	close(tree);
	close(top);
	must(fs_remove_tree(AT_FDCWD, path, &ignored) == 0);
	return 0;
}

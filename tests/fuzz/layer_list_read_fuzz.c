/*
 * Any bytes as a layer that was written here: refused, or a list that is in order, whose entries
 * stand below directories of it and whose links lead to files before them.
 */
#include <fcntl.h>

#include "base/fs.h"
#include "base/io.h"
#include "base/mem.h"
#include "oci/layer/list_read.h"
#include "oci/layer/path.h"
#include "oci/layer/tree_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_entry(const struct layer_changes *all, size_t i)
{
	const struct layer_change *c = &all->v[i];
	struct span dir = layer_path_dir(c->path);
	auto_free char *parent = span_dup(dir);
	const struct layer_change *up = dir.n ? layer_changes_find(all, parent) : NULL;

	must(c->path[0] && c->path[0] != '/' && !strstr(c->path, "//"));
	must(!i || layer_path_compare(all->v[i - 1].path, c->path) < 0);
	must(!dir.n || (up && up->kind != LAYER_DELETED && S_ISDIR(up->st.st_mode)));
	must(c->kind != LAYER_OPAQUE || S_ISDIR(c->st.st_mode));
	must(!c->hard_link || layer_changes_find(all, c->link) < c);
	must(c->kind != LAYER_ENTRY || c->hard_link || !S_ISREG(c->st.st_mode) || c->origin_path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/list-fuzz-XXXXXX";
	auto_changes struct layer_changes list = { 0 };
	auto_close int spool = -1;
	struct span_source in;
	struct err e = ERR_INIT;

	must(mkdtemp(path) != NULL);
	spool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(spool >= 0);
	if (layer_list_read(&list, NULL, span_source_init(&in, span_of(data, size)), NULL, spool,
			    &e) == 0)
		for (size_t i = 0; i < list.nr; i++)
			check_entry(&list, i);
	err_clear(&e);
	must(fs_remove_tree(AT_FDCWD, path, &e) == 0);
	return 0;
}

/*
 * Any bytes as a saved table of contents: refused, or a table that is in order, has only clean paths below
 * directories that are there, and is saved as bytes that give the same again.
 */
#include "base/mem.h"
#include "oci/layer/path.h"
#include "oci/layer/toc_file.h"
#include "oci/layer/tree_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_entry(const struct toc *t, size_t i)
{
	const struct layer_change *c = &t->files.v[i];
	struct span dir = layer_path_dir(c->path);
	auto_free char *parent = span_dup(dir);
	const struct layer_change *up = dir.n ? layer_changes_find(&t->files, parent) : NULL;

	must(c->path[0] && c->path[0] != '/' && !strstr(c->path, "//"));
	must(!i || layer_path_compare(t->files.v[i - 1].path, c->path) < 0);
	must(!dir.n || (up && S_ISDIR(up->st.st_mode)));
	must(!S_ISLNK(c->st.st_mode) || c->link);
	must(!c->hard_link || layer_changes_find(&t->files, c->link) < c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf first = BUF_INIT(SIZE_MAX), second = BUF_INIT(SIZE_MAX);
	auto_toc struct toc t = { .nr_texts = 0 }, again = { .nr_texts = 0 };

	if (toc_decode(&t, span_of(data, size)) < 0)
		return 0;
	for (size_t i = 0; i < t.files.nr; i++)
		check_entry(&t, i);
	toc_encode(&first, &t);
	must(toc_decode(&again, buf_span(&first)) == 0);
	toc_encode(&second, &again);
	must(span_eq(buf_span(&first), buf_span(&second)));
	return 0;
}

/*
 * Any bytes as the upper of two layers: there is a table or words why not. What is in a table is listed
 * in order and found again, and its saved form gives the same table.
 */
#include "base/mem.h"
#include "oci/layer/entries.h"
#include "oci/layer/toc_file.h"
#include "oci/layer/toc_place.h"
#include "oci/layer/tree_list.h"
#include "tests/fuzz/tar_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void put(struct sink *out, enum tar_type type, const char *path, const char *link)
{
	const struct tar_entry ent = { .type = type, .path = path, .link = link, .mode = 0755 };
	struct err e = ERR_INIT;

	must(tar_write_header(out, &ent, &e) == 0);
}

/* Something to lose, and links to go through. */
static void make_lower(struct buf *tar)
{
	struct buf_sink k;
	struct sink *out = buf_sink_init(&k, tar);
	struct err e = ERR_INIT;

	put(out, TAR_DIR, "d", NULL);
	put(out, TAR_DIR, "d/e", NULL);
	put(out, TAR_FILE, "d/f", NULL);
	put(out, TAR_SYMLINK, "in", "d/e");
	put(out, TAR_SYMLINK, "up", "../d");
	put(out, TAR_SYMLINK, "loop", "loop");
	must(tar_write_end(out, &e) == 0);
}

static void check_list(const struct toc *t)
{
	auto_tree struct tree *tree = tree_list_new(&t->files, -1);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < t->files.nr; i++) {
		const char *path = t->files.v[i].path;
		struct tree_node node;

		must(tree_look(tree, path, &node, &e) == 1);
		if (S_ISDIR(node.st.st_mode)) {
			auto_strv struct strv names = STRV_INIT;

			must(tree_list(tree, path, &names, &e) == 0);
		}
	}
}

static void check_saved(const struct toc *t)
{
	auto_buf struct buf first = BUF_INIT(SIZE_MAX), second = BUF_INIT(SIZE_MAX);
	auto_toc struct toc again = { .nr_texts = 0 };

	toc_encode(&first, t);
	must(toc_decode(&again, buf_span(&first)) == 0);
	toc_encode(&second, &again);
	must(span_eq(buf_span(&first), buf_span(&second)));
	check_list(&again);
}

struct reading {
	struct entry_visitor visitor;
	struct toc_place place;
};

static int visit(struct entry_visitor *v, const struct tar_entry *ent, struct tar_reader *from,
		 struct err *e)
{
	return toc_place_entry(&CONTAINER_OF(v, struct reading, visitor)->place, ent, from, e);
}

static int read_layer(struct reading *r, struct span bytes, struct err *e)
{
	const struct entries_layer layer = { .diff_id = NULL };
	struct span_source src;
	int res = entries_read(NULL, span_source_init(&src, bytes), &layer, &r->visitor, e);

	toc_place_next_layer(&r->place);
	return res;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading r = { .visitor.entry = visit };
	auto_buf struct buf lower = BUF_INIT(SIZE_MAX);
	auto_toc struct toc t = { .nr_texts = 0 };
	struct err e = ERR_INIT;

	make_lower(&lower);
	toc_place_init(&r.place);
	must(read_layer(&r, buf_span(&lower), &e) == 0);
	if (read_layer(&r, span_of(data, size), &e) < 0) {
		must(e.kind != ERR_NONE && e.text[0]);
	} else {
		toc_place_finish(&t, &r.place);
		check_list(&t);
		check_saved(&t);
	}
	toc_place_release(&r.place);
	return 0;
}

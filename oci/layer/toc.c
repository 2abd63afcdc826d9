/*
 * Layers are read one after the other: what an entry means depends on those below.
 */
#include "oci/layer/toc.h"

#include "base/mem.h"
#include "oci/layer/entries.h"
#include "oci/layer/toc_place.h"

void toc_release(struct toc *t)
{
	layer_changes_release(&t->files);
	free(t->where);
	for (size_t i = 0; i < t->nr_texts; i++)
		free(t->texts[i].bytes);
	free(t->texts);
	*t = (struct toc){ .nr_texts = 0 };
}

struct reading {
	struct entry_visitor visitor;
	struct toc_place place;
};

static void reading_release(struct reading *r)
{
	toc_place_release(&r->place);
}

static int read_entry(struct entry_visitor *v, const struct tar_entry *ent, struct tar_reader *from,
		      struct err *e)
{
	return toc_place_entry(&CONTAINER_OF(v, struct reading, visitor)->place, ent, from, e);
}

static int read_layer(struct reading *r, const struct op *op, const struct toc_layers *layers,
		      size_t i, struct err *e)
{
	const struct oci_digest *digest = &layers->v[i].digest;
	const struct entries_layer layer = { layers->diff_ids ? &layers->diff_ids[i] : NULL,
					     layers->max_bytes };
	auto_blob struct oci_blob blob = { 0 };

	if (oci_store_open(layers->blobs, digest, &blob, e) < 0 ||
	    entries_read(op, blob.source, &layer, &r->visitor, e) < 0)
		return err_wrap(e, "read layer %s", digest->text);
	toc_place_next_layer(&r->place);
	return 0;
}

int toc_read(struct toc *out, const struct op *op, const struct toc_layers *layers, struct err *e)
{
	CLEANUP(reading_release) struct reading r = { .visitor.entry = read_entry };

	toc_place_init(&r.place);
	for (size_t i = 0; i < layers->nr; i++)
		if (read_layer(&r, op, layers, i, e) < 0)
			return -1;
	toc_place_finish(out, &r.place);
	return 0;
}

int toc_get(struct toc *out, const struct op *op, const struct toc_layers *layers, int dirfd,
	    const char *name, struct err *e)
{
	auto_toc struct toc t = { .nr_texts = 0 };
	int r = toc_load(&t, dirfd, name, e);

	if (r < 0)
		return -1;
	if (!r && (toc_read(&t, op, layers, e) < 0 || toc_save(&t, dirfd, name, e) < 0))
		return -1;
	*out = t;
	t = (struct toc){ .nr_texts = 0 };
	return 0;
}

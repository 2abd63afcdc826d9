/*
 * Entries are put into the tree as they come; times of directories are set when all are there.
 */
#include "oci/layer/apply.h"

#include "oci/layer/place.h"

struct applying {
	struct entry_visitor visitor;
	struct place place;
};

static int apply_entry(struct entry_visitor *v, const struct tar_entry *ent,
		       struct tar_reader *from, struct err *e)
{
	return place_entry(&CONTAINER_OF(v, struct applying, visitor)->place, ent, from, e);
}

static void applying_release(struct applying *a)
{
	place_release(&a->place);
}

int layer_apply_recorded(struct record *record, const struct op *op, int root_fd,
			 struct source *blob, const struct entries_layer *layer, struct err *e)
{
	CLEANUP(applying_release)
	struct applying a = { .visitor.entry = apply_entry, .place.dir_fd = -1 };

	if (place_open(&a.place, op, root_fd, record, e) < 0 ||
	    entries_read(op, blob, layer, &a.visitor, e) < 0 || place_finish(&a.place, e) < 0)
		return err_wrap(e, "unpack the layer");
	return 0;
}

int layer_apply(const struct op *op, int root_fd, struct source *blob,
		const struct oci_digest *diff_id, struct err *e)
{
	const struct entries_layer layer = { .diff_id = diff_id };

	return layer_apply_recorded(NULL, op, root_fd, blob, &layer, e);
}

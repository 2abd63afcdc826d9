/*
 * A list of changes in the making: what was found in path order, with what is known of each entry
 * beside it, so that at the end names of one file become hard links, and what nobody needs goes.
 */
#ifndef OCI_LAYER_CHANGE_LIST_H
#define OCI_LAYER_CHANGE_LIST_H

#include "oci/layer/changes.h"

#define CHANGE_ROOT SIZE_MAX /* the root as a parent: it is no entry */

struct change_note {
	size_t parent; /* index of its directory, or CHANGE_ROOT */
	uint64_t file; /* not 0: entries with this value are names of one file */
	bool keep;     /* unless something in it, or another name of the file, is kept */
};
struct change_list {
	struct layer_changes out;
	struct change_note *notes; /* as many as out.v */
	size_t cap;
};

/* The entry and its note (keep is set) are to be filled in; path becomes the list's. */
size_t change_list_add(struct change_list *l, enum layer_change_kind kind, char *path,
		       size_t parent);
/*
 * Directories stay when something in them does, all names of a file when one does: the first
 * carries the content, the others are links to it. l is empty afterwards.
 */
void change_list_finish(struct layer_changes *out, struct change_list *l);
void change_list_release(struct change_list *l);

#define auto_change_list CLEANUP(change_list_release)

#endif

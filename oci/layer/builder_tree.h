/* What the builder's files share: builder.c changes it, builder_tree.c shows it, builder_close.c makes a
 * part of a list of a directory, builder_finish.c a list of all. */
#ifndef OCI_LAYER_BUILDER_TREE_H
#define OCI_LAYER_BUILDER_TREE_H

#include "oci/layer/builder.h"
#include "oci/layer/names.h"

struct entry_stat {
	mode_t mode;
	uint32_t uid, gid;
	dev_t rdev;
	off_t size;
	struct timespec mtime;
};
/* Either put or gone, or a directory from below that leads to one that is. */
struct entry {
	struct entry_stat st;
	char *text; /* a link's, or where a file's bytes are */
	void *capability;
	uint32_t capability_len;
	int origin_fd;
	uint64_t same;
	bool put, gone;
	bool below, below_dir;	      /* what lies below, seen when the entry was made */
	bool opaque;		      /* a directory in place of one below */
	bool hides;		      /* nothing from below is to be seen in it */
	struct layer_listing *closed; /* a directory's: all that is in it; NULL: its names are */
};
struct layer_builder {
	struct tree tree;
	struct tree *below; /* NULL: nothing */
	struct timespec now;
	bool has_limit;
	int64_t limit; /* seconds */
	struct names names;
	struct entry *entries; /* by the numbers of names */
	uint32_t cap;
	char *last_path;   /* of last_dir */
	uint32_t last_dir; /* NAMES_NONE: none */
};

void builder_tree_init(struct layer_builder *b);
/* As it stands in a list, whatever it was called; its strings are the entry's. */
void builder_entry_change(struct layer_change *out, const struct layer_builder *b, uint32_t at,
			  const char *path);
void builder_entry_clear(struct entry *x);
/* NAMES_NONE: there is no entry of that path. */
uint32_t builder_find(const struct layer_builder *b, const char *path);
/* What a closed directory holds, if it is one: to a list, of which it becomes a part. */
void builder_add_closed(struct layer_listing *to, struct entry *x);
void builder_forget_closed(struct entry *x);
void builder_entry_stat(struct stat *out, const struct layer_builder *b, uint32_t at);

#endif

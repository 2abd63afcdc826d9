/*
 * Names in a layer's tar: made safe when read, and the names that mean a deletion
 * (image-spec, layer.md#whiteouts).
 */
#ifndef OCI_LAYER_PATH_H
#define OCI_LAYER_PATH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define LAYER_PATH_MAX	  4096
#define LAYER_WHITEOUT	  ".wh."
#define LAYER_OPAQUE_MARK ".wh..wh..opq"

/*
 * A tar's name as a path inside the tree: no leading '/', no "." and no empty part, no '/' at
 * the end; the root itself is "". ERR_CORRUPT: a ".." part, or longer than LAYER_PATH_MAX.
 * out is emptied first; its data is terminated.
 */
int layer_path_clean(struct buf *out, const char *name, struct err *e) MUST_CHECK;

enum layer_whiteout {
	WHITEOUT_NONE,	  /* a name like any other */
	WHITEOUT_NAME,	  /* *hidden is deleted */
	WHITEOUT_OPAQUE,  /* what lower layers have in this directory is deleted */
	WHITEOUT_IGNORED, /* bookkeeping of aufs */
	WHITEOUT_BAD,	  /* deletes "", "." or ".." */
};
/* name: the last part of a path. hidden points into name. */
enum layer_whiteout layer_whiteout_of(const char *name, const char **hidden);

/* "a/b" -> "a/.wh.b"; out is emptied first. */
void layer_whiteout_path(struct buf *out, const char *path);

/* The last part of a clean path; points into it. */
const char *layer_path_last(const char *path);
/* What is before it, without the '/'; "" for a name in the root. */
struct span layer_path_dir(const char *path);

/* In the order of a walk: parents before children, siblings by bytes. */
int layer_path_compare(const char *a, const char *b);

#endif

/*
 * The table of contents of an image: what its layers, one over the other, would leave in a directory,
 * without unpacking them. As a tree it looks as layer_apply's result does, except that a directory
 * without an entry of its own in a layer keeps its time where a disk would have the time of
 * unpacking (0 when no layer has an entry), and that devices are there also for who could not make them.
 *
 * One table for the whole image, not one per layer: names lead through links of lower layers, and hard links
 * to files of lower layers, so that a layer alone does not say what it holds.
 *
 * What a file holds is not in it, but which entry of which layer has it; except /etc/passwd and /etc/group
 * (to 10 MiB), which nearly every look into an image is about.
 */
#ifndef OCI_LAYER_TOC_H
#define OCI_LAYER_TOC_H

#include "oci/image/store.h"
#include "oci/layer/changes.h"
#include "oci/layer/tree.h"

/* Where an image's layers are; all of it borrowed. */
struct toc_layers {
	struct oci_store *blobs;	   /* has all of them */
	const struct oci_descriptor *v;	   /* lowest first */
	const struct oci_digest *diff_ids; /* NULL: not checked */
	size_t nr;
	uint64_t max_bytes; /* each unpacks to at most so much (entries.h); 0: the default */
};

struct toc_where {
	uint32_t layer, entry; /* of a regular file: counted from 0 */
};
struct toc_text {
	size_t file; /* index into files */
	char *bytes;
	size_t n;
};
struct toc {
	struct layer_changes files; /* all LAYER_ENTRY, without origins */
	struct toc_where *where;    /* as many as files */
	struct toc_text *texts;
	size_t nr_texts;
};
void toc_release(struct toc *t);
#define auto_toc CLEANUP(toc_release)

/*
 * Reads all layers, checking their diff_ids. ERR_CORRUPT: what layer_apply refuses; more than
 * TOC_NAMES_MAX names, or more than TOC_BYTES_MAX bytes of paths and links.
 */
#define TOC_NAMES_MAX (4u << 20)
#define TOC_BYTES_MAX (UINT64_C(1) << 30)
int toc_read(struct toc *out, const struct op *op, const struct toc_layers *layers, struct err *e)
	MUST_CHECK;

/* -- kept in a file: what toc_read said of the same layers ------------------------- */

/* Written aside and renamed. */
int toc_save(const struct toc *t, int dirfd, const char *name, struct err *e) MUST_CHECK;
/* 1: there it is; 0: there is none, or it is damaged; -1. */
int toc_load(struct toc *out, int dirfd, const char *name, struct err *e) MUST_CHECK;
/* Loaded, or else read and saved. */
int toc_get(struct toc *out, const struct op *op, const struct toc_layers *layers, int dirfd,
	    const char *name, struct err *e) MUST_CHECK;

/* -- as a tree ----------------------------------------------------------------------- */

/*
 * t, op, layers: borrowed. spool_fd: a directory of its own (duplicated), where the bytes of files are put
 * when somebody asks for them; -1: then that is ERR_IMPOSSIBLE. The first file of a layer that is asked
 * for is taken out of it alone, the second brings all others of that layer along: each time
 * the layer is read once, to its end, and checked. So it is right, but slow, to copy many files from
 * here.
 */
int toc_tree_open(struct tree **out, const struct toc *t, const struct op *op,
		  const struct toc_layers *layers, int spool_fd, struct err *e) MUST_CHECK;

#endif

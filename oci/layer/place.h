/*
 * Tar entries put into a tree, one at a time. Every parent is resolved inside the tree (links
 * that the tree holds cannot lead out of it), every last name is acted on
 * without following it.
 *
 *	place_open() -> place_entry()* -> place_finish() -> place_release()
 */
#ifndef OCI_LAYER_PLACE_H
#define OCI_LAYER_PLACE_H

#include <sys/stat.h>

#include "base/op.h"
#include "oci/layer/record.h"
#include "oci/layer/tar.h"
#include "oci/layer/touched.h"

struct dir_time;

struct place {
	const struct op *op;
	int root_fd; /* borrowed */
	ino_t root_ino;
	struct touched touched;
	char *dir; /* path of the directory that is open; NULL: none */
	int dir_fd;
	ino_t dir_ino;
	bool stale; /* dir may lead elsewhere by now */
	struct dir_time *times;
	size_t nr_times, cap_times;
	struct buf path, target; /* clean */
	struct record *record;	 /* borrowed; NULL: nobody keeps one */
};

int place_open(struct place *p, const struct op *op, int root_fd, struct record *record,
	       struct err *e) MUST_CHECK;
/* ent was just read from `from`, which gives a file's content. */
int place_entry(struct place *p, const struct tar_entry *ent, struct tar_reader *from,
		struct err *e) MUST_CHECK;
/* Directories get their times, which filling them had changed. */
int place_finish(struct place *p, struct err *e) MUST_CHECK;
void place_release(struct place *p);

/* -- between place.c and place_hide.c -- */

/* What this layer did not set itself: name, or everything in the directory fd. */
int place_hide_name(struct place *p, int dirfd, ino_t dir_ino, const char *name, struct err *e)
	MUST_CHECK;
int place_hide_content(struct place *p, int fd, struct err *e) MUST_CHECK;

#endif

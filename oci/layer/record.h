/*
 * What is known of every name in a directory tree that we fill ourselves: attributes, inode, when
 * it was last changed in any way (ctime), and of a regular file a digest of its bytes or where they came
 * from. It is taken while the tree is filled (apply.h, lay.h), so that nothing is read or looked at
 * twice. When somebody has worked in the tree, one walk that only looks tells what is different:
 * whoever changes a file can set its size and its mtime back, but not its ctime.
 *
 *	record_new() -> layer_apply(), layer_lay_down()…
 *	-> record_wait_clock() -> [a RUN changes the tree] -> record_changes() -> record_take() -> …
 *
 * About 130 bytes for a name. One thread at a time.
 */
#ifndef OCI_LAYER_RECORD_H
#define OCI_LAYER_RECORD_H

#include <sys/stat.h>

#include "base/op.h"
#include "base/strv.h"
#include "oci/layer/changes.h"
#include "oci/layer/names.h"
#include "oci/layer/tar.h"

struct record;

/* root_fd: the tree, still empty. */
int record_new(struct record **out, int root_fd, struct err *e) MUST_CHECK;
void record_free(struct record *r);	  /* NULL is fine */
size_t record_nr(const struct record *r); /* names */

/* -- while the tree is filled ---------------------------------------------------------- */

struct record_facts {
	const struct stat *st;	/* as it is on the disk now */
	const char *link;	/* a symbolic link's text */
	struct span capability; /* security.capability, raw */
	/* A regular file's bytes: their SHA-256, or the entry of a list that they were copied from, which must
	 * outlive the record; neither: unknown, so that a file that was touched counts as changed. */
	const unsigned char *digest;
	const struct layer_change *origin;
};
/* dir: the inode of the directory that holds name. What had the name before is forgotten with all that
 * was in it, unless both are directories. */
int record_set(struct record *r, ino_t dir, const char *name, const struct record_facts *f,
	       struct err *e) MUST_CHECK;
/* A further name of the file that is `to` in to_dir; st: as it is now. */
int record_link(struct record *r, ino_t dir, const char *name, ino_t to_dir, const char *to,
		const struct stat *st, struct err *e) MUST_CHECK;
/* With all that is in it; one that is not there is fine. */
int record_remove(struct record *r, ino_t dir, const char *name, struct err *e) MUST_CHECK;
/* When the tree is filled: directories have got other times since they were set. */
int record_refresh(struct record *r, int root_fd, struct err *e) MUST_CHECK;

/* -- before and after somebody changes it ------------------------------------------------ */

/*
 * Returns when the clock that files get their times from has passed all that is recorded. Before
 * Linux 6.13 it stands still for up to 10 ms: a change within the tick in which we wrote would not
 * be seen.
 */
void record_wait_clock(const struct record *r);

/*
 * What is different in the tree now, by the same rules as changes.h: as if the record were what lies
 * below. But who writes to one name of a file that had several writes to all of them, where an overlay
 * makes a copy under the one; all that change are listed then, each as a file of its own.
 *
 * Files are at their paths in root_fd. Mounts that were put into the tree are passed over: what is
 * recorded there counts as it was; likewise skip (NULL: none), paths of names.
 * ERR_INPUT: a name that begins with ".wh.", a device 0:0, more than WALK_DEPTH_MAX levels.
 */
int record_changes(struct layer_changes *out, struct record *r, const struct op *op, int root_fd,
		   const struct strv *skip, struct err *e) MUST_CHECK;
/*
 * The list that record_changes has just given becomes part of the record; its regular files are
 * where it says, for comparing later: it must neither move nor go before the record does.
 *
 * This is the check that no layer loses anything: what the list makes of the record is compared with
 * what the walk saw, name by name. ERR_FAILED: it is not the same; names the path. The record is of no
 * use then.
 */
int record_take(struct record *r, const struct layer_changes *c, struct err *e) MUST_CHECK;

DEFINE_AUTO(record, record_free)
#define auto_record CLEANUP(record_auto_)

#endif

/*
 * Between record.c, record_changes.c and record_take.c.
 *
 * Names and inodes as on a disk: names of one file share an inode.
 */
#ifndef OCI_LAYER_RECORD_PARTS_H
#define OCI_LAYER_RECORD_PARTS_H

#include "oci/layer/record.h"

#define RECORD_NONE	  UINT32_MAX /* no inode: a name that is not in the record (yet) */
#define RECORD_DIGEST_LEN 16
#define RECORD_NO_TIME	  UINT32_MAX /* ctime_ns: unknown, like no other */

enum record_content {
	RECORD_UNKNOWN,
	RECORD_DIGEST, /* the first bytes of a SHA-256 */
	RECORD_ORIGIN,
	RECORD_LINK,
};
struct record_inode {
	uint64_t ino;
	int64_t mtime, ctime;
	uint32_t mtime_ns, ctime_ns;
	uint32_t mode, uid, gid;
	uint32_t names; /* how many it has here; 0: free */
	uint64_t size;	/* of a device: its numbers; 0 of what is no regular file */
	union {
		unsigned char digest[RECORD_DIGEST_LEN];
		const struct layer_change *origin;
		char *link; /* owned */
		uint32_t next_free;
	};
	uint32_t capability; /* number in capabilities, counted from 1; 0: none */
	uint8_t content;
	bool stale; /* a directory whose times have changed since */
};

/* What a walk saw of a name. */
enum record_sight {
	RECORD_UNSEEN,
	RECORD_PASSED_OVER,
	RECORD_SAME, /* as recorded, but for times that prove nothing */
	RECORD_CHANGED,
	RECORD_NEW,
};
struct record_seen {
	uint64_t facts; /* record_facts_hash */
	uint32_t found; /* its number in found, counted from 1; 0: it is as recorded */
	uint8_t sight;
	bool is_dir;
	bool leads; /* a directory with something different in it */
};

struct record_capability {
	uint32_t len;
	unsigned char bytes[TAR_CAPABILITY_MAX];
};
struct record_dir {
	uint64_t ino; /* 0: free; may be out of date */
	uint32_t at;
};

struct record {
	struct names names;
	uint32_t *inode; /* by the numbers of names */
	uint32_t cap_names;
	struct record_inode *inodes;
	uint32_t nr_inodes, cap_inodes, free_inode;
	struct record_capability *capabilities;
	uint32_t nr_capabilities, cap_capabilities;
	struct record_dir *dirs; /* directories by inode */
	uint32_t nr_dirs, size_dirs;
	struct timespec newest; /* ctime */
	/* of the last walk, until it is taken */
	struct record_seen
		*seen; /* by the numbers of names; nr_seen are set, the others RECORD_UNSEEN */
	uint32_t nr_seen, cap_seen;
};

static inline struct record_inode *record_inode_of(const struct record *r, uint32_t at)
{
	return &r->inodes[r->inode[at]];
}

/* Is it in the record (and not only in a walk)? */
static inline bool record_has(const struct record *r, uint32_t at)
{
	return at != NAMES_NONE && r->inode[at] != RECORD_NONE;
}

/* A name that is in no record yet. */
uint32_t record_add_name(struct record *r, uint32_t dir, const char *name);
/* Fills all but names and content. */
void record_fill(struct record *r, struct record_inode *n, const struct stat *st,
		 struct span capability);
/* Attributes of both, as compare.h sees them; links are not looked at. */
bool record_same_attributes(const struct record *r, const struct record_inode *a,
			    const struct record_inode *b);
/* name gets an inode of its own, which takes over n's link. */
void record_put(struct record *r, uint32_t at, const struct record_inode *n);
/* Name at becomes a further one of what `to` is. */
void record_share(struct record *r, uint32_t at, uint32_t to);
/* A name and all in it; only what is in it. */
void record_drop(struct record *r, uint32_t at);
void record_drop_content(struct record *r, uint32_t at);
struct span record_capability_of(const struct record *r, const struct record_inode *n);
/* Of attributes, link and capability: of nothing that differs between two equal trees. */
uint64_t record_facts_hash(const struct record *r, const struct record_inode *n);
/* NAMES_NONE: there is no such name. */
uint32_t record_find(const struct record *r, const char *path);

#endif

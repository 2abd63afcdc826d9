/*
 * The tar format of layers: entries out of a stream, entries into a stream.
 *
 * Reading takes what others write (ustar, pax, GNU; sparse files). Writing gives ustar, with
 * a pax header only where ustar cannot say it, so that bytes depend on the entries alone:
 * no user names, no times but mtime in whole seconds, no padding to 10 KiB.
 *
 *	struct tar_entry ent;
 *	while ((r = tar_reader_next(rd, &ent, e)) > 0)
 *		while ((r = tar_reader_data(rd, &piece, &at, e)) > 0) …
 *
 * Not thread-safe.
 */
#ifndef OCI_LAYER_TAR_H
#define OCI_LAYER_TAR_H

#include "base/io.h"
#include "base/span.h"

enum tar_type {
	TAR_FILE,
	TAR_HARD_LINK,
	TAR_SYMLINK,
	TAR_CHAR,
	TAR_BLOCK,
	TAR_DIR,
	TAR_FIFO,
};

#define TAR_PIECE	   (256u << 10)
#define TAR_CAPABILITY_MAX 64 /* the kernel's struct has 24 bytes */
#define TAR_LINK_MAX	   4096

struct tar_entry {
	enum tar_type type;
	const char *path;    /* as in the tar: hostile. Writing: clean, no '/' at the end */
	const char *link;    /* TAR_HARD_LINK, TAR_SYMLINK; else NULL */
	uint64_t size_bytes; /* TAR_FILE */
	uint32_t mode;	     /* 07777 */
	uint32_t uid, gid;
	int64_t mtime;
	uint32_t mtime_nsec;	       /* reading only */
	uint32_t dev_major, dev_minor; /* TAR_CHAR, TAR_BLOCK */
	struct span capability;	       /* security.capability, raw; n 0: none */
};

/* -- reading -------------------------------------------------------------- */

struct tar_reader;

/* in: an uncompressed tar, borrowed. ERR_CORRUPT: no tar. No byte at all is an empty tar. */
int tar_reader_open(struct tar_reader **out, struct source *in, struct err *e) MUST_CHECK;
/*
 * 1 an entry (what it points to is good until the next call), 0 the end, -1. Names are the bytes
 * in the tar, whatever the locale. ERR_CORRUPT: damaged, a header over 1 MiB, numbers out of range,
 * a type that cannot be in a layer.
 */
int tar_reader_next(struct tar_reader *r, struct tar_entry *ent, struct err *e) MUST_CHECK;
/* 1 a piece of the file that belongs at offset `at` (between pieces: zeros), 0 the end, -1. */
int tar_reader_data(struct tar_reader *r, struct span *piece, uint64_t *at, struct err *e)
	MUST_CHECK;
void tar_reader_close(struct tar_reader *r); /* NULL is fine */

DEFINE_AUTO(tar_reader, tar_reader_close)
#define auto_tar_reader CLEANUP(tar_reader_auto_)

/*
 * The bytes of a compressed stream; in is borrowed. Only what the library does itself: where it
 * would run another program for it, ERR_IMPOSSIBLE. To be released after a failure, too.
 */
enum tar_filter {
	TAR_XZ,
	TAR_BZIP2,
};
struct filter_source {
	struct source base;
	struct tar_reader *raw;
	struct span piece;
};
int filter_source_init(struct filter_source *s, enum tar_filter filter, struct source *in,
		       struct err *e) MUST_CHECK;
void filter_source_release(struct filter_source *s);

/* -- writing -------------------------------------------------------------- */

/* A header; for TAR_FILE size_bytes of content must follow, then tar_write_padding. */
int tar_write_header(struct sink *out, const struct tar_entry *ent, struct err *e) MUST_CHECK;
int tar_write_padding(struct sink *out, uint64_t size_bytes, struct err *e) MUST_CHECK;
/* The 1024 zero bytes at the end. */
int tar_write_end(struct sink *out, struct err *e) MUST_CHECK;

#endif

/*
 * Temporary trees for tests: made in a line each, and told as text. Failing to make
 * something ends the test program.
 */
#ifndef TESTS_FAKES_LAYER_DISK_H
#define TESTS_FAKES_LAYER_DISK_H

#include "base/buf.h"

struct disk {
	char path[32];
	int fd;
};

void disk_open(struct disk *t);
void disk_close(struct disk *t); /* removes it */
#define auto_disk CLEANUP(disk_close)

/* All times become DISK_TIME, so that only what a test changes is different. */
#define DISK_TIME 1000000000
void disk_dir(struct disk *t, const char *path);		       /* 0755 */
void disk_file(struct disk *t, const char *path, const char *content); /* 0644 */
void disk_symlink(struct disk *t, const char *path, const char *target);
void disk_hard_link(struct disk *t, const char *path, const char *target);
void disk_node(struct disk *t, const char *path, mode_t mode, unsigned major, unsigned minor);
void disk_whiteout(struct disk *t, const char *path); /* as overlayfs makes it */
/* trusted.overlay.<key>, or user. where the first is not permitted */
void disk_mark(struct disk *t, const char *path, const char *key, const char *value);
void disk_set_time(struct disk *t, const char *path, int64_t sec, long nsec);
/* The times of all directories, after filling them. */
void disk_settle(struct disk *t);

/*
 * One line per entry, in path order: "f 0644 0:0 5 a/b = hello", "d 0755 0:0 a", "l a/l -> x",
 * "c 0600 0:0 1:3 null", "p 0600 0:0 fifo", "h a/c == a/b" for a further name of a file. With
 * `times`, " @sec" (".nsec" when not 0) behind the owner. Owned by the caller.
 */
char *disk_text(const struct disk *t, bool times) MUST_CHECK;

#endif

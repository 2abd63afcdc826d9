/*
 * The id is anybody's text, so a directory's name is its SHA-256. A new directory is made in the
 * workspace and renamed to its place, so one that is there is whole.
 */
#include "oci/build/run_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"

#define WAIT_MS	   50
#define MAKE_LOCK  ".make" /* held while a directory is made */
#define COPIES_MAX 1000	   /* of a private one */

void run_cache_key(char key[HASH_SHA256_HEX + 1], const struct run_cache *c)
{
	const char *const parts[] = { c->ns ? c->ns : "", c->id, c->kind };
	unsigned char raw[HASH_SHA256_LEN];
	struct hash h;

	hash_init(&h);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		hash_update(&h, parts[i], strlen(parts[i]) + 1); /* the end of each counts */
	hash_final(&h, raw);
	hash_hex(key, raw);
}

static int open_mounts(const struct workspace *ws, struct err *e)
{
	auto_free char *path = mem_printf("%s/cache/mounts", ws->root);

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make '%s'", path);
	return fs_open_dir(path, e);
}

/* -- locks ------------------------------------------------------------------------ */

static int lock_open(int dirfd, const char *name, struct err *e)
{
	int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? err_sys(e, "open the lock '%s'", name) : fd;
}

/* 1: got it, 0: somebody else has it, -1. */
static int lock_try(int fd, int how, struct err *e)
{
	while (flock(fd, how | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return 0;
		if (errno != EINTR)
			return err_sys(e, "lock a cache");
	}
	return 1;
}

static int lock_wait(const struct op *op, int fd, int how, const char *id, struct err *e)
{
	bool told = false;
	int r;

	while ((r = lock_try(fd, how, e)) == 0) {
		if (cancel_check(op->cancel, e) < 0)
			return -1;
		if (!told && id)
			progress_note(op->progress, "waiting for the cache '%s', which is in use",
				      id);
		told = true;
		op->clock->sleep_ms(op->clock, WAIT_MS, op->cancel);
	}
	return r < 0 ? -1 : 0;
}

/* The name of the directory that is ours now. */
static char *lock_private(int *lock, int mounts, const char *key, struct err *e)
{
	for (int i = 0; i < COPIES_MAX; i++) {
		auto_free char *name = i ? mem_printf("%s-%d", key, i) : mem_strdup(key);
		auto_free char *lock_name = mem_printf("%s.lock", name);
		auto_close int fd = lock_open(mounts, lock_name, e);
		int r = fd < 0 ? -1 : lock_try(fd, LOCK_EX, e);

		if (r < 0)
			return NULL;
		if (r > 0) {
			*lock = fd_steal(&fd);
			return STEAL(&name);
		}
	}
	err_set(e, ERR_FAILED, "%d of it are in use", COPIES_MAX);
	return NULL;
}

/* The same for those that are one directory. */
static char *lock_only(int *lock, const struct op *op, int mounts, const char *key,
		       const struct run_cache *c, struct err *e)
{
	const int how = c->sharing == RUN_CACHE_LOCKED ? LOCK_EX : LOCK_SH;
	auto_free char *name = mem_printf("%s.lock", key);
	auto_close int fd = lock_open(mounts, name, e);

	if (fd < 0 || lock_wait(op, fd, how, c->id, e) < 0)
		return NULL;
	*lock = fd_steal(&fd);
	return mem_strdup(key);
}

int run_cache_hold(struct run_cache_hold *out, const struct op *op, const struct workspace *ws,
		   const struct run_cache *c, struct err *e)
{
	auto_close int mounts = open_mounts(ws, e);

	*out = (struct run_cache_hold)RUN_CACHE_HOLD_INIT;
	run_cache_key(out->key, c);
	if (mounts >= 0)
		out->name = c->sharing == RUN_CACHE_PRIVATE
				    ? lock_private(&out->lock, mounts, out->key, e)
				    : lock_only(&out->lock, op, mounts, out->key, c, e);
	if (!out->name)
		return err_wrap(e, "cache '%s'", c->id);
	futimens(out->lock, NULL); /* its last use */
	return 0;
}

void run_cache_release(struct run_cache_hold *h)
{
	fd_auto_close_(&h->lock);
	free(h->name);
	*h = (struct run_cache_hold)RUN_CACHE_HOLD_INIT;
}

/* -- directories ------------------------------------------------------------------ */

static int make_cache(int mounts, const struct workspace *ws, const char *key, const char *name,
		      const struct run_cache *c, struct err *e)
{
	auto_free char *dir = workspace_dir(ws, name, e);

	if (!dir || (c->fill && c->fill(c->arg, dir, e) < 0))
		return -1;
	if (chown(dir, c->uid, c->gid) < 0)
		return err_sys(e, "give it to %u:%u", c->uid, c->gid);
	if (chmod(dir, c->mode) < 0)
		return err_sys(e, "set its mode");
	return renameat(AT_FDCWD, dir, mounts, key) < 0 ? err_sys(e, "rename '%s'", dir) : 0;
}

static int make_if_missing(const struct op *op, int mounts, const struct workspace *ws,
			   const char *key, const char *name, const struct run_cache *c,
			   struct err *e)
{
	auto_close int make = -1;
	struct stat st;

	if (fstatat(mounts, key, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	make = lock_open(mounts, MAKE_LOCK, e);
	if (make < 0 || lock_wait(op, make, LOCK_EX, NULL, e) < 0)
		return -1;
	if (fstatat(mounts, key, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return make_cache(mounts, ws, key, name, c, e);
}

int run_cache_open(const struct run_cache_hold *h, const struct op *op, const struct workspace *ws,
		   const char *name, const struct run_cache *c, struct err *e)
{
	auto_close int mounts = open_mounts(ws, e);
	int fd;

	if (mounts < 0 || make_if_missing(op, mounts, ws, h->name, name, c, e) < 0)
		return err_wrap(e, "cache '%s'", c->id);
	fd = openat(mounts, h->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open the cache '%s'", c->id) : fd;
}

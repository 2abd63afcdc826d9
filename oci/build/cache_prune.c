/*
 * First a list of all that is there, each with its last use; a layer's is that of the newest result that
 * has it. Then what is too old goes, then the oldest until the rest is small enough. Results go with
 * their layers. A directory is renamed before it is emptied: what a prune that was killed has left of it
 * must not be taken for the whole, and is removed by the next.
 */
#include "oci/build/cache_prune.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/walk.h"
#include "oci/build/cache.h"
#include "oci/image/digest.h"

#define ENTRY_MAX (64u << 10)
#define GONE	  ".gone-" /* before the name of a directory: sorts before all others */

enum kind { STEP, BLOB, TREE, MOUNT, OTHER, KINDS };

static const char *const dirs[KINDS][3] = {
	[STEP] = { "steps" },	[BLOB] = { "blobs/blobs/sha256" }, [TREE] = { "trees" },
	[MOUNT] = { "mounts" }, [OTHER] = { "toc", "why" },
};

struct item {
	enum kind kind;
	char *path; /* below cache/ */
	int64_t used_ns;
	uint64_t bytes; /* that its removal frees */
	char *blob;	/* STEP: the hex digits of its layer; "": none that could be read */
	bool goes;
};
struct prune {
	const struct op *op;
	int fd; /* of cache/ */
	struct item *v;
	size_t nr, cap;
};

static void prune_release(struct prune *p)
{
	fd_auto_close_(&p->fd);
	for (size_t i = 0; i < p->nr; i++) {
		free(p->v[i].path);
		free(p->v[i].blob);
	}
	free(p->v);
}

/* -- what is there --------------------------------------------------------------------- */

static int64_t time_of(const struct timespec *t)
{
	return t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

/* What has other names elsewhere (in the store) stays on the disk. */
static uint64_t bytes_of(const struct stat *st)
{
	return S_ISDIR(st->st_mode) || st->st_nlink == 1 ? (uint64_t)st->st_blocks * 512 : 0;
}

static int tree_bytes(uint64_t *out, int dirfd, const char *name, struct err *e)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	int r;

	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	if (walk_open(&walk, fd, e) < 0)
		return -1;
	while ((r = walk_next(walk, &ent, e)) > 0)
		*out += bytes_of(&ent.st);
	return r;
}

/* Whatever is no result has no layer, and goes with the next that do. */
static char *read_blob(int dirfd, const char *name)
{
	auto_buf struct buf text = BUF_INIT(ENTRY_MAX);
	auto_json json_t *root = NULL;
	struct err ignored = ERR_INIT;
	struct oci_digest d;
	const char *digest;
	json_t *blob;

	if (fs_read_file_no_link(dirfd, name, &text, &ignored) < 0)
		return mem_strdup("");
	root = json_load_span(buf_span(&text), ENTRY_MAX, "entry", &ignored);
	if (!root || json_get_obj(&blob, root, "blob", "", &ignored) < 0 ||
	    json_get_str(&digest, blob, "digest", "", &ignored) < 0 ||
	    oci_digest_parse(&d, span_of_str(digest), &ignored) < 0)
		return mem_strdup("");
	return mem_strdup(oci_digest_hex(&d));
}

/* A mount's last use is its lock's time, a tree's its own time of access. */
static int64_t last_use(enum kind kind, int dirfd, const struct walk_entry *ent)
{
	auto_free char *lock = mem_printf("%s.lock", ent->name);
	struct stat st;

	if (kind == TREE)
		return time_of(&ent->st.st_atim);
	if (kind == MOUNT && fstatat(dirfd, lock, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return time_of(&st.st_mtim);
	return time_of(&ent->st.st_mtim);
}

static bool is_left(const char *name)
{
	return strncmp(name, GONE, strlen(GONE)) == 0;
}

static int add_item(struct prune *p, enum kind kind, const char *dir, int dirfd,
		    const struct walk_entry *ent, struct err *e)
{
	bool is_dir = S_ISDIR(ent->st.st_mode);
	struct item it = { .kind = kind,
			   .bytes = bytes_of(&ent->st),
			   .goes = is_dir && is_left(ent->name) };

	/* locks stay, and so does what is no directory where only such are */
	if ((kind == TREE || kind == MOUNT) != is_dir)
		return 0;
	if (is_dir && tree_bytes(&it.bytes, dirfd, ent->name, e) < 0)
		return -1;
	it.path = mem_printf("%s/%s", dir, ent->name);
	it.used_ns = last_use(kind, dirfd, ent);
	if (kind == STEP)
		it.blob = read_blob(dirfd, ent->name);
	MEM_GROW(p->v, p->nr, p->cap);
	p->v[p->nr++] = it;
	return 0;
}

static int list_dir(struct prune *p, enum kind kind, const char *dir, struct err *e)
{
	auto_close int fd = openat(p->fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, "open '%s'", dir);
	if (walk_open(&walk, fd, e) < 0)
		return -1;
	while ((r = walk_next(walk, &ent, e)) > 0) {
		if (S_ISDIR(ent.st.st_mode))
			walk_skip(walk);
		if (cancel_check(p->op->cancel, e) < 0 || add_item(p, kind, dir, fd, &ent, e) < 0)
			return -1;
	}
	return r;
}

static int list_all(struct prune *p, struct err *e)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (const char *const *dir = dirs[kind]; *dir; dir++)
			if (list_dir(p, (enum kind)kind, *dir, e) < 0)
				return -1;
	return 0;
}

/* -- what goes --------------------------------------------------------------------------- */

static const char *name_of(const struct item *it)
{
	return strrchr(it->path, '/') + 1;
}

/* Blobs stand in the order of their names. */
static struct item *find_blob(struct prune *p, const char *hex)
{
	size_t from = 0, end = p->nr;

	while (from < end && p->v[from].kind < BLOB)
		from++;
	while (end > from && p->v[end - 1].kind > BLOB)
		end--;
	while (from < end) {
		size_t mid = from + (end - from) / 2;
		int c = strcmp(name_of(&p->v[mid]), hex);

		if (c == 0)
			return &p->v[mid];
		if (c < 0)
			from = mid + 1;
		else
			end = mid;
	}
	return NULL;
}

static void use_layers(struct prune *p)
{
	for (size_t i = 0; i < p->nr && p->v[i].kind == STEP; i++) {
		struct item *blob = find_blob(p, p->v[i].blob);

		if (blob && blob->used_ns < p->v[i].used_ns)
			blob->used_ns = p->v[i].used_ns;
	}
}

static void take_old(struct prune *p, const struct cache_prune *what)
{
	int64_t now = p->op->clock->wall_ns(p->op->clock);

	for (size_t i = 0; i < p->nr && !what->keeps_recent; i++)
		p->v[i].goes |= !what->age_ns || p->v[i].used_ns <= now - what->age_ns;
}

static int by_use(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;

	return (*x)->used_ns < (*y)->used_ns ? -1 : (*x)->used_ns > (*y)->used_ns;
}

static void take_oldest(struct prune *p, uint64_t limit)
{
	auto_free struct item **all = mem_zalloc((p->nr + 1) * sizeof(*all));
	uint64_t left = 0;
	size_t nr = 0;

	for (size_t i = 0; i < p->nr; i++) {
		if (p->v[i].goes)
			continue;
		left += p->v[i].bytes;
		if (p->v[i].kind != STEP && p->v[i].bytes) /* steps go with their layers */
			all[nr++] = &p->v[i];
	}
	qsort(all, nr, sizeof(struct item *), by_use);
	for (size_t i = 0; i < nr && left > limit; i++) {
		all[i]->goes = true;
		left -= all[i]->bytes;
	}
}

static void take_steps_without_layers(struct prune *p)
{
	for (size_t i = 0; i < p->nr && p->v[i].kind == STEP; i++) {
		const struct item *blob = find_blob(p, p->v[i].blob);

		p->v[i].goes |= !blob || blob->goes;
	}
}

/* In its own directory: to another, one that refuses us could not be moved. */
static char *take_away(const struct prune *p, const struct item *it, struct err *e)
{
	const char *name = name_of(it);
	auto_free char *gone = mem_printf("%.*s" GONE "%s", (int)(name - it->path), it->path, name);

	if (renameat(p->fd, it->path, p->fd, gone) < 0) {
		err_sys(e, "rename it");
		return NULL;
	}
	return STEAL(&gone);
}

/* Trees of strangers hold what refuses us: removed by descriptors, as any other. */
static int remove_item(const struct prune *p, const struct item *it, struct err *e)
{
	bool is_whole = (it->kind == TREE || it->kind == MOUNT) && !is_left(name_of(it));
	auto_free char *path = is_whole ? take_away(p, it, e) : mem_strdup(it->path);

	return path ? fs_remove_tree(p->fd, path, e) : -1;
}

static int remove_items(struct prune *p, struct cache_pruned *got, struct err *e)
{
	size_t *const counts[KINDS] = { [STEP] = &got->steps,
					[BLOB] = &got->blobs,
					[TREE] = &got->trees,
					[MOUNT] = &got->mounts,
					[OTHER] = &got->others };

	for (size_t i = 0; i < p->nr; i++) {
		const struct item *it = &p->v[i];

		if (!it->goes)
			continue;
		if (cancel_check(p->op->cancel, e) < 0 || remove_item(p, it, e) < 0)
			return err_wrap(e, "remove 'cache/%s'", it->path);
		++*counts[it->kind];
		got->bytes += it->bytes;
		log_info(p->op, "removed cache/%s", it->path);
	}
	return 0;
}

/* -- the door ------------------------------------------------------------------------------ */

static int open_cache(struct prune *p, const char *root, struct err *e)
{
	auto_free char *path = mem_printf("%s/cache", root);

	p->fd = fs_open_dir(path, e);
	if (p->fd >= 0)
		return 1;
	if (e->kind != ERR_ABSENT)
		return -1;
	err_clear(e);
	return 0;
}

static int prune_locked(struct prune *p, struct cache_pruned *out, const struct cache_prune *what,
			struct err *e)
{
	if (list_all(p, e) < 0)
		return -1;
	use_layers(p);
	take_old(p, what);
	if (what->has_limit)
		take_oldest(p, what->limit_bytes);
	take_steps_without_layers(p);
	return remove_items(p, out, e);
}

int cache_prune(struct cache_pruned *out, const struct op *op, const char *root,
		const struct cache_prune *what, struct err *e)
{
	CLEANUP(prune_release) struct prune p = { .op = op, .fd = -1 };
	auto_close int lock = -1;
	int r = open_cache(&p, root, e);

	*out = (struct cache_pruned){ .bytes = 0 };
	if (r <= 0)
		return r;
	lock = cache_lock(op, p.fd, true, e);
	return lock < 0 ? -1 : prune_locked(&p, out, what, e);
}

void cache_prune_to_limit(const struct op *op, const char *root, uint64_t limit_bytes)
{
	const struct cache_prune what = { .keeps_recent = true,
					  .has_limit = true,
					  .limit_bytes = limit_bytes };
	CLEANUP(prune_release) struct prune p = { .op = op, .fd = -1 };
	struct cache_pruned got = { .bytes = 0 };
	struct err why = ERR_INIT;
	auto_buf struct buf line = BUF_INIT(BUF_SMALL);
	auto_close int lock = -1;

	if (open_cache(&p, root, &why) > 0)
		lock = fs_lock(p.fd, CACHE_LOCK, false, &why);
	if (lock < 0)
		return; /* the last one to leave does it */
	if (prune_locked(&p, &got, &what, &why) < 0) {
		progress_warn(op->progress, "--cache-size: %s", why.text);
		return;
	}
	cache_pruned_line(&line, &got);
	if (got.bytes)
		progress_note(op->progress, "the cache was over its size: %s", buf_str(&line));
}

void cache_pruned_line(struct buf *out, const struct cache_pruned *got)
{
	const struct {
		size_t n;
		const char *one, *many;
	} words[] = {
		{ got->steps, "step", "steps" },
		{ got->blobs, "layer or document", "layers and documents" },
		{ got->trees, "unpacked base", "unpacked bases" },
		{ got->mounts, "cache mount", "cache mounts" },
		{ got->others, "note", "notes" },
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!words[i].n)
			continue;
		buf_addf(out, "%s%zu %s", any ? ", " : "removed ", words[i].n,
			 words[i].n == 1 ? words[i].one : words[i].many);
		any = true;
	}
	if (any)
		buf_addf(out, ": %ju bytes", (uintmax_t)got->bytes);
	else
		buf_add_str(out, "nothing to remove");
}

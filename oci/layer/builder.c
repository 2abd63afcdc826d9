/*
 * Every name that was put, removed, or leads to one of these is in `names`, with an entry under its
 * number. What has no entry is as it is below, unless a directory above it hides that.
 */
#include "oci/layer/builder.h"

#include <assert.h>

#include "base/mem.h"
#include "oci/layer/builder_tree.h"
#include "oci/layer/path.h"

static struct entry *entry_of(struct layer_builder *b, uint32_t at)
{
	return &b->entries[at];
}

void builder_entry_clear(struct entry *x)
{
	free(x->text);
	free(x->capability);
	x->text = NULL;
	x->capability = NULL;
	x->capability_len = 0;
	x->same = 0;
	x->origin_fd = -1;
}

struct layer_builder *layer_builder_new(struct tree *below, const struct timespec *now)
{
	struct layer_builder *b = mem_zalloc(sizeof(*b));

	names_init(&b->names);
	b->below = below;
	b->now = *now;
	b->last_dir = NAMES_NONE;
	builder_tree_init(b);
	MEM_GROW(b->entries, 0, b->cap);
	b->entries[NAMES_ROOT] = (struct entry){ .st.mode = S_IFDIR | 0755, .hides = !below };
	return b;
}

void layer_builder_limit(struct layer_builder *b, int64_t epoch)
{
	b->has_limit = true;
	b->limit = epoch;
}

void layer_builder_free(struct layer_builder *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->names.nr; i++)
		if (b->names.v[i].text) {
			builder_entry_clear(&b->entries[i]);
			builder_forget_closed(&b->entries[i]);
		}
	free(b->entries);
	free(b->last_path);
	names_release(&b->names);
	free(b);
}

static uint32_t add(struct layer_builder *b, uint32_t dir, struct span name)
{
	uint32_t at = names_add(&b->names, dir, name);

	while (at >= b->cap)
		MEM_GROW(b->entries, b->cap, b->cap);
	b->entries[at] = (struct entry){ .origin_fd = -1 };
	return at;
}

static void set_stat(struct entry *x, const struct stat *st)
{
	x->st = (struct entry_stat){ .mode = st->st_mode,
				     .uid = st->st_uid,
				     .gid = st->st_gid,
				     .rdev = st->st_rdev,
				     .size = S_ISREG(st->st_mode) ? st->st_size : 0,
				     .mtime = st->st_mtim };
}

/* What lies below at a name that gets its first entry. */
static void note_below(struct entry *x, bool there, const struct tree_node *node)
{
	x->below = there;
	x->below_dir = there && S_ISDIR(node->st.st_mode);
}

/* -- directories on the way ------------------------------------------------------- */

static int no_directory(struct span path, struct err *e)
{
	return err_set(e, ERR_INPUT, "there is no directory '/" SPAN_FMT "'", SPAN_ARG(path));
}

/* The next part of a directory's path, which is below only until now. */
static int pull_part(uint32_t *out, struct layer_builder *b, uint32_t dir, struct span name,
		     struct span path, struct err *e)
{
	auto_free char *text = span_dup(path);
	struct tree_node node;
	int r = entry_of(b, dir)->hides ? 0 : tree_look(b->below, text, &node, e);
	uint32_t at;

	if (r < 0)
		return -1;
	if (!r || !S_ISDIR(node.st.st_mode))
		return no_directory(path, e);
	at = add(b, dir, name);
	note_below(entry_of(b, at), true, &node);
	set_stat(entry_of(b, at), &node.st);
	*out = at;
	return 0;
}

static bool is_directory(const struct entry *x)
{
	return !x->gone && S_ISDIR(x->st.mode);
}

static bool is_last_dir(const struct layer_builder *b, struct span dir)
{
	return b->last_dir != NAMES_NONE && span_eq_str(dir, b->last_path);
}

/* The number of a directory that must be there. */
static int pull(uint32_t *out, struct layer_builder *b, struct span dir, struct err *e)
{
	struct span rest = dir, part;
	uint32_t at = NAMES_ROOT;

	if (is_last_dir(b, dir)) {
		*out = b->last_dir;
		return 0;
	}
	while (span_split(&rest, '/', &part)) {
		struct span path = span_of(dir.p, (size_t)(part.p + part.n - dir.p));
		uint32_t next = names_find(&b->names, at, part);

		if (next == NAMES_NONE && pull_part(&next, b, at, part, path, e) < 0)
			return -1;
		if (!is_directory(entry_of(b, next)))
			return no_directory(path, e);
		at = next;
	}
	free(b->last_path);
	b->last_path = span_dup(dir);
	b->last_dir = *out = at;
	return 0;
}

/* A name in it came, went or was replaced. */
static void touch(struct layer_builder *b, uint32_t dir)
{
	entry_of(b, dir)->st.mtime = b->now;
}

/* -- putting ----------------------------------------------------------------------- */

static int check_path(const char *path, struct err *e)
{
	if (strlen(path) > LAYER_PATH_MAX)
		return err_set(e, ERR_INPUT, "'/%.60s…' is longer than %d bytes", path,
			       LAYER_PATH_MAX);
	if (strncmp(layer_path_last(path), LAYER_WHITEOUT, strlen(LAYER_WHITEOUT)) == 0)
		return err_set(e, ERR_INPUT,
			       "'/%s': in a layer names that begin with '%s' mean a deletion", path,
			       LAYER_WHITEOUT);
	return 0;
}

static int check_kinds(const char *path, bool was_dir, bool is_dir, struct err *e)
{
	if (was_dir == is_dir)
		return 0;
	return err_set(e, ERR_INPUT,
		       was_dir ? "cannot replace the directory '/%s' with something else"
			       : "cannot replace '/%s' with a directory: it is none",
		       path);
}

static void set(struct entry *x, const struct layer_file *f)
{
	builder_entry_clear(x);
	set_stat(x, &f->st);
	x->put = true;
	x->gone = false;
	if (S_ISLNK(f->st.st_mode))
		x->text = mem_strdup(f->link);
	if (!S_ISREG(f->st.st_mode)) {
		x->same = S_ISDIR(f->st.st_mode) ? 0 : f->same;
		return;
	}
	assert(f->origin.path);
	x->text = mem_strdup(f->origin.path);
	x->origin_fd = f->origin.dirfd;
	x->same = f->same;
	if (f->capability.n) {
		x->capability = mem_alloc(f->capability.n);
		memcpy(x->capability, f->capability.p, f->capability.n);
		x->capability_len = (uint32_t)f->capability.n;
	}
}

/* *at: the entry of path, made when there is none. 1: it is there; 0: it is not (yet). */
static int claim(uint32_t *at, struct layer_builder *b, uint32_t dir, const char *path,
		 struct err *e)
{
	struct span name = span_of_str(layer_path_last(path));
	struct tree_node node;
	int r;

	*at = names_find(&b->names, dir, name);
	if (*at != NAMES_NONE)
		return !entry_of(b, *at)->gone;
	r = entry_of(b, dir)->hides ? 0 : tree_look(b->below, path, &node, e);
	if (r < 0)
		return -1;
	*at = add(b, dir, name);
	note_below(entry_of(b, *at), r, &node);
	set_stat(entry_of(b, *at), r ? &node.st : &(struct stat){ .st_mode = 0 });
	entry_of(b, *at)->gone = !r;
	return r;
}

/* A directory that was not there a moment ago. */
static void begin_dir(struct layer_builder *b, uint32_t dir, struct entry *x)
{
	x->opaque = x->below_dir && !entry_of(b, dir)->hides;
	x->hides = true; /* there is nothing below, or nothing that is to be seen */
}

/* A name that was claimed, but nothing came of it. */
static void unclaim(struct layer_builder *b, uint32_t at)
{
	if (entry_of(b, at)->put || b->names.v[at].first != NAMES_NONE)
		return;
	if (b->last_dir == at)
		b->last_dir = NAMES_NONE;
	names_remove(&b->names, at);
}

int layer_builder_put(struct layer_builder *b, const char *path, const struct layer_file *f,
		      struct err *e)
{
	bool is_dir = S_ISDIR(f->st.st_mode);
	uint32_t dir, at;
	struct entry *x;
	int was;

	if (!*path)
		return check_kinds(path, true, is_dir, e);
	if (check_path(path, e) < 0 || pull(&dir, b, layer_path_dir(path), e) < 0)
		return -1;
	assert(!entry_of(b, dir)->closed);
	was = claim(&at, b, dir, path, e);
	if (was < 0)
		return -1;
	x = entry_of(b, at);
	if (was && check_kinds(path, S_ISDIR(x->st.mode), is_dir, e) < 0) {
		unclaim(b, at);
		return -1;
	}
	set(x, f);
	if (b->has_limit && x->st.mtime.tv_sec >= b->limit)
		x->st.mtime = (struct timespec){ .tv_sec = b->limit };
	if (!was && is_dir)
		begin_dir(b, dir, x);
	if (!was || !is_dir)
		touch(b, dir);
	return 0;
}

int layer_builder_make_dirs(struct layer_builder *b, const char *path, const struct layer_file *dir,
			    struct err *e)
{
	struct layer_file made = *dir;
	struct span rest = span_of_str(path), part;

	made.st.st_mtim = b->now;
	while (span_split(&rest, '/', &part)) {
		auto_free char *at = mem_strndup(path, (size_t)(part.p + part.n - path));
		struct tree_node node;
		int r = part.n ? tree_look(&b->tree, at, &node, e) : 1;

		if (r < 0)
			return -1;
		if (part.n && r && check_kinds(at, S_ISDIR(node.st.st_mode), true, e) < 0)
			return -1;
		if (!r && layer_builder_put(b, at, &made, e) < 0)
			return -1;
	}
	return 0;
}

/* -- removing ---------------------------------------------------------------------- */

/* All names in at, the deepest first. */
static void forget_content(struct layer_builder *b, uint32_t at)
{
	uint32_t i = at;

	b->last_dir = NAMES_NONE;
	for (;;) {
		uint32_t up = b->names.v[i].dir;

		if (b->names.v[i].first != NAMES_NONE) {
			i = b->names.v[i].first;
			continue;
		}
		if (i == at)
			return;
		builder_entry_clear(entry_of(b, i));
		builder_forget_closed(entry_of(b, i));
		names_remove(&b->names, i);
		i = up;
	}
}

int layer_builder_remove(struct layer_builder *b, const char *path, struct err *e)
{
	struct tree_node node;
	struct entry *x;
	uint32_t dir, at;
	int r;

	if (!*path)
		return err_set(e, ERR_INPUT, "the root cannot be removed");
	r = tree_look(&b->tree, path, &node, e);
	if (r <= 0)
		return r;
	if (pull(&dir, b, layer_path_dir(path), e) < 0 || claim(&at, b, dir, path, e) < 0)
		return -1;
	forget_content(b, at);
	touch(b, dir);
	x = entry_of(b, at);
	builder_entry_clear(x);
	builder_forget_closed(x);
	if (!x->below) {
		names_remove(&b->names, at);
		return 0;
	}
	*x = (struct entry){
		.gone = true, .below = true, .below_dir = x->below_dir, .origin_fd = -1
	};
	return 0;
}

struct tree *layer_builder_tree(struct layer_builder *b)
{
	return &b->tree;
}

#include "tests/fakes/layer_text.h"

#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"

struct seen {
	dev_t dev;
	ino_t ino;
	char *path;
};
struct teller {
	struct tree *tree;
	struct buf out;
	bool times;
	struct seen *seen;
	size_t nr, cap;
};

static int tell_content(struct teller *t, const char *path, const struct stat *st, struct err *e)
{
	auto_buf struct buf content = BUF_INIT(BUF_SMALL);
	auto_close int fd = -1;
	struct fd_source src;

	buf_addf(&t->out, "%lld %s", (long long)st->st_size, path);
	if (st->st_size > 64)
		return 0;
	fd = tree_open_file(t->tree, path, e);
	if (fd < 0 || io_read_all(fd_source_init(&src, fd, path), &content, e) < 0)
		return -1;
	buf_addf(&t->out, " = %s", buf_str(&content));
	return 0;
}

static void tell_head(struct teller *t, const struct stat *st)
{
	bool link = S_ISLNK(st->st_mode);

	buf_add_char(&t->out, "?pc?d?b?f?l?s???"[(st->st_mode & S_IFMT) >> 12]);
	buf_add_char(&t->out, ' ');
	if (!link)
		buf_addf(&t->out, "%04o ", st->st_mode & 07777);
	if (!link || st->st_uid || st->st_gid)
		buf_addf(&t->out, "%u:%u ", st->st_uid, st->st_gid);
	if (!t->times)
		return;
	buf_addf(&t->out, "@%lld", (long long)st->st_mtim.tv_sec);
	if (st->st_mtim.tv_nsec)
		buf_addf(&t->out, ".%09ld", st->st_mtim.tv_nsec);
	buf_add_char(&t->out, ' ');
}

static int tell(struct teller *t, const char *path, const struct tree_node *node, struct err *e)
{
	const struct stat *st = &node->st;

	tell_head(t, st);
	if (S_ISREG(st->st_mode))
		return tell_content(t, path, st, e);
	if (S_ISLNK(st->st_mode))
		buf_addf(&t->out, "%s -> %s", path, node->link);
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		buf_addf(&t->out, "%u:%u %s", major(st->st_rdev), minor(st->st_rdev), path);
	else
		buf_add_str(&t->out, path);
	return 0;
}

static const char *first_name(struct teller *t, const char *path, const struct stat *st)
{
	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return NULL;
	for (size_t i = 0; i < t->nr; i++)
		if (t->seen[i].ino == st->st_ino && t->seen[i].dev == st->st_dev)
			return t->seen[i].path;
	MEM_GROW(t->seen, t->nr, t->cap);
	t->seen[t->nr++] = (struct seen){ st->st_dev, st->st_ino, mem_strdup(path) };
	return NULL;
}

static int tell_dir(struct teller *t, const char *dir, struct err *e);

static int tell_name(struct teller *t, const char *path, struct err *e)
{
	struct tree_node node;
	int r = tree_look(t->tree, path, &node, e);
	const char *first;

	if (r <= 0)
		return r < 0 ? -1 : err_set(e, ERR_FAILED, "'%s' is listed but not there", path);
	first = first_name(t, path, &node.st);
	if (first)
		buf_addf(&t->out, "h %s == %s", path, first);
	else if (tell(t, path, &node, e) < 0)
		return -1;
	buf_add_char(&t->out, '\n');
	return S_ISDIR(node.st.st_mode) ? tell_dir(t, path, e) : 0;
}

static int tell_dir(struct teller *t, const char *dir, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (tree_list(t->tree, dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path =
			*dir ? mem_printf("%s/%s", dir, names.v[i]) : mem_strdup(names.v[i]);

		if (tell_name(t, path, e) < 0)
			return -1;
	}
	return 0;
}

char *tree_text(struct tree *t, bool times)
{
	struct teller teller = { .tree = t, .out = BUF_INIT(SIZE_MAX), .times = times };
	struct err e = ERR_INIT;

	buf_add_str(&teller.out, "");
	if (tell_dir(&teller, "", &e) < 0)
		buf_addf(&teller.out, "! %s\n", e.text);
	for (size_t i = 0; i < teller.nr; i++)
		free(teller.seen[i].path);
	free(teller.seen);
	return buf_steal(&teller.out);
}

char *changes_text(const struct layer_changes *c)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);

	buf_add_str(&b, "");
	for (size_t i = 0; i < c->nr; i++)
		if (c->v[i].hard_link)
			buf_addf(&b, "= %s == %s\n", c->v[i].path, c->v[i].link);
		else
			buf_addf(&b, "%c %s\n", "+-O"[c->v[i].kind], c -> v[i].path);
	return buf_steal(&b);
}

int built_changes(struct layer_changes *out, struct layer_builder *b, struct err *e)
{
	auto_listing struct layer_listing l = LISTING_INIT;

	if (layer_builder_list(&l, b, e) < 0)
		return -1;
	listing_expand(out, &l);
	return 0;
}

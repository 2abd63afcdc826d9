/*
 * The first line is what is looked for, the rest is the tree's /etc/passwd and /etc/group.
 */
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/passwd.h"
#include "oci/layer/tree_dir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int put_file(int fd, const char *name, struct span bytes)
{
	auto_close int f = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return f < 0 || write(f, bytes.p, bytes.n) != (ssize_t)bytes.n ? -1 : 0;
}

static void look_up(struct tree *t, const char *who)
{
	auto_passwd_user struct passwd_user u = { 0 };
	struct err e = ERR_INIT;
	uint32_t uid, gid;

	if (passwd_user_find(&u, t, who, &e) < 0)
		must(e.kind == ERR_INPUT && e.text[0]);
	else
		must(u.uid != UINT32_MAX && u.gid != UINT32_MAX && u.nr_groups && u.home);
	err_clear(&e);
	if (passwd_owner_find(&uid, &gid, t, who, &e) < 0)
		must(e.kind == ERR_INPUT && e.text[0]);
	else
		must(uid != UINT32_MAX && gid != UINT32_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/layer-fuzz-XXXXXX";
	struct span rest = span_of(data, size), line = span_of("", 0);
	auto_free char *who = NULL;
	struct tree *tree = NULL;
	struct err e = ERR_INIT;
	int fd;

	must(mkdtemp(path) != NULL);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0 && mkdirat(fd, "etc", 0755) == 0);
	span_line(&rest, &line);
	who = span_dup(line);
	must(put_file(fd, "etc/passwd", rest) == 0 && put_file(fd, "etc/group", rest) == 0);
	must(tree_dir_open(&tree, fd, NULL, &e) == 0);
	look_up(tree, who);
	tree_free(tree);
	close(fd);
	must(fs_remove_tree(AT_FDCWD, path, &e) == 0);
	return 0;
}

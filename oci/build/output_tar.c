/*
 * index.json, oci-layout and blobs, sorted, without owners and times: equal images are equal
 * files. Names that begin with a dot are the store's own (locks) and stay behind.
 */
#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/build/output.h"
#include "oci/layer/tar.h"

static int write_file(const struct op *op, const struct walk_entry *ent, struct sink *out,
		      struct err *e)
{
	struct tar_entry head = { .type = TAR_FILE,
				  .path = ent->path,
				  .size_bytes = (uint64_t)ent->st.st_size,
				  .mode = 0644 };
	auto_close int fd = openat(ent->dirfd, ent->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct fd_source in;
	uint64_t copied;

	if (fd < 0)
		return err_sys(e, "open '%s'", ent->path);
	if (tar_write_header(out, &head, e) < 0 ||
	    io_copy(op, fd_source_init(&in, fd, ent->path), out, &copied, e) < 0)
		return -1;
	if (copied != head.size_bytes)
		return err_set(e, ERR_FAILED, "'%s' changed while it was read", ent->path);
	return tar_write_padding(out, copied, e);
}

static int write_entry(const struct op *op, const struct walk_entry *ent, struct sink *out,
		       struct err *e)
{
	const struct tar_entry dir = { .type = TAR_DIR, .path = ent->path, .mode = 0755 };

	if (ent->name[0] == '.')
		return 0;
	if (S_ISDIR(ent->st.st_mode))
		return tar_write_header(out, &dir, e);
	return write_file(op, ent, out, e);
}

static int write_all(const struct op *op, int layout, struct sink *out, struct err *e)
{
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&w, layout, e) < 0)
		return -1;
	while ((r = walk_next(w, &ent, e)) > 0)
		if (write_entry(op, &ent, out, e) < 0)
			return -1;
	return r < 0 ? -1 : tar_write_end(out, e);
}

char *output_tar_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
}

static int tar_to_stdout(const struct op *op, int layout, struct err *e)
{
	struct fd_sink out;

	return write_all(op, layout, fd_sink_init(&out, STDOUT_FILENO, "standard output"), e);
}

static int tar_to_file(const struct op *op, int layout, const char *path, struct err *e)
{
	auto_free char *dir = output_tar_dir(path);
	auto_close int to = -1;
	auto_tmpfile struct tmpfile t = TMPFILE_INIT; /* released before its directory */
	const char *slash = strrchr(path, '/');
	struct fd_sink out;

	to = fs_open_dir(dir, e);
	if (to < 0)
		return -1;
	if (tmpfile_open(&t, to, 0644, e) < 0 ||
	    write_all(op, layout, fd_sink_init(&out, t.fd, path), e) < 0)
		return -1;
	return tmpfile_publish(&t, slash ? slash + 1 : path, false, e);
}

int output_tar(const struct op *op, const char *layout, const char *path, struct err *e)
{
	auto_close int from = fs_open_dir(layout, e);

	if (from < 0)
		return -1;
	if (strcmp(path, "-") == 0)
		return tar_to_stdout(op, from, e);
	return tar_to_file(op, from, path, e);
}

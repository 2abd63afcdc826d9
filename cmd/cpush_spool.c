#include "cmd/cpush_spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/io.h"
#include "oci/layer/stream.h"

static const char *spool_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

/* A file without a name; where the file system has no such thing, one that has lost it. */
static int spool_make(const char *dir, struct err *e)
{
	auto_tmpfile struct tmpfile tmp = TMPFILE_INIT;
	auto_close int at = -1;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	at = fs_open_dir(dir, e);
	if (at < 0 || tmpfile_open(&tmp, at, 0600, e) < 0)
		return -1;
	fd = fcntl(tmp.fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? err_sys(e, "make a temporary file") : fd;
}

static int spool_copy(const struct op *op, struct source *tar, const char *path, struct err *e)
{
	const char *dir = spool_dir();
	auto_close int fd = spool_make(dir, e);
	struct fd_sink to;

	if (fd < 0)
		return err_wrap(e, "unpack '%s' in '%s'", path, dir);
	if (io_copy(op, tar, fd_sink_init(&to, fd, dir), NULL, e) < 0)
		return err_wrap(e, "unpack '%s'", path);
	return fd_steal(&fd);
}

int cpush_spool_open(const struct op *op, const char *path, struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	auto_close int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
				     : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	auto_layer_stream struct layer_stream s = { 0 };
	struct fd_source in;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open '%s'", path);
	if (layer_stream_open(&s, fd_source_init(&in, fd, path), e) < 0)
		return err_wrap(e, "read '%s'", path);
	/* standard input may stand anywhere */
	if (S_ISREG(st.st_mode) && !is_stdin && !layer_stream_is_compressed(&s))
		return fd_steal(&fd);
	return spool_copy(op, s.tar, path, e);
}

/*
 * SSL_CERT_FILE and SSL_CERT_DIR take the place of the system's certificates in other programs. Here they
 * add to them, like everything else: a company's authority is nearly always wanted beside the others,
 * and who takes the system's away finds Docker Hub gone.
 */
#include "base/trust_files.h"

#include <dirent.h>

#include "base/fs.h"
#include "base/mem.h"

#define TEXT_MAX   (8u << 20)
#define FOLDER_MAX (16u << 20)

static int add_named(struct trust *t, const char *path, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(TEXT_MAX);

	if (fs_read_file(AT_FDCWD, path, &text, e) < 0 || trust_add(t, buf_span(&text), e) < 0)
		return err_wrap(e, "certificates of '%s'", path);
	return 0;
}

/* A variable is set for all programs, and may name all of a system's: looked at when it is needed. */
static int add_variable(struct trust *t, const char *path, const char *name, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(TEXT_MAX);

	if (fs_read_file(AT_FDCWD, path, &text, e) < 0)
		return err_wrap(e, "certificates of '%s' ($%s)", path, name);
	if (!strstr(buf_str(&text), "-----BEGIN "))
		return err_set(e, ERR_INPUT, "certificates of '%s' ($%s): no PEM certificate in it",
			       path, name);
	trust_add_lazily(t, buf_span(&text));
	return 0;
}

static void add_if_there(struct trust *t, int dirfd, const char *name, size_t *left)
{
	auto_buf struct buf text = BUF_INIT(*left);
	struct err ignored = ERR_INIT;

	if (fs_read_file(dirfd, name, &text, &ignored) < 0 ||
	    !strstr(buf_str(&text), "-----BEGIN "))
		return;
	*left -= text.len;
	trust_add_lazily(t, buf_span(&text));
}

/* "4042bcee.0 -> ISRG_Root_X1.pem": the same once more. */
static bool is_link_within(int dirfd, const char *name)
{
	char to[256];
	ssize_t n = readlinkat(dirfd, name, to, sizeof(to));

	return n > 0 && !memchr(to, '/', (size_t)n);
}

static void add_folder(struct trust *t, const char *path, size_t *left)
{
	struct err ignored = ERR_INIT;
	int fd = fs_open_dir(path, &ignored);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.' && !is_link_within(fd, d->d_name))
			add_if_there(t, fd, d->d_name, left);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static void add_folders(struct trust *t, const char *list)
{
	struct span rest = span_of_str(list), piece;
	size_t left = FOLDER_MAX;

	while (span_split(&rest, ':', &piece)) {
		auto_free char *path = span_dup(piece);

		if (*path)
			add_folder(t, path, &left);
	}
}

static int add_gitlab(struct trust *t, const char *path, struct err *e)
{
	if (add_variable(t, path, "CI_SERVER_TLS_CA_FILE", e) == 0)
		return 0;
	if (e->kind != ERR_ABSENT)
		return -1;
	err_clear(e); /* nobody but the runner set this, perhaps for another container */
	return 0;
}

static int read_all(struct trust *t, const struct trust_files *f, struct err *e)
{
	const char *file = f->variable("SSL_CERT_FILE"), *folders = f->variable("SSL_CERT_DIR");
	const char *gitlab = f->variable("CI_SERVER_TLS_CA_FILE");
	size_t left = TEXT_MAX;

	if (f->bundle)
		add_if_there(t, AT_FDCWD, f->bundle, &left);
	if (f->folder)
		trust_add_folder(t, f->folder);
	if (file && *file && add_variable(t, file, "SSL_CERT_FILE", e) < 0)
		return -1;
	if (f->is_lasting)
		trust_add_later(t, add_folders, folders);
	else
		add_folders(t, folders);
	if (gitlab && *gitlab && add_gitlab(t, gitlab, e) < 0)
		return -1;
	return f->named ? add_named(t, f->named, e) : 0;
}

int trust_files_read(struct trust **out, const struct trust_files *f, struct err *e)
{
	struct trust *t = trust_new();

	if (read_all(t, f, e) < 0) {
		trust_free(t);
		return -1;
	}
	*out = t;
	return 0;
}

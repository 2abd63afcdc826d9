/*
 * Runs a fuzz target over files instead of under libFuzzer, so that any compiler
 * replays the corpora: for each argument, a file or all files of a folder.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(int dirfd, const char *name)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	auto_free uint8_t *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(name);
		return -1;
	}
	/* exactly the file's size, so that a sanitizer sees a read past its end */
	data = malloc((size_t)st.st_size ? (size_t)st.st_size : 1);
	if (!data || read(fd, data, (size_t)st.st_size) != st.st_size) {
		perror(name);
		return -1;
	}
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	return 1;
}

static int replay_dir(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	if (!d) {
		perror(path);
		return -1;
	}
	for (struct dirent *ent; (ent = readdir(d));) {
		if (ent->d_name[0] == '.')
			continue;
		if (replay_file(dirfd(d), ent->d_name) < 0) {
			n = -1;
			break;
		}
		n++;
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		int n = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)
				? replay_dir(argv[i])
				: replay_file(AT_FDCWD, argv[i]);

		if (n < 0)
			return 1;
		total += n;
	}
	if (!total)
		fprintf(stderr, "%s: no input\n", argv[0]);
	return total ? 0 : 1;
}

#include "cmd/result_files.h"

#include <unistd.h>

#include "base/mem.h"
#include "cmd/app.h"

int result_files_write(const struct result_file *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].path && app_write_file(v[i].path, v[i].text, e) < 0)
			return err_wrap(e, "%s", v[i].option);
	return 0;
}

/* A folder that is not there is told before the work that would be lost. */
int result_files_check(const struct result_file *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const char *slash = v[i].path ? strrchr(v[i].path, '/') : NULL;
		auto_free char *dir =
			slash ? mem_strndup(v[i].path, (size_t)(slash - v[i].path) + 1) : NULL;

		if (dir && access(dir, F_OK) < 0) {
			err_sys(e, "'%s'", v[i].path);
			return err_wrap(e, "%s", v[i].option);
		}
	}
	return 0;
}

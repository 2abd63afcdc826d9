/* Files first: the line on standard output says that all is done. */
#include "cmd/cbuild_results.h"

#include <unistd.h>

#include "base/mem.h"

/* The keys of docker buildx. */
static char *metadata(const struct build_result *r)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_free char *names = strv_join(&r->names, ",");

	buf_addf(&out, "{\n  \"containerimage.config.digest\": \"%s\",\n", r->config.text);
	buf_addf(&out,
		 "  \"containerimage.descriptor\": {\n    \"mediaType\": \"%s\",\n"
		 "    \"digest\": \"%s\",\n    \"size\": %ju\n  },\n",
		 r->media_type, r->manifest.text, (uintmax_t)r->manifest_size);
	buf_addf(&out, "  \"containerimage.digest\": \"%s\"", r->manifest.text);
	if (r->names.n) {
		buf_add_str(&out, ",\n  \"image.name\": ");
		buf_add_json(&out, names);
	}
	buf_add_str(&out, "\n}\n");
	return buf_steal(&out);
}

struct result_file {
	const char *option, *path; /* path NULL: nobody wants it */
	const char *text;
};

static int write_files(const struct result_file *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].path && app_write_file(v[i].path, v[i].text, e) < 0)
			return err_wrap(e, "%s", v[i].option);
	return 0;
}

/* A folder that is not there is told before the work that would be lost. */
static int check_files(const struct result_file *v, size_t n, struct err *e)
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

int cbuild_results_check(const struct cbuild_args *a, struct err *e)
{
	const struct result_file files[] = { { "--iidfile", a->iidfile, NULL },
					     { "--digest-file", a->digest_file, NULL },
					     { "--metadata-file", a->metadata_file, NULL },
					     { "--dotenv", a->dotenv, NULL } };

	return check_files(files, ARRAY_LEN(files), e);
}

int cbuild_results_write(struct app *app, const struct cbuild_args *a, const struct build_result *r,
			 struct err *e)
{
	auto_free char *json = metadata(r);
	auto_free char *env = mem_printf("CBUILD_DIGEST=%s\nCBUILD_SIZE=%ju\n", r->manifest.text,
					 (uintmax_t)r->size_bytes);

	const struct result_file files[] = { { "--iidfile", a->iidfile, r->config.text },
					     { "--digest-file", a->digest_file, r->manifest.text },
					     { "--metadata-file", a->metadata_file, json },
					     { "--dotenv", a->dotenv, env } };

	if (write_files(files, ARRAY_LEN(files), e) < 0)
		return -1;
	return r->wrote_stdout ? 0 : app_result(app, r->manifest.text, e);
}

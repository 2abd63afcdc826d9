/* Files first: the line on standard output says that all is done. */
#include "cmd/cbuild_results.h"

#include "base/mem.h"
#include "cmd/result_files.h"

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

int cbuild_results_check(const struct cbuild_args *a, struct err *e)
{
	const struct result_file files[] = { { "--iidfile", a->iidfile, NULL },
					     { "--code-quality", a->code_quality, NULL },
					     { "--digest-file", a->digest_file, NULL },
					     { "--metadata-file", a->metadata_file, NULL },
					     { "--dotenv", a->dotenv, NULL } };

	return result_files_check(files, ARRAY_LEN(files), e);
}

int cbuild_results_write(struct app *app, const struct cbuild_args *a, const struct build_result *r,
			 struct err *e)
{
	auto_free char *json = metadata(r);
	auto_free char *env =
		mem_printf("CBUILD_DIGEST=%s\nCBUILD_INPUT=%s\nCBUILD_SIZE=%ju\nCBUILD_REUSED=%d\n",
			   r->manifest.text, r->input.text, (uintmax_t)r->size_bytes, r->is_reused);

	const struct result_file files[] = { { "--iidfile", a->iidfile, r->config.text },
					     { "--digest-file", a->digest_file, r->manifest.text },
					     { "--metadata-file", a->metadata_file, json },
					     { "--dotenv", a->dotenv, env } };

	if (result_files_write(files, ARRAY_LEN(files), e) < 0)
		return -1;
	return r->wrote_stdout ? 0 : app_result(app, r->manifest.text, e);
}

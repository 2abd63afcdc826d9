/* Files first: the line on standard output says that all is done. */
#include "cmd/cbuild_results.h"

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

static int write_file(const char *path, const char *text, struct err *e)
{
	return path ? app_write_file(path, text, e) : 0;
}

int cbuild_results_write(struct app *app, const struct cbuild_args *a, const struct build_result *r,
			 struct err *e)
{
	auto_free char *json = metadata(r);
	auto_free char *env = mem_printf("CBUILD_DIGEST=%s\nCBUILD_SIZE=%ju\n", r->manifest.text,
					 (uintmax_t)r->size_bytes);

	if (write_file(a->iidfile, r->config.text, e) < 0 ||
	    write_file(a->digest_file, r->manifest.text, e) < 0 ||
	    write_file(a->metadata_file, json, e) < 0 || write_file(a->dotenv, env, e) < 0)
		return -1;
	return r->wrote_stdout ? 0 : app_result(app, r->manifest.text, e);
}

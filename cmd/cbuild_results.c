/* Files first: the line on standard output says that all is done. */
#include "cmd/cbuild_results.h"

#include "base/mem.h"
#include "oci/image/descriptor.h"

static char *metadata(const struct build_result *r)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_free char *names = strv_join(&r->names, ",");

	buf_addf(&out,
		 "{\n  \"containerimage.config.digest\": \"%s\",\n"
		 "  \"containerimage.descriptor\": {\n    \"mediaType\": \"" OCI_MEDIA_MANIFEST
		 "\",\n    \"digest\": \"%s\",\n    \"size\": %ju\n  },\n"
		 "  \"containerimage.digest\": \"%s\"",
		 r->config.text, r->manifest.text, (uintmax_t)r->manifest_size, r->manifest.text);
	if (r->names.n) {
		buf_add_str(&out, ",\n  \"image.name\": ");
		buf_add_json(&out, names);
	}
	buf_add_str(&out, "\n}\n");
	return buf_steal(&out);
}

int cbuild_results_write(struct app *app, const struct cbuild_args *a, const struct build_result *r,
			 struct err *e)
{
	auto_free char *json = metadata(r);

	if (a->iidfile && app_write_file(a->iidfile, r->config.text, e) < 0)
		return -1;
	if (a->metadata_file && app_write_file(a->metadata_file, json, e) < 0)
		return -1;
	return app_result(app, r->manifest.text, e);
}

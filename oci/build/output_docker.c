/*
 * The file names the layout's own blobs, so that nothing is in the archive twice. Names are as
 * docker shows them: "app:1", not "docker.io/library/app:1".
 */
#include "oci/build/output_docker.h"

#include "base/fs.h"
#include "oci/image/reference.h"

static void add_blob(struct buf *out, const struct oci_descriptor *d)
{
	buf_addf(out, "\"blobs/sha256/%s\"", oci_digest_hex(&d->digest));
}

static int add_tags(struct buf *out, const struct strv *names, struct err *e)
{
	buf_add_str(out, names->n ? "[" : "null");
	for (size_t i = 0; i < names->n; i++) {
		auto_reference struct oci_reference ref = { 0 };
		auto_buf struct buf name = BUF_INIT(BUF_SMALL);

		if (oci_reference_parse(&ref, names->v[i], e) < 0)
			return -1;
		oci_reference_familiar(&name, &ref);
		if (i)
			buf_add_char(out, ',');
		buf_add_json(out, buf_str(&name));
	}
	if (names->n)
		buf_add_char(out, ']');
	return 0;
}

int output_docker_write(int layout_fd, const struct oci_manifest *m, const struct strv *names,
			struct err *e)
{
	auto_buf struct buf out = BUF_INIT(OCI_MANIFEST_MAX);

	buf_add_str(&out, "[{\"Config\":");
	add_blob(&out, &m->config);
	buf_add_str(&out, ",\"RepoTags\":");
	if (add_tags(&out, names, e) < 0)
		return -1;
	buf_add_str(&out, ",\"Layers\":[");
	for (size_t i = 0; i < m->nr_layers; i++) {
		if (i)
			buf_add_char(&out, ',');
		add_blob(&out, &m->layers[i]);
	}
	buf_add_str(&out, "]}]\n");
	if (out.over)
		return err_set(e, ERR_INPUT, "manifest.json would be larger than %zu bytes",
			       out.max);
	return fs_write_file(layout_fd, "manifest.json", buf_span(&out), 0644, e);
}

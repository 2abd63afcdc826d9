/*
 * Image manifests. Reading takes what is needed and leaves the rest: the bytes
 * themselves stay in the store as they came. Writing is by hand, member by member,
 * because the digest is over these very bytes.
 */
#include "oci/image/manifest.h"

#include "base/json.h"
#include "base/mem.h"
#include "oci/image/document_json.h"

static int parse_layers(struct oci_manifest *m, const json_t *root, struct err *e)
{
	json_t *layers, *v;
	size_t i;

	if (json_get_arr(&layers, root, "layers", "", e) < 0)
		return -1;
	if (json_array_size(layers) > OCI_LAYERS_MAX)
		return err_set(e, ERR_CORRUPT, "layers: %zu, more than the %d allowed",
			       json_array_size(layers), OCI_LAYERS_MAX);
	json_array_foreach(layers, i, v)
	{
		auto_descriptor struct oci_descriptor d = { 0 };
		char path[32];

		snprintf(path, sizeof(path), "layers[%zu]", i);
		if (oci_descriptor_from_json(&d, v, path, e) < 0)
			return -1;
		oci_manifest_add_layer(m, &d);
	}
	return 0;
}

int oci_manifest_parse(struct oci_manifest *out, struct span text, const char *media_type,
		       struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };
	enum oci_document kind;
	const char *media;
	auto_json json_t *root = oci_document_load(text, media_type, &kind, &media, e);
	json_t *config;

	if (!root)
		return err_wrap(e, "manifest");
	if (kind != OCI_DOCUMENT_MANIFEST)
		return err_set(e, ERR_CORRUPT, "manifest: an index stands in its place");
	if (json_get_obj(&config, root, "config", "", e) < 0 ||
	    oci_descriptor_from_json(&m.config, config, "config", e) < 0 ||
	    parse_layers(&m, root, e) < 0 ||
	    json_opt_map(&m.annotations, root, "annotations", "", e) < 0)
		return err_wrap(e, "manifest");
	m.media_type = mem_strdup(media);
	*out = m;
	m = (struct oci_manifest){ 0 };
	return 0;
}

void oci_manifest_write(struct buf *out, const struct oci_manifest *m)
{
	buf_add_str(out, "{\"schemaVersion\":2,\"mediaType\":");
	buf_add_json(out, m->media_type ? m->media_type : OCI_MEDIA_MANIFEST);
	buf_add_str(out, ",\"config\":");
	oci_descriptor_write(out, &m->config);
	buf_add_str(out, ",\"layers\":[");
	for (size_t i = 0; i < m->nr_layers; i++) {
		if (i)
			buf_add_char(out, ',');
		oci_descriptor_write(out, &m->layers[i]);
	}
	buf_add_char(out, ']');
	oci_annotations_write(out, &m->annotations);
	buf_add_char(out, '}');
}

void oci_manifest_add_layer(struct oci_manifest *m, const struct oci_descriptor *layer)
{
	MEM_GROW(m->layers, m->nr_layers, m->cap_layers);
	oci_descriptor_copy(&m->layers[m->nr_layers++], layer);
}

void oci_manifest_release(struct oci_manifest *m)
{
	for (size_t i = 0; i < m->nr_layers; i++)
		oci_descriptor_release(&m->layers[i]);
	free(m->layers);
	free(m->media_type);
	oci_descriptor_release(&m->config);
	strv_release(&m->annotations);
	*m = (struct oci_manifest){ 0 };
}

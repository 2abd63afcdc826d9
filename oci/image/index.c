/*
 * Image indexes: lists of manifests, mostly one per platform. Also what
 * index.json of a layout is.
 */
#include "base/json.h"
#include "base/mem.h"
#include "oci/image/document_json.h"
#include "oci/image/manifest.h"

/* A platform without os and architecture says nothing: as if it were not there. */
static int parse_platform(struct oci_index_entry *ent, const json_t *o, const char *path,
			  struct err *e)
{
	const char *os, *arch, *variant;
	auto_free char *inner = mem_printf("%s.platform", path);
	json_t *p;

	if (json_opt_obj(&p, o, "platform", path, e) < 0)
		return -1;
	if (!p)
		return 0;
	if (json_opt_str(&os, p, "os", inner, "", e) < 0 ||
	    json_opt_str(&arch, p, "architecture", inner, "", e) < 0 ||
	    json_opt_str(&variant, p, "variant", inner, "", e) < 0)
		return -1;
	if (!*os && !*arch)
		return 0;
	if (oci_platform_set(&ent->platform, os, arch, variant, e) < 0)
		return err_wrap(e, "%s", path);
	ent->has_platform = true;
	return 0;
}

static int parse_entries(struct oci_index *x, const json_t *root, struct err *e)
{
	json_t *list, *v;
	size_t i;

	if (json_get_arr(&list, root, "manifests", "", e) < 0)
		return -1;
	json_array_foreach(list, i, v)
	{
		struct oci_index_entry ent = { 0 };
		auto_descriptor struct oci_descriptor d = { 0 };
		char path[40];

		snprintf(path, sizeof(path), "manifests[%zu]", i);
		if (oci_descriptor_from_json(&d, v, path, e) < 0 ||
		    parse_platform(&ent, v, path, e) < 0)
			return -1;
		oci_index_add(x, &d, ent.has_platform ? &ent.platform : NULL);
	}
	return 0;
}

int oci_index_parse(struct oci_index *out, struct span text, const char *media_type, struct err *e)
{
	auto_index struct oci_index x = { 0 };
	enum oci_document kind;
	const char *media;
	auto_json json_t *root = oci_document_load(text, media_type, &kind, &media, e);

	if (!root)
		return err_wrap(e, "index");
	if (kind != OCI_DOCUMENT_INDEX)
		return err_set(e, ERR_CORRUPT, "index: a manifest stands in its place");
	if (parse_entries(&x, root, e) < 0 ||
	    json_opt_map(&x.annotations, root, "annotations", "", e) < 0)
		return err_wrap(e, "index");
	x.media_type = mem_strdup(media);
	*out = x;
	x = (struct oci_index){ 0 };
	return 0;
}

void oci_index_entry_write(struct buf *out, const struct oci_index_entry *ent)
{
	buf_add_char(out, '{');
	oci_descriptor_write_members(out, &ent->desc);
	if (ent->has_platform) {
		buf_add_str(out, ",\"platform\":{\"architecture\":");
		buf_add_json(out, ent->platform.arch);
		buf_add_str(out, ",\"os\":");
		buf_add_json(out, ent->platform.os);
		if (ent->platform.variant[0]) {
			buf_add_str(out, ",\"variant\":");
			buf_add_json(out, ent->platform.variant);
		}
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

void oci_index_write(struct buf *out, const struct oci_index *x)
{
	buf_add_str(out, "{\"schemaVersion\":2,\"mediaType\":");
	buf_add_json(out, x->media_type ? x->media_type : OCI_MEDIA_INDEX);
	buf_add_str(out, ",\"manifests\":[");
	for (size_t i = 0; i < x->nr; i++) {
		if (i)
			buf_add_char(out, ',');
		oci_index_entry_write(out, &x->entries[i]);
	}
	buf_add_char(out, ']');
	oci_annotations_write(out, &x->annotations);
	buf_add_char(out, '}');
}

void oci_index_add(struct oci_index *x, const struct oci_descriptor *d,
		   const struct oci_platform *p)
{
	struct oci_index_entry *ent;

	MEM_GROW(x->entries, x->nr, x->cap);
	ent = &x->entries[x->nr++];
	*ent = (struct oci_index_entry){ .has_platform = p != NULL };
	oci_descriptor_copy(&ent->desc, d);
	if (p)
		ent->platform = *p;
}

void oci_index_release(struct oci_index *x)
{
	for (size_t i = 0; i < x->nr; i++)
		oci_descriptor_release(&x->entries[i].desc);
	free(x->entries);
	free(x->media_type);
	strv_release(&x->annotations);
	*x = (struct oci_index){ 0 };
}

/* The first of the best: what stands first in an index is preferred by its maker. */
const struct oci_index_entry *oci_index_pick(const struct oci_index *x,
					     const struct oci_platform *want)
{
	const struct oci_index_entry *best = NULL;
	int best_match = 0;

	for (size_t i = 0; i < x->nr; i++) {
		const struct oci_index_entry *ent = &x->entries[i];
		int match = ent->has_platform ? oci_platform_match(want, &ent->platform) : 0;

		if (match > best_match) {
			best_match = match;
			best = ent;
		}
	}
	return best;
}

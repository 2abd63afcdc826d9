/*
 * Descriptors: read from JSON with the place in every message, written member
 * by member so that the bytes never change.
 */
#include "oci/image/descriptor.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/mem.h"
#include "oci/image/document_json.h"

void oci_descriptor_copy(struct oci_descriptor *to, const struct oci_descriptor *from)
{
	*to = (struct oci_descriptor){
		.media_type = mem_strdup(from->media_type),
		.digest = from->digest,
		.size_bytes = from->size_bytes,
	};
	strv_copy(&to->annotations, &from->annotations);
}

void oci_descriptor_release(struct oci_descriptor *d)
{
	free(d->media_type);
	strv_release(&d->annotations);
	*d = (struct oci_descriptor){ 0 };
}

bool oci_media_is_index(const char *media_type)
{
	return media_type && (strcmp(media_type, OCI_MEDIA_INDEX) == 0 ||
			      strcmp(media_type, DOCKER_MEDIA_LIST) == 0);
}

bool oci_media_is_manifest(const char *media_type)
{
	return media_type && (strcmp(media_type, OCI_MEDIA_MANIFEST) == 0 ||
			      strcmp(media_type, DOCKER_MEDIA_MANIFEST) == 0);
}

int oci_descriptor_from_json(struct oci_descriptor *out, const json_t *o, const char *path,
			     struct err *e)
{
	auto_descriptor struct oci_descriptor d = { 0 };
	const char *media, *digest;

	if (json_get_str(&media, o, "mediaType", path, e) < 0 ||
	    json_get_str(&digest, o, "digest", path, e) < 0 ||
	    json_get_u64(&d.size_bytes, o, "size", path, e) < 0 ||
	    json_opt_map(&d.annotations, o, "annotations", path, e) < 0)
		return -1;
	if (oci_digest_parse(&d.digest, span_of_str(digest), e) < 0)
		return err_wrap(e, "%s.digest", path);
	d.media_type = mem_strdup(media);
	*out = d;
	d = (struct oci_descriptor){ 0 };
	return 0;
}

void oci_descriptor_write_members(struct buf *out, const struct oci_descriptor *d)
{
	buf_add_str(out, "\"mediaType\":");
	buf_add_json(out, d->media_type ? d->media_type : "");
	buf_addf(out, ",\"digest\":\"%s\",\"size\":%" PRIu64, d->digest.text, d->size_bytes);
	oci_annotations_write(out, &d->annotations);
}

void oci_descriptor_write(struct buf *out, const struct oci_descriptor *d)
{
	buf_add_char(out, '{');
	oci_descriptor_write_members(out, d);
	buf_add_char(out, '}');
}

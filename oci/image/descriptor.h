/*
 * A descriptor: what a document says about a blob (image-spec, descriptor.md).
 * Owns its strings: _init, _copy, _release.
 */
#ifndef OCI_IMAGE_DESCRIPTOR_H
#define OCI_IMAGE_DESCRIPTOR_H

#include <jansson.h>

#include "base/buf.h"
#include "base/strv.h"
#include "oci/image/digest.h"

#define OCI_MEDIA_INDEX		"application/vnd.oci.image.index.v1+json"
#define OCI_MEDIA_MANIFEST	"application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_CONFIG	"application/vnd.oci.image.config.v1+json"
#define OCI_MEDIA_LAYER		"application/vnd.oci.image.layer.v1.tar"
#define OCI_MEDIA_LAYER_GZIP	"application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_MEDIA_LAYER_ZSTD	"application/vnd.oci.image.layer.v1.tar+zstd"
#define DOCKER_MEDIA_LIST	"application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MEDIA_MANIFEST	"application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_MEDIA_CONFIG	"application/vnd.docker.container.image.v1+json"
#define DOCKER_MEDIA_LAYER	"application/vnd.docker.image.rootfs.diff.tar"
#define DOCKER_MEDIA_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

/* Ceilings for what we take from others. */
#define OCI_MANIFEST_MAX (4u << 20)
#define OCI_CONFIG_MAX	 (8u << 20)
#define OCI_LAYERS_MAX	 4096

struct oci_descriptor {
	char *media_type;
	struct oci_digest digest;
	uint64_t size_bytes;
	struct strv annotations; /* KEY=VALUE */
};

void oci_descriptor_copy(struct oci_descriptor *to,
			 const struct oci_descriptor *from); /* to: zeroed or released */
void oci_descriptor_release(struct oci_descriptor *d);
bool oci_media_is_index(const char *media_type);
bool oci_media_is_manifest(const char *media_type);

/* `path`: for messages, "layers[2]". ERR_CORRUPT when a part is missing or wrong. */
int oci_descriptor_from_json(struct oci_descriptor *out, const json_t *o, const char *path,
			     struct err *e) MUST_CHECK;
/* {"mediaType":…,"digest":…,"size":…[,"annotations":{…}]}: always the same bytes. */
void oci_descriptor_write(struct buf *out, const struct oci_descriptor *d);

#define auto_descriptor CLEANUP(oci_descriptor_release)

#endif

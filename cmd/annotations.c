#include "cmd/annotations.h"

#include "base/mem.h"

char *annotations_json(const char *title, const struct annotation_link *v, size_t n)
{
	struct buf out = BUF_INIT(SIZE_MAX);

	buf_add_str(&out, "{\n  ");
	buf_add_json(&out, title);
	buf_add_str(&out, ": [");
	for (size_t i = 0; i < n; i++) {
		buf_add_str(&out, i ? ",\n    {\"external_link\": {\"label\": "
				    : "\n    {\"external_link\": {\"label\": ");
		buf_add_json(&out, v[i].label);
		buf_add_str(&out, ", \"url\": ");
		buf_add_json(&out, v[i].url);
		buf_add_str(&out, "}}");
	}
	buf_add_str(&out, "\n  ]\n}\n");
	return buf_steal(&out);
}

char *annotations_image_url(const struct oci_reference *image, const struct oci_digest *digest,
			    const char *(*env)(const char *name))
{
	const char *registry = env("CI_REGISTRY"), *project = env("CI_PROJECT_URL");

	if (registry && project && *project && strcmp(registry, image->host) == 0)
		return mem_printf("%s/container_registry", project);
	if (strcmp(image->host, "docker.io") == 0)
		return mem_printf("https://hub.docker.com/r/%s", image->path);
	return mem_printf("https://%s/v2/%s/manifests/%s", image->host, image->path, digest->text);
}

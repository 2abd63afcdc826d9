#include "oci/image/docker_save.h"

#include "base/json.h"
#include "base/mem.h"
#include "oci/image/descriptor.h"

static void image_release(struct docker_save_image *m)
{
	free(m->config);
	strv_release(&m->layers);
	strv_release(&m->names);
}

static int parse_image(struct docker_save_image *m, const json_t *o, const char *path,
		       struct err *e)
{
	const char *config;

	if (!json_is_object(o))
		return err_set(e, ERR_CORRUPT, "%s: not an object", path);
	if (json_get_str(&config, o, "Config", path, e) < 0 ||
	    json_opt_strv(&m->layers, o, "Layers", path, e) < 0 ||
	    json_opt_strv(&m->names, o, "RepoTags", path, e) < 0)
		return -1;
	if (m->layers.n > OCI_LAYERS_MAX)
		return err_set(e, ERR_CORRUPT, "%s: more than %d layers", path, OCI_LAYERS_MAX);
	m->config = mem_strdup(config);
	return 0;
}

int docker_save_parse(struct docker_save *out, struct span text, struct err *e)
{
	auto_docker_save struct docker_save s = { 0 };
	auto_json json_t *root = json_load_span(text, OCI_MANIFEST_MAX, "manifest.json", e);
	const json_t *v;
	size_t i;

	if (!root) {
		e->kind = ERR_CORRUPT;
		return -1;
	}
	if (!json_is_array(root) || json_array_size(root) > DOCKER_SAVE_IMAGES_MAX)
		return err_set(e, ERR_CORRUPT, "manifest.json: not a list of at most %d images",
			       DOCKER_SAVE_IMAGES_MAX);
	json_array_foreach(root, i, v)
	{
		char path[40];

		snprintf(path, sizeof(path), "manifest.json[%zu]", i);
		MEM_GROW(s.v, s.nr, s.cap);
		s.v[s.nr] = (struct docker_save_image){ 0 };
		if (parse_image(&s.v[s.nr++], v, path, e) < 0)
			return -1;
	}
	*out = s;
	s = (struct docker_save){ 0 };
	return 0;
}

void docker_save_release(struct docker_save *s)
{
	for (size_t i = 0; i < s->nr; i++)
		image_release(&s->v[i]);
	free(s->v);
	*s = (struct docker_save){ 0 };
}

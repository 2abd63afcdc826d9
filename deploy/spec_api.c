/* See spec_api.h. The numbers are those of the engine's own list of changes. */
#include "deploy/spec_api.h"

#include "base/cc.h"

static const struct {
	const char *path[4], *word;
	unsigned since;
} fields[] = {
	{ { "TaskTemplate", "ContainerSpec", "CapabilityAdd" }, "cap_add", 41 },
	{ { "TaskTemplate", "ContainerSpec", "CapabilityDrop" }, "cap_drop", 41 },
	{ { "TaskTemplate", "ContainerSpec", "Ulimits" }, "ulimits", 41 },
	{ { "TaskTemplate", "Resources", "Limits", "Pids" }, "a limit of pids", 41 },
	{ { "Mode", "ReplicatedJob" }, "mode replicated-job", 41 },
	{ { "Mode", "GlobalJob" }, "mode global-job", 41 },
};

static bool has(const json_t *spec, const char *const path[4])
{
	for (size_t i = 0; i < 4 && path[i]; i++)
		spec = json_object_get(spec, path[i]);
	return spec != NULL;
}

int deploy_spec_fits_api(const json_t *spec, unsigned minor, struct err *e)
{
	const char *name = json_string_value(json_object_get(spec, "Name"));

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (minor < fields[i].since && has(spec, fields[i].path))
			return err_set(e, ERR_INPUT,
				       "service '%s': %s needs an engine of API 1.%u, and this one "
				       "speaks 1.%u",
				       name ? name : "", fields[i].word, fields[i].since, minor);
	return 0;
}

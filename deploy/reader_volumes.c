/*
 * Top-level `volumes` define, a service lists their names. A definition is looked
 * at when a service asks for it, so a message names the definition's line.
 */
#include "base/mem.h"
#include "deploy/reader.h"

enum { VOLUME_TYPE, VOLUME_SOURCE, VOLUME_TARGET, VOLUME_ADDRESS, VOLUME_FIELDS };

struct volume {
	char *field[VOLUME_FIELDS]; /* NULL: not written */
};

static void volume_release(struct volume *v)
{
	for (size_t i = 0; i < VOLUME_FIELDS; i++)
		free(v->field[i]);
}
#define auto_volume CLEANUP(volume_release)

static int read_type(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	return reader_text(&((struct volume *)arg)->field[VOLUME_TYPE], r, v, path, e);
}

static int read_source(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	return reader_text(&((struct volume *)arg)->field[VOLUME_SOURCE], r, v, path, e);
}

static int read_target(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	return reader_text(&((struct volume *)arg)->field[VOLUME_TARGET], r, v, path, e);
}

static int read_address(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	return reader_text(&((struct volume *)arg)->field[VOLUME_ADDRESS], r, v, path, e);
}

static const struct reader_key volume_keys[] = {
	[VOLUME_TYPE] = { .name = "type", .read = read_type },
	[VOLUME_SOURCE] = { .name = "source", .read = read_source },
	[VOLUME_TARGET] = { .name = "target", .read = read_target },
	[VOLUME_ADDRESS] = { .name = "address", .read = read_address },
};

static int check_field(const struct reader *r, const struct volume *vol, size_t i,
		       const struct yaml_value *def, const char *path, struct err *e)
{
	const char *text = vol->field[i];

	if (!text || !*text)
		return reader_fail(r, def, path, e, "%s is missing", volume_keys[i].name);
	if (i != VOLUME_ADDRESS && text[0] != '/')
		return reader_fail(r, def, path, e, "%s is not an absolute path",
				   volume_keys[i].name);
	/* the address becomes one of the mount options "addr=…", which commas divide */
	if (i == VOLUME_ADDRESS && strpbrk(text, ", \t\n"))
		return reader_fail(r, def, path, e, "address is not a single host");
	return 0;
}

static int check_volume(const struct reader *r, const struct volume *vol, bool is_nfs,
			const struct yaml_value *def, const char *path, struct err *e)
{
	if (check_field(r, vol, VOLUME_SOURCE, def, path, e) < 0 ||
	    check_field(r, vol, VOLUME_TARGET, def, path, e) < 0)
		return -1;
	return is_nfs ? check_field(r, vol, VOLUME_ADDRESS, def, path, e) : 0;
}

static void add_mount(struct deploy_service *s, const char *name, struct volume *vol, bool is_nfs)
{
	struct deploy_mount m = { .type = is_nfs ? DEPLOY_MOUNT_VOLUME : DEPLOY_MOUNT_BIND };

	m.target = STEAL(&vol->field[VOLUME_TARGET]);
	if (is_nfs) {
		m.source = mem_strdup(name);
		strv_addf(&m.driver_options, "o=addr=%s", vol->field[VOLUME_ADDRESS]);
		strv_addf(&m.driver_options, "device=:%s", vol->field[VOLUME_SOURCE]);
		strv_add(&m.driver_options, "type=nfs");
	} else {
		m.source = STEAL(&vol->field[VOLUME_SOURCE]);
	}
	MEM_GROW(s->mounts, s->nr_mounts, s->cap_mounts);
	s->mounts[s->nr_mounts++] = m;
}

static int read_volume(struct deploy_service *s, struct reader *r, const char *name,
		       const struct yaml_value *def, const char *path, struct err *e)
{
	auto_volume struct volume vol = { 0 };
	bool is_nfs;

	if (reader_want(r, def, YAML_MAP, path, "it defines type, source and target", e) < 0 ||
	    reader_keys(r, &vol, def, path, volume_keys, VOLUME_FIELDS, e) < 0)
		return -1;
	is_nfs = vol.field[VOLUME_TYPE] && strcmp(vol.field[VOLUME_TYPE], "nfs") == 0;
	if (!is_nfs && !(vol.field[VOLUME_TYPE] && strcmp(vol.field[VOLUME_TYPE], "bind") == 0))
		return reader_fail(r, def, path, e, "type must be bind or nfs");
	if (check_volume(r, &vol, is_nfs, def, path, e) < 0)
		return -1;
	for (size_t i = 0; i < s->nr_mounts; i++)
		if (strcmp(s->mounts[i].target, vol.field[VOLUME_TARGET]) == 0)
			return reader_fail(r, def, path, e,
					   "another volume of services.%s has the same target",
					   s->name);
	add_mount(s, name, &vol, is_nfs);
	return 0;
}

static int no_volume(const struct reader *r, const char *name, const struct yaml_value *at,
		     const char *path, struct err *e)
{
	auto_strv struct strv known = STRV_INIT;
	const char *near;

	for (size_t i = 0; r->volumes && i < r->volumes->nr; i++)
		strv_add(&known, r->volumes->pairs[i].key->text);
	near = reader_near(name, &known);
	return reader_fail(r, at, path, e, "no volume '%s' under the top-level 'volumes'%s%s%s",
			   name, near ? "; did you mean '" : "", near ? near : "",
			   near ? "'?" : "");
}

int reader_mount(struct deploy_service *s, struct reader *r, const char *name,
		 const struct yaml_value *at, const char *path, struct err *e)
{
	const struct yaml_value *def = yaml_map_get(r->volumes, name);
	auto_free char *def_path = reader_path("volumes", name);

	if (!def && strchr(name, ':'))
		return reader_fail(r, at, path, e,
				   "not a name; define the volume under the top-level 'volumes' "
				   "and list its name here");
	if (!def)
		return no_volume(r, name, at, path, e);
	if (!strv_has(&r->used_volumes, name))
		strv_add(&r->used_volumes, name);
	return read_volume(s, r, name, def, def_path, e);
}

void reader_warn_unused_volumes(struct reader *r)
{
	for (size_t i = 0; r->volumes && i < r->volumes->nr; i++) {
		const struct yaml_value *key = r->volumes->pairs[i].key;
		auto_free char *path = reader_path("volumes", key->text);

		if (!strv_has(&r->used_volumes, key->text))
			reader_warn(r, key, path, "no service uses it, ignored");
	}
}

#include "oci/image/origins.h"

#include "base/mem.h"

#define KEY "containerd.io/distribution.source."

static bool has_path(const char *list, const char *path)
{
	struct span rest = span_of_str(list), piece;

	while (span_split(&rest, ',', &piece))
		if (span_eq_str(piece, path))
			return true;
	return false;
}

void oci_origins_add(struct strv *annotations, const struct oci_reference *where)
{
	auto_free char *key = mem_printf(KEY "%s", where->host);
	const char *before = strv_env_get(annotations, key);
	auto_free char *list = NULL;

	if (!before)
		strv_env_set(annotations, key, where->path);
	else if (!has_path(before, where->path)) {
		list = mem_printf("%s,%s", before, where->path);
		strv_env_set(annotations, key, list);
	}
}

static void read_place(struct strv *out, struct span host, struct span path)
{
	auto_free char *text = mem_printf(SPAN_FMT "/" SPAN_FMT, SPAN_ARG(host), SPAN_ARG(path));
	auto_reference struct oci_reference ref = { 0 };
	auto_free char *name = NULL;
	struct err ignored = ERR_INIT;

	if (oci_reference_parse(&ref, text, &ignored) < 0 || !span_eq_str(host, ref.host))
		return;
	name = mem_printf("%s/%s", ref.host, ref.path);
	if (!strv_has(out, name) && out->n < OCI_ORIGINS_MAX)
		strv_add(out, name);
}

void oci_origins_read(struct strv *out, const struct strv *annotations)
{
	for (size_t i = 0; i < annotations->n; i++) {
		struct span rest = span_of_str(annotations->v[i]), host, paths, path;

		if (!span_take(&rest, KEY) || !span_cut(rest, '=', &host, &paths))
			continue;
		while (span_split(&paths, ',', &path))
			read_place(out, host, path);
	}
}

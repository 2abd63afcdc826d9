#include "cmd/cpush_source.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "oci/image/layout.h"
#include "oci/image/store_layout.h"

/* "DIR", "DIR:TAG" or "DIR@sha256:…"; *name stays NULL for the only image of a layout. */
static char *split_source(const char *source, char **name)
{
	struct stat st;
	const char *slash = strrchr(source, '/');
	const char *at = strchr(slash ? slash : source, '@');
	const char *cut = at ? at : strchr(slash ? slash : source, ':');

	if (stat(source, &st) == 0 || !cut)
		return mem_strdup(source);
	*name = mem_strdup(cut + 1);
	return mem_strndup(source, (size_t)(cut - source));
}

int cpush_source_open(struct oci_store **out, struct oci_descriptor *image, const char *source,
		      const char *root, const struct oci_reference *to, struct err *e)
{
	auto_store struct oci_store *s = NULL;
	auto_free char *dir = NULL;
	auto_free char *name = NULL;
	auto_buf struct buf full = BUF_INIT(BUF_SMALL);

	if (source) {
		dir = split_source(source, &name);
	} else {
		dir = mem_printf("%s/store", root);
		oci_reference_format(&full, to);
		name = mem_strdup(buf_str(&full));
	}
	if (oci_store_layout_open(&s, dir, OCI_LAYOUT_READ, e) < 0) {
		if (!source && e->kind == ERR_ABSENT)
			return err_set(e, ERR_ABSENT,
				       "push '%s': nothing has been built into '%s' yet", name,
				       dir);
		return err_wrap(e, "push from '%s'", dir);
	}
	if (oci_layout_find(s, name, image, e) < 0)
		return err_wrap(e, "push from '%s'", dir);
	*out = STEAL(&s);
	return 0;
}

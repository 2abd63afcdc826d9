#include "cmd/cpush_source.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "cmd/cpush_spool.h"
#include "oci/image/archive.h"
#include "oci/image/config.h"
#include "oci/image/layout.h"
#include "oci/image/store_layout.h"

#define NESTED_MAX 4 /* an index in an index in … */

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* PATH, PATH:NAME or PATH@DIGEST: the shortest path that is there. *name: NULL: none is said. */
static char *split_source(const char *text, char **name)
{
	const char *slash = strrchr(text, '/');
	const char *cut = text;

	if (is_there(text) || strcmp(text, "-") == 0)
		return mem_strdup(text);
	while ((cut = strpbrk(cut + 1, ":@"))) {
		auto_free char *path = mem_strndup(text, (size_t)(cut - text));

		if (!is_there(path))
			continue;
		*name = mem_strdup(cut + 1);
		return STEAL(&path);
	}
	/* nothing is there: for the message */
	cut = strpbrk(slash ? slash : text, ":@");
	return cut ? mem_strndup(text, (size_t)(cut - text)) : mem_strdup(text);
}

/* -- a platform -------------------------------------------------------------------------- */

static int no_platform(const struct oci_platform *want, struct err *e)
{
	char text[100];

	oci_platform_format(text, want);
	return err_set(e, ERR_ABSENT, "it has no image for %s", text);
}

static int check_config(struct oci_store *s, struct span manifest, const char *media_type,
			const struct oci_platform *want, struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_CONFIG_MAX);
	auto_config struct oci_config *c = NULL;

	if (oci_manifest_parse(&m, manifest, media_type, e) < 0 ||
	    oci_store_read(s, &m.config, OCI_CONFIG_MAX, &text, e) < 0 ||
	    oci_config_parse(&c, buf_span(&text), e) < 0)
		return -1;
	return oci_platform_match(want, &c->platform) ? 0 : no_platform(want, e);
}

/* 1: *image is now what the index has for it, and may be one again. What an index says of its images
 * counts; of one that stands alone its configuration is asked. */
static int pick_once(struct oci_store *s, struct oci_descriptor *image, bool alone,
		     const struct oci_platform *want, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_index struct oci_index x = { 0 };
	const struct oci_index_entry *ent;
	enum oci_document kind;

	if (oci_store_read(s, image, OCI_MANIFEST_MAX, &text, e) < 0 ||
	    oci_document_kind(&kind, buf_span(&text), image->media_type, e) < 0)
		return -1;
	if (kind == OCI_DOCUMENT_MANIFEST && !alone)
		return 0;
	if (kind == OCI_DOCUMENT_MANIFEST)
		return check_config(s, buf_span(&text), image->media_type, want, e);
	if (oci_index_parse(&x, buf_span(&text), image->media_type, e) < 0)
		return -1;
	ent = oci_index_pick(&x, want);
	if (!ent)
		return no_platform(want, e);
	oci_descriptor_release(image);
	oci_descriptor_copy(image, &ent->desc);
	return 1;
}

static int pick_platform(struct cpush_source *s, const struct oci_platform *want, struct err *e)
{
	int r = 1;

	for (int depth = 0; want && r > 0; depth++) {
		if (depth > NESTED_MAX)
			return err_set(e, ERR_CORRUPT, "indexes nested more than %d deep",
				       NESTED_MAX);
		r = pick_once(s->store, &s->image, depth == 0, want, e);
	}
	return want ? r : 0;
}

/* -- where it lies ------------------------------------------------------------------------- */

static int open_archive(struct cpush_source *s, const struct op *op, const char *path,
			const char *name, struct err *e)
{
	int fd = cpush_spool_open(op, path, e);

	if (fd < 0 || oci_archive_open(&s->store, op, fd, path, e) < 0)
		return -1;
	return oci_layout_find_in(s->store, oci_archive_index(s->store), name, &s->image, e);
}

static int open_layout(struct cpush_source *s, const char *dir, const char *name, struct err *e)
{
	if (oci_store_layout_open(&s->store, dir, OCI_LAYOUT_READ, e) < 0)
		return -1;
	return oci_layout_find(s->store, name, &s->image, e);
}

static int open_named(struct cpush_source *s, const struct op *op, const char *text, struct err *e)
{
	auto_free char *name = NULL;
	auto_free char *path = split_source(text, &name);
	struct stat st;
	bool is_file = strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISDIR(st.st_mode));
	int r = is_file ? open_archive(s, op, path, name, e) : open_layout(s, path, name, e);

	return r < 0 ? err_wrap(e, "push from '%s'", path) : 0;
}

/* The store has it under its whole name. */
static int open_store(struct cpush_source *s, const char *root, const struct oci_reference *to,
		      struct err *e)
{
	auto_free char *dir = mem_printf("%s/store", root);
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);

	oci_reference_format(&name, to);
	if (oci_store_layout_open(&s->store, dir, OCI_LAYOUT_READ, e) < 0 && e->kind == ERR_ABSENT)
		return err_set(e, ERR_ABSENT, "push '%s': nothing has been built into '%s' yet",
			       buf_str(&name), dir);
	if (!s->store || oci_layout_find(s->store, buf_str(&name), &s->image, e) < 0)
		return err_wrap(e, "push from '%s'", dir);
	return 0;
}

int cpush_source_open(struct cpush_source *out, struct op *op,
		      const struct cpush_source_request *rq, struct err *e)
{
	auto_cpush_source struct cpush_source s = { 0 };
	int r = rq->text ? open_named(&s, op, rq->text, e) : open_store(&s, rq->root, rq->to, e);

	if (r < 0)
		return -1;
	if (pick_platform(&s, rq->platform, e) < 0)
		return err_wrap(e, "push from '%s'", rq->text ? rq->text : s.store->name);
	*out = s;
	s = (struct cpush_source){ 0 };
	return 0;
}

void cpush_source_release(struct cpush_source *s)
{
	oci_descriptor_release(&s->image);
	oci_store_free(s->store);
	*s = (struct cpush_source){ 0 };
}

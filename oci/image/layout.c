/*
 * index.json: reading it, and pointing names to manifests. Changes are made on the
 * document, not on our picture of it, so that members which other tools put there
 * stay. Search is layout_find.c.
 */
#include "oci/image/layout.h"

#include <assert.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "oci/image/document_json.h"
#include "oci/image/layout_files.h"
#include "oci/image/reference.h"
#include "oci/image/store_layout.h"

#define INDEX_MAX OCI_MANIFEST_MAX

/* What a name is in index.json; both NULL: no name. */
struct naming {
	char *ref_name, *image_name;
	bool one_unnamed; /* no name: take the place of another without */
};

static void naming_release(struct naming *n)
{
	free(n->ref_name);
	free(n->image_name);
}

static int naming_init(struct naming *n, const char *name, bool handed_on, struct err *e)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_buf struct buf full = BUF_INIT(BUF_SMALL);

	*n = (struct naming){ .one_unnamed = handed_on };
	if (!name)
		return 0;
	if (oci_tag_is_valid(span_of_str(name))) {
		n->ref_name = mem_strdup(name);
		return 0;
	}
	if (oci_reference_parse(&ref, name, e) < 0)
		return -1;
	oci_reference_format(&full, &ref);
	n->image_name = buf_steal(&full);
	n->ref_name = mem_strdup(handed_on && ref.tag ? ref.tag : n->image_name);
	return 0;
}

static int read_text(struct oci_store *s, struct buf *b, struct err *e)
{
	assert(oci_store_layout_fd(s) >= 0);
	if (fs_read_file_no_link(oci_store_layout_fd(s), INDEX_FILE, b, e) < 0) {
		/* too long or not a file: the layout is broken, not the user's words */
		if (e->kind == ERR_INPUT)
			e->kind = ERR_CORRUPT;
		return err_wrap(e, "image layout '%s'", s->name);
	}
	return 0;
}

static int parse_text(struct oci_store *s, const struct buf *b, struct oci_index *out,
		      struct err *e)
{
	if (oci_index_parse(out, buf_span(b), NULL, e) < 0)
		return err_wrap(e, "'%s/%s'", s->name, INDEX_FILE);
	return 0;
}

int oci_layout_read(struct oci_store *s, struct oci_index *out, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(INDEX_MAX);

	if (read_text(s, &b, e) < 0)
		return -1;
	return parse_text(s, &b, out, e);
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Must the entry go, now that the name belongs to digest? */
static bool is_displaced(const struct oci_descriptor *have, const struct naming *n,
			 const struct oci_digest *digest)
{
	const char *ref = strv_env_get(&have->annotations, LAYOUT_REF_NAME);
	const char *image = strv_env_get(&have->annotations, LAYOUT_IMAGE_NAME);
	bool same_image = oci_digest_eq(&have->digest, digest);

	if (!ref && !image)
		return same_image || (!n->ref_name && n->one_unnamed);
	if (same(image, n->image_name))
		return true;
	/* two repositories' names for one image may share a tag */
	return same(ref, n->ref_name) && !(same_image && image && n->image_name);
}

static json_t *new_entry(const struct naming *n, const struct oci_descriptor *desc,
			 const struct oci_platform *platform)
{
	auto_buf struct buf b = BUF_INIT(OCI_MANIFEST_MAX);
	struct oci_index_entry ent = { .has_platform = platform != NULL };
	json_t *v;

	oci_descriptor_copy(&ent.desc, desc);
	strv_env_unset(&ent.desc.annotations, LAYOUT_REF_NAME);
	strv_env_unset(&ent.desc.annotations, LAYOUT_IMAGE_NAME);
	if (n->ref_name)
		strv_env_set(&ent.desc.annotations, LAYOUT_REF_NAME, n->ref_name);
	if (n->image_name)
		strv_env_set(&ent.desc.annotations, LAYOUT_IMAGE_NAME, n->image_name);
	if (platform)
		ent.platform = *platform;
	oci_index_entry_write(&b, &ent);
	oci_descriptor_release(&ent.desc);
	v = json_loadb(buf_str(&b), b.len, 0, NULL);
	assert(v);
	return v;
}

/* Is it listed by whatever name? Then being just listed needs nothing. */
static bool is_listed(const struct oci_index *x, const struct oci_digest *digest)
{
	for (size_t i = 0; i < x->nr; i++)
		if (oci_digest_eq(&x->entries[i].desc.digest, digest))
			return true;
	return false;
}

/* Takes ent. x is the picture of list before the change: same length and order. */
static void point(json_t *list, const struct oci_index *x, const struct naming *n,
		  const struct oci_digest *digest, json_t *ent)
{
	size_t at = 0;
	bool placed = false;

	for (size_t i = 0; i < x->nr; i++) {
		if (!is_displaced(&x->entries[i].desc, n, digest)) {
			at++;
		} else if (!placed) {
			json_array_set(list, at++, ent);
			placed = true;
		} else {
			json_array_remove(list, at);
		}
	}
	if (!placed)
		json_array_append(list, ent);
	json_decref(ent);
}

static int change(struct oci_store *s, const struct naming *n, const struct oci_descriptor *desc,
		  const struct oci_platform *platform, struct err *e)
{
	auto_buf struct buf before = BUF_INIT(INDEX_MAX);
	auto_buf struct buf after = BUF_INIT(INDEX_MAX);
	auto_json json_t *root = NULL, *old = NULL;
	auto_index struct oci_index x = { 0 };

	if (read_text(s, &before, e) < 0 || parse_text(s, &before, &x, e) < 0)
		return -1;
	if (!n->ref_name && !n->one_unnamed && is_listed(&x, &desc->digest))
		return 0;
	root = json_load_span(buf_span(&before), INDEX_MAX, INDEX_FILE, e);
	if (!root)
		return -1;
	old = json_deep_copy(root);
	point(json_object_get(root, "manifests"), &x, n, &desc->digest,
	      new_entry(n, desc, platform));
	if (json_equal(old, root))
		return 0;
	json_write(&after, root, false);
	if (after.over)
		return err_set(e, ERR_IMPOSSIBLE,
			       "'%s/%s' would be larger than %u bytes: too many images", s->name,
			       INDEX_FILE, INDEX_MAX);
	if (fs_write_file(oci_store_layout_fd(s), INDEX_FILE, buf_span(&after), 0644, e) < 0)
		return err_wrap(e, "image layout '%s'", s->name);
	return 0;
}

static int set_name(struct oci_store *s, const char *name, bool handed_on,
		    const struct oci_descriptor *desc, const struct oci_platform *platform,
		    struct err *e)
{
	auto_close int lock = -1;
	struct naming n;
	int r;

	if (naming_init(&n, name, handed_on, e) < 0)
		return -1;
	lock = fs_lock(oci_store_layout_fd(s), INDEX_LOCK, true, e);
	if (lock < 0)
		r = err_wrap(e, "image layout '%s'", s->name);
	else
		r = change(s, &n, desc, platform, e);
	naming_release(&n);
	return r;
}

int oci_layout_set(struct oci_store *s, const char *name, const struct oci_descriptor *desc,
		   const struct oci_platform *platform, struct err *e)
{
	return set_name(s, name, false, desc, platform, e);
}

int oci_layout_export(struct oci_store *s, const char *name, const struct oci_descriptor *desc,
		      const struct oci_platform *platform, struct err *e)
{
	return set_name(s, name, true, desc, platform, e);
}

/* Mark and sweep. Documents are few, so the marks are a sorted list. */
#include "oci/image/layout_sweep.h"

#include <assert.h>
#include <dirent.h>

#include "base/fs.h"
#include "oci/image/layout.h"
#include "oci/image/layout_files.h"
#include "oci/image/store_layout.h"

#define DEPTH_MAX 4 /* an index in an index in … */

static void mark(struct strv *kept, const struct oci_digest *d)
{
	strv_add(kept, oci_digest_hex(d));
}

static int mark_document(struct strv *kept, struct oci_store *s, const struct oci_descriptor *d,
			 int depth, struct err *e);

static int mark_index(struct strv *kept, struct oci_store *s, struct span text, int depth,
		      struct err *e)
{
	auto_index struct oci_index x = { 0 };

	if (oci_index_parse(&x, text, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < x.nr; i++)
		if (mark_document(kept, s, &x.entries[i].desc, depth + 1, e) < 0)
			return -1;
	return 0;
}

static int mark_manifest(struct strv *kept, struct span text, struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };

	if (oci_manifest_parse(&m, text, NULL, e) < 0)
		return -1;
	mark(kept, &m.config.digest);
	for (size_t i = 0; i < m.nr_layers; i++)
		mark(kept, &m.layers[i].digest);
	return 0;
}

static int mark_document(struct strv *kept, struct oci_store *s, const struct oci_descriptor *d,
			 int depth, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	enum oci_document kind;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_CORRUPT, "indexes nested more than %d deep", DEPTH_MAX);
	mark(kept, &d->digest);
	if (oci_store_read(s, d, OCI_MANIFEST_MAX, &text, e) < 0 ||
	    oci_document_kind(&kind, buf_span(&text), NULL, e) < 0)
		return -1;
	return kind == OCI_DOCUMENT_INDEX ? mark_index(kept, s, buf_span(&text), depth, e)
					  : mark_manifest(kept, buf_span(&text), e);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_kept(const struct strv *kept, const char *name)
{
	return kept->n && bsearch(&name, kept->v, kept->n, sizeof(*kept->v), compare);
}

/* Only what is called as a blob is. Temporary files are their writers'. */
static bool is_blob(const char *name)
{
	return strlen(name) == HASH_SHA256_HEX &&
	       strspn(name, "0123456789abcdef") == HASH_SHA256_HEX;
}

static int remove_others(int blobs, const struct strv *kept, struct err *e)
{
	int own = openat(blobs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *ent;
	int r = 0;

	if (!dir) {
		err_sys(e, "list its blobs");
		if (own >= 0)
			close(own);
		return -1;
	}
	while (r == 0 && (ent = readdir(dir)))
		if (is_blob(ent->d_name) && !is_kept(kept, ent->d_name) &&
		    unlinkat(blobs, ent->d_name, 0) < 0)
			r = err_sys(e, "remove blob %s", ent->d_name);
	closedir(dir);
	return r;
}

int oci_layout_sweep_lock(struct oci_store *s, struct err *e)
{
	assert(oci_store_layout_fd(s) >= 0);
	return fs_lock(oci_store_layout_fd(s), LAYOUT_SWEEP_LOCK, true, e);
}

int oci_layout_sweep(struct oci_store *s, struct err *e)
{
	auto_strv struct strv kept = STRV_INIT;
	auto_index struct oci_index x = { 0 };
	auto_close int blobs = -1;
	struct err why = ERR_INIT;

	if (oci_layout_read(s, &x, e) < 0)
		return -1;
	for (size_t i = 0; i < x.nr; i++)
		if (mark_document(&kept, s, &x.entries[i].desc, 0, &why) < 0)
			return 0;
	strv_sort(&kept);
	blobs = fs_open_beneath(oci_store_layout_fd(s), "blobs/sha256", O_RDONLY | O_DIRECTORY, 0,
				FS_NO_LINKS, e);
	if (blobs < 0 || remove_others(blobs, &kept, e) < 0)
		return err_wrap(e, "image layout '%s'", s->name);
	return 0;
}

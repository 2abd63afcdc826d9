/*
 * Results on this machine: one small JSON file for each key. Written aside and renamed, so that
 * whoever reads, whenever it was killed, finds a whole one or none. Its time is its last use.
 *
 * There is no fsync: what a crash of the machine leaves does not parse, or its blob has another size.
 */
#include <errno.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "oci/build/cache.h"

#define STEPS	  "steps"
#define ENTRY_MAX (64u << 10)

struct local {
	struct cache_source base;
	struct oci_store *blobs; /* borrowed */
	int dirfd;
};

static struct local *self(struct cache_source *s)
{
	return CONTAINER_OF(s, struct local, base);
}

/* -- as text -------------------------------------------------------------------------- */

static void write_entry(struct buf *out, const struct cache_result *r)
{
	buf_addf(out, "{\"id\":\"%s\",\"parent\":\"%s\",\"diffId\":\"%s\",\"blob\":", r->id.hex,
		 r->parent.text, r->diff_id.text);
	oci_descriptor_write(out, &r->blob);
	buf_add_str(out, ",\"packing\":");
	buf_add_json(out, r->packing);
	buf_add_str(out, ",\"created\":");
	buf_add_json(out, r->created);
	buf_add_str(out, ",\"text\":");
	buf_add_json(out, r->text);
	buf_add_str(out, "}\n");
}

static int read_key(struct cache_key *out, const char *text, struct err *e)
{
	if (strlen(text) != HASH_SHA256_HEX || strspn(text, "0123456789abcdef") != HASH_SHA256_HEX)
		return err_set(e, ERR_CORRUPT, "id: not a key");
	memcpy(out->hex, text, sizeof(out->hex));
	return 0;
}

static int read_digest(struct oci_digest *out, const json_t *o, const char *key, struct err *e)
{
	const char *text;

	return json_get_str(&text, o, key, "", e) < 0 ||
			       oci_digest_parse(out, span_of_str(text), e) < 0
		       ? -1
		       : 0;
}

static int read_text(char **out, const json_t *o, const char *key, struct err *e)
{
	const char *text;

	if (json_get_str(&text, o, key, "", e) < 0)
		return -1;
	*out = mem_strdup(text);
	return 0;
}

static int read_entry(struct cache_result *r, struct span text, struct err *e)
{
	auto_json json_t *root = json_load_span(text, ENTRY_MAX, "entry", e);
	const char *id;
	json_t *blob;

	if (!root || json_get_str(&id, root, "id", "", e) < 0 || read_key(&r->id, id, e) < 0 ||
	    read_digest(&r->parent, root, "parent", e) < 0 ||
	    read_digest(&r->diff_id, root, "diffId", e) < 0 ||
	    json_get_obj(&blob, root, "blob", "", e) < 0 ||
	    oci_descriptor_from_json(&r->blob, blob, "blob", e) < 0 ||
	    read_text(&r->packing, root, "packing", e) < 0 ||
	    read_text(&r->created, root, "created", e) < 0)
		return -1;
	return read_text(&r->text, root, "text", e);
}

/* -- the source ------------------------------------------------------------------------ */

static int read_file(struct cache_result *r, const struct local *l, const struct cache_key *key,
		     struct err *e)
{
	auto_buf struct buf text = BUF_INIT(ENTRY_MAX);

	if (fs_read_file_no_link(l->dirfd, key->hex, &text, e) < 0)
		return -1;
	return read_entry(r, buf_span(&text), e);
}

static bool has_blob(const struct local *l, const struct cache_result *r)
{
	uint64_t size;

	return oci_store_has(l->blobs, &r->blob.digest, &size) && size == r->blob.size_bytes;
}

static int local_find(struct cache_source *s, const struct op *op, const struct cache_key *key,
		      struct cache_result *out, struct err *e)
{
	struct local *l = self(s);
	auto_cache_result struct cache_result r = { .packing = NULL };
	struct err why = ERR_INIT;
	bool sound = read_file(&r, l, key, &why) == 0;

	if (!sound && why.kind == ERR_ABSENT)
		return 0;
	if (!sound && why.kind != ERR_CORRUPT && why.kind != ERR_INPUT) {
		*e = why;
		return -1;
	}
	if (!sound || !has_blob(l, &r)) {
		log_info(op, "%s: entry %.12s %s: removed", s->name, key->hex,
			 sound ? "has lost its layer" : why.text);
		cache_local_drop(s, key);
		return 0;
	}
	utimensat(l->dirfd, key->hex, NULL, 0); /* used now; that it was is no reason to fail */
	*out = r;
	r = (struct cache_result){ .packing = NULL };
	return 1;
}

static int local_fetch(struct cache_source *s, const struct op *op, const struct cache_result *r,
		       struct oci_store *into, struct err *e)
{
	struct local *l = self(s);

	if (into != l->blobs)
		return oci_store_copy_blob(op, into, l->blobs, &r->blob, e);
	if (has_blob(l, r))
		return 0;
	return err_set(e, ERR_ABSENT, "blob %s is not there any more", r->blob.digest.text);
}

static void local_free(struct cache_source *s)
{
	struct local *l = self(s);

	if (l->dirfd >= 0)
		close(l->dirfd);
	free(l);
}

static const struct cache_source_ops local_ops = { .find = local_find,
						   .fetch = local_fetch,
						   .free = local_free };

int cache_local_open(struct cache_source **out, const char *dir, struct oci_store *blobs,
		     struct err *e)
{
	auto_free char *path = mem_printf("%s/" STEPS, dir);
	auto_close int fd = -1;
	struct local *l;

	if (fs_mkdir_p(AT_FDCWD, path, 0700, e) < 0)
		return -1;
	fd = fs_open_dir(path, e);
	if (fd < 0)
		return -1;
	l = mem_zalloc(sizeof(*l));
	l->base = (struct cache_source){ .ops = &local_ops, .name = "the local cache" };
	l->blobs = blobs;
	l->dirfd = fd_steal(&fd);
	*out = &l->base;
	return 0;
}

int cache_local_put(struct cache_source *s, const struct cache_key *key,
		    const struct cache_result *r, struct err *e)
{
	struct local *l = self(s);
	auto_buf struct buf text = BUF_INIT(ENTRY_MAX);

	write_entry(&text, r);
	if (text.over)
		return err_set(e, ERR_IMPOSSIBLE, "what is known of a step is too long to keep");
	return fs_write_unsynced(l->dirfd, key->hex, buf_span(&text), 0600, e);
}

void cache_local_drop(struct cache_source *s, const struct cache_key *key)
{
	unlinkat(self(s)->dirfd, key->hex, 0);
}

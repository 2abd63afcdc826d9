/*
 * A table from digests to places in the file. For a layout the names of its members say them; for
 * docker's older form they come out of the configurations, and manifests are made, in memory.
 * Whoever reads a blob verifies it, as with every store.
 */
#include "oci/image/archive.h"

#include <errno.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "oci/image/config.h"
#include "oci/image/docker_save.h"
#include "oci/image/layout_files.h"
#include "oci/image/tar_index.h"

#define BLOBS_DIR     "blobs/sha256/"
#define DOCKER_FILE   "manifest.json"
#define VERSION_MAX   4096
#define ENTRIES_MAX   TAR_INDEX_MEMBERS_MAX
#define DOCUMENTS_MAX ((size_t)64 << 20) /* manifests made, in sum */

struct entry {
	struct oci_digest digest;
	uint64_t at, size_bytes;
	char *text; /* not in the file but here; NULL */
};

struct archive {
	struct oci_store base;
	int fd;
	char *path;
	struct tar_index members;
	struct entry *v; /* sorted by digest */
	size_t nr, cap;
	size_t text_bytes;
	struct oci_index index;
};

static struct archive *archive_of(struct oci_store *s)
{
	return CONTAINER_OF(s, struct archive, base);
}

/* -- the store ------------------------------------------------------------------------- */

struct part_source {
	struct source base;
	const struct archive *a;
	struct span text;
	uint64_t at, left;
};

static ssize_t part_read(struct source *s, void *p, size_t n, struct err *e)
{
	struct part_source *part = CONTAINER_OF(s, struct part_source, base);
	ssize_t got;

	if (n > part->left)
		n = (size_t)part->left;
	if (!n)
		return 0;
	if (part->text.p) {
		memcpy(p, part->text.p + part->at, n);
		got = (ssize_t)n;
	} else {
		do {
			got = pread(part->a->fd, p, n, (off_t)part->at);
		} while (got < 0 && errno == EINTR);
		if (got < 0)
			return err_sys(e, "read '%s'", part->a->path);
		if (got == 0)
			return err_set(e, ERR_CORRUPT, "read '%s': it has become shorter",
				       part->a->path);
	}
	part->at += (uint64_t)got;
	part->left -= (uint64_t)got;
	return got;
}

static struct source *part_init(struct part_source *s, const struct archive *a,
				const struct entry *ent)
{
	*s = (struct part_source){
		.base = { .read = part_read }, .a = a, .at = ent->at, .left = ent->size_bytes
	};
	if (ent->text)
		s->text = span_of(ent->text, ent->size_bytes);
	return &s->base;
}

static int by_digest(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->digest.text,
		      ((const struct entry *)b)->digest.text);
}

static const struct entry *find(const struct archive *a, const struct oci_digest *d)
{
	struct entry key = { .digest = *d };

	return a->nr ? bsearch(&key, a->v, a->nr, sizeof(*a->v), by_digest) : NULL;
}

static bool archive_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes)
{
	const struct entry *ent = find(archive_of(s), d);

	if (ent && size_bytes)
		*size_bytes = ent->size_bytes;
	return ent;
}

static int archive_open_blob(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
			     struct err *e)
{
	const struct archive *a = archive_of(s);
	const struct entry *ent = find(a, d);
	struct part_source *part;

	if (!ent)
		return err_set(e, ERR_ABSENT, "blob %s is not in '%s'", d->text, a->path);
	part = mem_zalloc(sizeof(*part));
	*out = (struct oci_blob){ .source = part_init(part, a, ent),
				  .size_bytes = ent->size_bytes,
				  .state = part,
				  .store = s };
	return 0;
}

static void archive_close_blob(struct oci_blob *b)
{
	free(b->state);
}

static int archive_begin(struct oci_store *s, struct oci_blob_writer *out, struct err *e)
{
	(void)out;
	return err_set(e, ERR_INPUT, "'%s' is only read", s->name);
}

static void archive_free(struct oci_store *s)
{
	struct archive *a = archive_of(s);

	for (size_t i = 0; i < a->nr; i++)
		free(a->v[i].text);
	free(a->v);
	tar_index_release(&a->members);
	oci_index_release(&a->index);
	if (a->fd >= 0)
		close(a->fd);
	free(a->path);
	free(a);
}

static const struct oci_store_ops archive_ops = { .has = archive_has,
						  .open = archive_open_blob,
						  .close = archive_close_blob,
						  .begin = archive_begin,
						  .free = archive_free };

const struct oci_index *oci_archive_index(struct oci_store *s)
{
	return &archive_of(s)->index;
}

/* -- members ----------------------------------------------------------------------------- */

static int read_member(struct buf *out, const struct archive *a, const struct tar_member *m,
		       struct err *e)
{
	const struct entry place = { .at = m->at, .size_bytes = m->size_bytes };
	struct part_source part;

	if (m->link)
		return err_set(e, ERR_CORRUPT, "'%s' is a link", m->name);
	if (m->size_bytes > out->max)
		return err_set(e, ERR_CORRUPT, "'%s' is longer than %zu bytes", m->name, out->max);
	return io_read_all(part_init(&part, a, &place), out, e);
}

static const struct tar_member *need_member(const struct archive *a, const char *name,
					    struct err *e)
{
	const struct tar_member *m = tar_index_follow(&a->members, name);

	if (!m)
		err_set(e, ERR_CORRUPT, "no '%s' in it, which %s names", name, DOCKER_FILE);
	return m;
}

/* NULL: too many. */
static struct entry *add_entry(struct archive *a, const struct oci_digest *d, uint64_t at,
			       uint64_t size_bytes, struct err *e)
{
	if (a->nr == ENTRIES_MAX) {
		err_set(e, ERR_CORRUPT, "too many images and layers");
		return NULL;
	}
	MEM_GROW(a->v, a->nr, a->cap);
	a->v[a->nr] =
		(struct entry){ .digest = *d, .at = at, .size_bytes = size_bytes, .text = NULL };
	return &a->v[a->nr++];
}

/* Several images may share what is in them. */
static void sort_entries(struct archive *a)
{
	size_t kept = 0;

	if (!a->nr)
		return;
	qsort(a->v, a->nr, sizeof(*a->v), by_digest);
	for (size_t i = 0; i < a->nr; i++) {
		if (kept && oci_digest_eq(&a->v[kept - 1].digest, &a->v[i].digest)) {
			free(a->v[i].text);
			continue;
		}
		a->v[kept++] = a->v[i];
	}
	a->nr = kept;
}

/* -- a layout ------------------------------------------------------------------------------ */

static int check_version(const struct archive *a, const struct tar_member *m, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(VERSION_MAX);
	auto_json json_t *root = NULL;
	const char *version;

	if (read_member(&b, a, m, e) < 0)
		return -1;
	root = json_load_span(buf_span(&b), VERSION_MAX, LAYOUT_FILE, e);
	if (!root || json_get_str(&version, root, "imageLayoutVersion", LAYOUT_FILE, e) < 0)
		return -1;
	if (!span_starts(span_of_str(version), "1."))
		return err_set(e, ERR_INPUT, "%s: version '%s' is not supported", LAYOUT_FILE,
			       version);
	return 0;
}

static int load_layout(struct archive *a, const struct tar_member *index, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(OCI_MANIFEST_MAX);

	if (read_member(&b, a, index, e) < 0)
		return -1;
	if (oci_index_parse(&a->index, buf_span(&b), NULL, e) < 0)
		return err_wrap(e, "'%s'", INDEX_FILE);
	for (size_t i = 0; i < a->members.nr; i++) {
		const struct tar_member *m = &a->members.v[i];
		struct span name = span_of_str(m->name);
		auto_free char *text = NULL;
		struct oci_digest d;
		struct err ignored = ERR_INIT;

		if (m->link || !span_take(&name, BLOBS_DIR))
			continue;
		text = mem_printf("sha256:" SPAN_FMT, SPAN_ARG(name));
		if (oci_digest_parse(&d, span_of_str(text), &ignored) == 0 &&
		    !add_entry(a, &d, m->at, m->size_bytes, e))
			return -1;
	}
	return 0;
}

/* -- docker's older form ---------------------------------------------------------------------- */

static int hash_member(struct oci_digest *out, const struct op *op, const struct archive *a,
		       const struct tar_member *m, struct err *e)
{
	const struct entry place = { .at = m->at, .size_bytes = m->size_bytes };
	unsigned char raw[HASH_SHA256_LEN];
	struct part_source part;
	struct hash_sink hash;
	int r;

	hash_sink_init(&hash, NULL);
	r = io_copy(op, part_init(&part, a, &place), &hash.base, NULL, e);
	hash_sink_final(&hash, raw);
	oci_digest_of_raw(out, raw);
	return r;
}

/* Images share layers: none is hashed twice. */
static int name_member(struct oci_digest *out, const struct op *op, const struct archive *a,
		       const struct tar_member *m, struct err *e)
{
	for (size_t i = 0; i < a->nr; i++)
		if (a->v[i].at == m->at && !a->v[i].text) {
			*out = a->v[i].digest;
			return 0;
		}
	return hash_member(out, op, a, m, e);
}

/* By its first bytes; a tar begins with a name. */
static int layer_type(const char **out, const struct archive *a, const struct tar_member *m,
		      struct err *e)
{
	unsigned char first[4] = { 0 };
	const struct entry place = { .at = m->at,
				     .size_bytes = m->size_bytes < sizeof(first) ? m->size_bytes
										 : sizeof(first) };
	struct part_source part;

	if (source_read_full(part_init(&part, a, &place), first, place.size_bytes, e) < 0)
		return -1;
	*out = OCI_MEDIA_LAYER;
	if (first[0] == 0x1f && first[1] == 0x8b)
		*out = OCI_MEDIA_LAYER_GZIP;
	else if (memcmp(first, "\x28\xb5\x2f\xfd", sizeof(first)) == 0)
		*out = OCI_MEDIA_LAYER_ZSTD;
	return 0;
}

static int add_layer(struct oci_manifest *to, const struct op *op, struct archive *a,
		     const char *name, const struct oci_digest *diff_id, struct err *e)
{
	const struct tar_member *m = need_member(a, name, e);
	struct oci_descriptor layer = { .digest = *diff_id };
	const char *type;

	if (!m)
		return -1;
	if (layer_type(&type, a, m, e) < 0)
		return err_wrap(e, "'%s'", name);
	/* of a plain tar the configuration says the digest: it is not read before it is sent */
	if (strcmp(type, OCI_MEDIA_LAYER) != 0 && name_member(&layer.digest, op, a, m, e) < 0)
		return err_wrap(e, "'%s'", name);
	layer.size_bytes = m->size_bytes;
	layer.media_type = (char *)type;
	oci_manifest_add_layer(to, &layer);
	return add_entry(a, &layer.digest, m->at, m->size_bytes, e) ? 0 : -1;
}

static int add_layers(struct oci_manifest *to, const struct op *op, struct archive *a,
		      const struct docker_save_image *image, const struct oci_config *c,
		      struct err *e)
{
	if (c->nr_diff_ids != image->layers.n)
		return err_set(e, ERR_CORRUPT, "%zu layers, but the configuration has %zu",
			       image->layers.n, c->nr_diff_ids);
	for (size_t i = 0; i < image->layers.n; i++)
		if (add_layer(to, op, a, image->layers.v[i], &c->diff_ids[i], e) < 0)
			return -1;
	return 0;
}

/* Its manifest, kept in memory, and an entry of the index for each of its names. */
static int list_image(struct archive *a, const struct oci_manifest *m,
		      const struct oci_platform *platform, const struct strv *names, struct err *e)
{
	auto_descriptor struct oci_descriptor d = { .media_type = mem_strdup(m->media_type) };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	struct entry *ent;

	oci_manifest_write(&text, m);
	a->text_bytes += text.len;
	if (text.over || a->text_bytes > DOCUMENTS_MAX)
		return err_set(e, ERR_CORRUPT, "too many images and layers");
	oci_digest_of_bytes(&d.digest, buf_span(&text));
	d.size_bytes = text.len;
	ent = add_entry(a, &d.digest, 0, text.len, e);
	if (!ent)
		return -1;
	ent->text = buf_steal(&text);
	if (!names->n)
		oci_index_add(&a->index, &d, platform);
	for (size_t i = 0; i < names->n; i++) {
		strv_env_set(&d.annotations, LAYOUT_IMAGE_NAME, names->v[i]);
		oci_index_add(&a->index, &d, platform);
	}
	return 0;
}

static int load_image(const struct op *op, struct archive *a, const struct docker_save_image *image,
		      struct err *e)
{
	auto_manifest struct oci_manifest m = { .media_type = mem_strdup(OCI_MEDIA_MANIFEST) };
	const struct tar_member *config = need_member(a, image->config, e);
	auto_buf struct buf text = BUF_INIT(OCI_CONFIG_MAX);
	auto_config struct oci_config *c = NULL;

	if (!config || read_member(&text, a, config, e) < 0)
		return -1;
	if (oci_config_parse(&c, buf_span(&text), e) < 0)
		return err_wrap(e, "'%s'", image->config);
	m.config.media_type = mem_strdup(OCI_MEDIA_CONFIG);
	m.config.size_bytes = text.len;
	oci_digest_of_bytes(&m.config.digest, buf_span(&text));
	if (!add_entry(a, &m.config.digest, config->at, config->size_bytes, e) ||
	    add_layers(&m, op, a, image, c, e) < 0)
		return -1;
	return list_image(a, &m, &c->platform, &image->names, e);
}

static int load_docker(const struct op *op, struct archive *a, const struct tar_member *list,
		       struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_docker_save struct docker_save saved = { 0 };

	if (read_member(&text, a, list, e) < 0 || docker_save_parse(&saved, buf_span(&text), e) < 0)
		return -1;
	a->index.media_type = mem_strdup(OCI_MEDIA_INDEX);
	for (size_t i = 0; i < saved.nr; i++)
		if (load_image(op, a, &saved.v[i], e) < 0)
			return err_wrap(e, "image %zu", i + 1);
	return 0;
}

/* -- opening -------------------------------------------------------------------------------- */

static int load(const struct op *op, struct archive *a, struct err *e)
{
	const struct tar_member *layout, *index, *docker;

	if (tar_index_read(&a->members, a->fd, e) < 0)
		return -1;
	layout = tar_index_find(&a->members, LAYOUT_FILE);
	index = tar_index_find(&a->members, INDEX_FILE);
	docker = tar_index_find(&a->members, DOCKER_FILE);
	if (layout && index) {
		if (check_version(a, layout, e) < 0 || load_layout(a, index, e) < 0)
			return -1;
	} else if (docker) {
		if (load_docker(op, a, docker, e) < 0)
			return -1;
	} else {
		return err_set(e, ERR_INPUT,
			       "a tar file without %s and %s, and without docker's %s", LAYOUT_FILE,
			       INDEX_FILE, DOCKER_FILE);
	}
	sort_entries(a);
	return 0;
}

int oci_archive_open(struct oci_store **out, const struct op *op, int fd, const char *path,
		     struct err *e)
{
	struct archive *a = mem_zalloc(sizeof(*a));

	a->fd = fd;
	a->path = mem_strdup(path);
	a->base = (struct oci_store){ .ops = &archive_ops, .name = a->path };
	if (load(op, a, e) < 0) {
		archive_free(&a->base);
		return err_wrap(e, "image archive '%s'", path);
	}
	*out = &a->base;
	return 0;
}

/* Paths are kept in a table of their own: a name that comes again takes the place of what was there. */
#include "oci/build/weigh.h"

#include "base/mem.h"
#include "oci/build/output.h"
#include "oci/image/config.h"
#include "oci/image/layout.h"
#include "oci/image/reference.h"
#include "oci/image/store_layout.h"
#include "oci/layer/entries.h"
#include "oci/layer/path.h"

/* -- lists ----------------------------------------------------------------------------- */

static void list_add(struct weight_list *l, const char *path, uint64_t size_bytes, size_t layer)
{
	size_t at = l->nr;

	while (at && l->v[at - 1].size_bytes < size_bytes)
		at--;
	if (at == WEIGHT_FILES)
		return;
	if (l->nr == WEIGHT_FILES)
		free(l->v[--l->nr].path);
	memmove(&l->v[at + 1], &l->v[at], (l->nr - at) * sizeof(l->v[0]));
	l->v[at] = (struct weight_file){ mem_strdup(path), size_bytes, layer };
	l->nr++;
}

static void list_release(struct weight_list *l)
{
	for (size_t i = 0; i < l->nr; i++)
		free(l->v[i].path);
	l->nr = 0;
}

/* -- paths ----------------------------------------------------------------------------- */

struct name {
	char *path;
	uint64_t size_bytes;
	size_t layer;
	bool is_gone;
};
struct names {
	struct entry_visitor visitor;
	struct build_weight *out;
	size_t layer; /* that is read */
	struct name *v;
	size_t nr, cap;
	size_t *slots; /* index + 1; 0: free */
	size_t nr_slots;
};

static void names_release(struct names *n)
{
	for (size_t i = 0; i < n->nr; i++)
		free(n->v[i].path);
	free(n->v);
	free(n->slots);
}

static size_t hash_of(const char *path)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32);
}

static size_t *slot_of(const struct names *n, const char *path)
{
	size_t i = hash_of(path) & (n->nr_slots - 1);

	while (n->slots[i] && strcmp(n->v[n->slots[i] - 1].path, path) != 0)
		i = (i + 1) & (n->nr_slots - 1);
	return &n->slots[i];
}

static void grow(struct names *n)
{
	free(n->slots);
	n->nr_slots = n->nr_slots ? 2 * n->nr_slots : 1024;
	n->slots = mem_zalloc(n->nr_slots * sizeof(*n->slots));
	for (size_t i = 0; i < n->nr; i++)
		*slot_of(n, n->v[i].path) = i + 1;
}

/* What a layer itself has set before is only said twice. */
static void hide(struct names *n, struct name *it)
{
	if (it->is_gone || it->layer == n->layer)
		return;
	it->is_gone = true;
	n->out->hidden_bytes += it->size_bytes;
	if (it->size_bytes)
		list_add(&n->out->hidden, it->path, it->size_bytes, n->layer);
}

static void hide_below(struct names *n, const char *dir)
{
	size_t len = strlen(dir);

	for (size_t i = 0; i < n->nr; i++)
		if (!len || (strncmp(n->v[i].path, dir, len) == 0 && n->v[i].path[len] == '/'))
			hide(n, &n->v[i]);
}

static void set(struct names *n, const char *path, uint64_t size_bytes)
{
	size_t *slot;

	if (2 * (n->nr + 1) > n->nr_slots)
		grow(n);
	slot = slot_of(n, path);
	if (*slot) {
		struct name *it = &n->v[*slot - 1];

		hide(n, it);
		it->size_bytes = size_bytes;
		it->layer = n->layer;
		it->is_gone = false;
		return;
	}
	MEM_GROW(n->v, n->nr, n->cap);
	n->v[n->nr++] = (struct name){ mem_strdup(path), size_bytes, n->layer, false };
	*slot = n->nr;
}

/* "a/.wh.b": b and all below it. */
static void delete (struct names *n, const char *path, const char *hidden)
{
	auto_free char *dir = span_dup(layer_path_dir(path));
	auto_free char *whole = *dir ? mem_printf("%s/%s", dir, hidden) : mem_strdup(hidden);

	if (n->nr_slots && *slot_of(n, whole))
		hide(n, &n->v[*slot_of(n, whole) - 1]);
	hide_below(n, whole);
}

static int visit(struct entry_visitor *v, const struct tar_entry *ent, struct tar_reader *from,
		 struct err *e)
{
	struct names *n = CONTAINER_OF(v, struct names, visitor);
	auto_buf struct buf path = BUF_INIT(LAYER_PATH_MAX + 1);
	const char *hidden;

	(void)from;
	if (layer_path_clean(&path, ent->path, e) < 0)
		return -1;
	switch (layer_whiteout_of(layer_path_last(buf_str(&path)), &hidden)) {
	case WHITEOUT_NONE:
		if (ent->type != TAR_DIR && path.len)
			set(n, buf_str(&path), ent->type == TAR_FILE ? ent->size_bytes : 0);
		break;
	case WHITEOUT_NAME:
		delete (n, buf_str(&path), hidden);
		break;
	case WHITEOUT_OPAQUE: {
		auto_free char *dir = span_dup(layer_path_dir(buf_str(&path)));

		hide_below(n, dir);
		break;
	}
	default:
		break;
	}
	return 0;
}

/* -- layers ------------------------------------------------------------------------------ */

static int read_layer(struct names *n, struct job *j, struct err *e)
{
	struct weight_layer *l = &n->out->layers[n->layer];
	struct oci_store *from =
		oci_store_has(j->work, &l->digest, NULL) ? j->work : j->images.blobs;
	const struct entries_layer layer = { .max_bytes = j->opt->max_layer_bytes };
	auto_blob struct oci_blob blob = { .source = NULL };

	if (!oci_store_has(from, &l->digest, NULL))
		return 0;
	if (oci_store_open(from, &l->digest, &blob, e) < 0 ||
	    entries_read(j->op, blob.source, &layer, &n->visitor, e) < 0)
		return err_wrap(e, "layer %.19s", l->digest.text);
	l->is_read = true;
	return 0;
}

/* The lines of history that have a layer are as many as layers, or they say nothing. */
static void take_history(struct build_weight *out, const struct oci_config *c)
{
	size_t at = 0;

	for (size_t i = 0; i < c->nr_history; i++) {
		struct span by = span_of_str(c->history[i].created_by);
		ptrdiff_t mark = span_rfind(by, '#');

		if (c->history[i].empty_layer || at == out->nr)
			continue;
		if (mark > 0 && span_eq_str(span_sub(by, (size_t)mark), "# buildkit"))
			by = span_rtrim(span_head(by, (size_t)mark));
		free(out->layers[at].by);
		out->layers[at++].by = span_dup(by);
	}
}

static int take_layers(struct build_weight *out, struct job *j, const struct output_image *img,
		       struct err *e)
{
	const struct oci_manifest *m = &img->manifest;
	auto_buf struct buf text = BUF_INIT(OCI_CONFIG_MAX);
	auto_config struct oci_config *c = NULL;

	out->layers = mem_zalloc((m->nr_layers + 1) * sizeof(*out->layers));
	out->nr = m->nr_layers;
	for (size_t i = 0; i < out->nr; i++)
		out->layers[i] =
			(struct weight_layer){ .digest = m->layers[i].digest,
					       .size_bytes = m->layers[i].size_bytes,
					       .by = mem_strdup(""),
					       .is_base = !img->given && i < img->nr_base };
	if (oci_store_read(j->work, &m->config, OCI_CONFIG_MAX, &text, e) < 0 ||
	    oci_config_parse(&c, buf_span(&text), e) < 0)
		return -1;
	take_history(out, c);
	return 0;
}

int weigh(struct build_weight *out, struct job *j, const struct output_images *all, struct err *e)
{
	CLEANUP(names_release) struct names n = { .visitor = { visit }, .out = out };

	if (take_layers(out, j, &all->v[0], e) < 0)
		return -1;
	for (n.layer = 0; n.layer < out->nr; n.layer++)
		if (read_layer(&n, j, e) < 0)
			return -1;
	for (size_t i = 0; i < n.nr; i++)
		if (!n.v[i].is_gone && n.v[i].size_bytes)
			list_add(&out->files, n.v[i].path, n.v[i].size_bytes, n.v[i].layer);
	return 0;
}

/* -- what was there before ---------------------------------------------------------------- */

static bool is_pushed(const struct build_options *opt)
{
	for (size_t i = 0; i < opt->nr_outputs; i++)
		if (opt->outputs[i].push)
			return true;
	return false;
}

static int read_far(struct buf *text, struct oci_descriptor *d, struct job *j, const char *name,
		    struct err *e)
{
	struct image_source *src = j->env->registry;

	return src->document(src, j->op, name, text, d, e);
}

static int read_near(struct buf *text, struct oci_descriptor *d, struct job *j, const char *name,
		     struct err *e)
{
	auto_free char *path = mem_printf("%s/store", j->ws.root);
	auto_store struct oci_store *store = NULL;

	return oci_store_layout_open(&store, path, OCI_LAYOUT_READ, e) < 0 ||
			       oci_layout_find(store, name, d, e) < 0
		       ? -1
		       : oci_store_read(store, d, OCI_MANIFEST_MAX, text, e);
}

void weigh_before(struct build_weight *out, struct job *j)
{
	const struct build_options *opt = j->opt;
	const char *name = opt->reuse_from ? opt->reuse_from : opt->tags.n ? opt->tags.v[0] : NULL;
	bool is_far = (opt->reuse_from || is_pushed(opt)) && j->env->registry;
	auto_reference struct oci_reference ref = { 0 };
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX), full = BUF_INIT(BUF_SMALL);
	struct err ignored = ERR_INIT;

	if (!name || oci_reference_parse(&ref, name, &ignored) < 0)
		return;
	free(ref.tag);
	ref.tag = mem_strdup("latest");
	oci_reference_format(&full, &ref);
	if ((is_far ? read_far : read_near)(&text, &d, j, buf_str(&full), &ignored) < 0 ||
	    oci_manifest_parse(&m, buf_span(&text), d.media_type, &ignored) < 0)
		return;
	out->before = mem_strdup(buf_str(&full));
	out->before_bytes = d.size_bytes + m.config.size_bytes;
	for (size_t i = 0; i < m.nr_layers; i++)
		out->before_bytes += m.layers[i].size_bytes;
}

void build_weight_release(struct build_weight *w)
{
	for (size_t i = 0; i < w->nr; i++)
		free(w->layers[i].by);
	free(w->layers);
	list_release(&w->files);
	list_release(&w->hidden);
	free(w->before);
	*w = (struct build_weight){ .nr = 0 };
}

/*
 * Blobs are written once, into the workspace's store, and get into the result as hard links.
 * A base's layers are linked from the cache in the same way.
 */
#include "oci/build/output.h"

#include <errno.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/output_blobs.h"
#include "oci/build/output_docker.h"
#include "oci/build/output_documents.h"
#include "oci/build/output_files.h"
#include "oci/build/weigh.h"
#include "oci/image/layout.h"
#include "oci/image/origins.h"
#include "oci/image/reference.h"
#include "oci/image/store_layout.h"

/* What all that one output needs is handed around as. */
struct target {
	struct job *j;
	const struct output_images *all;
	const struct build_output *o;
	struct output_documents docs;
	struct strv names; /* full references */
};

static void target_release(struct target *t)
{
	output_documents_release(&t->docs);
	strv_release(&t->names);
}

static const struct build_output to_store = { .type = BUILD_OUTPUT_IMAGE };

static const struct build_output *outputs(const struct build_options *opt, size_t *nr)
{
	*nr = opt->nr_outputs ? opt->nr_outputs : 1;
	return opt->nr_outputs ? opt->outputs : &to_store;
}

static bool is_image(const struct build_output *o)
{
	return o->type == BUILD_OUTPUT_IMAGE || o->type == BUILD_OUTPUT_OCI ||
	       o->type == BUILD_OUTPUT_DOCKER;
}

static bool is_stdout(const struct build_output *o)
{
	return o->dest && strcmp(o->dest, "-") == 0;
}

/* -- names ---------------------------------------------------------------------------- */

static int add_names(struct strv *out, const struct strv *names, const char *where, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		auto_reference struct oci_reference ref = { 0 };
		auto_buf struct buf full = BUF_INIT(BUF_SMALL);

		if (oci_reference_parse(&ref, names->v[i], e) < 0)
			return err_wrap(e, "%s", where);
		if (oci_digest_is_set(&ref.digest))
			return err_set(e, ERR_INPUT, "%s: '%s' has a digest", where, names->v[i]);
		oci_reference_format(&full, &ref);
		if (!strv_has(out, buf_str(&full)))
			strv_add(out, buf_str(&full));
	}
	return 0;
}

/* -t, then name=, in full. */
static int read_names(struct strv *out, const struct build_options *opt,
		      const struct build_output *o, struct err *e)
{
	if (add_names(out, &opt->tags, "--tag", e) < 0)
		return -1;
	return add_names(out, &o->names, "name=", e);
}

/* -- before any work ---------------------------------------------------------------------- */

/* Found out now, not after an hour. */
static int check_writable(const char *dir, struct err *e)
{
	return faccessat(AT_FDCWD, dir, W_OK, AT_EACCESS) == 0 ? 0
							       : err_sys(e, "write into '%s'", dir);
}

static int check_tar(const char *dest, bool is_layout, struct err *e)
{
	auto_free char *dir = output_tar_dir(dest);
	auto_close int fd = fs_open_dir(dir, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (lstat(dest, &st) < 0 || S_ISREG(st.st_mode))
		return check_writable(dir, e);
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_INPUT, "it is a directory: %s writes %s into one",
			       is_layout ? "tar=false" : "type=local",
			       is_layout ? "an image layout" : "the files");
	/* the new file would take its place, were it /dev/stdout */
	return err_set(e, ERR_INPUT,
		       "it is there and not a regular file (dest=- is standard output)");
}

static int check_place(const struct build_output *o, struct err *e)
{
	struct stat st;

	if (!o->dest)
		return 0;
	if (is_stdout(o))
		return isatty(STDOUT_FILENO)
			       ? err_set(e, ERR_INPUT, "a tar is not written to a terminal")
			       : 0;
	if (!o->is_dir)
		return check_tar(o->dest, is_image(o), e);
	if (stat(o->dest, &st) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_INPUT, "it is there and not a directory");
	return check_writable(o->dest, e);
}

static int check_one(const struct build_options *opt, const struct build_output *o, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (read_names(&names, opt, o, e) < 0)
		return -1;
	if (o->push && !names.n)
		return err_set(e, ERR_INPUT, "a push needs a name: -t NAME");
	if (o->type == BUILD_OUTPUT_DOCKER && opt->nr_platforms > 1)
		return err_set(e, ERR_INPUT,
			       "type=docker holds the image of one platform, not of %zu",
			       opt->nr_platforms);
	if (o->docker_types && opt->compression == LAYER_ZSTD)
		return err_set(e, ERR_INPUT,
			       "docker's media types have none for zstd; oci-mediatypes=true takes "
			       "OCI's");
	if (is_image(o) && output_documents_check(opt, o, e) < 0)
		return -1;
	return check_place(o, e);
}

int output_check(const struct build_options *opt, struct err *e)
{
	auto_strv struct strv tags = STRV_INIT;
	size_t nr, streams = 0;
	const struct build_output *list = outputs(opt, &nr);

	if (build_compression_check(opt, e) < 0)
		return -1;
	/* a wrong name is no output's fault */
	if (add_names(&tags, &opt->tags, "--tag", e) < 0)
		return -1;
	for (size_t i = 0; i < nr; i++) {
		if (check_one(opt, &list[i], e) < 0)
			return err_wrap(e, "output '%.200s'", build_output_name(&list[i]));
		if (is_stdout(&list[i]) && streams++)
			return err_set(e, ERR_INPUT, "two outputs go to standard output");
	}
	return 0;
}

void output_expect(struct job *j)
{
	auto_strv struct strv names = STRV_INIT;
	struct err checked = ERR_INIT;
	size_t nr;
	const struct build_output *list = outputs(j->opt, &nr);

	for (size_t i = 0; i < nr; i++)
		if (list[i].push)
			read_names(&names, j->opt, &list[i], &checked);
	if (names.n)
		image_sink_expect(j->env->sink, j->op, &names);
}

/* -- blobs and names ------------------------------------------------------------------------ */

/* Layers of a base that others can have from its registry, too. */
static bool is_left_out(const struct target *t, const struct stage *st)
{
	return t->o->thin && st->image && st->image->source == t->j->env->registry;
}

static int copy_image(struct target *t, size_t at, struct oci_store *to, struct err *e)
{
	struct job *j = t->j;
	const struct output_image *img = &t->all->v[at];

	for (size_t i = is_left_out(t, img->stage) ? img->nr_base : 0; i < img->manifest.nr_layers;
	     i++) {
		const struct oci_digest *d = &img->manifest.layers[i].digest;
		bool is_new = i >= img->nr_base && oci_store_has(j->work, d, NULL);
		struct oci_store *from = is_new ? j->work : j->images.blobs;

		if (cancel_check(j->op->cancel, e) < 0 ||
		    oci_store_copy_blob(j->op, to, from, &img->manifest.layers[i], e) < 0)
			return -1;
	}
	if (oci_store_copy_blob(j->op, to, j->work, &img->manifest.config, e) < 0)
		return -1;
	return oci_store_copy_blob(j->op, to, j->work, &t->docs.descs[at], e);
}

/* A result that was there before has the layers of its base already. */
static bool has_layers(struct oci_store *to, const struct image *base)
{
	for (size_t i = 0; i < base->manifest.nr_layers; i++) {
		const struct oci_descriptor *d = &base->manifest.layers[i];
		uint64_t size;

		if (!oci_store_has(to, &d->digest, &size) || size != d->size_bytes)
			return false;
	}
	return true;
}

/* Layers that are elsewhere until now. */
static int fetch_layers(struct target *t, const struct stage *st, struct oci_store *to,
			struct err *e)
{
	struct job *j = t->j;

	if (st->image && !is_left_out(t, st) && !has_layers(to, st->image) &&
	    images_fetch(j->op, &j->images, st->image, e) < 0)
		return -1;
	for (size_t i = 0; i < st->nr; i++) {
		struct layer *l = st->layers[i];

		/* what another's cache says of a layer is checked even if that is there */
		if (l->from == j->book.local && oci_store_has(to, &l->blob.digest, NULL))
			continue;
		if (layer_fetch(l, j->op, e) < 0)
			return -1;
	}
	return 0;
}

static int copy_all(struct target *t, struct oci_store *to, struct err *e)
{
	for (size_t i = 0; i < t->all->nr; i++) {
		if (fetch_layers(t, t->all->v[i].stage, to, e) < 0)
			return -1;
		if (copy_image(t, i, to, e) < 0)
			return -1;
	}
	return oci_store_copy_blob(t->j->op, to, t->j->work, &t->docs.root, e);
}

/* Said of the image in index.json, and not in the manifest: its digest is the same, thin or not. */
static int say_where(struct target *t, struct err *e)
{
	for (size_t i = 0; i < t->all->nr; i++) {
		const struct stage *st = t->all->v[i].stage;
		auto_reference struct oci_reference ref = { 0 };

		if (!is_left_out(t, st) || !t->all->v[i].nr_base)
			continue;
		if (oci_reference_parse(&ref, st->image->ref, e) < 0)
			return -1;
		oci_origins_add(&t->docs.root.annotations, &ref);
	}
	return 0;
}

typedef int set_name_fn(struct oci_store *s, const char *name, const struct oci_descriptor *desc,
			const struct oci_platform *platform, struct err *e);

static int write_layout(struct target *t, const char *path, set_name_fn *set_name, struct err *e)
{
	const struct oci_platform *platform = t->docs.is_index ? NULL : &t->all->v[0].platform;
	auto_store struct oci_store *to = NULL;

	if (oci_store_layout_open(&to, path, OCI_LAYOUT_CREATE, e) < 0 || copy_all(t, to, e) < 0 ||
	    say_where(t, e) < 0)
		return -1;
	if (t->o->type == BUILD_OUTPUT_DOCKER &&
	    output_docker_write(oci_store_layout_fd(to), &t->docs.manifests[0], &t->names, e) < 0)
		return -1;
	if (!t->names.n)
		return set_name(to, NULL, &t->docs.root, platform, e);
	for (size_t i = 0; i < t->names.n; i++)
		if (set_name(to, t->names.v[i], &t->docs.root, platform, e) < 0)
			return -1;
	return 0;
}

/* -- where they go ---------------------------------------------------------------------- */

static int write_archive(struct target *t, struct err *e)
{
	auto_free char *layout = mem_printf("%s/export", t->j->ws.path);

	if (t->o->is_dir)
		return write_layout(t, t->o->dest, oci_layout_export, e);
	if (fs_remove_tree(AT_FDCWD, layout, e) < 0 ||
	    write_layout(t, layout, oci_layout_export, e) < 0)
		return -1;
	t->j->has_begun_stdout |= is_stdout(t->o);
	return output_tar(t->j->op, layout, t->o->dest, e);
}

static int write_store(struct target *t, struct err *e)
{
	auto_free char *path = mem_printf("%s/store", t->j->ws.root);

	return write_layout(t, path, oci_layout_set, e);
}

/* HOST/PATH@DIGEST in place of HOST/PATH:TAG, for an image that gets no tag. */
static int names_by_digest(struct target *t, struct err *e)
{
	struct strv names = STRV_INIT;

	for (size_t i = 0; i < t->names.n; i++) {
		auto_reference struct oci_reference ref = { 0 };
		auto_free char *name = NULL;

		if (oci_reference_parse(&ref, t->names.v[i], e) < 0) {
			strv_release(&names);
			return -1;
		}
		name = mem_printf("%s/%s@%s", ref.host, ref.path, t->docs.root.digest.text);
		if (!strv_has(&names, name))
			strv_take(&names, STEAL(&name));
	}
	strv_release(&t->names);
	t->names = names;
	return 0;
}

static int push(struct target *t, struct err *e)
{
	struct image_sink *sink = t->j->env->sink;
	auto_store struct oci_store *from = output_blobs_open(t->j, t->all);
	auto_strv struct strv origins = STRV_INIT;
	const struct image_sink_job job = {
		.from = from, .image = &t->docs.root, .names = &t->names, .origins = &origins
	};

	if (!sink)
		return err_set(e, ERR_IMPOSSIBLE, "there is no way to a registry");
	if (t->o->push_by_digest && names_by_digest(t, e) < 0)
		return -1;
	output_blobs_origins(&origins, t->j, t->all);
	return sink->put(sink, t->j->op, &job, e);
}

static int write_to(struct target *t, struct err *e)
{
	switch (t->o->type) {
	case BUILD_OUTPUT_IMAGE:
		return t->o->push ? push(t, e) : write_store(t, e);
	case BUILD_OUTPUT_OCI:
	case BUILD_OUTPUT_DOCKER:
		return write_archive(t, e);
	case BUILD_OUTPUT_LOCAL:
	case BUILD_OUTPUT_TAR:
		return output_files_write(t->j, t->all, t->o, e);
	case BUILD_OUTPUT_CACHEONLY:
		break;
	}
	return 0;
}

static void tell(struct build_result *out, const struct target *t)
{
	const struct output_image *first = &t->all->v[0];

	*out = (struct build_result){ .manifest = t->docs.root.digest,
				      .manifest_size = t->docs.root.size_bytes,
				      .config = first->manifest.config.digest };
	out->media_type = mem_strdup(t->docs.root.media_type);
	out->size_bytes = t->docs.is_index ? t->docs.root.size_bytes : 0;
	for (size_t i = 0; i < t->all->nr; i++) {
		const struct oci_manifest *m = &t->docs.manifests[i];

		out->size_bytes += t->docs.descs[i].size_bytes + m->config.size_bytes;
		for (size_t k = 0; k < m->nr_layers; k++)
			out->size_bytes += m->layers[k].size_bytes;
	}
}

static void add_result_names(struct build_result *out, const struct target *t)
{
	for (size_t i = 0; is_image(t->o) && i < t->names.n; i++)
		if (!strv_has(&out->names, t->names.v[i]))
			strv_add(&out->names, t->names.v[i]);
	out->wrote_stdout |= is_stdout(t->o);
}

/* The disk that is full is this one, not the workspace's. */
static int output_fail(const struct build_output *o, struct err *e)
{
	if (o->dest)
		err_full_disk(e, build_output_name(o));
	return err_wrap(e, "output '%.200s'", build_output_name(o));
}

static int write_one(struct build_result *out, struct job *j, const struct output_images *all,
		     const struct build_output *o, struct err *e)
{
	CLEANUP(target_release) struct target t = { .j = j, .all = all, .o = o };

	if (read_names(&t.names, j->opt, o, e) < 0 ||
	    output_documents_make(&t.docs, j, all, is_image(o) ? o : NULL, e) < 0 ||
	    write_to(&t, e) < 0)
		return output_fail(o, e);
	if (!out->media_type)
		tell(out, &t);
	add_result_names(out, &t);
	return 0;
}

/* What is told is of the first of the lowest rank: the digest that a registry serves, if there is one. */
static int rank(const struct build_output *o)
{
	return o->push ? 0 : is_image(o) ? 1 : 2;
}

static int write_each(struct build_result *out, struct job *j, const struct output_images *all,
		      struct err *e)
{
	CLEANUP(build_result_release) struct build_result r = { .manifest_size = 0 };
	size_t nr;
	const struct build_output *list = outputs(j->opt, &nr);

	for (int now = 0; now < 3; now++)
		for (size_t i = 0; i < nr; i++)
			if (rank(&list[i]) == now && write_one(&r, j, all, &list[i], e) < 0)
				return -1;
	*out = r;
	r = (struct build_result){ .manifest_size = 0 };
	return 0;
}

/* The image is there; what cannot be said of it is only told. */
static void weigh_it(struct build_result *out, struct job *j, const struct output_images *all)
{
	struct err e = ERR_INIT;

	if (j->opt->wants_weight && weigh(&out->weight, j, all, &e) < 0)
		progress_warn(j->op->progress, "what the image weighs is not known: %s", e.text);
}

int output_write(struct build_result *out, struct job *j, const struct output_images *all,
		 struct err *e)
{
	progress_begin(j->op->progress, "export", "export");
	if (write_each(out, j, all, e) < 0) {
		progress_give_up(j->op->progress, "export", e);
		return -1;
	}
	weigh_it(out, j, all);
	progress_end(j->op->progress, "export", 0);
	return 0;
}

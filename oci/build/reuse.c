/*
 * For the outputs it is an image that is nothing but its base: layers are linked, mounted or left out as
 * a base's are. Only its documents are not made but given.
 */
#include "oci/build/reuse.h"

#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/caches.h"
#include "oci/build/output.h"
#include "oci/image/reference.h"

/* One for each platform. */
struct found {
	struct image image;
	struct stage stage; /* FROM it, and nothing more */
};

struct reuse {
	struct job *j;
	struct oci_reference at;
	struct output_images all;
	struct found *found; /* as many as platforms */
};

static void reuse_release(struct reuse *r)
{
	for (size_t i = 0; r->found && i < r->j->opt->nr_platforms; i++) {
		struct image *img = &r->found[i].image;

		free(img->name);
		free(img->ref);
		oci_descriptor_release(&img->desc);
		oci_manifest_release(&img->manifest);
		pthread_mutex_destroy(&img->lock);
	}
	free(r->found);
	output_images_release(&r->all);
	oci_reference_release(&r->at);
}

/* -- before any work ------------------------------------------------------------------- */

static int check_output(const struct build_output *o, struct err *e)
{
	if (o->type == BUILD_OUTPUT_LOCAL || o->type == BUILD_OUTPUT_TAR)
		return err_set(e, ERR_INPUT, "--reuse-from takes an image as it is, not its files");
	if (o->docker_types)
		return err_set(e, ERR_INPUT,
			       "--reuse-from takes an image as it is, with OCI's media types");
	return 0;
}

int reuse_check(const struct build_options *opt, struct err *e)
{
	auto_reference struct oci_reference at = { 0 };
	const char *slash = opt->reuse_from ? strrchr(opt->reuse_from, '/') : NULL;

	if (!opt->reuse_from)
		return 0;
	if (oci_reference_parse(&at, opt->reuse_from, e) < 0)
		return err_wrap(e, "--reuse-from");
	if (strpbrk(slash ? slash : opt->reuse_from, ":@"))
		return err_set(e, ERR_INPUT,
			       "--reuse-from: '%.200s' is no repository: leave out what is behind "
			       "its name",
			       opt->reuse_from);
	for (size_t i = 0; i < opt->nr_outputs; i++)
		if (check_output(&opt->outputs[i], e) < 0)
			return err_wrap(e, "output '%.200s'", build_output_name(&opt->outputs[i]));
	return 0;
}

/* -- finding it ------------------------------------------------------------------------ */

/* The tag's document, which is in j->work afterwards. 1: there; 0: there is none. */
static int find(struct oci_index *index, struct reuse *r, struct err *e)
{
	struct job *j = r->j;
	struct image_source *src = j->env->registry;
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX), name = BUF_INIT(BUF_SMALL);
	struct oci_digest digest;
	enum oci_document kind;

	oci_reference_format(&name, &r->at);
	if (src->document(src, j->op, buf_str(&name), &text, &r->all.root, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (oci_store_write(j->work, buf_span(&text), &digest, e) < 0 ||
	    oci_document_kind(&kind, buf_span(&text), r->all.root.media_type, e) < 0)
		return -1;
	if (kind == OCI_DOCUMENT_INDEX &&
	    oci_index_parse(index, buf_span(&text), r->all.root.media_type, e) < 0)
		return -1;
	if (index->nr != (j->opt->nr_platforms > 1 ? j->opt->nr_platforms : 0))
		return err_set(e, ERR_CORRUPT,
			       "image %s is not what this build makes: it has %zu "
			       "images, and %zu platforms are asked for",
			       buf_str(&name), index->nr ? index->nr : 1, j->opt->nr_platforms);
	return 1;
}

/* Its manifest and its configuration, both in j->work afterwards. */
static int find_image(struct reuse *r, size_t at, struct err *e)
{
	struct job *j = r->j;
	struct image_source *src = j->env->registry;
	struct image *img = &r->found[at].image;
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	img->source = src;
	img->platform = j->opt->platforms[at];
	img->ref = mem_printf("%s/%s@%s", r->at.host, r->at.path, r->all.root.digest.text);
	img->name = mem_strdup(img->ref);
	pthread_mutex_init(&img->lock, NULL);
	r->found[at].stage.image = img;
	if (src->resolve(src, j->op, img->ref, &img->platform, j->work, &img->desc, e) < 0 ||
	    oci_store_read(j->work, &img->desc, OCI_MANIFEST_MAX, &text, e) < 0 ||
	    oci_manifest_parse(&img->manifest, buf_span(&text), img->desc.media_type, e) < 0)
		return -1;
	output_images_add_given(&r->all, &r->found[at].stage);
	return 0;
}

/* 1, 0, -1 as reuse_image. */
static int look(struct reuse *r, const struct oci_digest *input, struct err *e)
{
	struct job *j = r->j;
	auto_index struct oci_index index = { 0 };
	int n;

	if (!j->env->registry)
		return err_set(e, ERR_IMPOSSIBLE, "there is no way to a registry");
	if (oci_reference_parse(&r->at, j->opt->reuse_from, e) < 0)
		return -1;
	free(r->at.tag);
	r->at.tag = mem_printf("in-%s", oci_digest_hex(input));
	n = find(&index, r, e);
	if (n <= 0)
		return n;
	r->found = mem_zalloc((j->opt->nr_platforms + 1) * sizeof(*r->found));
	for (size_t i = 0; i < j->opt->nr_platforms; i++)
		if (find_image(r, i, e) < 0)
			return -1;
	return 1;
}

static int look_shown(struct reuse *r, const struct oci_digest *input, struct err *e)
{
	struct progress *p = r->j->op->progress;
	int n;

	progress_begin(p, "reuse", "look for an image of the same input in %s",
		       r->j->opt->reuse_from);
	n = look(r, input, e);
	if (n < 0)
		progress_give_up(p, "reuse", e);
	else
		progress_end(p, "reuse", 0);
	return n < 0 ? err_wrap(e, "--reuse-from") : n;
}

int reuse_image(struct build_result *out, struct job *j, const struct oci_digest *input,
		struct err *e)
{
	CLEANUP(reuse_release) struct reuse r = { .j = j };
	int n = look_shown(&r, input, e);

	if (n < 0)
		return -1;
	if (n == 0) {
		progress_note(j->op->progress, "no image of this input is there yet: it is built");
		return 0;
	}
	progress_note(j->op->progress, "nothing is built: %s/%s@%s has the same input", r.at.host,
		      r.at.path, r.all.root.digest.text);
	if (j->opt->cache_to.nr)
		progress_warn(j->op->progress, "--cache-to: nothing was built that could be kept");
	if (output_write(out, j, &r.all, e) < 0)
		return -1;
	out->is_reused = true;
	return 1;
}

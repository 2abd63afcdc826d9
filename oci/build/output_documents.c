/*
 * Bytes of blobs never change here, only what documents call them: an output with docker's media
 * types has another manifest over the same layers and configuration.
 */
#include "oci/build/output_documents.h"

#include "base/mem.h"
#include "oci/build/caches.h"

static const char *const pairs[][2] = {
	{ OCI_MEDIA_LAYER_GZIP, DOCKER_MEDIA_LAYER_GZIP },
	{ OCI_MEDIA_LAYER, DOCKER_MEDIA_LAYER },
	{ OCI_MEDIA_LAYER_ZSTD, DOCKER_MEDIA_LAYER ".zstd" },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar",
	  "application/vnd.docker.image.rootfs.foreign.diff.tar" },
	{ OCI_MEDIA_CONFIG, DOCKER_MEDIA_CONFIG },
	{ OCI_MEDIA_MANIFEST, DOCKER_MEDIA_MANIFEST },
	{ OCI_MEDIA_INDEX, DOCKER_MEDIA_LIST },
};

const char *output_media_type(const char *media, bool docker)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (strcmp(media, pairs[i][!docker]) == 0)
			return pairs[i][docker];
	return media;
}

int output_document_write(struct oci_descriptor *out, struct job *j, const struct buf *text,
			  const char *media, const char *what, struct err *e)
{
	if (text->over)
		return err_set(e, ERR_INPUT, "the image's %s would be larger than %zu bytes", what,
			       text->max);
	if (oci_store_write(j->work, buf_span(text), &out->digest, e) < 0)
		return -1;
	out->size_bytes = text->len;
	free(out->media_type);
	out->media_type = mem_strdup(media);
	return 0;
}

/* -- annotations ------------------------------------------------------------------------ */

/* --annotation's, and over them the output's own. */
static void get_annotations(struct strv *out, const struct job *j, const struct build_output *o,
			    enum build_annotation_level level, const struct oci_platform *platform)
{
	build_annotations_get(out, &j->opt->annotations, level, platform);
	if (o)
		build_annotations_get(out, &o->annotations, level, platform);
}

static bool has_level(const struct build_options *opt, const struct build_output *o,
		      enum build_annotation_level level)
{
	auto_strv struct strv found = STRV_INIT;

	build_annotations_get(&found, &opt->annotations, level, NULL);
	build_annotations_get(&found, &o->annotations, level, NULL);
	return found.n > 0;
}

int output_documents_check(const struct build_options *opt, const struct build_output *o,
			   struct err *e)
{
	bool one = opt->nr_platforms == 1;
	char missing[100];

	if (build_annotations_miss(missing, &opt->annotations, opt->platforms, opt->nr_platforms) ||
	    build_annotations_miss(missing, &o->annotations, opt->platforms, opt->nr_platforms))
		return err_set(e, ERR_INPUT, "an annotation is for %s, which is not built",
			       missing);
	if (one && (has_level(opt, o, BUILD_ANNOTATION_INDEX) ||
		    has_level(opt, o, BUILD_ANNOTATION_INDEX_DESCRIPTOR)))
		return err_set(e, ERR_INPUT,
			       "an annotation is for the index, but one platform has none "
			       "(manifest: is for its manifest)");
	if (o->push && has_level(opt, o,
				 one ? BUILD_ANNOTATION_MANIFEST_DESCRIPTOR
				     : BUILD_ANNOTATION_INDEX_DESCRIPTOR))
		return err_set(e, ERR_INPUT,
			       "an annotation is for the descriptor of the whole image, which a "
			       "registry does not keep");
	return 0;
}

/* -- documents -------------------------------------------------------------------------- */

static void copy_manifest(struct oci_manifest *to, const struct oci_manifest *from, bool docker)
{
	to->media_type = mem_strdup(output_media_type(OCI_MEDIA_MANIFEST, docker));
	oci_descriptor_copy(&to->config, &from->config);
	free(to->config.media_type);
	to->config.media_type = mem_strdup(output_media_type(from->config.media_type, docker));
	for (size_t i = 0; i < from->nr_layers; i++) {
		auto_descriptor struct oci_descriptor d = { 0 };

		oci_descriptor_copy(&d, &from->layers[i]);
		free(d.media_type);
		d.media_type = mem_strdup(output_media_type(from->layers[i].media_type, docker));
		oci_manifest_add_layer(to, &d);
	}
}

static int make_manifest(struct output_documents *d, struct job *j, const struct output_image *img,
			 const struct build_output *o, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	struct oci_manifest *m = &d->manifests[d->nr];
	struct oci_descriptor *desc = &d->descs[d->nr];

	d->nr++; /* what is there of it is released */
	copy_manifest(m, &img->manifest, o && o->docker_types);
	get_annotations(&m->annotations, j, o, BUILD_ANNOTATION_MANIFEST, &img->platform);
	caches_annotate(m, j, img);
	oci_manifest_write(&text, m);
	if (output_document_write(desc, j, &text, m->media_type, "manifest", e) < 0)
		return -1;
	get_annotations(&desc->annotations, j, o, BUILD_ANNOTATION_MANIFEST_DESCRIPTOR,
			&img->platform);
	return 0;
}

static int make_index(struct output_documents *d, struct job *j, const struct output_images *all,
		      const struct build_output *o, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_index struct oci_index x = { 0 };

	x.media_type = mem_strdup(output_media_type(OCI_MEDIA_INDEX, o && o->docker_types));
	for (size_t i = 0; i < all->nr; i++)
		oci_index_add(&x, &d->descs[i], &all->v[i].platform);
	get_annotations(&x.annotations, j, o, BUILD_ANNOTATION_INDEX, NULL);
	oci_index_write(&text, &x);
	if (output_document_write(&d->root, j, &text, x.media_type, "index", e) < 0)
		return -1;
	get_annotations(&d->root.annotations, j, o, BUILD_ANNOTATION_INDEX_DESCRIPTOR, NULL);
	return 0;
}

/* They stay as they came. */
static void take_given(struct output_documents *d, const struct output_images *all)
{
	for (size_t i = 0; i < all->nr; i++) {
		d->nr++;
		copy_manifest(&d->manifests[i], &all->v[i].manifest, false);
		oci_descriptor_copy(&d->descs[i], all->v[i].given);
	}
	oci_descriptor_copy(&d->root, &all->root);
	d->is_index = all->nr > 1;
}

static int make(struct output_documents *d, struct job *j, const struct output_images *all,
		const struct build_output *o, struct err *e)
{
	d->manifests = mem_zalloc((all->nr + 1) * sizeof(*d->manifests));
	d->descs = mem_zalloc((all->nr + 1) * sizeof(*d->descs));
	if (all->nr && all->v[0].given) {
		take_given(d, all);
		return 0;
	}
	for (size_t i = 0; i < all->nr; i++)
		if (make_manifest(d, j, &all->v[i], o, e) < 0)
			return -1;
	d->is_index = all->nr > 1;
	if (d->is_index)
		return make_index(d, j, all, o, e);
	oci_descriptor_copy(&d->root, &d->descs[0]);
	return 0;
}

int output_documents_make(struct output_documents *out, struct job *j,
			  const struct output_images *all, const struct build_output *o,
			  struct err *e)
{
	auto_output_documents struct output_documents d = { .nr = 0 };

	if (make(&d, j, all, o, e) < 0)
		return -1;
	*out = d;
	d = (struct output_documents){ .nr = 0 };
	return 0;
}

void output_documents_release(struct output_documents *d)
{
	for (size_t i = 0; i < d->nr; i++) {
		oci_manifest_release(&d->manifests[i]);
		oci_descriptor_release(&d->descs[i]);
	}
	free(d->manifests);
	free(d->descs);
	oci_descriptor_release(&d->root);
	*d = (struct output_documents){ .nr = 0 };
}

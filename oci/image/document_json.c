/*
 * Telling manifests from indexes. The same bytes must not be one document to us
 * and another to somebody else (a manifest whose "manifests" a second reader
 * follows), so everything that says what a document is has to agree: the
 * transport's type, its own mediaType and its fields.
 */
#include "oci/image/document_json.h"

#include <strings.h>

#include "base/json.h"

#define MEDIA_SCHEMA1	     "application/vnd.docker.distribution.manifest.v1+json"
#define MEDIA_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"

static const struct {
	const char *media;
	enum oci_document kind;
} documents[] = {
	{ OCI_MEDIA_MANIFEST, OCI_DOCUMENT_MANIFEST },
	{ OCI_MEDIA_INDEX, OCI_DOCUMENT_INDEX },
	{ DOCKER_MEDIA_MANIFEST, OCI_DOCUMENT_MANIFEST },
	{ DOCKER_MEDIA_LIST, OCI_DOCUMENT_INDEX },
};

/* The constant of that name, or NULL. */
static const char *media_known(struct span type, enum oci_document *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		if (!span_eq_nocase(type, documents[i].media))
			continue;
		*kind = documents[i].kind;
		return documents[i].media;
	}
	return NULL;
}

static struct span without_parameters(const char *media_type)
{
	struct span type, rest;

	span_cut(span_of_str(media_type), ';', &type, &rest);
	return span_trim(type);
}

static int refuse_schema1(const json_t *root, struct span said, struct err *e)
{
	uint64_t version;

	if (json_opt_u64(&version, root, "schemaVersion", "", 2, e) < 0)
		return -1;
	if (version == 1 || span_eq_str(said, MEDIA_SCHEMA1) ||
	    span_eq_str(said, MEDIA_SCHEMA1_SIGNED))
		return err_set(
			e, ERR_CORRUPT,
			"the image is in docker's obsolete schema 1; it must be pushed again "
			"by a current tool");
	if (version != 2)
		return err_set(e, ERR_CORRUPT, "schemaVersion: must be 2");
	return 0;
}

/* By its own mediaType or, without one, by its fields. */
static const char *media_of(const json_t *root, const char *own, enum oci_document *kind,
			    struct err *e)
{
	const char *media = media_known(span_of_str(own), kind);

	if (media)
		return media;
	if (own) {
		err_set(e, ERR_CORRUPT, "mediaType: '%s' is neither a manifest nor an index", own);
		return NULL;
	}
	if (json_object_get(root, "manifests"))
		return media_known(SPAN_LIT(OCI_MEDIA_INDEX), kind);
	if (json_object_get(root, "layers"))
		return media_known(SPAN_LIT(OCI_MEDIA_MANIFEST), kind);
	err_set(e, ERR_CORRUPT, "neither a manifest nor an index: no 'layers', no 'manifests'");
	return NULL;
}

/*
 * Members by which somebody else could see another document here: those of schema 1, and
 * ours in other spellings, which readers in Go take for ours.
 */
static int refuse_ambiguous(json_t *root, struct err *e)
{
	static const char *const ours[] = { "schemaVersion", "mediaType", "config", "layers",
					    "manifests" };
	static const char *const foreign[] = { "fsLayers", "history" };
	const char *key;
	json_t *v;

	json_object_foreach(root, key, v)
	{
		bool wrong = false;

		for (size_t i = 0; i < ARRAY_LEN(ours); i++)
			wrong |= strcasecmp(key, ours[i]) == 0 && strcmp(key, ours[i]) != 0;
		for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
			wrong |= strcasecmp(key, foreign[i]) == 0;
		if (wrong)
			return err_set(e, ERR_CORRUPT,
				       "has a member '%s', which has no place in it", key);
	}
	if (json_object_get(root, "layers") && json_object_get(root, "manifests"))
		return err_set(e, ERR_CORRUPT, "has both 'layers' and 'manifests'");
	return 0;
}

json_t *oci_document_load(struct span text, const char *media_type, enum oci_document *kind,
			  const char **media, struct err *e)
{
	struct span said_type = without_parameters(media_type);
	auto_json json_t *root = NULL;
	const char *said, *own;

	if (text.n > OCI_MANIFEST_MAX) {
		err_set(e, ERR_CORRUPT, "%zu bytes, more than the %u allowed", text.n,
			OCI_MANIFEST_MAX);
		return NULL;
	}
	root = json_load_span(text, OCI_MANIFEST_MAX, "document", e);
	if (!root || refuse_schema1(root, said_type, e) < 0 || refuse_ambiguous(root, e) < 0 ||
	    json_opt_str(&own, root, "mediaType", "", NULL, e) < 0)
		return NULL;
	said = media_known(said_type, kind);
	if (said && own && strcmp(said, own) != 0) {
		err_set(e, ERR_CORRUPT, "mediaType: '%s', but it was announced as '%s'", own, said);
		return NULL;
	}
	*media = said ? said : media_of(root, own, kind, e);
	return *media ? STEAL(&root) : NULL;
}

int oci_document_kind(enum oci_document *out, struct span text, const char *media_type,
		      struct err *e)
{
	enum oci_document kind;
	const char *media;
	auto_json json_t *root = oci_document_load(text, media_type, &kind, &media, e);

	if (!root)
		return -1;
	*out = kind;
	return 0;
}

json_t *oci_json_from_map(const struct strv *s)
{
	json_t *map = json_object();

	for (size_t i = 0; i < s->n; i++) {
		struct span key, value;
		auto_free char *name = NULL;
		auto_json json_t *clean = NULL;

		span_cut(span_of_str(s->v[i]), '=', &key, &value);
		name = span_dup(key);
		clean = json_str(name);
		/* value is the rest of a terminated string, or empty */
		json_object_set_new(map, json_string_value(clean),
				    json_str(value.n ? value.p : ""));
	}
	return map;
}

void oci_annotations_write(struct buf *out, const struct strv *annotations)
{
	auto_json json_t *map = NULL;

	if (!annotations->n)
		return;
	map = oci_json_from_map(annotations);
	buf_add_str(out, ",\"annotations\":");
	json_write(out, map, true);
}

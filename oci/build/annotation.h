/*
 * Annotations that users ask for, and which document of the result each belongs to.
 * Owned by a list: _release.
 */
#ifndef OCI_BUILD_ANNOTATION_H
#define OCI_BUILD_ANNOTATION_H

#include "base/strv.h"
#include "oci/image/platform.h"

enum build_annotation_level {
	BUILD_ANNOTATION_MANIFEST,
	BUILD_ANNOTATION_MANIFEST_DESCRIPTOR, /* what an index says about the manifest */
	BUILD_ANNOTATION_INDEX,
	BUILD_ANNOTATION_INDEX_DESCRIPTOR,
};

struct build_annotation {
	enum build_annotation_level level;
	bool has_platform; /* only for the image of this platform */
	struct oci_platform platform;
	char *key, *value;
};
struct build_annotations {
	struct build_annotation *v;
	size_t nr, cap;
};

/* --annotation: "[LEVEL[\[PLATFORM\]][,LEVEL…]:]KEY=VALUE". ERR_INPUT. */
int build_annotations_parse(struct build_annotations *a, const char *text, struct err *e)
	MUST_CHECK;
/* -o annotation…=: field is "annotation[-LEVEL][\[PLATFORM\]].KEY". ERR_INPUT. */
int build_annotations_parse_field(struct build_annotations *a, struct span field, struct span value,
				  struct err *e) MUST_CHECK;
/* Is this the name of such a field? */
bool build_annotations_is_field(struct span field);
void build_annotations_release(struct build_annotations *a);

/* Is one for a platform that is none of these? Its name goes to out. */
bool build_annotations_miss(char out[100], const struct build_annotations *a,
			    const struct oci_platform *platforms, size_t nr);

/* Those of one level, for the image of one platform (NULL: whatever platform), into out; the last
 * of equal keys counts. */
void build_annotations_get(struct strv *out, const struct build_annotations *a,
			   enum build_annotation_level level, const struct oci_platform *platform);

#endif

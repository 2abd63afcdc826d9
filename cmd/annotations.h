/*
 * GitLab's annotations report: links that a job's page shows. Owned by a list of them: the text is made
 * at once.
 */
#ifndef CMD_ANNOTATIONS_H
#define CMD_ANNOTATIONS_H

#include "base/cc.h"
#include "oci/image/reference.h"

struct annotation_link { /* borrowed */
	const char *label, *url;
};

/* title: what the links are shown under. Owned by the caller. */
char *annotations_json(const char *title, const struct annotation_link *v, size_t n) MUST_CHECK;

/*
 * Where people look at a repository with a browser: the project's page of GitLab for its own registry
 * (CI_REGISTRY, CI_PROJECT_URL), Docker Hub's, else the address of the manifest. Owned by the caller.
 */
char *annotations_image_url(const struct oci_reference *image, const struct oci_digest *digest,
			    const char *(*env)(const char *name)) MUST_CHECK;

#endif

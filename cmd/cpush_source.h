/*
 * Where the image that cpush pushes comes from: one store and one descriptor, whatever SOURCE says.
 * Owns all: _open, _release.
 */
#ifndef CMD_CPUSH_SOURCE_H
#define CMD_CPUSH_SOURCE_H

#include "base/op.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "oci/image/store.h"
#include "registry/remote.h"

struct cpush_source {
	struct oci_store *store;
	struct oci_descriptor image;
	bool is_there;	    /* in the destination's repository: only names are to be set */
	bool is_remote;	    /* some of it lies in registries: registry/remote.h */
	struct strv mounts; /* DIGEST=PATH: what the destination's host has elsewhere */
};

struct cpush_source_request { /* borrowed */
	/* docker://REF; a layout's DIR or an archive's FILE, each also with :NAME or @DIGEST; "-": an
	 * archive on standard input; NULL: the image named `to` in the store below root, or, when
	 * that has a digest, in the registry */
	const char *text;
	const char *root;
	const struct oci_reference *to;
	const struct oci_platform *platform; /* of an index only this one's image; NULL: all */
	struct registry_remote_options remote;
};

/* ERR_ABSENT: no such source, or no such image in it. */
int cpush_source_open(struct cpush_source *out, const struct cpush_source_request *rq,
		      struct err *e) MUST_CHECK;
void cpush_source_release(struct cpush_source *s);

#define auto_cpush_source CLEANUP(cpush_source_release)

#endif

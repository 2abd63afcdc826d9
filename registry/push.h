/*
 * An image from a store into a registry, under one or several tags.
 * HEAD of the tag first (equal: done), blobs in parallel, manifest, tags.
 */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "oci/image/reference.h"
#include "oci/image/store.h"
#include "registry/session.h"
#include "registry/upload.h"

/* A blob that the repository has got already, and how. */
struct registry_push_known {
	struct oci_digest digest;
	enum registry_upload how;
};

struct registry_push_options {
	const struct strv *tags;   /* more tags than to->tag; may be NULL */
	const struct strv *mounts; /* DIGEST=PATH: a repository of this host has it; may be NULL */
	const struct strv *mount_from; /* paths of others that may have any layer; may be NULL */
	/* TAG=DIGEST, as far as an earlier push from here has left a record; NULL: none are kept. */
	const struct strv *seen;
	const struct registry_push_known *known; /* blobs that are not asked for any more */
	size_t nr_known;
	unsigned jobs;	/* blobs at once; 0: 4 */
	bool force;	/* do the work even when the tag is equal already */
	bool immutable; /* a tag of another digest is ERR_FAILED, and stays */
	bool foreign; /* the image is another registry's: no word of its manifests about repositories counts */
	bool names_only; /* the repository has the image: nothing but its tags is set */
};
struct registry_push_report {
	uint64_t sent_bytes;
	size_t sent, mounted, existing; /* blobs */
	bool unchanged;			/* every tag had this digest before */
};

/* The tags that a push sets: to's and the options', each once. ERR_INPUT: not a tag, or to has another
 * digest. */
int registry_push_tags(struct strv *out, const struct oci_reference *to,
		       const struct registry_push_options *opt, const struct oci_descriptor *image,
		       struct err *e) MUST_CHECK;

/*
 * image: a manifest or an index in `from`. Blobs are verified while they are read: a corrupt one is
 * named (ERR_CORRUPT) and the manifest is not put. The digest served is the digest pushed.
 */
int registry_push(struct registry_push_report *out, struct op *op, struct registry_session *s,
		  struct oci_store *from, const struct oci_descriptor *image,
		  const struct oci_reference *to, const struct registry_push_options *opt,
		  struct err *e) MUST_CHECK;

#endif

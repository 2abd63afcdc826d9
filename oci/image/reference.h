/*
 * A reference: [host[:port]/]path[:tag][@digest], in docker's grammar and with
 * docker's defaults ("python" is docker.io/library/python:latest).
 */
#ifndef OCI_IMAGE_REFERENCE_H
#define OCI_IMAGE_REFERENCE_H

#include "base/buf.h"
#include "base/err.h"
#include "oci/image/digest.h"

struct oci_reference {
	char *host;		  /* "docker.io", "localhost:5000" */
	char *path;		  /* "library/python" */
	char *tag;		  /* NULL when a digest is given without one; see _parse */
	struct oci_digest digest; /* none: all zero */
};

/*
 * ERR_INPUT says which part is wrong. A tag is filled in as "latest" only when
 * neither tag nor digest is written.
 */
int oci_reference_parse(struct oci_reference *out, const char *text, struct err *e) MUST_CHECK;
void oci_reference_copy(struct oci_reference *to, const struct oci_reference *from);
void oci_reference_release(struct oci_reference *r);

/* host/path[:tag][@digest], nothing left out: the name the store uses. */
void oci_reference_format(struct buf *out, const struct oci_reference *r);
/* The same as docker shows it: without docker.io/library/. */
void oci_reference_familiar(struct buf *out, const struct oci_reference *r);
/* Same host and path. */
bool oci_reference_same_repository(const struct oci_reference *a, const struct oci_reference *b);
/* [A-Za-z0-9_][A-Za-z0-9._-]{0,127} */
bool oci_tag_is_valid(struct span tag);

#define auto_reference CLEANUP(oci_reference_release)

#endif

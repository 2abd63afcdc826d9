/* A table of contents as bytes, without what makes a file of them (toc_save, toc_load). */
#ifndef OCI_LAYER_TOC_FILE_H
#define OCI_LAYER_TOC_FILE_H

#include "base/buf.h"
#include "oci/layer/toc.h"

void toc_encode(struct buf *out, const struct toc *t);
/* -1: not such bytes. They may be anybody's. */
int toc_decode(struct toc *out, struct span bytes) MUST_CHECK;

#endif

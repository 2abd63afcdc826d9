/*
 * --cache-from and --cache-to of one build: from where its book gets more results, and where what is in
 * the book at the end goes.
 */
#ifndef OCI_BUILD_CACHES_H
#define OCI_BUILD_CACHES_H

#include "oci/build/output.h"

/* Before any work: what can be seen to be impossible already. */
int caches_check(const struct build_options *opt, struct err *e) MUST_CHECK;
/* Into j->book, which is open; they are read meanwhile. */
void caches_open(struct job *j);

/* When no layer is under way any more: an inline cache into one output's manifest of img, if one is
 * wanted and it can hold it. */
void caches_annotate(struct oci_manifest *m, struct job *j, const struct output_image *img);
/* All others, when the image is where it belongs. */
int caches_export(struct job *j, struct err *e) MUST_CHECK;

#endif

/*
 * Which sandbox a build gets, as --isolation says. What can be had is found by trying, never by the
 * version of anything.
 */
#ifndef OCI_RUN_CHOOSE_H
#define OCI_RUN_CHOOSE_H

#include "oci/run/sandbox_inplace.h"

/* The names, for an option's help: "auto|ns|…". */
#define SANDBOX_NAMES "auto|ns|inplace|chroot|none"

/*
 * In main, before any thread. name: one of these; auto is namespaces, else in place for root in a
 * container. ERR_IMPOSSIBLE: nothing can be had, or `none` is what was asked for; says what is missing
 * and what would help. Builds that RUN nothing do without.
 */
int sandbox_choose(struct sandbox **out, const char *name, const struct inplace_options *inplace,
		   struct err *e) MUST_CHECK;

#endif

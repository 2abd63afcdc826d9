/* The capabilities of a RUN: Docker's default set, nothing inheritable, nothing ambient. */
#ifndef OCI_RUN_CAPS_H
#define OCI_RUN_CAPS_H

#include "base/err.h"

/* First half, with all rights still there: the bounding set. */
int caps_bound(struct err *e) MUST_CHECK;
/* Second half, after the ids are set: what root keeps; another user keeps nothing. */
int caps_set(bool is_root, struct err *e) MUST_CHECK;

#endif

/*
 * A list of changes as ordinary files in somebody's directory (-o type=local): what stands there
 * under the same names is replaced, all else stays. Nothing outside of it is touched, whatever links
 * it holds.
 *
 * The files belong to whoever builds, as docker's do; for that reason they get no set-user and
 * set-group bits and no capabilities, and devices are left out. Times are kept.
 */
#ifndef OCI_LAYER_PUT_OUT_H
#define OCI_LAYER_PUT_OUT_H

#include "oci/layer/changes.h"

/* c: only entries, each with an origin. *nr_devices: so many were left out. ERR_INPUT: a directory
 * stands where a file is to be. After an error some files are there. */
int layer_put_out(size_t *nr_devices, const struct op *op, const struct layer_changes *c, int dirfd,
		  struct err *e) MUST_CHECK;

#endif

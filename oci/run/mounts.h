/*
 * What every RUN finds mounted: /proc, /sys, /dev, /etc/hosts, /etc/resolv.conf. Its own mounts come
 * afterwards (attach.h). Mount points are there already (stubs.h).
 */
#ifndef OCI_RUN_MOUNTS_H
#define OCI_RUN_MOUNTS_H

#include "base/err.h"
#include "base/span.h"
#include "oci/run/spec.h"
#include "oci/run/stubs.h"

/*
 * In the new mount namespace, with the tree's root as working directory and the old root still in
 * place.
 */
int mounts_make(const struct run_spec *spec, const struct stubs *s, struct span resolv_conf,
		struct err *e) MUST_CHECK;

/* The system call of that name on a descriptor (O_PATH will do), through the old root's /proc. */
int mount_on(int fd, const char *source, const char *type, unsigned long flags, const char *data);

#endif

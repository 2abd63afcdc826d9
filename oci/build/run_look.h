/*
 * RUN in the step cache: what its result depends on. The command with its environment, user, directory,
 * names, limits and mounts; not what is in a secret or in the directory of a cache mount, not proxies
 * that no ARG has declared, no time limit.
 */
#ifndef OCI_BUILD_RUN_LOOK_H
#define OCI_BUILD_RUN_LOOK_H

#include "oci/build/cache_look.h"

/* 1: found, the stage has its layer; 0: to be carried out, and then cache_look_made. */
int run_look(struct cache_look *k, const char *hostname, struct err *e) MUST_CHECK;

#endif

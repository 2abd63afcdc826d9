/*
 * The few files that stay in their place while a tree comes and goes (/etc/hosts and the like): a copy
 * before, and afterwards the same bytes again, whatever was written there meanwhile.
 */
#ifndef OCI_RUN_EXCHANGE_FILES_H
#define OCI_RUN_EXCHANGE_FILES_H

#include "oci/run/exchange.h"

/* Of place->files, those that are there, as own/files/N. */
int exchange_files_save(const struct exchange_place *place, struct err *e) MUST_CHECK;
/* Writes where bytes differ, in place: they may be mounts. Makes again what is gone, no file any more, or
 * another name of something.
 * The first error is told, and does not keep the others away; the copies stay where they are. */
int exchange_files_put_back(const struct exchange_place *place, struct err *e) MUST_CHECK;

#endif

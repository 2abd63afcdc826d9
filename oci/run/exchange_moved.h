/*
 * A merged directory (merged.h) that a RUN has moved elsewhere before everybody was killed: its mounts,
 * and what else had to stay in it, were moved with it.
 */
#ifndef OCI_RUN_EXCHANGE_MOVED_H
#define OCI_RUN_EXCHANGE_MOVED_H

#include "oci/run/exchange.h"
#include "oci/run/merged.h"

/*
 * The i-th one back under its name in parent_fd, wherever it is below the root; what is in its place
 * goes to own/trash. Nothing is done when it is there, or nowhere, or the list is of another root.
 */
int exchange_bring_back(const struct exchange_place *place, const struct merged *m, size_t i,
			int parent_fd, struct err *e) MUST_CHECK;

#endif

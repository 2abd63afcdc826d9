/* Standard input, read so that whoever waits for it hears when it is to stop. */
#ifndef OCI_BUILD_STDIN_H
#define OCI_BUILD_STDIN_H

#include "base/io.h"

struct stdin_source {
	struct source base;
	struct fd_source in;
	const struct cancel *cancel;
};
struct source *stdin_source_init(struct stdin_source *s, const struct op *op);

#endif

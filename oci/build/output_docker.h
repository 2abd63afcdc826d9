/* What "docker load" reads first in an archive, before it knew OCI's layouts: manifest.json. */
#ifndef OCI_BUILD_OUTPUT_DOCKER_H
#define OCI_BUILD_OUTPUT_DOCKER_H

#include "oci/image/manifest.h"

/* Into the layout's directory. names: full references, may be empty. */
int output_docker_write(int layout_fd, const struct oci_manifest *m, const struct strv *names,
			struct err *e) MUST_CHECK;

#endif

/*
 * The input digest: SHA-256 over all that a build reads of its own. Two builds with the same one make
 * the same image, as far as what is outside has not changed, so that a second need not be made
 * (reuse.h). It says:
 *
 * - the Dockerfile's text, and which of its stages is built
 * - files of the context and of named contexts that are directories: those that .dockerignore lets
 *   through, but .git of none of their directories; path, kind, bytes, a link's text, and
 *   modes as git knows them, whatever --context-modes says; no owners, no times, and
 *   of a file with several names each as one of its own
 * - named contexts that are something else, by the word that names them
 * - arguments, as far as an ARG declares them; platforms; labels and annotations, but for
 *   org.opencontainers.image.revision and .created: an image that is used again keeps those of the
 *   commit that it was built of
 *
 * It does not say what is looked up by a name in the outside: what a tag of FROM stands for today, ADD of
 * addresses, ONBUILD of a base, what RUN finds in a network. Nor secrets, caches, times
 * (SOURCE_DATE_EPOCH, unless an ARG declares it), and how layers are compressed.
 */
#ifndef OCI_BUILD_INPUT_DIGEST_H
#define OCI_BUILD_INPUT_DIGEST_H

#include "oci/build/job.h"

/* Of a job that was read and has a plan. Asks no registry. ERR_INPUT, ERR_FAILED: a file cannot be read. */
int input_digest(struct oci_digest *out, const struct job *j, struct err *e) MUST_CHECK;

#endif

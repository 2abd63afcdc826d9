/*
 * The parts of Go's filepath.Match that .dockerignore shares with it.
 */
#ifndef OCI_DOCKERFILE_GLOB_H
#define OCI_DOCKERFILE_GLOB_H

#include "base/cc.h"
#include "base/span.h"

/* Takes one character off; a byte that is no UTF-8 is a character of its own, beyond Unicode. */
uint32_t glob_take_char(struct span *rest);

/*
 * Takes a class off *pattern, which begins behind its '['. -1: malformed; else whether c is in
 * it.
 */
int glob_take_class(struct span *pattern, uint32_t c);

/* False: glob_match would call it malformed. */
bool glob_is_valid(struct span pattern);

#endif

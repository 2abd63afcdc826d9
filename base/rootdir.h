/*
 * Whose files "/" shows. RUN in place (oci/run/sandbox_inplace.h) takes the root for a while: its names
 * lead into a stage's tree then, which somebody else has filled. Whoever opens files of this machine
 * by path, or starts its programs, holds the root meanwhile, so that they are this machine's.
 *
 * What is open stays open, and the places that are kept (its header has the list) need no hold.
 * Thread-safe. Takers go first, so that holders, of whom there are many, do not keep them waiting.
 */
#ifndef BASE_ROOTDIR_H
#define BASE_ROOTDIR_H

#include "base/cc.h"

void rootdir_hold(void); /* waits while it is taken; may be nested in a thread */
void rootdir_release(void);

void rootdir_take(void); /* waits for all holders and for another taker; not for who holds it */
void rootdir_give(void);
bool rootdir_is_taken(void);

#endif

/*
 * What one word of a text says of itself, whatever stands around it. A part of deploy/mask.c. Pure.
 */
#ifndef DEPLOY_MASK_WORD_H
#define DEPLOY_MASK_WORD_H

#include "base/span.h"

/* The name that ends before place i of the word; in JSON, and in JSON within JSON, it is quoted. */
struct span mask_name_before(struct span word, size_t i);

/*
 * Does the name before the colon at place i say that a secret follows? People write colons, too: of a name that is not
 * in quotes only the end counts (KeyError:, token.service.ts:42), and of an image none (reg/token:1.2).
 */
bool mask_colon_names_secret(struct span word, size_t i);

/* Where in the word what is hidden begins; its length: nothing is. Addresses with a scheme are not looked at. */
size_t mask_word_from(struct span word);

#endif

/*
 * Which program the command runs that a text's words are of: its options say which of them are passwords
 * (deploy/secret_words.h). A part of deploy/mask.c. Pure.
 */
#ifndef DEPLOY_MASK_COMMAND_H
#define DEPLOY_MASK_COMMAND_H

#include "base/span.h"
#include "deploy/secret_words.h"

/* Zero it where a command begins. */
struct mask_command {
	const struct secret_program *program; /* whose options come; NULL: any */
	bool is_sure;			      /* it is that one */
	bool is_named;			      /* a program has been named; not yet behind sudo */
	bool has_user;			      /* the command has said who it is for */
	bool behind_option;		      /* the last word was one */
};

/* Without what a shell or a list puts around it. */
struct span mask_bare(struct span word);

/*
 * The bare part of a word behind what begins another command in it: X=$(mysql, true;mysql. Then the command is over.
 * What its own quotes hold begins none, nor does the '&' of an address.
 */
struct span mask_last_command(struct mask_command *c, struct span word);

/* Does the command end with the word? is_item: only if it is nothing else than what ends one. */
bool mask_ends_command(struct span word, bool is_item);

/* Is the bare word its program, or does it say for whom it is? */
void mask_look_for_program(struct mask_command *c, struct span plain);

#endif

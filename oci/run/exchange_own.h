/*
 * What an exchange keeps in its own directory (the list is in exchange.h), and how that ends.
 */
#ifndef OCI_RUN_EXCHANGE_OWN_H
#define OCI_RUN_EXCHANGE_OWN_H

#include "oci/run/exchange.h"
#include "oci/run/merged.h"

/* A journal of an earlier exchange is not ours to overwrite: an error that says so. */
int exchange_own_must_be_unused(const struct exchange_place *place, struct err *e) MUST_CHECK;

/* own/WHAT/I, made where it is not there; a descriptor. */
int exchange_own_dir(const struct exchange_place *place, const char *what, size_t i, struct err *e)
	MUST_CHECK;

/* m as EXCHANGE_JOB. */
int exchange_journal_write(const struct exchange_place *place, const struct merged *m,
			   struct err *e) MUST_CHECK;

/* From now on it is the tree that is in place, or no more. */
int exchange_journal_turn(const struct exchange_place *place, bool is_in, struct err *e) MUST_CHECK;

/* 1: one is there; is_in: it was the tree that was in place. 0: there is none. */
int exchange_journal_read(struct merged *m, bool *is_in, const struct exchange_place *place,
			  struct err *e) MUST_CHECK;

/* For when nothing of the root's is elsewhere. Should that be wrong, what lies aside stays. */
void exchange_own_clean(const struct exchange_place *place);

#endif

/*
 * Whether something ends the program with abort(), as an assertion does: it is tried in a child, which writes
 * no core and says nothing.
 */
#ifndef TESTS_FAKES_ABORTS_H
#define TESTS_FAKES_ABORTS_H

#include "base/cc.h"

bool aborts(void (*run)(void *arg), void *arg) MUST_CHECK;

#endif

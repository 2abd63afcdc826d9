/* Options that other builders have and cbuild has not, with what there is instead. */
#ifndef CMD_CBUILD_ELSEWHERE_H
#define CMD_CBUILD_ELSEWHERE_H

#include "cmd/opts.h"

extern const struct opt_elsewhere cbuild_elsewhere[];

#endif

/*
 * What mostly lies behind the words with which libyaml refuses a text. Pure.
 */
#ifndef DEPLOY_YAML_WORDS_H
#define DEPLOY_YAML_WORDS_H

#include "base/cc.h"

/* "; what to write", to be put behind them; "" where there is nothing to add. Static text. */
const char *yaml_explain(const char *problem);

#endif

/*
 * Where people reach what a stack serves, for a link on a pipeline's page: from the rule that traefik is given in
 * a label, else from a published port. Pure.
 */
#ifndef DEPLOY_ADDRESS_H
#define DEPLOY_ADDRESS_H

#include "deploy/service.h"

/*
 * "https://shop.example", "http://HOST:8080", or NULL: nothing of the stack is served. The first service in
 * the file that says so counts, a rule before any port. Known: `traefik.frontend.rule: Host:…` and
 * `traefik.http.routers.NAME.rule: Host(`…`)`. host: of the engine; NULL: this machine.
 * Owned by the caller.
 */
char *deploy_address(const struct deploy_stack *stack, const char *host) MUST_CHECK;

#endif

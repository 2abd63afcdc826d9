/*
 * One entry of `ports`, as `docker service create -p` understands it:
 *	80  8080:80  8000-8002:9000-9002/udp  8000-8002:80
 *	published=8080,target=80,protocol=udp,mode=host
 */
#ifndef DEPLOY_PORTS_H
#define DEPLOY_PORTS_H

#include "base/err.h"
#include "base/span.h"
#include "deploy/service.h"

#define DEPLOY_PORTS_MAX 1024 /* of one service, ranges spread out */

/* Adds what it says to s->ports. ERR_INPUT: not a port, or s publishes it already. */
int deploy_ports_add(struct deploy_service *s, struct span text, struct err *e) MUST_CHECK;

/* Two published ports that the engine would not give out together. */
bool deploy_port_collides(const struct deploy_port *a, const struct deploy_port *b);

#endif

/*
 * Which revision runs, by what the services are and not only by their labels: `docker service rollback` brings an
 * earlier spec back with the label that it had, and `docker service update` leaves the label as it is.
 */
#ifndef DEPLOY_HISTORY_RUNNING_H
#define DEPLOY_HISTORY_RUNNING_H

#include "base/op.h"
#include "base/strv.h"
#include "deploy/history.h"

struct deploy_running {
	const struct deploy_record *now; /* borrowed; NULL: none of the records runs as it is */
	/* where now is another or none: what ran last, by the labels; NULL: a deploy that was not recorded */
	const struct deploy_record *was;
	struct strv changes; /* how what runs differs from that: "service 'app': image" */
};

/*
 * services: all of the owner's. Two or three questions where what ran last runs still, else as many for each record.
 * A record that cannot be read, or whose secrets no service has any more, does not run;
 * nor does one beside a service that only what ran last has, too.
 */
int deploy_history_look(struct deploy_running *out, struct op *op, struct engine *eng,
			const struct deploy_history *h, const struct engine_state *services,
			const struct deploy_owner *owner, struct err *e) MUST_CHECK;
void deploy_running_release(struct deploy_running *r);
#define auto_running CLEANUP(deploy_running_release)

#endif

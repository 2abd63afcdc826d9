/*
 * What a file asks for, independent of how it was written: the value between
 * reading (manifest.c, reader_*.c, compose_*.c) and carrying out (images.c,
 * spec_json.c, reconcile.c, up.c). Pure data; owns everything in it.
 *
 * Units as the engine's API has them (1.41, ServiceSpec): 1e-9 CPUs, bytes, nanoseconds. What
 * is all zero bytes was not said, and the engine's own default holds; where 0 is a wish of
 * its own, has_… stands beside it. A `const char *` is one of the words in its comment, never owned.
 */
#ifndef DEPLOY_SERVICE_H
#define DEPLOY_SERVICE_H

#include <jansson.h>

#include "base/strv.h"
#include "oci/image/platform.h"

struct deploy_port {
	char protocol[8];	    /* "tcp" "udp" "sctp" */
	uint16_t target, published; /* published 0: the engine chooses */
	bool host_mode;		    /* else ingress */
};

enum deploy_mount_type { DEPLOY_MOUNT_BIND, DEPLOY_MOUNT_VOLUME, DEPLOY_MOUNT_TMPFS };
struct deploy_mount {
	enum deploy_mount_type type;
	char *source, *target; /* source NULL: a volume without a name, tmpfs */
	bool read_only;
	const char *consistency; /* "consistent" "cached" "delegated" */
	const char
		*propagation; /* bind: "rprivate" "private" "rshared" "shared" "rslave" "slave" */
	bool no_copy;	      /* volume: does not begin with what the image has there */
	char *driver;	      /* volume; NULL: the engine's */
	struct strv driver_options; /* KEY=VALUE for a volume: type=nfs o=addr=… device=:/… */
	struct strv volume_labels;
	uint64_t tmpfs_bytes;
	uint32_t tmpfs_mode; /* 0: 1777, the engine's */
};

/* A secret or config of the swarm as a file in the container. */
struct deploy_file {
	char *object; /* the object's name in the swarm */
	char *target, *uid, *gid;
	uint32_t mode;
};

struct deploy_ulimit {
	char *name;
	int64_t soft, hard; /* -1: no limit */
};

/* all zero: the image's own */
struct deploy_health {
	struct strv test; /* CMD … | CMD-SHELL text | NONE */
	int64_t interval_ns, timeout_ns, start_period_ns;
	uint64_t retries;
};

struct deploy_restart {
	const char *condition; /* "none" "on-failure" "any" */
	bool has_delay, has_window, has_max_attempts;
	int64_t delay_ns, window_ns;
	uint64_t max_attempts;
};

/* How an update, or the way back from one, goes. */
struct deploy_update {
	bool has_parallelism;
	uint64_t parallelism; /* 0: all at once */
	int64_t delay_ns, monitor_ns;
	const char *failure_action; /* "pause" "continue" "rollback" */
	double max_failure_ratio;
	const char *order; /* "stop-first" "start-first" */
};

/* The two jobs run to their end once per change of the service. */
enum deploy_mode {
	DEPLOY_REPLICATED,
	DEPLOY_GLOBAL,
	DEPLOY_REPLICATED_JOB,
	DEPLOY_GLOBAL_JOB,
};

enum deploy_init { DEPLOY_INIT_NO, DEPLOY_INIT_YES, DEPLOY_INIT_ENGINE /* as the engine is set */ };

struct deploy_service {
	char *name;
	unsigned line;			/* where the file defines it */
	char *image;			/* as written, placeholder filled: "host/app:latest" */
	char *pinned_image;		/* with @sha256:…; NULL until resolved */
	struct oci_platform *platforms; /* of the image; for Placement.Platforms */
	size_t nr_platforms;
	struct strv depends_on; /* names of services in this stack that come first */

	/* the process */
	struct strv command; /* instead of the image's entrypoint */
	struct strv args;    /* instead of the image's command */
	struct strv env;     /* KEY=VALUE or KEY, file order */
	char *dir, *user;
	struct strv groups;
	bool tty, open_stdin, read_only;
	enum deploy_init init;
	char *stop_signal;
	bool has_stop_grace;
	int64_t stop_grace_ns;
	struct deploy_health health;

	/* its surroundings */
	struct strv labels;	      /* service labels, KEY=VALUE */
	struct strv container_labels; /* KEY=VALUE */
	char *hostname;
	struct strv hosts; /* "IP NAME" */
	struct strv dns, dns_search, dns_options;
	struct strv sysctls; /* KEY=VALUE */
	struct strv cap_add, cap_drop;
	struct deploy_ulimit *ulimits;
	size_t nr_ulimits, cap_ulimits;
	struct deploy_mount *mounts;
	size_t nr_mounts, cap_mounts;
	struct deploy_file *secrets;
	size_t nr_secrets, cap_secrets;
	struct deploy_file *configs;
	size_t nr_configs, cap_configs;
	char *log_driver;
	struct strv log_options; /* KEY=VALUE */

	/* the network */
	struct strv networks; /* names; the stack's own network among them */
	struct strv aliases;  /* NETWORK=NAME: further names of the service there */
	struct deploy_port *ports;
	size_t nr_ports, cap_ports;
	bool dns_rr; /* endpoint mode dnsrr, else vip */

	/* where and how many */
	enum deploy_mode mode;
	bool has_replicas;
	uint64_t replicas;	 /* 1 when not written; of a job: how often it is to complete */
	uint64_t max_concurrent; /* of a replicated job; 0: all at once */
	uint64_t max_replicas_per_node;
	struct strv constraints;	 /* "node.role==manager" */
	struct strv spread;		 /* placement preferences: "node.labels.zone" */
	int64_t nano_cpus, memory_bytes; /* limits; 0: none */
	int64_t pids;
	int64_t reserved_nano_cpus, reserved_memory_bytes;
	struct strv reserved_generic; /* KIND=NUMBER or KIND=NAME, what nodes announce */

	/* its life */
	struct deploy_restart restart;
	struct deploy_update update, rollback;

	bool with_auth;	   /* `auth: true` */
	bool stays_failed; /* the engine is not to take a failed update back */
	bool unwatched;	   /* nobody but the engine will see whether it works */

	/* Out of the history: the whole ServiceSpec, which counts instead of what is above. NULL: there is none. */
	json_t *recorded;
};

/* One address range of a network. */
struct deploy_subnet {
	char *subnet, *gateway, *ip_range; /* the last two or NULL */
};

/* A network that the stack makes when it is missing. */
struct deploy_network {
	char *name;
	char *driver;		    /* NULL: overlay */
	struct strv driver_options; /* KEY=VALUE */
	struct strv labels;
	bool attachable, internal;
	char *ipam_driver; /* NULL: the engine's */
	struct deploy_subnet *subnets;
	size_t nr_subnets, cap_subnets;
};

/*
 * A secret or config. Its data never changes in the swarm: name carries the hash of it, so that
 * other data is another object. data is NULL for an external one, which is only looked up.
 */
struct deploy_object {
	bool is_secret;
	char *name;    /* in the swarm: "shop_key-0a1b2c3d4e5f" */
	char *logical; /* in the file: "key"; NULL: out of the history */
	struct strv labels;
	char *data; /* size bytes, wiped on release */
	size_t size;
	bool is_external;
	bool is_named;	       /* the file gives the name, which others may have given, too */
	char *template_driver; /* NULL: none */
};

struct deploy_stack {
	char *name;			 /* of `stack:`; NULL: none */
	struct strv make_networks;	 /* networks to create when missing: the stack's */
	struct deploy_network *networks; /* what is to be known of those; none: plain overlay */
	size_t nr_networks, cap_networks;
	struct deploy_object *objects; /* secrets and configs */
	size_t nr_objects, cap_objects;
	struct deploy_service *services; /* file order */
	size_t nr, cap;
};

bool deploy_mode_is_job(enum deploy_mode mode);
const char *deploy_mode_name(enum deploy_mode mode); /* "replicated", "global-job" … */

/* NULL: a network of that name has no more than its name. Borrowed. */
const struct deploy_network *deploy_stack_network(const struct deploy_stack *s, const char *name);

void deploy_service_release(struct deploy_service *s);
void deploy_stack_release(struct deploy_stack *s);
#define auto_stack CLEANUP(deploy_stack_release)

#endif

/*
 * What a file asks for, independent of how it was written: the value between
 * reading (manifest.c, reader_*.c) and carrying out (images.c, spec_json.c,
 * reconcile.c, up.c). Pure data; owns everything in it.
 *
 * Units as the engine's API has them (1.41, ServiceSpec): 1e-9 CPUs, bytes.
 */
#ifndef DEPLOY_SERVICE_H
#define DEPLOY_SERVICE_H

#include "base/strv.h"
#include "oci/image/platform.h"

struct deploy_port {
	char protocol[8];	    /* "tcp" "udp" "sctp" */
	uint16_t target, published; /* published 0: the engine chooses */
	bool host_mode;		    /* else ingress */
};

enum deploy_mount_type { DEPLOY_MOUNT_BIND, DEPLOY_MOUNT_VOLUME };
struct deploy_mount {
	enum deploy_mount_type type;
	char *source, *target;
	struct strv driver_options; /* KEY=VALUE for a volume: type=nfs o=addr=… device=:/… */
};

enum deploy_mode { DEPLOY_REPLICATED, DEPLOY_GLOBAL };

struct deploy_service {
	char *name;
	unsigned line;			/* where the file defines it */
	char *image;			/* as written, placeholder filled: "host/app:latest" */
	char *pinned_image;		/* with @sha256:…; NULL until resolved */
	struct oci_platform *platforms; /* of the image; for Placement.Platforms */
	size_t nr_platforms;
	struct strv args;	 /* commands, split into words */
	struct strv env;	 /* KEY=VALUE or KEY, file order */
	struct strv labels;	 /* service labels, KEY=VALUE */
	struct strv constraints; /* "node.role==manager" */
	struct strv networks;	 /* names; the stack's own network among them */
	struct deploy_port *ports;
	size_t nr_ports, cap_ports;
	struct deploy_mount *mounts;
	size_t nr_mounts, cap_mounts;
	enum deploy_mode mode;
	bool has_replicas;
	uint64_t replicas;    /* 1 when not written */
	int64_t nano_cpus;    /* 0: no limit */
	int64_t memory_bytes; /* 0: no limit */
	bool with_auth;	      /* `auth: true` */
	bool stays_failed;    /* the engine is not to take a failed update back */
};

struct deploy_stack {
	char *name;			 /* of `stack:`; NULL: none */
	struct strv make_networks;	 /* networks to create when missing: the stack's */
	struct deploy_service *services; /* file order */
	size_t nr, cap;
};

void deploy_service_release(struct deploy_service *s);
void deploy_stack_release(struct deploy_stack *s);
#define auto_stack CLEANUP(deploy_stack_release)

#endif

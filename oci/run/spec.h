/*
 * What to run in a tree: everything a RUN sees, nothing else. Travels to the
 * helper process as bytes (spec.c) over a sealed memfd, never a file; it holds no
 * pointers to shared things. What may hold a secret is wiped when it is released.
 */
#ifndef OCI_RUN_SPEC_H
#define OCI_RUN_SPEC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

#define RUN_SPEC_MAX   (16u << 20)
#define RUN_GROUPS_MAX 1024
#define RUN_MOUNTS_MAX 100
#define RUN_LIMITS_MAX 64

enum run_mount_kind {
	RUN_MOUNT_BIND,	 /* what fd is, a directory or another file */
	RUN_MOUNT_TMPFS, /* an empty file system in memory */
	RUN_MOUNT_FILE,	 /* a file for this RUN alone, in memory: a secret, a script */
};
struct run_mount {
	enum run_mount_kind kind;
	char *target;	/* absolute; links are followed inside the tree. Not below /proc, /sys */
	int fd;		/* BIND: the spec's (O_PATH will do); else -1. The parent's alone */
	bool read_only; /* with all that is mounted below it */
	/* BIND, where there are no mounts (emulate.h): */
	bool is_kept; /* what is written there stays where fd is: a cache */
	bool is_ours; /* nobody else uses what fd is: it may be moved, and goes with the RUN */
	uint64_t size_bytes;	 /* TMPFS: 0 is the kernel's default */
	struct buf bytes;	 /* FILE */
	uint32_t mode, uid, gid; /* FILE, TMPFS */
};

/* An agent that the RUN reaches through a socket of ours; kept by the parent (relay.h). */
struct run_agent {
	int listen_fd;
	char *path; /* where the agent listens */
};

struct run_limit {
	int resource; /* RLIMIT_… */
	uint64_t soft, hard;
};

struct run_spec {
	struct strv argv; /* argv[0] is looked up in env's PATH, inside the tree */
	struct strv env;  /* the whole environment */
	char *cwd;	  /* absolute; made (0755, root) when missing */
	char *hostname;
	char *hosts;	   /* all of /etc/hosts */
	char *added_hosts; /* the lines of it that are not the same for every RUN */
	uint32_t uid, gid;
	uint32_t *groups;
	size_t nr_groups;
	bool no_network;    /* nothing but a loopback of its own; else the host's */
	uint64_t shm_bytes; /* of /dev/shm; 0: 64 MiB, as docker has it */
	struct run_limit *limits;
	size_t nr_limits;
	struct run_mount *mounts; /* in the order in which they are made */
	size_t nr_mounts, cap_mounts;
	/* For the parent. */
	int64_t timeout_ms; /* 0: none */
	char *progress_id;  /* of LINE events */
	struct strv hidden; /* texts that LINE events show as "***" */
	struct run_agent *agents;
	size_t nr_agents, cap_agents;
};

void run_spec_release(struct run_spec *s);
/* A new last mount, all zero but for kind, target (taken) and fd -1; good until the next one. */
struct run_mount *run_spec_add_mount(struct run_spec *s, enum run_mount_kind kind, char *target);
/* ERR_INPUT: over RUN_SPEC_MAX. */
int run_spec_encode(struct buf *out, const struct run_spec *s, struct err *e) MUST_CHECK;
/* ERR_CORRUPT: not what encode wrote. Mounts have no fd: these travel beside it. */
int run_spec_decode(struct run_spec *out, struct span bytes, struct err *e) MUST_CHECK;

#define auto_run_spec CLEANUP(run_spec_release)

#endif

/*
 * What the command line says about every RUN: network, names, limits, and the secrets and agents
 * that a RUN may ask for by --mount. Texts are docker's.
 */
#ifndef OCI_BUILD_RUN_OPTIONS_H
#define OCI_BUILD_RUN_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "oci/run/spec.h"

#define RUN_SECRET_MAX (500u << 10) /* as BuildKit has it */

struct run_secret {
	char *id;
	char *file, *env; /* where its value is; one of them, or both NULL: to be found out */
	bool is_there;	  /* after run_options_load */
	struct buf value; /* wiped with the options */
};
struct run_ssh {
	char *id;
	char *socket; /* of the agent; NULL: $SSH_AUTH_SOCK */
};

struct run_options {
	bool no_network;	  /* --network=none */
	bool allows_host_network; /* --allow network.host: to a RUN that asks for it all the same */
	uint64_t shm_bytes;	  /* 0: the default */
	struct strv hosts;	  /* lines for /etc/hosts: "ADDRESS\tNAME" */
	struct run_limit *limits;
	size_t nr_limits, cap_limits;
	struct run_secret *secrets;
	size_t nr_secrets, cap_secrets;
	struct run_ssh *ssh;
	size_t nr_ssh, cap_ssh;
};
void run_options_release(struct run_options *o);

/* Each adds what one option says. ERR_INPUT, without the option's name. */
int run_options_network(struct run_options *o, const char *text, struct err *e) MUST_CHECK;
int run_options_shm(struct run_options *o, const char *text, struct err *e) MUST_CHECK;
int run_options_host(struct run_options *o, const char *text, struct err *e) MUST_CHECK;
int run_options_ulimit(struct run_options *o, const char *text, struct err *e) MUST_CHECK;
int run_options_allow(struct run_options *o, const char *text, struct err *e) MUST_CHECK;
int run_options_secret(struct run_options *o, const char *text, struct err *e) MUST_CHECK;
int run_options_ssh(struct run_options *o, const char *text, struct err *e) MUST_CHECK;

/*
 * Reads secrets and finds agents; getenv of the program, or a test's. A variable that is not set
 * is a secret that is not there. ERR_ABSENT, ERR_INPUT: a file that is not there or too big.
 */
typedef const char *(*run_getenv)(const char *name);
int run_options_load(struct run_options *o, run_getenv env, struct err *e) MUST_CHECK;

/* NULL: none of this id. */
const struct run_secret *run_options_find_secret(const struct run_options *o, const char *id);
const struct run_ssh *run_options_find_ssh(const struct run_options *o, const char *id);

/* /etc/hosts of a RUN on this host name. Owned by the caller. */
char *run_options_hosts(const struct run_options *o, const char *hostname) MUST_CHECK;
/* The lines of it that --add-host brings. */
char *run_options_added_hosts(const struct run_options *o) MUST_CHECK;

#endif

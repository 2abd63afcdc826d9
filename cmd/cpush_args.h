/* The command line of cpush: its table of options, and what they ask for, checked. */
#ifndef CMD_CPUSH_ARGS_H
#define CMD_CPUSH_ARGS_H

#include "cmd/app.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"

/* Borrowed from argv and the environment, but for what is said to be owned. */
struct cpush_args {
	struct strv tags, mount_from;
	const char *digest_file, *dotenv, *annotations, *authfile, *ca, *cert, *key;
	const char *sign_key, *passphrase_file, *verify_key;
	bool plain_http, insecure, force, creds_stdin, check;
	unsigned jobs, retries;
	const char *platform_text, *chunk_size;
	bool immutable, dry_run;
	/* filled by cpush_args_take */
	const char *source;	 /* NULL: the image of that name in the store */
	struct oci_reference to; /* owned */
	uint64_t chunk_bytes;	 /* 0: not asked for */
	bool has_platform;
	struct oci_platform platform;
	char *user, *password; /* --creds-stdin; owned */
};

extern const struct opt cpush_opts[];

/* words: what is no option. ERR_INPUT. */
int cpush_args_take(struct cpush_args *a, const struct strv *words, struct err *e) MUST_CHECK;
/* --creds-stdin: reads and has the credentials point to what was read, which a keeps. */
int cpush_args_credentials(struct cpush_args *a, struct credentials_env *env, struct err *e)
	MUST_CHECK;
void cpush_args_release(struct cpush_args *a); /* wipes */

#endif

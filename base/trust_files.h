/*
 * Whose certificates count on this machine, read into memory once; at the beginning where a build may put another
 * tree in the place of these files later.
 *
 * The system's, and in addition those of $SSL_CERT_FILE, of all files in the folders of $SSL_CERT_DIR, of
 * $CI_SERVER_TLS_CA_FILE (where a GitLab runner puts its server's), and of a file that is named.
 */
#ifndef BASE_TRUST_FILES_H
#define BASE_TRUST_FILES_H

#include "base/trust.h"

struct trust_files {
	const char *bundle; /* the system's, in one file; NULL: none. It need not be there. */
	const char *folder; /* the system's, by hash, looked into later; NULL: none */
	const char *named;  /* NULL: none */
	bool is_lasting;    /* "/" stays what it is: $SSL_CERT_DIR is read when it is needed */
	const char *(*variable)(const char *name);
};

/* ERR_ABSENT, ERR_INPUT: a file that was named cannot be used; a folder, and GitLab's, may be missing. */
int trust_files_read(struct trust **out, const struct trust_files *f, struct err *e) MUST_CHECK;

#endif

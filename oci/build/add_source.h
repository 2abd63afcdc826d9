/*
 * What ADD can do beyond COPY: sources that lie elsewhere are brought here, and archives are
 * unpacked.
 */
#ifndef OCI_BUILD_ADD_SOURCE_H
#define OCI_BUILD_ADD_SOURCE_H

#include "oci/build/copier.h"
#include "oci/build/step.h"

enum add_kind {
	ADD_LOCAL, /* in the build context */
	ADD_URL,
	ADD_GIT,
};
/* By its text alone. COPY asks, too, to refuse what is not local. */
enum add_kind add_source_kind(const char *word);

/*
 * A URL's file or a repository's tree. s->instr has checksum, keep_git_dir.
 * tree: with the mode, owner and time that the copies get; its files stay until the build has ended.
 * match: what of it is copied: the directory (git), or a file whose `path` is the name it gets in a
 * directory.
 */
struct add_fetched {
	struct source_tree tree;
	struct source_match match;
};
int add_source_fetch(struct add_fetched *out, struct step *s, const char *word, struct err *e)
	MUST_CHECK;

/*
 * 1: m, a regular file of c->from, is an archive by its content, and its entries are in c->to below
 * dest (absolute, clean; made when missing). 0: it is none, and nothing was done. -1.
 * Entries replace what is there as tar does; links of the archive are not followed on the way.
 */
int add_archive_extract(struct step *s, struct copier *c, const struct source_match *m,
			const char *dest, struct err *e) MUST_CHECK;

#endif

/*
 * Mirrors: other places that have what a registry has (pull-through caches). What is read of a
 * registry is asked for at its mirror first (api.c); nothing is ever written there.
 */
#ifndef REGISTRY_MIRROR_H
#define REGISTRY_MIRROR_H

#include "base/strv.h"
#include "base/url.h"

struct registry_mirror {
	char *host;   /* whose, as references have it: "docker.io" */
	char *name;   /* the mirror's own host, likewise */
	char *prefix; /* "group/cache/": stands before repositories there; may be empty */
	bool is_http;
};

struct registry_mirrors {
	struct registry_mirror *v;
	size_t n, cap;
};

/* Each text is "HOST=URL". ERR_INPUT: one that is not, or a second for one host. */
int registry_mirrors_parse(struct registry_mirrors *out, const struct strv *texts, struct err *e)
	MUST_CHECK;
void registry_mirrors_release(struct registry_mirrors *m);
/* m may be NULL. NULL: it has none. */
const struct registry_mirror *registry_mirrors_find(const struct registry_mirrors *m,
						    const char *host);

#endif

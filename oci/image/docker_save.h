/*
 * manifest.json of what `docker save` writes: which member of the archive is which image's
 * configuration, and which are its layers, from the lowest up. A stranger's: bounded.
 */
#ifndef OCI_IMAGE_DOCKER_SAVE_H
#define OCI_IMAGE_DOCKER_SAVE_H

#include "base/strv.h"

#define DOCKER_SAVE_IMAGES_MAX 256

struct docker_save_image {
	char *config;	    /* a member's name */
	struct strv layers; /* members' names */
	struct strv names;  /* "app:1"; may be none */
};
struct docker_save {
	struct docker_save_image *v;
	size_t nr, cap;
};

/* ERR_CORRUPT: not such a document. */
int docker_save_parse(struct docker_save *out, struct span text, struct err *e) MUST_CHECK;
void docker_save_release(struct docker_save *s);

#define auto_docker_save CLEANUP(docker_save_release)

#endif

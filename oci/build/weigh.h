/*
 * What makes an image as large as it is: its layers, the largest of its files, and bytes that one layer
 * adds and a later one hides. Only layers that are on this machine are looked into; nothing is fetched
 * for it.
 */
#ifndef OCI_BUILD_WEIGH_H
#define OCI_BUILD_WEIGH_H

#include "oci/image/digest.h"

#define WEIGHT_FILES 20

struct weight_file {
	char *path;
	uint64_t size_bytes;
	size_t layer; /* index; of a hidden one: which layer hides it */
};
struct weight_layer {
	struct oci_digest digest;
	uint64_t size_bytes; /* of the blob */
	char *by;	     /* its line of history; "": none */
	bool is_base;	     /* it was there before this build */
	bool is_read;	     /* its files are known */
};
struct weight_list {
	struct weight_file v[WEIGHT_FILES]; /* largest first */
	size_t nr;
};
struct build_weight {
	struct weight_layer *layers; /* of the first platform's image */
	size_t nr;
	struct weight_list files;  /* that are in the image */
	struct weight_list hidden; /* that are in a layer only */
	uint64_t hidden_bytes;	   /* of all of these */
	char *before;		   /* an image to compare with; NULL: none is known */
	uint64_t before_bytes;
};

struct job;
struct output_images;

/* What the image's name with the tag "latest" has now, before it is set anew: into out->before. Asks one
 * registry at most, and what cannot be had is not known. */
void weigh_before(struct build_weight *out, struct job *j);
/* The rest of it. ERR_CORRUPT: a layer is damaged. */
struct err;
int weigh(struct build_weight *out, struct job *j, const struct output_images *all, struct err *e)
	MUST_CHECK;
void build_weight_release(struct build_weight *w);

#endif

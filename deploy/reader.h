/*
 * What the parts of manifest.c share while they turn values into a stack: where
 * messages go, how a scalar becomes text, and tables of keys.
 *
 * A path ("services.app.ports[0]") goes with every value, for messages only.
 * Strings that come out are owned by the caller.
 */
#ifndef DEPLOY_READER_H
#define DEPLOY_READER_H

#include "base/err.h"
#include "deploy/expand.h"
#include "deploy/manifest.h"
#include "deploy/yaml.h"

struct reader {
	const struct deploy_input *in;
	struct strv *warnings;
	struct expand expand;
	const struct yaml_value *volumes; /* the top-level map, or NULL */
	struct strv used_volumes;
	size_t nr_services;
	bool *image_used;    /* for each of in->images */
	const char *service; /* being read; NULL outside of one */
	bool said_literal;
};

/* ERR_INPUT "FILE:LINE:COLUMN: PATH: …" and an excerpt of the line; -1. path may be "". */
int reader_fail(const struct reader *r, const struct yaml_value *at, const char *path,
		struct err *e, const char *fmt, ...) PRINTF_FMT(5, 6);
/* The same before the text of an err that knows no place. */
int reader_wrap(const struct reader *r, const struct yaml_value *at, const char *path,
		struct err *e);
void reader_warn(struct reader *r, const struct yaml_value *at, const char *path, const char *fmt,
		 ...) PRINTF_FMT(4, 5);

char *reader_path(const char *up, const char *key) MUST_CHECK; /* up may be "" */
char *reader_item_path(const char *up, size_t i) MUST_CHECK;

/* A scalar with its quotes undone, ${VAR} and <IMG_NAME> filled in. */
int reader_text(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		struct err *e) MUST_CHECK;
/* The same for a text that was taken out of a value. */
int reader_expand(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		  const char *path, struct err *e) MUST_CHECK;
int reader_words(struct strv *out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e) MUST_CHECK;

/* hint: what to write instead, for the message. */
int reader_want(const struct reader *r, const struct yaml_value *v, enum yaml_kind kind,
		const char *path, const char *hint, struct err *e) MUST_CHECK;

/*
 * One key of a map. read NULL: known, but not carried out yet; the user is told.
 * Keys without a value are skipped unless null_too.
 */
struct reader_key {
	const char *name;
	int (*read)(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		    struct err *e);
	bool null_too;
};
int reader_keys(struct reader *r, void *arg, const struct yaml_value *map, const char *path,
		const struct reader_key *keys, size_t nr, struct err *e) MUST_CHECK;

/* Names the engine takes for services and networks it makes: [A-Za-z0-9_-], a letter
 * or digit at both ends, at most 63. */
bool reader_is_name(const char *text);

/* -- parts of the manifest, one .c each ----------------------------------------- */

/* One entry of `services`. */
int reader_service(struct deploy_service *out, struct reader *r, const struct yaml_pair *entry,
		   struct err *e) MUST_CHECK;

/* Adds the volume called name (of the top-level map) to the service. at: who asks. */
int reader_mount(struct deploy_service *s, struct reader *r, const char *name,
		 const struct yaml_value *at, const char *path, struct err *e) MUST_CHECK;
void reader_warn_unused_volumes(struct reader *r);

/* Every --image and IMAGE_REF is a reference, every SERVICE= exists. Before services are read. */
int reader_images_check(struct reader *r, const struct yaml_value *services, struct err *e)
	MUST_CHECK;
/* After services are read: a --image that nobody took is an error. */
int reader_images_finish(const struct reader *r, struct err *e) MUST_CHECK;
/* The image of the service being read. */
int reader_image(char **out, struct reader *r, const struct yaml_value *v, const char *path,
		 struct err *e) MUST_CHECK;
/* text with <IMG_NAME> filled in. */
int reader_fill(char **out, struct reader *r, const struct yaml_value *at, const char *text,
		const char *path, struct err *e) MUST_CHECK;

#endif
